"""From targets to an output contract that can say every one of them, with room to spare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from slearn.agent import Contract, Field
from slearn.engine.scripted import accepts
from slearn.values import Example

ROOM = 2
LEAST_CHARS = 24
LEAST_TOKENS = 12
OPEN_CHARS = 400


def text_field(targets: Iterable[str], least: int = LEAST_CHARS) -> Field:
    """Return a text field with twice the room that the longest target needs.

    >>> text_field(["a short answer"]).max_chars
    28

    A token is at least one byte, so the token limit lets the longest target pass in any script.
    """
    targets = list(targets)
    chars = max(least, ROOM * max(map(len, targets), default=0))
    longest = max((len(target.encode()) for target in targets), default=0)
    return Field(
        max_chars=chars,
        max_tokens=max(LEAST_TOKENS, -(-chars // 2), longest),
        multiline=any("\n" in target or "\r" in target for target in targets),
    )


def open_field() -> Field:
    """Return the field for answers that nobody wrote an example of."""
    return Field(max_chars=OPEN_CHARS, max_tokens=OPEN_CHARS // 2, multiline=True)


def unsayable(field: Field, examples: Sequence[Example]) -> Example | None:
    """Return the first example with a target that the field's grammar cannot produce.

    >>> unsayable(Field(type="number"), [Example("1", {}, ("five",))]).id
    '1'
    """
    contract = Contract((field,))
    known: set[tuple[str, tuple[str, ...] | None]] = set()
    for example in examples:
        own = example.choices if field.type == "choice" and field.choices is None else None
        for target in example.targets or ():
            if (target, own) in known:
                continue
            if not accepts(contract.grammar(own), target):
                return example
            known.add((target, own))
    return None


def widen(field: Field, example: Example) -> tuple[Field, str]:
    """Return the field made wide enough for an example's targets, and what was done.

    >>> widen(Field(type="choice", choices=("a", "b")), Example("1", {}, ("c",)))[1]
    "'c' is a further choice"
    """
    targets = example.targets or ()
    if field.type == "choice" and field.choices is not None:
        new = [target for target in targets if target not in field.choices]
        wider = replace(field, choices=tuple(sorted({*field.choices, *new})))
        return wider, f"{', '.join(map(repr, new))} is a further choice"
    wanted = text_field(targets)
    if field.type != "text":
        return wanted, f"{targets[0][:40]!r} is no {field.type}, so the contract is text"
    wider = replace(
        field,
        max_chars=max(field.max_chars, wanted.max_chars),
        max_tokens=max(field.max_tokens, wanted.max_tokens),
        multiline=field.multiline or wanted.multiline,
    )
    return wider, f"its target is longer, so the contract allows {describe(wider)}"


def describe(field: Field) -> str:
    """Say in words what a field lets an agent answer.

    >>> describe(Field(type="choice", choices=("yes", "no")))
    'one of: yes, no'
    """
    if field.type == "choice":
        return (
            "one of: " + ", ".join(field.choices) if field.choices else "a choice of the row's own"
        )
    if field.type == "number":
        return "a number"
    lines = "lines" if field.multiline else "one line"
    return f"{lines} of text, up to {field.max_chars} characters"
