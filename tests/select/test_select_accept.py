"""Acceptance: better on the metric, or as good and better in loss; else the incumbent stays."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import Agent, Contract, Field, Flow, Node
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.metrics import paired_p
from slearn.select import Verdict, verdict
from slearn.values import Example, Usage


def agent(line: str) -> Agent:
    contract = Contract((Field("answer", "choice", choices=("right", "wrong")),))
    return Agent("a", (Node("n", (line,), output=contract),), Flow(("n",)))


OLD, NEW = agent("Old."), agent("New.")


def rows(count: int) -> list[Example]:
    return [Example(str(n), {"input": f"row {n}"}, ("right",)) for n in range(count)]


class Planted(ScriptedEngine):
    """The new agent is right where `right` says so; losses are planted by agent and row."""

    def __init__(
        self, right: Callable[[int], bool], loss: Callable[[str, int], float] = lambda who, row: 1.0
    ) -> None:
        super().__init__(self._script)
        self._right = right
        self._loss = loss
        self.answered = 0

    def _script(self, request: GenerateRequest) -> str:
        self.answered += 1
        return "right" if self._right(int(request.messages[-1].content.split()[1])) else "wrong"

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        self.rounds += 1
        return [
            Score(
                (-self._loss(r.messages[0].content[:3], int(r.messages[-1].content.split()[1])),),
                Usage(1),
            )
            for r in requests
        ]


def decide(engine: Planted, before: Sequence[float], alpha: float = 0.1) -> Verdict:
    return verdict(OLD, NEW, before, rows(len(before)), engine, engine, alpha=alpha)


def test_without_targets_the_grade_is_asked_once_and_has_the_whole_error_rate() -> None:
    """The loss of a row that a judge grades is that grade again: no evidence, but half the rate."""
    judged = [replace(one, metric="judge") for one in (OLD, NEW)]
    before = [0.4] * 8 + [0.6] * 2
    after = [0.5] * 8 + [0.5] * 2
    alpha = paired_p(before, after) * 1.5

    def measure(*_: object, **__: object) -> list[list[float]]:
        raise AssertionError("nothing is measured twice")

    untold = [Example(str(n), {"input": f"row {n}"}) for n in range(10)]
    engine = Planted(lambda row: True)
    found = verdict(
        *judged, before, untold, engine, engine, seen=after, alpha=alpha, measure=measure
    )
    assert found.accepted and found.reason == "better on the metric"
    own = replace(OLD, metric="module:function")  # there the judge's grade is another opinion
    with pytest.raises(AssertionError, match="measured twice"):
        verdict(own, NEW, before, untold, engine, engine, seen=after, alpha=alpha, measure=measure)
    told = rows(10)
    again = verdict(OLD, NEW, before, told, engine, engine, seen=after, alpha=alpha)
    assert not again.accepted


def test_better_on_the_metric_is_accepted() -> None:
    engine = Planted(lambda row: True)
    found = decide(engine, [0.0] * 20 + [1.0] * 20)
    assert found.accepted and found.reason == "better on the metric"
    assert (found.before, found.after, found.n) == (0.5, 1.0, 40)
    assert found.p < 0.001 and found.scores == (1.0,) * 40
    assert found.as_json() == {"before": 0.5, "after": 1.0, "n": 40, "p": found.p}
    assert engine.rounds == 2  # two looks, and no need of the loss


def test_worse_on_the_metric_is_dropped_after_the_first_look() -> None:
    engine = Planted(lambda row: False)
    found = decide(engine, [1.0] * 80)
    assert not found.accepted and found.reason == "worse on the metric"
    assert found.n == engine.answered == 30
    assert (found.before, found.after) == (1.0, 0.0)


def test_worse_in_the_end_is_dropped_too() -> None:
    found = decide(Planted(lambda row: row < 30), [1.0] * 80)
    assert not found.accepted and found.reason == "worse on the metric" and found.n == 80


def test_as_good_and_clearly_better_in_loss_is_accepted() -> None:
    engine = Planted(
        lambda row: row % 2 == 0, lambda who, row: (2.0 if who == "Old" else 1.0) + row / 9
    )
    found = decide(engine, [1.0, 0.0] * 20)
    assert found.accepted
    assert found.reason == "better in measured loss, as good on the metric"
    assert found.p <= 0.05 and found.before == found.after == 0.5


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_as_good_and_no_better_in_loss_stays_out(shift: float) -> None:
    engine = Planted(
        lambda row: row % 2 == 0, lambda who, row: 1.0 + (shift if who == "New" else 0)
    )
    found = decide(engine, [1.0, 0.0] * 20)
    assert not found.accepted and found.reason == "not better beyond chance"
    assert found.before == found.after


def test_a_gain_that_chance_explains_stays_out() -> None:
    found = decide(
        Planted(lambda row: row != 3), [0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    )
    assert not found.accepted and found.after > found.before and found.p > 0.1


def test_a_loss_gained_makes_up_for_a_metric_within_chance() -> None:
    """The loss moves before the metric does: one row of twenty proves nothing against it."""
    engine = Planted(lambda row: row != 0, lambda who, row: 9.0 - row / 9 if who == "Old" else 0.1)
    found = decide(engine, [1.0] * 20)
    assert found.accepted and found.after < found.before


def test_a_loss_gained_does_not_make_up_for_a_metric_lost() -> None:
    engine = Planted(lambda row: row > 3, lambda who, row: 9.0 if who == "Old" else 0.1)
    found = decide(engine, [1.0] * 20)
    assert not found.accepted and found.reason == "worse on the metric"


def test_alpha_is_the_bar() -> None:
    def once(alpha: float) -> bool:
        before = [0.0] * 4 + [1.0] * 16
        return decide(Planted(lambda row: True), before, alpha).accepted

    assert once(0.2) and not once(0.1)


@given(
    st.lists(st.booleans(), min_size=1, max_size=50),
    st.lists(st.booleans(), min_size=50, max_size=50),
)
def test_what_is_accepted_is_not_worse_beyond_chance(old: list[bool], new: list[bool]) -> None:
    engine = Planted(lambda row: new[row], lambda who, row: 5.0 if who == "Old" else 0.0)
    before = [float(right) for right in old]
    found = decide(engine, before)
    after = sum(new[: len(old)]) / len(old)
    if found.accepted:
        worse = paired_p(found.scores, before)
        assert after >= sum(before) / len(before) or worse > 0.25
        assert found.scores == tuple(float(right) for right in new[: len(old)])
    assert found.n in (len(old), min(30, len(old)))
    assert found.after == sum(found.scores) / found.n


def test_an_agent_that_is_no_better_is_accepted_at_most_at_the_stated_rate() -> None:
    """Both tests together, on pairs of agents that are equally good."""
    chance = random.Random(0)
    accepted = 0
    for _ in range(150):
        before = [float(chance.random() < 0.6) for _ in range(50)]
        after = [chance.random() < 0.6 for _ in range(50)]
        losses = {who: [chance.expovariate(1) for _ in range(50)] for who in ("Old", "New")}
        engine = Planted(after.__getitem__, lambda who, row, at=losses: at[who][row])
        accepted += decide(engine, before, alpha=0.1).accepted
    assert 2 <= accepted <= 23


def test_where_no_loss_can_be_paid_the_metric_has_all_of_the_error_rate() -> None:
    engine = Planted(lambda row: True)
    before = [0.0] * 4 + [1.0] * 16  # p 0.0625: between half of the rate and all of it
    alone, both = (
        verdict(OLD, NEW, before, rows(20), engine, engine, alpha=0.1, weighed=weighed)
        for weighed in (0, None)
    )
    assert alone.accepted and alone.reason == "better on the metric" and not both.accepted
