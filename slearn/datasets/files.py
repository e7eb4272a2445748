"""Splits on disk: a directory with train.jsonl, val.jsonl and, if there is one, test.jsonl."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from slearn.datasets.columns import Columns, to_examples
from slearn.datasets.read import read_rows
from slearn.errors import DataError
from slearn.values import Example


def write_jsonl(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one object a line; the file appears whole or, if anything fails, not at all.

    >>> write_jsonl("out/train.jsonl", [{"input": "hot"}])  # doctest: +SKIP

    Missing directories are made. Raises DataError for a value that JSON cannot hold, and where the
    file cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("w", encoding="utf-8", newline="\n") as file:
                for number, row in enumerate(rows, 1):
                    file.write(_line(row, f"{path}:{number}") + "\n")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", where=str(path)) from error


def read_examples(path: str | Path, columns: Columns | None = None) -> list[Example]:
    """Read a data file as examples, by default from the columns `input` and `target`.

    >>> read_examples("train.jsonl")[0].targets  # doctest: +SKIP
    ('cold',)

    Raises DataError where the file or a row cannot be used.
    """
    return to_examples(read_rows(path), columns or Columns(), str(path))


def load_split(
    directory: str | Path, name: str, columns: Columns | None = None
) -> list[Example] | None:
    """Read one split of a directory; None for a test split that is not there.

    >>> load_split("data/animals", "val")[0].id  # doctest: +SKIP
    '1'

    Raises DataError for a missing train or val split, and for what `read_examples` refuses.
    """
    path = Path(directory) / f"{name}.jsonl"
    if path.exists():
        return read_examples(path, columns)
    if name == "test" and path.parent.is_dir():
        return None
    hint = "a data directory holds train.jsonl, val.jsonl and, if there is one, test.jsonl"
    raise DataError("no such file", where=str(path), hint=hint)


def _line(row: Mapping[str, Any], where: str) -> str:
    try:
        text = json.dumps(dict(row), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"not a JSON object: {error}", where=where) from error
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: only an escape can keep it
        return json.dumps(dict(row))
    return text
