"""JSON text as the store keeps it: every float comes back with the same bits.

JSON has no infinities, so they are kept as the strings "-Infinity", "Infinity" and "NaN", which
both Python's `float` and DuckDB's `::DOUBLE` read back. Text that is not valid UTF-8 (a lone
surrogate) is kept in escapes, since the database refuses it raw.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def encode(value: Any) -> str:
    """Write a JSON value as text; raise TypeError for what JSON cannot say.

    >>> encode({"loss": float("-inf"), "p": 0.1})
    '{"loss": "-Infinity", "p": 0.1}'
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        value = _plain(value)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text if is_utf8(text) else json.dumps(value)


def decode(text: str) -> Any:
    """Read what `encode` wrote.

    >>> decode(encode({"p": 0.1}))
    {'p': 0.1}
    """
    return json.loads(text)


def is_utf8(text: str) -> bool:
    r"""Return whether a text can be written as UTF-8.

    >>> is_utf8("é"), is_utf8("\ud800")
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def writable(text: str) -> str:
    r"""Return the text, with a backslash escape for each character that UTF-8 cannot hold.

    >>> writable("row \ud800")
    'row \\ud800'
    """
    return text.encode("utf-8", "backslashreplace").decode()


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
