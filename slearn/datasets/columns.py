"""From rows to examples: which columns are inputs, which is the target, which lists the choices.

Only named columns reach `Example.inputs`, so an agent cannot see what it should find out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from slearn.datasets.calls import calls_of, functions_of
from slearn.errors import DataError, InputError
from slearn.values import Example, as_text


@dataclass(frozen=True)
class Columns:
    """The names of the columns that make an example.

    >>> Columns(("question", "context"), target="answer").inputs
    ('question', 'context')

    Raises InputError where no input is named, one twice, or the target as an input too.
    """

    inputs: tuple[str, ...] = ("input",)
    target: str | None = "target"
    choices: str | None = None
    functions: str | None = None

    def __post_init__(self) -> None:
        """Refuse columns that cannot make an example."""
        if not self.inputs:
            raise InputError("no input column is named")
        if len(set(self.inputs)) < len(self.inputs):
            raise InputError(f"an input column is named twice: {', '.join(self.inputs)}")
        if self.target in self.inputs:
            raise InputError(f"the target column {self.target!r} cannot be an input as well")


def to_examples(
    rows: Iterable[Mapping[str, Any]], columns: Columns, where: str = "data"
) -> list[Example]:
    """Turn rows into examples; `where` names their source in errors.

    >>> to_examples([{"input": 5, "target": ["five", "5"]}], Columns())[0].targets
    ('five', '5')

    A list of targets means that each is acceptable; null, an absent target or an empty list mean
    that there is none; white space around one is left out. With a column of functions targets are
    calls of them, and an empty list means that none is right. Values that are not strings become
    their JSON text, a null input the empty text. Ids come from a column `id` where every row has
    its own, else they are row numbers from 1.
    Raises DataError, with source and row, for an input or choices column that is not there.
    """
    rows = list(rows)
    ids = _ids(rows)
    return [
        _to_example(row, name, columns, f"{where}:{number}")
        for number, (row, name) in enumerate(zip(rows, ids, strict=True), 1)
    ]


def _ids(rows: list[Mapping[str, Any]]) -> list[str]:
    given = [row.get("id") for row in rows]
    if all(isinstance(value, str | int) and value != "" for value in given):
        names = list(map(as_text, given))
        if len(set(names)) == len(names):
            return names
    return [str(number) for number in range(1, len(rows) + 1)]


def _to_example(row: Mapping[str, Any], name: str, columns: Columns, where: str) -> Example:
    inputs = {column: _text(_cell(row, column, where), where) for column in columns.inputs}
    target = row.get(columns.target) if columns.target is not None else None
    choices = _cell(row, columns.choices, where) if columns.choices is not None else None
    found = Example(_text(name, where), inputs, choices=choices_of(choices, where), row=row)
    if columns.functions is None:
        targets = _texts(target if isinstance(target, list | tuple) else [target], where)
        return replace(found, targets=targets)
    functions = functions_of(_cell(row, columns.functions, where), where)
    if columns.target not in row:
        return replace(found, functions=functions)
    texts, calls = calls_of(target, functions, " ".join(inputs.values()), where)
    return replace(found, functions=functions, targets=tuple(texts), calls=calls)


def _cell(row: Mapping[str, Any], column: str, where: str) -> Any:
    if column not in row:
        present = ", ".join(map(str, row)) or "none"
        raise DataError(f"no column {column!r}", where=where, hint=f"the columns are: {present}")
    return row[column]


def choices_of(value: Any, where: str) -> tuple[str, ...] | None:
    """Return a row's choices: those of a list, or of a text like "a|b".

    >>> choices_of("a|b", "row 1")
    ('a', 'b')
    """
    if isinstance(value, str):
        value = [part.strip() for part in value.split("|") if part.strip()]
    if value is None or isinstance(value, list | tuple):
        return _texts(value or [], where)
    raise DataError(
        f"choices are a list or a text like 'a|b', found {as_text(value)[:60]}", where=where
    )


def _texts(values: Iterable[Any], where: str) -> tuple[str, ...] | None:
    """Return the distinct texts of the values that are not null, or None where none is left.

    White space around them goes: an agent's answers have none either.
    """
    return tuple(dict.fromkeys(_text(v, where).strip() for v in values if v is not None)) or None


def _text(value: Any, where: str) -> str:
    try:
        if value is None:
            return ""
        text = str(value) if type(value) is int else as_text(value)  # the same, but faster
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"half of a surrogate pair at character {error.start}",
            where=where,
            hint="the text was cut inside a character such as an emoji",
        ) from error
    except (TypeError, ValueError) as error:
        kind = type(value).__name__
        raise DataError(f"a value of type {kind} has no JSON text", where=where) from error
    return text
