"""Reading what runs recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slearn.errors import StoreError
from slearn.store.encoding import decode
from slearn.store.tables import iso

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection


def read_records(connection: Connection, run: str, table: str) -> list[dict[str, Any]]:
    """Return a run's records of one table, in the order in which they were made.

    >>> read_records(connection, "r1", "losses")[0]  # doctest: +SKIP
    {'loss': 0.25, 'n': 0, 'step': 1, 'id': 'ex17'}
    """
    rows = connection.execute(
        f"SELECT n, step, id, body FROM {table} WHERE run = ? ORDER BY n", [run]
    ).fetchall()
    return [{**decode(body), "n": n, "step": step, "id": id} for n, step, id, body in rows]


def read_events(connection: Connection, run: str) -> list[dict[str, Any]]:
    """Return a run's events, in the order in which they were noted.

    >>> read_events(connection, "r1")[0]["event"]  # doctest: +SKIP
    'begun'
    """
    rows = connection.execute(
        "SELECT stamp, event, body FROM events WHERE run = ? ORDER BY n", [run]
    ).fetchall()
    return [{"at": iso(stamp), "event": event, "body": decode(body)} for stamp, event, body in rows]


def read_agent(connection: Connection, prefix: str) -> str | None:
    """Return the one agent whose address begins with `prefix`, or None.

    >>> read_agent(connection, "3f")  # doctest: +SKIP
    'slearn: 1...'

    Raise StoreError when several do.
    """
    rows = connection.execute(
        "SELECT digest, body FROM agents WHERE starts_with(digest, ?) ORDER BY digest", [prefix]
    ).fetchall()
    if len(rows) > 1:
        raise StoreError(
            f"{len(rows)} agents begin with {prefix!r}", hint="give more of the address"
        )
    return str(rows[0][1]) if rows else None
