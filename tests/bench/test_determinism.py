"""The bench's question of company, asked of an engine of which the answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from slearn.engine import GenerateRequest, Message, ScoreRequest

Load = Callable[[str], ModuleType]


@dataclass
class Answer:
    text: str = ""
    logprobs: tuple[float, ...] = ()


class Sociable:
    """Answers otherwise, and scores half a nat higher, where a request of `moody` is alone."""

    def __init__(self, moody: set[str]) -> None:
        self.moody, self.sizes = moody, list[int]()

    def generate(self, requests: list[GenerateRequest]) -> list[Answer]:
        self.sizes.append(len(requests))
        return [Answer(f"{self._moves(r, requests)}") for r in requests]

    def score(self, requests: list[ScoreRequest]) -> list[Answer]:
        self.sizes.append(len(requests))
        return [Answer(logprobs=(-2 + self._moves(r, requests) / 2, -1.0)) for r in requests]

    def _moves(self, request: Any, requests: list[Any]) -> bool:
        return len(requests) == 1 and request.messages[0].content in self.moody


def prompts(sizes: list[int]) -> list[list[tuple[Message, ...]]]:
    numbers = iter(range(sum(sizes)))
    return [[(Message("user", str(next(numbers))),) for _ in range(size)] for size in sizes]


def test_company_is_found_to_matter_where_it_does(load: Load) -> None:
    engine, told = Sociable({"0", "1", "99"}), list[str]()
    rounds = [[GenerateRequest(each) for each in part] for part in prompts([60, 40])]
    found = load("determinism").compare(engine, rounds, 100, told.append)
    assert {name: (row["n"], row["differ"]) for name, row in found.items()} == {
        "again": (100, 0),
        "alone": (100, 3),
        "shuffled": (100, 0),
    }
    assert found["alone"]["share"] == 0.03
    # Wilson's interval for 3 of 100.
    assert (found["alone"]["low"], found["alone"]["high"]) == pytest.approx((0.0103, 0.0845), 1e-2)
    assert len(told) == 4 and told[2] == "alone, n 100, 3 differ"


def test_only_some_that_had_company_are_asked_alone(load: Load) -> None:
    engine = Sociable({"0"})
    rounds = [[GenerateRequest(each) for each in part] for part in prompts([1, 20, 1, 20])]
    found = load("determinism").compare(engine, rounds, 5, lambda _: None)
    assert found["alone"]["n"] == 5
    assert found["alone"]["differ"] == 0, "the first call was alone in its own round"
    assert engine.sizes == [1, 20, 1, 20] * 2 + [1] * 5 + [40, 2]
    found = load("determinism").compare(engine, [rounds[0]], 5, lambda _: None)
    assert found["alone"]["n"] == 0


def test_scores_are_compared_in_nats(load: Load) -> None:
    rounds = [[ScoreRequest(each, ("a", "b")) for each in part] for part in prompts([4])]
    found = load("determinism").compare(Sociable({"0", "2"}), rounds, 4, lambda _: None)
    assert found["alone"]["differ"] == 2
    assert (found["alone"]["median nats"], found["alone"]["most nats"]) == (0.0, 0.5)
    assert found["shuffled"]["most nats"] == 0.0


@pytest.mark.parametrize("most", [1, 7, 30, 59, 60, 500])
def test_rounds_are_thinned_evenly(load: Load, most: int) -> None:
    rounds = [list(range(40)), [40], list(range(41, 60))]
    thinned = load("determinism").take(rounds, most)
    calls = [call for part in thinned for call in part]
    assert len(calls) == min(most, 60) and calls == sorted(calls)
    assert all(thinned)
    gaps = {after - before for before, after in zip(calls, calls[1:], strict=False)}
    assert max(gaps, default=0) - min(gaps, default=0) <= 1
