"""The bench's contenders take turns, and a turn that is over is never lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

Load = Callable[[str], ModuleType]


def test_contenders_alternate_and_every_turn_is_told_at_once(load: Load) -> None:
    told: list[tuple[int, str]] = []
    ran: list[str] = []

    def contender(name: str, seconds: float) -> Callable[[], float]:
        def run() -> float:
            assert len(told) == len(ran), "the turn before was told before this one began"
            ran.append(name)
            return seconds

        return run

    peers = load("peers")
    contenders = {"slearn": contender("slearn", 2.0), "other": contender("other", 3.0)}
    seconds = peers.take_turns(
        contenders, 3, lambda line: told.append((line["turn"], line["contender"]))
    )
    assert ran == ["slearn", "other"] * 3
    assert told == [(turn, name) for turn in (1, 2, 3) for name in contenders]
    assert seconds == {"slearn": [2.0] * 3, "other": [3.0] * 3}


def test_a_run_that_is_cut_off_keeps_its_turns(load: Load, tmp_path: Path) -> None:
    left = iter([1.0, 2.0, 1.5])
    place = tmp_path / "results" / "peers.jsonl"
    peers, ledger = load("peers"), load("ledger")
    with pytest.raises(StopIteration), ledger.writing(place) as add:
        peers.take_turns({"slearn": lambda: next(left), "other": lambda: next(left)}, 5, add)
    lines = [json.loads(line) for line in place.read_text().splitlines()]
    found = [(line["turn"], line["contender"], line["seconds"]) for line in lines]
    assert found == [(1, "slearn", 1.0), (1, "other", 2.0), (2, "slearn", 1.5)]


def test_a_ratio_is_of_the_same_turn(load: Load) -> None:
    found = load("peers").medians({"slearn": [1.0, 10.0, 2.0], "other": [2.0, 30.0, 4.0]})
    assert found == {
        "slearn": {"seconds": 2.0, "ratio": 1.0, "n": 3},
        "other": {"seconds": 4.0, "ratio": 2.0, "n": 3},
    }
