"""A run being written: records, agents, events and rounds, in the order of the program.

Resume is replay. A resumed program does all over again what it did; the records and rounds that
are stored already are recognised and skipped, and the first that is missing is where the work
goes on. Hence every method is called in the same order each time, from one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from slearn.errors import StoreError
from slearn.store.calls import find_calls
from slearn.store.encoding import encode, is_utf8, writable
from slearn.store.pending import Pending
from slearn.store.replay import Replay
from slearn.store.rounds import NewRound, RecordedRound
from slearn.store.runs import ENDINGS, RunRow, add_event
from slearn.store.tables import RECORD_TABLES
from slearn.store.writer import Writer
from slearn.values import digest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

CHECKPOINT_ROUNDS = 50


class RunLog:
    """Write a run, or go on with one; `Store.begin` and `Store.resume` make it.

    >>> log = store.begin({"seed": 1})  # doctest: +SKIP
    >>> log.record("losses", "ex17", {"loss": 0.25}, step=1)  # doctest: +SKIP
    0
    >>> log.finish("finished", {"after": 0.9})  # doctest: +SKIP
    """

    def __init__(self, writer: Writer, row: RunRow, ended: Callable[[str], None]) -> None:
        self.name = row.name
        self.config: Mapping[str, Any] = row.config
        self.next_round = 0  # index of the round that the program asks for next
        self._watermark = row.watermark
        self._writer = writer
        self._ended = ended
        self._replay = Replay(writer, row.name)
        self._pending = Pending(row.name)
        self._records = 0
        self._open = True

    def record(self, table: str, id: str, body: Mapping[str, Any], step: int = 0) -> int:
        """Queue a record for one of RECORD_TABLES and return its ordinal within the run.

        Raise StoreError when a resumed run makes another record than it made at this point.
        """
        if table not in RECORD_TABLES:
            raise ValueError(f"no record table named {table}")
        self._check_open()
        ordinal, mark = self._records, (table, writable(id), step)
        if ordinal >= len(self._replay.marks):
            row = (self.name, ordinal, step, mark[1], encode(body))
            self._pending.add_record(table, row)
        elif mark != (stored := self._replay.marks[ordinal]):
            raise StoreError(
                f"the run diverged: record {ordinal} was {stored}, now it is {mark}",
                where=self.name,
                hint="the code, the data or the settings changed since; start a new run",
            )
        self._records += 1
        return ordinal

    def keep_agent(self, text: str) -> str:
        """Queue an agent's text under its content address, which is returned."""
        self._check_open()
        if not is_utf8(text):
            raise StoreError("an agent's text is not valid UTF-8", where=self.name)
        address = digest(text)
        self._pending.add_agent(address, text)
        return address

    def event(self, name: str, body: Any = None) -> None:
        """Note that something happened, without waiting; events are stamped, not replayed."""
        text = encode(body)
        self._writer.post(lambda connection: add_event(connection, self.name, name, text))

    def recorded_round(self) -> RecordedRound | None:
        """Return the next round if it is stored, else None; `pass_round` then goes on."""
        return self._replay.round(self.next_round)

    def pass_round(self) -> None:
        """Go on to the round after the recorded one."""
        self.next_round += 1

    def find(self, keys: Sequence[str]) -> dict[str, tuple[int, dict[str, Any]]]:
        """Return call ordinal and result for those keys that were paid for already.

        Only calls older than this run, or made by it, are seen, so a resume sees the same.
        """
        return self._writer.call(
            lambda connection: find_calls(connection, self.name, self._watermark, keys)
        )

    def add_rounds(self, *new: NewRound) -> None:
        """Write the next rounds with all that is queued, in one transaction; wait until durable."""
        self._check_open()
        first = self.next_round

        def write(connection: Connection) -> None:
            self._pending.write(connection, list(enumerate(new, first)))
            self.next_round += len(new)  # here, so that Ctrl-C while waiting cannot come between

        self._writer.call(write)
        if self.next_round // CHECKPOINT_ROUNDS > first // CHECKPOINT_ROUNDS:
            self._writer.post(lambda connection: connection.execute("CHECKPOINT"))

    def add_failure(self, failed: NewRound) -> None:
        """Queue the next round, in which the engine raised; written once the program goes on."""
        self._pending.add_failure(self.next_round, failed)
        self.next_round += 1

    def finish(self, status: str, result: Any = None) -> None:
        """End the run as finished, interrupted or failed, with its result (a JSON value)."""
        if status not in ENDINGS:
            raise ValueError(f"a run ends as one of {ENDINGS}, not {status}")
        self._check_open()
        body = encode({"result": result})
        self._flush(failures=status == "finished")
        self._writer.call(lambda connection: add_event(connection, self.name, status, body))
        self._end()

    def close(self) -> None:
        """Write what is queued and leave the run without an ending; closing twice is fine."""
        if self._open:
            try:
                self._flush(failures=False)
            finally:
                self._end()

    def _flush(self, failures: bool) -> None:
        if not failures:
            self._pending.abandon()
        if self._pending:
            self._writer.call(lambda connection: self._pending.write(connection, []))

    def _end(self) -> None:
        self._open = False
        self._ended(self.name)

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError(f"run {self.name} has ended", hint="resume it to go on")
