"""From a path to a connection on a store that is sound and up to date.

The file keeps DuckDB 1.5's format, so that older tools can read it. A new store is built under
another name and moved into place, so that a kill never leaves half a file. A damaged log is moved
aside, never deleted: what it held was not yet in the file and will be computed again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from slearn.errors import StoreError
from slearn.store.migrations import migrate

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

STORAGE_VERSION = "v1.5.0"
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,  # rounds are small: a second thread costs more than it brings
    "memory_limit": "512MB",  # the model needs the rest
    "autoinstall_known_extensions": False,  # never the network
    "autoload_known_extensions": False,
}


def connect(path: Path, notice: Callable[[str], None]) -> Connection:
    """Open the store at `path`, which is made if it is not there, and return its connection.

    >>> connection = connect(Path("slearn.duckdb"), print)  # doctest: +SKIP

    Raise StoreError for a foreign file or a newer schema; the caller holds the lock and turns the
    database's own errors into StoreErrors.
    """
    if path.is_dir():
        raise StoreError("is a folder", where=str(path), hint="name a file in it")
    if not exists(path):
        _create(path)
    logged = _log(path).exists()
    connection = _attach_or_mend(path, notice)
    try:
        migrate(connection, str(path))
        if logged:
            connection.execute("CHECKPOINT")
    except BaseException:
        connection.close()
        raise
    return connection


def exists(path: Path) -> bool:
    """Return whether a file with anything in it stands at `path`.

    >>> exists(Path("no/such.duckdb"))
    False
    """
    return path.exists() and (path.is_dir() or path.stat().st_size > 0)


def _create(path: Path) -> None:
    new = path.with_name(path.name + ".new")
    for leftover in (new, _log(new)):
        leftover.unlink(missing_ok=True)
    connection = _attach(new, f", STORAGE_VERSION '{STORAGE_VERSION}'")
    try:
        migrate(connection, str(path))
    finally:
        connection.close()
    new.replace(path)


def _attach_or_mend(path: Path, notice: Callable[[str], None]) -> Connection:
    import duckdb

    try:
        return _attach(path)
    except duckdb.Error as error:
        if not _is_damaged_log(str(error)) or not _log(path).exists():
            raise
    log = _log(path)
    aside = _free_name(log)
    log.rename(aside)
    try:
        connection = _attach(path)
    except BaseException:
        aside.rename(log)  # that was not it: leave all as it was
        raise
    notice(
        f"{log} was damaged and is kept as {aside.name}; "
        "rounds since the last checkpoint will be computed again"
    )
    return connection


def _attach(path: Path, options: str = "") -> Connection:
    import duckdb

    connection = duckdb.connect(":memory:", config={**_SETTINGS, "temp_directory": f"{path}.tmp"})
    try:
        name = str(path.absolute()).replace("'", "''")
        connection.execute(f"ATTACH '{name}' AS slearn (TYPE duckdb{options})")
        connection.execute("USE slearn")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_damaged_log(text: str) -> bool:
    passing = ("No space left", "Out of Memory", "Permission denied")
    return "replaying WAL" in text and not any(sign in text for sign in passing)


def _log(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _free_name(log: Path) -> Path:
    number = 1
    while (aside := log.with_name(f"{log.name}.damaged-{number}")).exists():
        number += 1
    return aside


def make_folder(path: Path) -> None:
    """Make the folder that `path` stands in, and its parents, for this user's eyes only.

    >>> make_folder(Path("slearn.duckdb"))

    Raise OSError when it cannot be made.
    """
    missing = [folder for folder in path.absolute().parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
