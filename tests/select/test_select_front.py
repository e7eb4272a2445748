"""The front: who does best on some row is on it, whatever the mean says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import Agent, Flow, Node
from slearn.optim import Candidate
from slearn.select import Lap, front


def lap(name: str, losses: list[float], incumbent: float = 1.0) -> Lap:
    agent = Agent("a", (Node("n", (name,)),), Flow(("n",)))
    return Lap(Candidate(name, agent, ()), tuple(losses), (incumbent,) * len(losses))


def names(*laps: Lap) -> list[str]:
    return [candidate.operator for candidate in front(laps)]


def test_the_best_on_one_row_is_on_the_front_behind_the_best_on_two() -> None:
    assert names(lap("odd", [5.0, 0.1, 5.0]), lap("mean", [0.5, 0.5, 0.5])) == ["mean", "odd"]


def test_who_is_beaten_on_every_row_is_not_on_it() -> None:
    assert names(lap("good", [0.1, 0.1]), lap("bad", [0.2, 0.2])) == ["good"]


def test_a_row_that_the_incumbent_does_best_is_nobodys() -> None:
    assert names(lap("worse", [1.5, 2.0])) == []
    assert names(lap("as good", [1.0])) == []


def test_who_fell_out_early_is_not_compared() -> None:
    assert names(lap("out", [0.0]), lap("in", [0.5, 0.5])) == ["in"]
    assert names() == []


@given(st.lists(st.lists(st.floats(0, 9), min_size=3, max_size=3), min_size=1, max_size=6))
def test_nobody_on_the_front_is_dominated(losses: list[list[float]]) -> None:
    laps = [lap(str(place), own, 10.0) for place, own in enumerate(losses)]
    found = [int(name) for name in names(*laps)]
    assert found
    for one in found:
        assert not any(
            all(a < b for a, b in zip(other, losses[one], strict=True)) for other in losses
        )
