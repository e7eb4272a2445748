"""Runs: their names, configurations and how they ended, as the store tells it.

A run's status is its last status event. One process at a time holds the store, so a run that
neither ended nor is open in this very Store has lost its process: it is "stopped".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slearn.errors import StoreError
from slearn.store.encoding import decode
from slearn.store.tables import append, iso, now, scalar, transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

BEGUN = "begun"
RESUMED = "resumed"
ENDINGS = ("finished", "interrupted", "failed")


@dataclass(frozen=True)
class RunInfo:
    """A run at a glance; status is running, stopped, finished, interrupted or failed.

    `result` is what the run ended with, None before that.
    """

    name: str
    created: str
    status: str
    config: Mapping[str, Any]
    result: Any = None


@dataclass(frozen=True)
class RunRow:
    """What a run needs to go on: `watermark` counts the calls that were stored before it began."""

    name: str
    watermark: int
    config: Mapping[str, Any]


def begin_run(connection: Connection, config: str) -> RunRow:
    """Add a run with this configuration (JSON text), under the next free name.

    >>> begin_run(connection, "{}").name  # doctest: +SKIP
    'r1'
    """
    with transaction(connection):
        seq = scalar(connection, "SELECT coalesce(max(seq), 0) + 1 FROM runs")
        watermark = scalar(connection, "SELECT coalesce(max(call), 0) FROM calls")
        name = f"r{seq}"
        append(connection, "runs", [(name, seq, now(), watermark, config)])
        add_event(connection, name, BEGUN)
    connection.execute("CHECKPOINT")  # a damaged log may cost rounds, never the run
    return RunRow(name, watermark, decode(config))


def resume_run(connection: Connection, name: str) -> RunRow:
    """Return a run to go on with, and note that it was resumed.

    >>> resume_run(connection, "r1").name  # doctest: +SKIP
    'r1'
    """
    row = connection.execute("SELECT watermark, config FROM runs WHERE run = ?", [name]).fetchall()[
        0
    ]
    add_event(connection, name, RESUMED)
    return RunRow(name, row[0], decode(row[1]))


def add_event(connection: Connection, run: str, event: str, body: str = "null") -> None:
    """Append an event to a run, stamped with the time; `body` is JSON text.

    >>> add_event(connection, "r1", "finished", "{}")  # doctest: +SKIP
    """
    number = scalar(connection, "SELECT coalesce(max(n), 0) + 1 FROM events")
    append(connection, "events", [(run, number, now(), event, body)])


def read_runs(connection: Connection, live: Collection[str]) -> list[RunInfo]:
    """Return all runs, newest last; `live` names those that are open.

    >>> read_runs(connection, live=[])[-1].name  # doctest: +SKIP
    'r3'
    """
    rows = connection.execute(
        """
        SELECT run, created, config, event, body
        FROM runs LEFT JOIN (
            SELECT run, arg_max(event, n) AS event, arg_max(body, n) AS body
            FROM events WHERE list_contains(?, event) GROUP BY run
        ) USING (run)
        ORDER BY seq
        """,
        [[BEGUN, RESUMED, *ENDINGS]],
    ).fetchall()
    infos = []
    for name, created, config, event, body in rows:
        ended = event in ENDINGS and name not in live
        status = event if ended else "running" if name in live else "stopped"
        result = decode(body)["result"] if ended else None
        infos.append(RunInfo(name, iso(created), status, decode(config), result))
    return infos


def resolve(connection: Connection, name: str, where: str) -> str:
    """Return the name of a run that exists; "last" is the newest.

    >>> resolve(connection, "last", "slearn.duckdb")  # doctest: +SKIP
    'r3'

    Raise StoreError, which lists the last few, when there is no such run.
    """
    names = [run for (run,) in connection.execute("SELECT run FROM runs ORDER BY seq").fetchall()]
    if name == "last" and names:
        return str(names[-1])
    if name in names:
        return name
    if not names:
        raise StoreError("no runs yet", where=where, hint="train first")
    raise StoreError(f"no run named {name}", where=where, hint=f"the last: {', '.join(names[-5:])}")
