"""An engine without a model, for tests and dry runs: `--model scripted`.

It is a real engine under the same contract: answers satisfy their grammar (llguidance decides,
over a vocabulary of bytes), prompts that do not fit raise, results depend on the request alone.
Where no script says otherwise it behaves like a memory: it gives the answer of the demonstration
that shares most words with the input, so that training on demonstrations really helps it.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from numpy.typing import NDArray

from slearn.engine.base import (
    Engine,
    GenerateRequest,
    Generation,
    Message,
    Score,
    ScoreRequest,
    Watcher,
)
from slearn.engine.grammar import Grammar
from slearn.errors import ContextError, EngineError, InputError
from slearn.values import Usage, digest

# A script says what to answer, or None to leave it to the memory.
Script = Callable[[GenerateRequest], str | None]

_LETTERS = np.frombuffer(b" abcdefghijklmnopqrstuvwxyz", dtype=np.uint8)


class ScriptedEngine(Engine):
    """Answers by a script, a queue of answers, or the nearest demonstration.

    >>> ScriptedEngine(["hello"]).generate([GenerateRequest((Message("user", "hi"),))])[0].text
    'hello'
    """

    def __init__(
        self, script: Script | Sequence[str] | None = None, *, window: int = 100_000
    ) -> None:
        self._queue = list(script) if script is not None and not callable(script) else []
        self._script = script if callable(script) else None
        self._window = window
        self._closed = False
        self.rounds = 0

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Only the window matters."""
        return {"engine": "scripted", "model": "scripted", "window": self._window}

    @property
    def window(self) -> int:
        """As large as it was made."""
        return self._window

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        """Answer every request."""
        self._begin()
        results = []
        for request in requests:
            size = self._fit(request.messages, request.max_tokens, request.where)
            results.append(self._answer(request, size))
            if watch is not None:
                watch(len(results), len(requests), sum(r.usage.computed for r in results))
        return results

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        """Score every target: likelier when the nearest demonstration gives it."""
        self._begin()
        results = []
        for request in requests:
            longest = max((self.count_tokens(t) for t in request.targets), default=0)
            size = self._fit(request.messages, longest, request.where)
            logprobs = tuple(self._logprob(request, target) for target in request.targets)
            results.append(Score(logprobs, Usage(prompt=size, scored=longest)))
            if watch is not None:
                watch(len(results), len(requests), sum(r.usage.computed for r in results))
        return results

    def count_tokens(self, text: str) -> int:
        """Count words and marks: about what a real tokenizer counts."""
        return len(re.findall(r"\w+|[^\w\s]", text))

    def close(self) -> None:
        """Refuse further work."""
        self._closed = True

    def _begin(self) -> None:
        if self._closed:
            raise EngineError("the engine is closed")
        self.rounds += 1

    def _fit(self, messages: tuple[Message, ...], growth: int, where: str) -> int:
        size = sum(self.count_tokens(message.content) + 4 for message in messages)
        if size + growth > self._window:
            raise ContextError(
                where=where or "prompt", needed=size + growth, available=self._window
            )
        return size

    def _answer(self, request: GenerateRequest, size: int) -> Generation:
        text = self._script(request) if self._script else None
        if text is None and self._queue:
            text = self._queue.pop(0)
        finish = "end"
        if text is None:
            near = nearest_answer(request.messages)
            if near is not None and accepts(request.grammar, near):
                text = near
            else:
                text, finish = _walk(request)
        elif not accepts(request.grammar, text):
            raise EngineError(f"the script's answer breaks the grammar: {text!r}")
        for stop in request.stop:
            if stop in text:
                text, finish = text[: text.index(stop)], "stop"
        valid = finish != "length" or accepts(request.grammar, text)
        used = Usage(prompt=size, generated=self.count_tokens(text))
        logprob = None
        if request.weigh:
            logprob = self._logprob(ScoreRequest(request.messages, (text,), request.grammar), text)
        return Generation(text, finish, valid, used, logprob=logprob)

    def _logprob(self, request: ScoreRequest, target: str) -> float:
        if not accepts(request.grammar, request.prefix + target):
            return -math.inf
        near = nearest_answer(request.messages)
        noise = int(digest([request.key(), target], 8), 16) / 0xFFFFFFFF
        return -0.3 - 0.1 * noise if near == target else -2.0 - noise


def nearest_answer(messages: tuple[Message, ...]) -> str | None:
    """Return the assistant turn whose user turn shares most words with the last user turn."""
    last = _words(messages[-1].content)
    best, answer = 0.0, None
    for turn, reply in zip(messages, messages[1:], strict=False):
        if (turn.role, reply.role) == ("user", "assistant"):
            words = _words(turn.content)
            likeness = (len(words & last) + 0.01) / (len(words | last) + 0.01)
            if likeness > best:
                best, answer = likeness, reply.content
    return answer


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


@lru_cache(maxsize=1)
def _bytes_tokenizer() -> LLTokenizer:
    return LLTokenizer("byte")


@lru_cache(maxsize=256)
def _compiled(grammar: Grammar) -> LLMatcher:
    source = LLMatcher.grammar_from_lark(grammar.lark)
    fault = LLMatcher.validate_grammar(source, _bytes_tokenizer())
    if fault:
        raise InputError(f"the output contract cannot be used: {' '.join(fault.split())[:240]}")
    return LLMatcher(_bytes_tokenizer(), source)


def accepts(grammar: Grammar, text: str) -> bool:
    """Say whether a whole text satisfies a grammar (bounds in tokens counted in bytes apart).

    >>> accepts(Grammar('start: "yes" | "no"'), "yes")
    True
    """
    if not grammar.constrained:
        return True
    matcher = _compiled(grammar.uncapped()).deep_copy()
    raw = list(text.encode("utf-8", "replace"))
    return bool(matcher.try_consume_tokens(raw) == len(raw) and matcher.is_accepting())


def _walk(request: GenerateRequest) -> tuple[str, str]:
    """Write a text that the grammar accepts, by chance but always the same for a request."""
    chance = random.Random(replace(request, stop=(), max_tokens=0, weigh=False).key())
    if not request.grammar.constrained:
        words = ["".join(chance.choices("aeioulnrst", k=4)) for _ in range(chance.randint(1, 6))]
        return " ".join(words), "end"
    matcher = _compiled(request.grammar).deep_copy()
    written = bytearray()
    limit = 8 * request.max_tokens
    while not matcher.is_stopped() and len(written) < limit:
        if matcher.is_accepting() and chance.random() < 0.2:
            break
        mask = _mask(matcher)
        letters = _LETTERS[mask[_LETTERS]]
        options = letters if len(letters) else np.flatnonzero(mask[:256])
        if not len(options):
            break
        token = int(options[chance.randrange(len(options))])
        matcher.consume_token(token)
        written.append(token)
    if matcher.is_error():
        raise EngineError("the grammar failed while masking", where=request.where)
    text = written.decode("utf-8", "replace")
    return text, "end" if matcher.is_accepting() or matcher.is_stopped() else "length"


def _mask(matcher: LLMatcher) -> NDArray[np.bool_]:
    size = _bytes_tokenizer().vocab_size
    words = np.zeros((size + 31) // 32, dtype=np.uint32)
    matcher.unsafe_compute_mask_ptr(words.ctypes.data, words.nbytes)
    return np.unpackbits(words.view(np.uint8), bitorder="little")[:size].view(np.bool_)
