"""Output contracts: what a node returns, and so which answers it can give at all.

A contract is one field or several in order. One field is written plainly; several are written as
`name: value` lines, which a small model writes more naturally than JSON and which cannot be
misread: a line that begins like the next field's name is that field. The engine enforces the
contract's grammar, so an answer always parses.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from slearn.engine import Bounded, BoundedJson, Grammar, bounded_json, call_grammar, grammar_of
from slearn.errors import EngineError, InputError
from slearn.values import Tool

TYPES = ("text", "number", "choice", "regex", "call", "json")
DECIDE = ("writing", "likelihood")
LINE = 64  # tokens of a line, where a field of several lines has others behind it
Functions = tuple[Tool, ...] | None  # what an example brings to be called
NO_CALL = "none"  # the answer where no function fits
NUMBER = r"-?[0-9]{1,15}(\.[0-9]{1,8})?"


@dataclass(frozen=True)
class Field:
    """One field of a contract.

    `choices` None with type choice means that every example brings its own, and with type call it
    brings functions: the answer is a call of one of them, or `none`. `schema` is JSON text.
    `decide` says how a choice is found, where it is the answer and stands last: written token by
    token, or as the one whose whole text is the likeliest. `bias` are nats added to each of the
    field's own choices before they are compared: models lean towards some labels whatever they read.
    `abstain` are nats a token: a call that is less sure than that is given up for `none`; 0 keeps
    every call.

    >>> Field("answer", "choice", choices=("yes", "no"))
    Field(name='answer', type='choice', choices=('yes', 'no'), pattern='', schema='', max_chars=200, max_tokens=64, multiline=False, decide='writing', bias=(), abstain=0.0)
    """  # noqa: E501

    name: str = "answer"
    type: str = "text"
    choices: tuple[str, ...] | None = None
    pattern: str = ""
    schema: str = ""
    max_chars: int = 200
    max_tokens: int = 64
    multiline: bool = False
    decide: str = DECIDE[0]
    bias: tuple[float, ...] = ()
    abstain: float = 0.0

    def offered(self, choices: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return the choices, the field's or the example's, each once; InputError without any.

        >>> Field(type="choice").offered(("up", "down", "up"))
        ('up', 'down')
        """
        allowed = self.choices or choices
        if not allowed:
            raise InputError(f"field {self.name!r} has no choices and the example brings none")
        return tuple(dict.fromkeys(allowed))

    def weighed(self, logprobs: Sequence[float]) -> list[float]:
        """Return the likelihoods of all choices, offered in their order, with the bias added.

        >>> Field(type="choice", choices=("up", "down"), bias=(0.5, 0.0)).weighed([-1.0, -2.0])
        [-0.5, -2.0]
        """
        return [a + b for a, b in zip(logprobs, self.bias or [0.0] * len(logprobs), strict=True)]

    def term(self, choices: tuple[str, ...] | None, functions: Functions = None) -> Any:
        """Return the field's type as Outlines (or our bounded regex) says it."""
        from outlines.types import dsl

        if self.type == "call":
            return dsl.Alternatives([call_grammar(functions or ()).grammar, dsl.String(NO_CALL)])
        if self.type == "choice":
            return dsl.Choice(list(self.offered(choices)))
        if self.type == "number":
            return dsl.Regex(NUMBER)
        if self.type == "regex":
            return dsl.Regex(self.pattern)  # a cap in tokens would cut it where it does not match
        if self.type == "json":
            bounded = _bounded(self)
            if bounded is not None:
                return bounded.grammar
            try:
                return dsl.JsonSchema(self.schema)
            except Exception as problem:  # the schema is the user's, and so is what is wrong in it
                words = str(problem).split("\n")[0]
                raise InputError(f"field {self.name!r} has no valid schema: {words}") from None
        rest = r"[\s\S]" if self.multiline else r"[^\n\r]"
        return Bounded(f"[^\\s]{rest}{{0,{self.max_chars - 1}}}", self.max_tokens)

    def lines(self, after: str) -> Any:
        """Return the type of a text of several lines that a field named `after` follows.

        Small models write on several lines when they think, and stop early where they may not. No
        line may begin as that field's name does (in any case: a model that would write "Answer: 5"
        is to write the field), so that where the text ends is never in doubt.
        """
        from outlines.types import dsl

        count = self.most_lines
        chars, tokens = max(1, self.max_chars // count), max(1, self.max_tokens // count)
        rest = rf"[^\n\r]{{0,{chars - 1}}}"
        first = Bounded(rf"[^\s]{rest}", tokens)
        begins = "".join(map(re.escape, sorted({after[:1].lower(), after[:1].upper()[:1]})))
        other = Bounded(rf"[^\s{begins}]{rest}", tokens)
        more = dsl.Sequence([dsl.Regex(r"\n{1,2} {0,4}"), other])
        return dsl.Sequence([first, dsl.QuantifyMaximum(more, count - 1)])

    @property
    def most_lines(self) -> int:
        """How many lines a text of several may have where other fields follow: two at least."""
        return max(2, math.ceil(self.max_tokens / LINE))

    def bound(self, choices: tuple[str, ...] | None, functions: Functions = None) -> int:
        """Return the most tokens that the field's value can take."""
        if self.type == "call":
            return call_grammar(functions or ()).max_tokens
        if self.type == "choice":
            return max(len(choice.encode()) for choice in self.choices or choices or ("",))
        bounded = _bounded(self)
        if bounded is not None:
            return bounded.max_tokens
        if self.type == "number":
            return 26
        least = 512 if self.type == "json" else 0  # one that only the full schema can say
        breaks = 6 * self.most_lines if self.multiline else 0
        return max(least, self.max_tokens + breaks)


@dataclass(frozen=True)
class Contract:
    """The fields a node returns, in order; `labelled` writes the name even of a single one.

    >>> Contract((Field(),)).parse("Hello ")
    {'answer': 'Hello'}
    """

    fields: tuple[Field, ...] = (Field(),)
    labelled: bool = False

    @property
    def plain(self) -> bool:
        """Whether the one field's value stands alone, without its name."""
        return len(self.fields) == 1 and not self.labelled

    @property
    def answer(self) -> Field:
        """The field that counts: `answer`, or the last."""
        return next((f for f in self.fields if f.name == "answer"), self.fields[-1])

    @property
    def decided(self) -> bool:
        """Whether the answer is the likeliest of whole choices, and is not written."""
        last = self.fields[-1]
        return last.type == "choice" and last.decide == "likelihood" and last == self.answer

    def grammar(
        self, choices: tuple[str, ...] | None = None, functions: Functions = None
    ) -> Grammar:
        """Return the grammar of a whole output, for an example with its own choices or not."""
        return _grammar(self, choices, functions)[0]

    def term(self, choices: tuple[str, ...] | None = None, functions: Functions = None) -> Any:
        """Return a whole output's type as Outlines says it, to be a part of a larger one."""
        return _term(self, choices, functions)[0]

    def max_tokens(
        self, choices: tuple[str, ...] | None = None, functions: Functions = None
    ) -> int:
        """Return a limit inside which every output ends."""
        return _grammar(self, choices, functions)[1]

    def render(self, values: Mapping[str, str]) -> str:
        """Write field values the way a model is to write them."""
        if self.plain:
            return values[self.fields[0].name]
        return "\n".join(f"{field.name}: {values[field.name]}" for field in self.fields)

    def prefix(self, values: Mapping[str, str]) -> str:
        """Return what stands before the answer's value: the fields before it, and its label."""
        if self.plain:
            return ""
        index = self.fields.index(self.answer)
        before = [f"{field.name}: {values[field.name]}\n" for field in self.fields[:index]]
        return "".join(before) + f"{self.answer.name}: "

    def until_answer(self) -> Contract:
        """Return the contract cut after the answer: fields behind it do not change its odds."""
        return Contract(self.fields[: self.fields.index(self.answer) + 1], not self.plain)

    def opening(self) -> Contract:
        """Return the contract of what stands before the answer's value, its label included.

        The label is part of it so that the field before ends as it does in a whole output: with
        the line break, and not where the model would end its turn.
        """
        before = self.fields[: self.fields.index(self.answer)]
        return Contract((*before, Field(self.answer.name, "choice", choices=("",))), not self.plain)

    def parse(self, text: str, *, whole: bool = True) -> dict[str, str]:
        """Read an output into field values; EngineError if it is no such output.

        Of one that was cut off, and so is not `whole`, the fields that it did not get to are empty:
        all of them where what was cut off is a call of a tool.

        >>> Contract((Field("reasoning"), Field())).parse("reasoning: It is", whole=False)
        {'reasoning': 'It is', 'answer': ''}
        """
        if self.plain:
            return {self.fields[0].name: text.strip()}
        values: dict[str, str] = {}
        lines = text.split("\n")
        labels = [f"{field.name}:" for field in self.fields]
        for field, label, following in zip(self.fields, labels, [*labels[1:], ""], strict=True):
            if not lines or not lines[0].startswith(label):
                if whole:
                    raise EngineError(f"an output lacks its field {field.name!r}: {text!r}")
                lines, values[field.name] = [], ""
                continue
            end = 1 if following else len(lines)
            while following and field.multiline and end < len(lines):
                if lines[end].startswith(following):
                    break
                end += 1
            values[field.name] = "\n".join(lines[:end])[len(label) :].strip()
            lines = lines[end:]
        return values


@lru_cache(maxsize=1024)
def _grammar(
    contract: Contract, choices: tuple[str, ...] | None, functions: Functions
) -> tuple[Grammar, int]:
    term, bound = _term(contract, choices, functions)
    return grammar_of(term), bound


def _term(
    contract: Contract, choices: tuple[str, ...] | None, functions: Functions
) -> tuple[Any, int]:
    from outlines.types import dsl

    fields = contract.fields
    if contract.plain and (bounded := _bounded(fields[0])) is not None:
        return bounded.grammar, bounded.max_tokens
    bound = sum(field.bound(choices, functions) for field in fields) + 2
    if contract.plain:
        return fields[0].term(choices, functions), bound
    parts: list[Any] = []
    for index, field in enumerate(fields):
        label = ("\n" if index else "") + f"{field.name}: "
        spans = field.type == "text" and field.multiline and field != fields[-1]
        value = field.lines(fields[index + 1].name) if spans else field.term(choices, functions)
        parts += [dsl.String(label), value]
        bound += len(label.encode())
    return dsl.Sequence(parts), bound


def _bounded(field: Field) -> BoundedJson | None:
    """Return the bounded grammar of a JSON field, None where only the full schema can say it."""
    if field.type != "json":
        return None
    try:
        return bounded_json(json.loads(field.schema))
    except InputError:
        return None
