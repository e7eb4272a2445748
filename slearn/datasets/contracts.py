"""From targets to an output contract that can say every one of them, with room to spare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from slearn.agent import Contract, Field, Functions
from slearn.engine import Grammar
from slearn.values import Example

_NAMED = 20  # choices that are listed where an agent is described
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
            if not _accepts(contract.grammar(own), target):
                return example
            known.add((target, own))
    return None


def fit(field: Field, examples: Iterable[Example]) -> tuple[list[Example], list[Example]]:
    """Return the examples with only the targets that the field can say, and those without any.

    >>> field = Field(type="choice", choices=("billing", "account"))
    >>> fitting, others = fit(field, [Example("1", {}, ("Billing ", "bill")), Example("2", {})])
    >>> [example.targets for example in fitting], others
    ([('billing',), None], [])

    A target that differs from a choice in case or outer spaces alone is spelled as the choice is.
    """
    fitting: list[Example] = []
    others: list[Example] = []
    known: dict[tuple[str, tuple[str, ...] | None], str | None] = {}
    for example in examples:
        if field.type == "call":  # the grammar of each row is another
            known.clear()
        own = example.choices if field.type == "choice" and field.choices is None else None
        said: dict[str, None] = {}
        for target in example.targets or ():
            if (target, own) not in known:
                known[target, own] = _spelling(field, own, target, example.functions)
            if (spelling := known[target, own]) is not None:
                said[spelling] = None
        if example.targets and not said:
            others.append(example)
        elif tuple(said) == (example.targets or ()):
            fitting.append(example)
        else:
            fitting.append(replace(example, targets=tuple(said)))
    return fitting, others


def _spelling(
    field: Field, own: tuple[str, ...] | None, target: str, functions: Functions
) -> str | None:
    """Return the target as the field can say it, None where it cannot."""
    if field.type != "choice":
        grammar = Contract((field,)).grammar(None, functions)
        return next((text for text in (target, target.strip()) if _accepts(grammar, text)), None)
    choices = tuple(dict.fromkeys(field.choices or own or ()))
    if target in choices:
        return target
    wanted = target.strip().casefold()
    alike = [choice for choice in choices if choice.strip().casefold() == wanted]
    return alike[0] if len(alike) == 1 else None


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


def _accepts(grammar: Grammar, text: str) -> bool:
    from slearn.engine.scripted import accepts  # loads numpy

    return accepts(grammar, text)


def describe(field: Field) -> str:
    """Say in words what a field lets an agent answer.

    >>> describe(Field(type="choice", choices=("yes", "no")))
    'one of: yes, no'
    """
    if field.type == "choice" and not field.choices:
        return "a choice of the row's own"
    if field.choices:
        listed, rest = ", ".join(field.choices[:_NAMED]), len(field.choices) - _NAMED
        return f"one of: {listed}" + (f", and {rest} more" if rest > 0 else "")
    if field.type == "number":
        return "a number"
    if field.type == "call":
        return "a call of one of the row's functions, or none"
    lines = "lines" if field.multiline else "one line"
    return f"{lines} of text, up to {field.max_chars} characters"
