"""Rows from CSV and TSV: the first line names the columns, quotes work as in RFC 4180.

An empty cell is None: a table has no other way to say that there is nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from slearn.datasets.lines import text_lines
from slearn.errors import DataError

_LONGEST_CELL = 2**31 - 1


def table_rows(path: Path, delimiter: str) -> Iterator[dict[str, Any]]:
    """Yield each row that is not blank, as strings under the names in the header.

    >>> next(table_rows(Path("train.csv"), ","))  # doctest: +SKIP
    {'input': 'hot', 'target': 'cold'}

    A column without a name (an index that pandas wrote) is left out; missing cells at the end of a
    row are None. Where a header has no `delimiter` but another one, that is meant: spreadsheets
    write `;` where the comma is for decimals. Raises DataError for too many cells, a repeated name
    or a broken quote.
    """
    csv.field_size_limit(_LONGEST_CELL)  # its default refuses documents above 128 KiB
    lines = (line for _, line in text_lines(path))
    before = list(_to_header(lines))
    found = separator(before[-1] if before else "", delimiter)
    reader = csv.reader(chain(before, lines), delimiter=found, strict=True)
    names: list[str] = []
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if names:
                    yield _as_row(names, cells, f"{path}:{start}")
                else:
                    names = _header(cells, f"{path}:{start}")
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"not a table: {error}",
            where=f"{path}:{start}",
            hint='a cell with quotes or line breaks stands in "...", its own quotes doubled',
        ) from error


def _to_header(lines: Iterator[str]) -> Iterator[str]:
    """Yield blank lines and the first that is not.

    >>> list(_to_header(iter(["\\n", "a,b\\n", "1,2\\n"])))
    ['\\n', 'a,b\\n']
    """
    for line in lines:
        yield line
        if line.strip():
            return


def separator(header: str, usual: str) -> str:
    """Return what separates the names of a header.

    >>> separator("input;target", ","), separator("input,a;b", ","), separator("input", ",")
    (';', ',', ',')
    """
    others = [mark for mark in (",", ";", "\t") if mark in header]
    return usual if usual in header or not others else max(others, key=header.count)


def _header(cells: list[str], where: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise DataError(f"the header repeats {', '.join(repeated)}", where=where)
    return names


def _as_row(names: list[str], cells: list[str], where: str) -> dict[str, Any]:
    if len(cells) > len(names):
        raise DataError(
            f"{len(cells)} cells, the header has {len(names)}",
            where=where,
            hint='put cells that hold the separator in "..."',
        )
    padded = [*cells, *[""] * (len(names) - len(cells))]
    return {name: cell or None for name, cell in zip(names, padded, strict=True) if name}
