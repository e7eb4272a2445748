"""How rows are written: appended in bulk, within transactions, stamped with UTC time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

# What a run records beside its calls; all these tables have one shape. One more needs a migration.
RECORD_TABLES = (
    "examples",
    "trajectories",
    "steps",
    "losses",
    "gradients",
    "attributions",
    "edits",
    "candidates",
    "evaluations",
)

Row = Sequence[Any]


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Do all that happens inside, durably, or nothing of it.

    >>> with transaction(connection):  # doctest: +SKIP
    ...     append(connection, "agents", [("d1", "slearn: 1")])
    """
    import duckdb

    connection.execute("BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):  # a commit that failed has ended the transaction
            connection.execute("ROLLBACK")
        raise


def append(connection: Connection, table: str, rows: Sequence[Row]) -> None:
    """Append rows to a table, in bulk.

    >>> append(connection, "agents", [("d1", "slearn: 1")])  # doctest: +SKIP
    """
    if rows:
        with connection.appender(table) as appender:
            appender.append_rows(rows)


def scalar(connection: Connection, query: str, parameters: Sequence[Any] = ()) -> int:
    """Return the one number that a query asks for.

    >>> scalar(connection, "SELECT count(*) FROM runs")  # doctest: +SKIP
    3

    All rows are fetched: while one is left, the connection refuses to append.
    """
    return int(connection.execute(query, list(parameters)).fetchall()[0][0])


def now() -> datetime:
    """Return the time in UTC as the database keeps it, without a zone.

    >>> now().tzinfo is None
    True
    """
    return datetime.now(UTC).replace(tzinfo=None)


def iso(stamp: datetime) -> str:
    """Return a stamp of the database as ISO text, to the second.

    >>> iso(datetime(2026, 11, 22, 9, 5, 21))
    '2026-11-22T09:05:21Z'
    """
    return stamp.isoformat(timespec="seconds") + "Z"
