"""What a run has made and not yet written: it goes to the file together with the next round.

So the file never holds a record whose round is missing in between: after a kill at any moment,
what is stored is a beginning of what the program did, and a resume can recognise it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slearn.store.rounds import NewRound, write_round
from slearn.store.tables import Row, append, transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection


class Pending:
    """Collect records, agents and survived failures, and write them in one transaction.

    >>> pending = Pending("r1")
    >>> pending.add_record("losses", ("r1", 0, 1, "ex17", '{"loss": 0.25}'))
    >>> pending.write(connection, [])  # doctest: +SKIP
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._records: list[tuple[str, Row]] = []
        self._agents: dict[str, str] = {}
        self._failures: list[tuple[int, NewRound]] = []

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._records or self._agents or self._failures)

    def add_record(self, table: str, row: Row) -> None:
        """Queue a row of a record table."""
        self._records.append((table, row))

    def add_agent(self, address: str, text: str) -> None:
        """Queue an agent's text; one that is stored already will not be written again."""
        self._agents[address] = text

    def add_failure(self, index: int, failed: NewRound) -> None:
        """Queue a round in which the engine raised."""
        self._failures.append((index, failed))

    def abandon(self) -> None:
        """If the engine raised last, forget all that waits: a resume is to try again from there."""
        if self._failures:
            self._records.clear()
            self._failures.clear()

    def write(self, connection: Connection, rounds: list[tuple[int, NewRound]]) -> None:
        """Write all that waits, and these rounds after it, durably or not at all."""
        records, self._records = self._records, []
        agents, self._agents = self._agents, {}
        failures, self._failures = self._failures, []
        tables: dict[str, list[Row]] = {}
        for table, row in records:
            tables.setdefault(table, []).append(row)
        with transaction(connection):
            append(connection, "agents", _unknown(connection, agents))
            for table, rows in tables.items():
                append(connection, table, rows)
            for index, new in [*failures, *rounds]:
                write_round(connection, self._run, index, new)


def _unknown(connection: Connection, agents: dict[str, str]) -> list[Row]:
    if not agents:
        return []
    known = connection.execute(
        "SELECT digest FROM agents WHERE digest IN (SELECT unnest(?::VARCHAR[]))", [list(agents)]
    ).fetchall()
    return [(address, agents[address]) for address in agents if (address,) not in known]
