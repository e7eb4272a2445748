"""Rows of a data file, as they stand: JSON lines, a JSON array, CSV, TSV or Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from slearn.datasets.jsonrows import json_rows, jsonl_rows
from slearn.datasets.tables import table_rows
from slearn.errors import DataError


def read_rows(path: str | Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a data file one by one; its ending tells the format.

    >>> next(read_rows("train.jsonl"))  # doctest: +SKIP
    {'input': 'hot', 'target': 'cold'}

    Raises DataError, at once for a missing file, a directory or an unknown ending, else when the
    row is reached: with file and line, and what was expected there. No rows at all is an error too.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if path.is_dir():
        raise DataError("is a directory", where=str(path), hint="name a file in it")
    if not path.exists():
        raise DataError("no such file", where=str(path))
    if reader is None:
        endings = ", ".join(sorted(_READERS))
        raise DataError(
            f"unknown ending {path.suffix!r}", where=str(path), hint=f"can read {endings}"
        )
    return _at_least_one(reader(path), path)


def _at_least_one(rows: Iterator[dict[str, Any]], path: Path) -> Iterator[dict[str, Any]]:
    empty = True
    for row in rows:
        empty = False
        yield row
    if empty:
        raise DataError("holds no rows", where=str(path))


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    from slearn.store.parquet import read_parquet  # loads duckdb

    yield from read_parquet(path)


_READERS: dict[str, Callable[[Path], Iterator[dict[str, Any]]]] = {
    ".jsonl": jsonl_rows,
    ".ndjson": jsonl_rows,
    ".json": json_rows,
    ".csv": lambda path: table_rows(path, ","),
    ".tsv": lambda path: table_rows(path, "\t"),
    ".parquet": _parquet_rows,
}
