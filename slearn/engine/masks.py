"""Which tokens a grammar allows next: llguidance matchers, compiled once and copied per request."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from numpy.typing import NDArray

from slearn.engine.grammar import Grammar
from slearn.errors import EngineError, InputError

_KEPT = 512  # compiled grammars
_KEPT_PATHS = 4096  # scored targets
_FEW = 1024  # allowed tokens that are kept as a list
_ITEMS, _FUEL = 2_000_000, 5_000_000  # of a mask: forty and twenty-five times the usual limits


@dataclass(frozen=True)
class Step:
    """One position of a scored text: the token taken, and what the grammar allows there.

    `taken` has one id, or all end tokens where the answer `ends`. `allowed` has the allowed ids
    where they are few; `mask` has a bit a token where they are many; both None: every token is
    allowed. Where the text so far is `complete`, the model may leave the grammar, which ends it.
    """

    taken: NDArray[np.int64]
    allowed: NDArray[np.int64] | None = None
    mask: NDArray[np.uint8] | None = None
    complete: bool = False
    ends: bool = False

    @property
    def forced(self) -> bool:
        """Whether the grammar leaves no other choice, so that the step costs nothing."""
        return self.allowed is not None and len(self.allowed) <= len(self.taken)

    def of(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits of what is allowed."""
        if self.allowed is not None:
            return logits[self.allowed]
        if self.mask is None:
            return logits
        return logits[self._bits(len(logits))]

    def leaving(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits of what ends a complete text: an end token, or what is not allowed."""
        stay = np.zeros(len(logits), dtype=np.bool_)
        if self.allowed is not None:
            stay[self.allowed] = True
        elif self.mask is not None:
            stay = self._bits(len(logits)).copy()
        stay[self.taken] = False
        return logits[~stay]

    def _bits(self, size: int) -> NDArray[np.bool_]:
        assert self.mask is not None
        return np.unpackbits(self.mask, bitorder="little")[:size].view(np.bool_)


class Matcher:
    """Follows one completion through its grammar; the empty grammar allows everything."""

    def __init__(self, inner: LLMatcher | None, size: int, end_tokens: frozenset[int]) -> None:
        self._inner = inner
        self._size = size
        self._end_tokens = end_tokens
        self._ends = np.array(sorted(end_tokens), dtype=np.int64)

    @property
    def accepting(self) -> bool:
        """Whether the text so far is a whole answer."""
        return self._inner is None or bool(self._inner.is_accepting())

    @property
    def stopped(self) -> bool:
        """Whether nothing may follow."""
        return self._inner is not None and bool(self._inner.is_stopped())

    def allowed(self) -> NDArray[np.bool_] | None:
        """Return the mask of allowed tokens, None when all are; end tokens if accepting."""
        packed = self.packed()
        if packed is None:
            return None
        return np.unpackbits(packed, bitorder="little")[: self._size].view(np.bool_)

    def packed(self) -> NDArray[np.uint8] | None:
        """Return the mask as bits, a byte for eight tokens."""
        if self._inner is None:
            return None
        words = np.zeros((self._size + 31) // 32, dtype=np.uint32)
        self._inner.unsafe_compute_mask_ptr(words.ctypes.data, words.nbytes)
        if self._inner.is_error():
            raise EngineError(f"the grammar failed while masking: {self._inner.get_error()}")
        if not words.any():
            raise EngineError("the grammar allows no token at all here")
        return words.view(np.uint8)

    def copy(self) -> Matcher:
        """Return a matcher that stands where this one does."""
        inner = None if self._inner is None else self._inner.deep_copy()
        return Matcher(inner, self._size, self._end_tokens)

    def step(self, token: int, *, complete: bool) -> Step | None:
        """Return the step that takes a token, or ends the text where it is -1; None if forbidden.

        Nothing is consumed. `complete` says whether the text so far is an answer.
        """
        ends = token < 0
        taken = self._ends if ends else np.array([token], dtype=np.int64)
        if self.stopped:
            return Step(taken, taken) if ends else None
        packed = self.packed()
        if packed is None:
            return Step(taken)
        bits = np.unpackbits(packed, bitorder="little")[: self._size]
        taken = taken[bits[taken].view(np.bool_)]
        if not len(taken):
            return None
        if int(bits.sum()) <= _FEW:
            return Step(taken, np.flatnonzero(bits), None, complete, ends)
        return Step(taken, None, packed, complete, ends)

    def forced(self) -> list[int]:
        """Return the tokens that must come next, whatever the model thinks; they are not taken."""
        return [] if self._inner is None else list(self._inner.compute_ff_tokens())

    def take(self, token: int) -> bool:
        """Consume a token if it is allowed; say whether it was."""
        if self._inner is None:
            return True
        if token in self._end_tokens:
            return self.accepting
        return bool(self._inner.try_consume_tokens([token]) == 1)


class Masks:
    """Compiles grammars for one vocabulary and answers which tokens they allow.

    >>> # Masks(vocab.constraint_tokenizer, vocab.size, vocab.end_tokens).matcher(grammar)
    """

    def __init__(self, tokenizer: LLTokenizer, size: int, end_tokens: frozenset[int]) -> None:
        self._tokenizer = tokenizer
        self._size = size
        self._end_tokens = end_tokens
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()
        self._paths: OrderedDict[tuple[str, tuple[int, ...]], list[Step] | None] = OrderedDict()
        # Texts under one grammar meet the same few masks again and again: each is kept once.
        self._masks: OrderedDict[bytes, NDArray[np.uint8]] = OrderedDict()

    def matcher(self, grammar: Grammar, where: str = "") -> Matcher:
        """Return a fresh matcher; an unusable grammar raises InputError (fail closed)."""
        compiled = self.check(grammar, where)
        inner = None if compiled is None else compiled.deep_copy()
        return Matcher(inner, self._size, self._end_tokens)

    def check(self, grammar: Grammar, where: str = "") -> LLMatcher | None:
        """Compile a grammar, unless it is known; InputError where it cannot be used."""
        if not grammar.constrained:
            return None
        compiled = self._compiled.get(grammar.lark)
        if compiled is None:
            source = LLMatcher.grammar_from_lark(grammar.lark)
            fault = LLMatcher.validate_grammar(source, self._tokenizer)
            if fault:
                raise InputError(
                    f"the output contract cannot be used: {' '.join(fault.split())[:240]}",
                    where=where,
                )
            # Code has many short words, and a token may be several of them: masks take more steps.
            limits = LLParserLimits(step_max_items=_ITEMS, step_lexer_fuel=_FUEL)
            compiled = LLMatcher(self._tokenizer, source, limits=limits)
            self._compiled[grammar.lark] = compiled
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        else:
            self._compiled.move_to_end(grammar.lark)
        return compiled

    def path(self, grammar: Grammar, tokens: list[int], where: str = "") -> list[Step] | None:
        """Return the steps that spell `tokens` and then end; None if the grammar forbids it."""
        key = (grammar.lark, tuple(tokens))
        if key not in self._paths:
            self._paths[key] = self._walk(self.matcher(grammar, where), tokens)
            if len(self._paths) > _KEPT_PATHS:
                self._paths.popitem(last=False)
        return self._paths[key]

    def _walk(self, matcher: Matcher, tokens: list[int]) -> list[Step] | None:
        steps: list[Step] = []
        for token in [*tokens, -1]:
            step = matcher.step(token, complete=bool(steps) and matcher.accepting)
            if step is None or (token >= 0 and not matcher.take(token)):
                return None
            steps.append(self._kept(step))
        return steps

    def _kept(self, step: Step) -> Step:
        """Return the step with the one copy of its mask that all steps share."""
        if step.mask is None:
            return step
        shared = self._masks.setdefault(step.mask.tobytes(), step.mask)
        if len(self._masks) > _KEPT:
            self._masks.popitem(last=False)
        return replace(step, mask=shared)
