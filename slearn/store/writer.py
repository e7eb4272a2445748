"""One thread owns the database connection; all access is a job that this thread runs in turn.

DuckDB gives wrong results without an exception when threads share a connection, so none do. Once
a job has failed, every later one is refused with the same error: nothing is written after a hole.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from slearn.errors import StoreError
from slearn.store.faults import explain

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

T = TypeVar("T")
_Entry = tuple["Callable[[Connection], Any]", "Future[Any] | None"]


class Writer:
    """Run jobs on the connection that `connect` opens, in the order in which they come.

    >>> writer = Writer(lambda: connect(path), str(path))  # doctest: +SKIP
    >>> writer.call(lambda con: con.execute("SELECT 1").fetchone())  # doctest: +SKIP
    (1,)

    Raise what `connect` raises.
    """

    def __init__(self, connect: Callable[[], Connection], where: str) -> None:
        self._where = where
        self._jobs: SimpleQueue[_Entry | None] = SimpleQueue()
        self._fault: StoreError | None = None
        self._told = False  # whether a caller was told of the fault
        self._closed = False
        self._gate = threading.Lock()
        opened: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(connect, opened), name="slearn-store", daemon=True
        )
        self._thread.start()
        opened.result()

    def call(self, job: Callable[[Connection], T]) -> T:
        """Run a job and return its result; raise StoreError if it, or a posted one, failed.

        A StoreError that the job itself raises says no to one question; the store stays usable.
        """
        answer: Future[T] = Future()
        self._put((job, answer))
        return answer.result()

    def post(self, job: Callable[[Connection], object]) -> None:
        """Have a job run without waiting; if it fails, the next call or `close` says so."""
        self._put((job, None))

    def close(self) -> None:
        """Run what is waiting, close the connection, and raise the fault of a posted job."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()
        if self._fault is not None and not self._told:
            self._told = True
            raise self._fault

    def _put(self, entry: _Entry) -> None:
        with self._gate:
            if self._closed:
                raise StoreError("the store is closed", where=self._where)
            self._jobs.put(entry)

    def _run(self, connect: Callable[[], Connection], opened: Future[None]) -> None:
        try:
            connection = connect()
        except BaseException as error:
            opened.set_exception(explain(error, self._where))
            return
        opened.set_result(None)
        while (entry := self._jobs.get()) is not None:
            self._do(connection, *entry)
            del entry  # a job may hold large values; do not keep them while waiting
        try:
            connection.close()
        except Exception as error:
            self._fault = self._fault or explain(error, self._where)

    def _do(
        self,
        connection: Connection,
        job: Callable[[Connection], Any],
        answer: Future[Any] | None,
    ) -> None:
        try:
            if self._fault is not None:
                raise self._fault
            result = job(connection)
        except BaseException as error:
            fault = explain(error, self._where)
            if fault is not error:
                fault.__cause__ = error
            if answer is None or fault is not error:
                self._fault = self._fault or fault
            if answer is not None:
                self._told = True
                answer.set_exception(fault)
        else:
            if answer is not None:
                answer.set_result(result)
