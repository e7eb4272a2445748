"""Which columns of the data make an example: those the user named, or the usual ones if there."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from slearn.datasets.columns import Columns
from slearn.errors import DataError
from slearn.values import Example

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Wishes:
    """What the user named; what is None is decided by looking.

    >>> Wishes(inputs=("question",), target="answer").metric is None
    True
    """

    inputs: tuple[str, ...] = ("input",)
    target: str | None = None
    choices: str | None = None
    functions: str | None = None
    metric: str | None = None
    instruction: str = ""
    seed: int = 0


def find_columns(rows: Sequence[Row], wishes: Wishes, where: str = "data") -> Columns:
    """Return the columns that were named, or `input`, `target`, `choices` and `functions`.

    >>> find_columns([{"input": "hot", "target": "cold"}], Wishes()).choices is None
    True

    Raises DataError, with the closest name, for a named column that no row has.
    """
    present = list(dict.fromkeys(str(name) for row in rows for name in row))
    option = "; name the input with --input" if wishes.inputs == ("input",) else ""
    named = (*wishes.inputs, wishes.target, wishes.choices, wishes.functions)
    check_named(named, present, where, option)
    target = wishes.target or ("target" if "target" in present else None)
    listed = all(isinstance(row.get("choices"), str | list) for row in rows)
    choices = wishes.choices or ("choices" if listed else None)
    functions = wishes.functions or ("functions" if all(map(_brings, rows)) else None)
    used = (*wishes.inputs, target)
    rest = (None if column in used else column for column in (choices, functions))
    return Columns(wishes.inputs, target, *rest)


def _brings(row: Row) -> bool:
    """Say whether a row has a list of described functions."""
    found = row.get("functions")
    return isinstance(found, list) and all(isinstance(f, Mapping) and "name" in f for f in found)


def check_named(
    names: Iterable[str | None], present: Sequence[str], where: str, more: str = ""
) -> None:
    """Refuse a named column that is not present, with the closest one; None stands for no name.

    >>> check_named(("input", None), ["input", "target"], "rows.jsonl")

    Raises DataError; `more` is added to its hint.
    """
    for name in names:
        if name is not None and name not in present:
            close = difflib.get_close_matches(name, present, n=1, cutoff=0.5)
            guess = f"did you mean {close[0]!r}? " if close else ""
            hint = f"{guess}the columns are: {', '.join(present) or 'none'}{more}"
            raise DataError(f"no column {name!r}", where=where, hint=hint)


def input_names(text: str, present: Collection[str]) -> tuple[str, ...]:
    """Read the names of input columns: one that is present, else all between commas.

    >>> input_names("question, context", ["question", "context"]), input_names("a, b", ["a, b"])
    (('question', 'context'), ('a, b',))
    """
    if text in present:
        return (text,)
    return tuple(name.strip() for name in text.split(",") if name.strip())


def shared_choices(
    examples: list[Example], columns: Columns, named: bool, where: str
) -> tuple[Columns, tuple[str, ...] | None]:
    """Return the choices that all rows share, and the columns without them in that case.

    >>> shared_choices([Example("1", {}, ("a",), ("a", "b"))], Columns(choices="choices"), True, "")
    (Columns(inputs=('input',), target='target', choices=None, functions=None), ('a', 'b'))

    Raises DataError for a target that is none of its choices, if the column was `named`; else such
    a column is not taken for choices.
    """
    if columns.choices is None:
        return columns, None
    for example in examples:
        missing = set(example.targets or ()) - set(example.choices or ())
        if missing and named:
            offered = ", ".join(example.choices or ()) or "none"
            raise DataError(
                f"the target {min(missing)!r} is not one of the choices ({offered})",
                where=f"{where}, row {example.id}",
            )
        if missing or not example.choices:
            return replace(columns, choices=None), None
    first = examples[0].choices if examples else None
    if all(example.choices == first for example in examples):
        return replace(columns, choices=None), first
    return columns, None
