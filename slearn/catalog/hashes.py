"""The sha256 of model files, remembered so that half a gigabyte is not hashed at every command.

What is remembered holds for one state of one file: real path, size, modification time and inode.
A file changed less than two seconds before it was hashed is not remembered, because it could change
once more within the same tick of the clock. The cache may be lost or damaged at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from slearn.catalog.files import write_json
from slearn.catalog.home import home_dir
from slearn.errors import ModelFileError

MAX_REMEMBERED = 256
_SETTLED_NS = 2_000_000_000
_reading_only: ContextVar[bool] = ContextVar("_reading_only", default=False)


@contextmanager
def reading_only() -> Iterator[None]:
    """Read the cache inside, but write nothing to it.

    >>> with reading_only():
    ...     sha256_of(Path("SmolLM2.gguf"))[:12]  # doctest: +SKIP
    'b179c9523d0e'
    """
    token = _reading_only.set(True)
    try:
        yield
    finally:
        _reading_only.reset(token)


def sha256_of(path: Path, *, home: Path | None = None, fresh: bool = False) -> str:
    """Return the sha256 of a file in hex, from the cache unless `fresh`.

    >>> sha256_of(Path("SmolLM2.gguf"))[:12]  # doctest: +SKIP
    'b179c9523d0e'

    Raises ModelFileError where the file cannot be read, or changes meanwhile.
    """
    cache = home_dir(home) / "hashes.json"
    try:
        state = _state(path)
        known = _read(cache).get(os.path.realpath(path))
        if not fresh and known and known[:-1] == state and isinstance(known[-1], str):
            return known[-1]
        with open(path, "rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if _state(path) != state:
            raise ModelFileError("changed while it was read", where=str(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ModelFileError(f"cannot be read: {reason}", where=str(path)) from error
    if not _reading_only.get() and time.time_ns() - state[1] > _SETTLED_NS:
        remember(path, found, home=home)
    return found


def remember(path: Path, sha256: str, *, home: Path | None = None) -> None:
    """Note the hash of a file as it is now; a home that cannot be written is no error.

    >>> remember(Path("SmolLM2.gguf"), "b179c9...")  # doctest: +SKIP
    """
    cache = home_dir(home) / "hashes.json"
    try:
        place = os.path.realpath(path)
        others = [item for item in _read(cache).items() if item[0] != place]
        write_json(cache, dict(others[: MAX_REMEMBERED - 1]) | {place: [*_state(path), sha256]})
    except OSError:
        pass


def _state(path: Path) -> list[int]:
    found = os.stat(path)
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def _read(cache: Path) -> dict[str, list[Any]]:
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {
        path: value for path, value in known.items() if isinstance(value, list) and len(value) == 4
    }
