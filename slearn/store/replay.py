"""What a run had stored before it was resumed: the marks of its records, and its rounds.

Rounds are read a window at a time, since one query costs about as much for many as for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slearn.store.rounds import RecordedRound, read_rounds
from slearn.store.tables import RECORD_TABLES, scalar
from slearn.store.writer import Writer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

WINDOW = 32

# A record's table, id and step: by these a resumed program must agree with its first attempt.
Mark = tuple[str, str, int]


class Replay:
    """Hand out the stored part of a run, in order.

    >>> Replay(writer, "r1").round(0)  # doctest: +SKIP
    RecordedRound(kind='generate', ...)
    """

    def __init__(self, writer: Writer, run: str) -> None:
        self._writer = writer
        self._run = run
        self._first = 0
        self._window: list[RecordedRound] = []
        self.marks: list[Mark] = writer.call(lambda connection: read_marks(connection, run))
        self.rounds: int = writer.call(lambda connection: count_rounds(connection, run))

    def round(self, index: int) -> RecordedRound | None:
        """Return round `index`, or None when it was not stored."""
        if index >= self.rounds:
            self._window = []
            return None
        if not self._first <= index < self._first + len(self._window):
            self._first = index
            self._window = self._writer.call(
                lambda connection: read_rounds(connection, self._run, index, WINDOW)
            )
        return self._window[index - self._first]


def read_marks(connection: Connection, run: str) -> list[Mark]:
    """Return the marks of a run's records, in the order in which they were made.

    >>> read_marks(connection, "r1")[0]  # doctest: +SKIP
    ('examples', '17', 0)
    """
    union = " UNION ALL ".join(
        f"SELECT n, '{table}', id, step FROM {table} WHERE run = $1" for table in RECORD_TABLES
    )
    rows = connection.execute(f"{union} ORDER BY n", [run]).fetchall()
    return [(table, mark, step) for _, table, mark, step in rows]


def count_rounds(connection: Connection, run: str) -> int:
    """Return how many rounds of a run are stored.

    >>> count_rounds(connection, "r1")  # doctest: +SKIP
    12
    """
    return scalar(connection, "SELECT count(*) FROM rounds WHERE run = ?", [run])
