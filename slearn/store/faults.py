"""What the database complains about, in one line for the user."""

from __future__ import annotations

import re

from slearn.errors import StoreError

_FULL = ("No space left", "File too large", "Disk quota exceeded", "not enough disk space")
_DAMAGED = ("checksum", "orrupt", "Could not read enough bytes")
_SHUT = ("Permission denied", "Read-only file system")


def explain(error: BaseException, where: str) -> StoreError:
    """Return the StoreError that says in one line what the database met, and what is kept.

    >>> explain(OSError("No space left on device"), "s.duckdb").message
    'the disk is full; every round that was finished before is kept'
    """
    if isinstance(error, StoreError):
        return error
    text = str(error)
    first = text.splitlines()[0] if text else type(error).__name__
    if any(sign in text for sign in _FULL):
        return StoreError(
            "the disk is full; every round that was finished before is kept",
            where=where,
            hint="free some space, then resume the run",
        )
    if "Could not set lock" in text:
        found = re.search(r"PID (\d+)", text)
        return in_use(where, found.group(1) if found else "")
    if "already attached" in text:
        return StoreError("already open in this process", where=where)
    if "not a valid DuckDB database" in text:
        return StoreError(
            "not a slearn store: it is no DuckDB file", where=where, hint="use another --store"
        )
    if isinstance(error, RuntimeError) and "ymlink" in text:
        return StoreError("links that lead in a circle", where=where, hint="use another --store")
    if isinstance(error, OSError):
        return StoreError(
            f"cannot be opened: {error.strerror or first}", where=where, hint="use another --store"
        )
    if any(sign in text for sign in _SHUT):
        return StoreError(
            f"cannot be opened: {first.rpartition(': ')[2]}",
            where=where,
            hint="use another --store",
        )
    if any(sign in text for sign in _DAMAGED):
        return StoreError(f"the file is damaged: {first}", where=where, hint="restore a copy of it")
    return StoreError(
        f"the database failed: {first}",
        where=where,
        hint="every round that was finished before is kept",
    )


def in_use(where: str, pid: str = "") -> StoreError:
    """Return the StoreError for a store that another process holds.

    >>> in_use("s.duckdb", "71").message
    'in use by another process (PID 71)'
    """
    name = f" (PID {pid})" if pid else ""
    return StoreError(
        f"in use by another process{name}",
        where=where,
        hint="wait until it ends, or use another --store",
    )
