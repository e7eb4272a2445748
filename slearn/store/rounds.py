"""Rounds: the unit of replay, written whole with their new calls, read whole.

A round names its calls by position: its own, and earlier ones that it found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slearn.store.calls import NewCall, StoredCall, read_calls
from slearn.store.encoding import decode, encode
from slearn.store.tables import append, scalar
from slearn.values import Usage

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection


@dataclass(frozen=True)
class NewRound:
    """A round to be added: its keys by position, what `RunLog.find` found, and the new calls.

    `kind` is "generate" or "score". `failure` is set, and nothing found or made, when the engine
    raised and the program went on.
    """

    kind: str
    keys: tuple[str, ...] = ()
    found: Mapping[str, tuple[int, Mapping[str, Any]]] = field(default_factory=dict)
    made: tuple[NewCall, ...] = ()
    usage: Usage = Usage()
    seconds: float = 0.0
    failure: Mapping[str, Any] | None = None

    @property
    def cached(self) -> list[bool]:
        """Whether each position was free: found in the store, or asked for twice.

        >>> NewRound("score", ("a", "b", "a"), found={"b": (7, {})}).cached
        [False, True, True]
        """
        first = {key: position for position, key in reversed(list(enumerate(self.keys)))}
        return [key in self.found or first[key] < at for at, key in enumerate(self.keys)]

    @property
    def results(self) -> list[Mapping[str, Any]]:
        """The result at each position.

        >>> NewRound("score", ("a", "b"), {"b": (7, {"n": 1})}, (NewCall("a", {}, {}),)).results
        [{}, {'n': 1}]
        """
        bodies = {call.key: call.result for call in self.made}
        bodies.update({key: body for key, (_, body) in self.found.items()})
        return [bodies[key] for key in self.keys]


@dataclass(frozen=True)
class RecordedRound:
    """A round as it was recorded: its calls by position, what it cost, how it failed if it did."""

    kind: str
    calls: tuple[StoredCall, ...]
    usage: Usage
    failure: Mapping[str, Any] | None = None
    seconds: float = 0.0

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that were asked for, by position."""
        if self.failure is not None:
            return tuple(self.failure["keys"])
        return tuple(call.key for call in self.calls)


def write_round(connection: Connection, run: str, index: int, new: NewRound) -> None:
    """Append a round and its new calls; the caller holds the transaction.

    >>> write_round(connection, "r1", 0, NewRound("score"))  # doctest: +SKIP
    """
    base = scalar(connection, "SELECT coalesce(max(call), 0) + 1 FROM calls")
    ordinals = {key: call for key, (call, _) in new.found.items()}
    ordinals.update({call.key: base + i for i, call in enumerate(new.made)})
    failure = None if new.failure is None else encode(new.failure)
    cost = (new.usage.computed, encode(new.usage.as_json()), new.seconds)
    append(connection, "rounds", [(run, index, new.kind, *cost, failure)])
    append(
        connection,
        "calls",
        [
            (ordinals[c.key], c.key, run, index, new.kind, encode(c.request), encode(c.result))
            for c in new.made
        ],
    )
    append(
        connection,
        "round_calls",
        [
            (run, index, position, ordinals[key], cached)
            for position, (key, cached) in enumerate(zip(new.keys, new.cached, strict=True))
        ],
    )


def read_rounds(connection: Connection, run: str, first: int, count: int) -> list[RecordedRound]:
    """Return up to `count` rounds of a run, in order, from round `first` on.

    >>> read_rounds(connection, "r1", 0, 100)[0].kind  # doctest: +SKIP
    'generate'
    """
    calls: dict[int, list[StoredCall]] = {}
    for call in read_calls(connection, run, first, count, requests=False):
        calls.setdefault(call.round, []).append(call)
    rows = connection.execute(
        "SELECT round, kind, usage, failure, seconds FROM rounds "
        "WHERE run = ? AND round >= ? AND round < ? ORDER BY round",
        [run, first, first + count],
    ).fetchall()
    return [
        RecordedRound(
            kind,
            tuple(calls.get(index, ())),
            Usage(**decode(usage)),
            None if failure is None else decode(failure),
            seconds,
        )
        for index, kind, usage, failure, seconds in rows
    ]
