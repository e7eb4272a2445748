"""Calls: requests with their results, stored once by the round that computed them.

A call has an ordinal that grows over the whole store, by which any later round can name it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slearn.store.encoding import decode

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection


@dataclass(frozen=True)
class NewCall:
    """A call that was just computed: its key, and request and result as JSON objects."""

    key: str
    request: Mapping[str, Any]
    result: Mapping[str, Any]


@dataclass(frozen=True)
class StoredCall:
    """One position of a stored round; `request` is left out where only replay needs the call."""

    key: str
    kind: str
    request: Mapping[str, Any]
    result: Mapping[str, Any]
    cached: bool
    round: int = 0
    position: int = 0


def read_calls(
    connection: Connection, run: str, first: int, count: int, *, requests: bool = True
) -> list[StoredCall]:
    """Return the calls of `count` rounds of a run, in order, from round `first` on.

    >>> read_calls(connection, "r1", 0, 100)[0].result["text"]  # doctest: +SKIP
    'cold'
    """
    request = "request" if requests else "'{}'"
    rows = connection.execute(
        f"""
        SELECT key, kind, {request}, result, cached, round_calls.round, position
        FROM round_calls JOIN calls USING (call)
        WHERE round_calls.run = ? AND round_calls.round >= ? AND round_calls.round < ?
        ORDER BY round_calls.round, position
        """,
        [run, first, first + count],
    ).fetchall()
    return [StoredCall(row[0], row[1], decode(row[2]), decode(row[3]), *row[4:]) for row in rows]


def find_calls(
    connection: Connection, run: str, watermark: int, keys: Sequence[str]
) -> dict[str, tuple[int, dict[str, Any]]]:
    """Return the calls with these keys that the run may see: older than it, or its own.

    Of several calls with one key the oldest counts, now and in every resume.

    >>> find_calls(connection, "r1", 0, ["k1"])  # doctest: +SKIP
    {'k1': (7, {'text': 'cold', ...})}
    """
    ordinals = dict(
        connection.execute(
            "SELECT min(call), key FROM calls "
            "WHERE key IN (SELECT unnest(?::VARCHAR[])) AND (call <= ? OR run = ?) GROUP BY key",
            [list(keys), watermark, run],
        ).fetchall()
    )
    if not ordinals:
        return {}
    rows = connection.execute(
        "SELECT call, result FROM calls WHERE call IN (SELECT unnest(?::BIGINT[]))",
        [list(ordinals)],
    ).fetchall()
    return {ordinals[call]: (call, decode(result)) for call, result in rows}
