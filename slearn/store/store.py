"""The store: one DuckDB file that remembers every run, call, value and decision.

One process holds it at a time, and only one thread in it talks to the database. What is read is
what was written durably; records that wait for their round are not seen yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from slearn.errors import StoreError
from slearn.store.calls import StoredCall, read_calls
from slearn.store.encoding import encode
from slearn.store.faults import explain
from slearn.store.lock import Lock
from slearn.store.opening import connect, exists, make_folder
from slearn.store.read import read_agent, read_events, read_records
from slearn.store.replay import WINDOW, count_rounds
from slearn.store.runlog import RunLog
from slearn.store.runs import RunInfo, begin_run, read_runs, resolve, resume_run
from slearn.store.tables import RECORD_TABLES
from slearn.store.writer import Writer


class Store:
    """Begin, resume and read runs.

    >>> with Store.open("slearn.duckdb") as store:  # doctest: +SKIP
    ...     log = store.begin({"seed": 1})
    """

    def __init__(self, writer: Writer, lock: Lock, where: str) -> None:
        self._writer = writer
        self._lock = lock
        self._where = where
        self._live: dict[str, RunLog] = {}

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        create: bool = True,
        notice: Callable[[str], None] | None = None,
    ) -> Store:
        """Open the store at `path`, or make it there with its folder.

        `notice` is told in one line when a damaged log had to be moved aside. Raise StoreError
        when another process holds it, when it is no store, when it is newer than this slearn, or
        when it is missing and `create` is False.
        """
        path, where = Path(path), str(path)
        try:
            path = path.resolve() if path.is_symlink() else path  # one lock, and the link stays
            if path.exists() and not path.is_file() and not path.is_dir():
                raise StoreError("is no file", where=where, hint="use another --store")
            if not create and not exists(path):
                hint = "train first, or give its --store"
                raise StoreError("no store here", where=where, hint=hint)
            make_folder(path)
            lock = Lock(path)
        except (OSError, RuntimeError) as error:  # the second of links in a circle
            raise explain(error, where) from error
        try:
            writer = Writer(lambda: connect(path, notice or (lambda _: None)), where)
        except BaseException:
            lock.release()
            raise
        return cls(writer, lock, where)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            self.close()
        except StoreError:
            if error is None:  # the error on its way tells more
                raise

    def close(self) -> None:
        """Write what is queued, checkpoint and let go of the file; closing twice is fine."""
        try:
            for log in list(self._live.values()):
                log.close()
        finally:
            try:
                self._writer.close()
            finally:
                self._lock.release()

    def begin(self, config: Mapping[str, Any]) -> RunLog:
        """Begin a run under the next free name: r1, r2, …"""
        text = encode(config)
        row = self._writer.call(lambda connection: begin_run(connection, text))
        return self._follow(RunLog(self._writer, row, self._live_no_more))

    def resume(self, name: str) -> RunLog:
        """Go on with a run ("last" is the newest); it replays what it had stored.

        Raise StoreError, which lists the last few runs, when there is no such run.
        """
        run = self._resolve(name)
        if run in self._live:
            raise StoreError(f"run {run} is open already", where=self._where)
        row = self._writer.call(lambda connection: resume_run(connection, run))
        return self._follow(RunLog(self._writer, row, self._live_no_more))

    def runs(self) -> list[RunInfo]:
        """Return all runs, newest last."""
        live = set(self._live)
        return self._writer.call(lambda connection: read_runs(connection, live))

    def run(self, name: str) -> RunInfo:
        """Return one run ("last" is the newest); raise StoreError when there is no such run."""
        run = self._resolve(name)
        return next(info for info in self.runs() if info.name == run)

    def records(self, run: str, table: str) -> list[dict[str, Any]]:
        """Return a run's records of one table in order: each body, with its n, step and id."""
        if table not in RECORD_TABLES:
            raise ValueError(f"no record table named {table}")
        name = self._resolve(run)
        return self._writer.call(lambda connection: read_records(connection, name, table))

    def events(self, run: str) -> list[dict[str, Any]]:
        """Return a run's events in order, each with its time `at`, `event` and `body`."""
        name = self._resolve(run)
        return self._writer.call(lambda connection: read_events(connection, name))

    def calls(self, run: str) -> Iterator[StoredCall]:
        """Yield a run's calls in order, those that were free included."""
        name = self._resolve(run)
        rounds = self._writer.call(lambda connection: count_rounds(connection, name))
        for first in range(0, rounds, WINDOW):
            yield from self._writer.call(partial(read_calls, run=name, first=first, count=WINDOW))

    def agent(self, prefix: str) -> str | None:
        """Return the agent whose address begins so, or None; raise StoreError if several do."""
        return self._writer.call(lambda connection: read_agent(connection, prefix))

    def _resolve(self, name: str) -> str:
        return self._writer.call(lambda connection: resolve(connection, name, self._where))

    def _follow(self, log: RunLog) -> RunLog:
        self._live[log.name] = log
        return log

    def _live_no_more(self, name: str) -> None:
        self._live.pop(name, None)
