"""Parquet files as rows of JSON values; here because only this folder may import duckdb."""

from __future__ import annotations

import glob
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from slearn.errors import DataError


def read_parquet(path: Path) -> list[dict[str, Any]]:
    """Read every row of a Parquet file.

    >>> read_parquet(Path("train.parquet"))[0]  # doctest: +SKIP
    {'input': 'hot', 'target': 'cold'}

    Dates and times become ISO text, bytes text or else hex digits, decimals numbers, NaN and the
    infinities null. Raises DataError for what is not a Parquet file.
    """
    try:
        with duckdb.connect() as memory:
            cursor = memory.execute("select * from read_parquet(?)", [glob.escape(str(path))])
            names = [column[0] for column in cursor.description or ()]
            found = cursor.fetchall()
    except duckdb.Error as error:
        fault = f"not a Parquet file that can be read: {str(error).splitlines()[0]}"
        raise DataError(fault, where=str(path)) from error
    return [dict(zip(names, map(_plain, row), strict=True)) for row in found]


def _plain(value: Any) -> Any:
    """Return the JSON value that stands for a value of the database."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Decimal):
        value = int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, int | float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
