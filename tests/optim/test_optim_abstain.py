"""Fitting from which doubt on a call is given up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import NO_CALL, Agent, Contract, Demo, Field, Flow, Node, forward
from slearn.engine import GenerateRequest, Generation, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.metrics import metric_named
from slearn.optim import Abstain, ReasonFirst, SetContract, lasting
from slearn.optim.abstain import fit_doubt, fitting_rows
from slearn.values import Example, Tool, Usage
from tests.optim.proposals import proposal

LOOK = Tool("look", parameters='{"properties": {"at": {"type": "string"}}}')
CALL = '{"name": "look", "arguments": {"at": "x"}}'
DOUBTS = st.floats(0.0, 2.0) | st.just(math.inf)
WORTHS = st.sampled_from((0.0, 1.0))


class Eager(ScriptedEngine):
    """Calls whatever it is asked, ten times less sure where nothing fits."""

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        count = self.count_tokens(CALL)
        odd = ["odd" in request.messages[-1].content for request in requests]
        return [
            Generation(CALL, "end", True, Usage(1), logprob=-count * (0.3 if strange else 0.03))
            for strange in odd
        ]


def rows(count: int, without: int = 3) -> list[Example]:
    """Return rows of which every third, or so, has no function that fits."""
    return [
        Example(
            f"e{n}",
            {"input": f"{'odd' if n % without == 0 else 'fine'} request {n}"},
            (NO_CALL if n % without == 0 else CALL,),
            functions=(LOOK,),
            calls='[{"look": {"at": ["x"]}}]' if n % without else "[]",
        )
        for n in range(count)
    ]


def caller(**field: float) -> Agent:
    contract = Contract((Field("answer", "call", **field),))
    return Agent("a", (Node("answer", ("Call.",), output=contract),), Flow(("answer",)), "call")


def test_an_eager_model_learns_to_call_nothing() -> None:
    engine, pool = Eager(), rows(30)
    (candidate,) = Abstain().propose(proposal(caller(), pool, engine=engine))
    (edit,) = candidate.edits
    assert isinstance(edit, SetContract) and candidate.tried
    assert candidate.agent.last.output.answer.abstain == pytest.approx(0.165)
    unseen, metric = rows(60)[30:], metric_named("call")
    score = [metric.score(t.answer, t.example) for t in forward(candidate.agent, unseen, engine)]
    assert all(score)
    assert Abstain().propose(proposal(candidate.agent, pool, engine=engine)) == []  # it is fitted


def test_nothing_is_proposed_where_it_cannot_be_fitted() -> None:
    engine = Eager()
    assert Abstain().propose(proposal(caller(), rows(30, 30), engine=engine)) == []
    assert Abstain().propose(proposal(caller(), rows(30, 1), engine=engine)) == []
    assert Abstain().propose(proposal(caller(), [], engine=engine)) == []
    two = Contract((Field("why"), Field("answer", "call")))
    agent = caller()
    reasoned = agent.with_node(replace(agent.last, output=two))
    assert Abstain().propose(proposal(reasoned, rows(30), engine=engine)) == []
    assert engine.rounds == 0


def test_rows_that_are_shown_are_not_fitted_on() -> None:
    pool, agent = rows(30), caller()
    demos = tuple(
        Demo(dict(row.inputs), {"answer": (row.targets or ("",))[0]}, row.id) for row in pool[:18]
    )
    shown = agent.with_node(replace(agent.last, demos=demos))
    assert fitting_rows(shown, pool) == pool[18:]
    assert fitting_rows(shown, pool[:27]) == []  # three of one kind are left
    untold = [replace(row, targets=None) for row in pool]
    assert fitting_rows(agent, untold) == []


def test_a_level_that_keeps_too_little_is_taken_back() -> None:
    engine, pool = Eager(), rows(30)
    (candidate,) = Abstain().propose(proposal(caller(abstain=0.01), pool, engine=engine))
    assert candidate.agent.last.output.answer.abstain == pytest.approx(0.165)


@pytest.mark.parametrize("metric", ["judge", "tests"])
def test_a_metric_that_needs_an_engine_is_none_to_fit_on(metric: str) -> None:
    engine = Eager()
    agent = replace(caller(), metric=metric)
    assert Abstain().propose(proposal(agent, rows(30), engine=engine)) == []


def test_what_was_fitted_does_not_come_back_from_a_front() -> None:
    (one,) = Abstain().propose(proposal(caller(), rows(30), engine=Eager()))
    assert lasting([one]) == []


def test_reasoning_before_a_call_takes_the_level_away() -> None:
    agent = caller(abstain=0.2)
    found = ReasonFirst().propose(proposal(agent, []))
    assert found
    assert all(one.agent.last.output.answer.abstain == 0 for one in found)


NEAR = st.sampled_from((0.12341, 0.12343, 0.1234, 0.1, 0.10001, 1e-5, 2e-5, 0.5, math.inf))


@given(st.lists(st.tuples(NEAR | DOUBTS, WORTHS, WORTHS), max_size=30), NEAR.filter(math.isfinite))
def test_no_other_level_wins_more(found: list[tuple[float, float, float]], now: float) -> None:
    def worth(level: float) -> float:
        return sum(without if level and doubt > level else kept for doubt, without, kept in found)

    # What is no call, or was cut off, is kept whatever the level.
    found = [
        (doubt, kept if doubt == math.inf else without, kept) for doubt, without, kept in found
    ]
    levels = [0.0, *(doubt for doubt, _, _ in found if 0 < doubt < math.inf)]
    best, fitted = max(map(worth, levels)), fit_doubt(found, now)
    if fitted is None:
        assert best < worth(now) + 2
    else:
        assert worth(fitted) >= max(best, worth(now) + 2)
