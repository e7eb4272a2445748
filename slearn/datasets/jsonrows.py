"""Rows from JSON: one object a line, or one array of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from slearn.datasets.lines import text_lines
from slearn.errors import DataError


def jsonl_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the object on each line that is not blank.

    >>> next(jsonl_rows(Path("train.jsonl")))  # doctest: +SKIP
    {'input': 'hot', 'target': 'cold'}
    """
    for number, line in text_lines(path):
        if line.strip():
            yield _as_row(_parse(line.rstrip(), path, number), f"{path}:{number}")


def json_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of the one array in the file; errors about one name its position.

    >>> next(json_rows(Path("train.json")))  # doctest: +SKIP
    {'input': 'hot', 'target': 'cold'}
    """
    text = "".join(line for _, line in text_lines(path))
    value = _parse(text, path, 1)
    if not isinstance(value, list):
        raise DataError(
            f"expected an array of objects, found {_kind(value)}",
            where=f"{path}:1",
            hint="[{...}, {...}], or one object a line in a file named .jsonl",
        )
    for number, item in enumerate(value, 1):
        yield _as_row(item, f"{path}: item {number}")


def _parse(text: str, path: Path, line: int) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        where = f"{path}:{line + error.lineno - 1}"
        fault = f"not JSON: {error.msg} at column {error.colno}"
        several = error.msg == "Extra data" and path.suffix.lower() == ".json"
        hint = "one object a line? name the file .jsonl" if several else "one object a line"
        hint = hint if several or path.suffix.lower() != ".json" else "an array of objects"
        raise DataError(fault, where=where, hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"not usable JSON: {error}", where=f"{path}:{line}") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value, write null")


def _as_row(value: Any, where: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    hint = 'like {"input": "...", "target": "..."}'
    raise DataError(f"expected an object, found {_kind(value)}", where=where, hint=hint)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")
