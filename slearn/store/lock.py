"""One process per store: a lock on a small file beside it, which holds the owner's PID.

DuckDB locks its file too, but with a POSIX lock, which the whole process loses as soon as any of
its code opens and closes that file (a copy, a hash, a second `duckdb.connect`). Two processes would
then write the same file. This lock belongs to its own descriptor, and it is held before the first
look at the store, so that repairs are never made by two processes at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from slearn.errors import StoreError
from slearn.store.faults import in_use


class Lock:
    """Hold the store at `path` for this process until `release`.

    >>> lock = Lock(Path("slearn.duckdb"))  # doctest: +SKIP
    >>> lock.release()  # doctest: +SKIP

    Raise StoreError when another process, or another Store of this one, holds it.
    """

    def __init__(self, path: Path) -> None:
        target = path.resolve()
        self._path = target.with_name(target.name + ".lock")
        self._descriptor = _acquire(self._path, str(path))

    def release(self) -> None:
        """Let go of the store, and remove the lock's file."""
        if self._descriptor >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = -1


def _acquire(path: Path, where: str) -> int:
    if sys.platform == "win32":  # there DuckDB's own lock cannot be lost
        return -1
    import fcntl

    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            if owner == str(os.getpid()):
                raise StoreError("already open in this process", where=where) from None
            raise in_use(where, owner) from None
        except OSError:  # a file system without such locks: DuckDB's own one remains
            os.close(descriptor)
            return -1
        if _still_there(descriptor, path):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
            return descriptor
        os.close(descriptor)  # its owner removed the file between our two calls


def _still_there(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
