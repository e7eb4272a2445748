"""Plain data, the only thing that crosses the border of a sandbox, in either direction.

The host checks what it gets even where the sandbox has checked it: code that runs inside may have
changed the checker there.
"""

from __future__ import annotations

from typing import cast

from slearn.sandbox.walk import walk
from slearn.values import JSON, canonical


def as_plain(value: object, limit: int = 64 * 1024) -> JSON:
    """Return `value` as JSON can hold it, in at most `limit` bytes of UTF-8.

    >>> as_plain(({3, 1}, {1: True}))
    [[1, 3], {'1': True}]

    Raises ValueError in words that fit after "returned": "a function, which is no plain data".
    """
    copied = cast(JSON, walk(value, [limit]))
    # The walk counts too little (escapes, digits), but enough to keep this text small.
    if len(canonical(copied).encode()) > limit:
        raise ValueError("more data than the limit of output allows")
    return copied
