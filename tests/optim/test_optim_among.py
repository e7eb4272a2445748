"""The optimizer that has a node choose among the labels of the nearest demonstrations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from slearn.agent import Agent, Among, Contract, Field, Flow, Node, Vote
from slearn.engine import Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import InputError
from slearn.optim import (
    AddNode,
    ChooseAmong,
    Proposal,
    SetDemos,
    Unwrap,
    WrapAmong,
    WrapVote,
    apply,
)
from slearn.optim.calibrate import fittable
from slearn.train import TrainData
from slearn.values import Example
from tests.optim.proposals import proposal
from tests.training import toy

LABELS = tuple(f"about {first}{last}" for first in "bdfgklmn" for last in ("ago", "ert", "uni"))


class Indifferent(ScriptedEngine):
    """Says the first label, and finds all as likely."""

    def __init__(self) -> None:
        super().__init__(lambda one: None if "trainer call" in one.where else LABELS[0])

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        found = super().score(requests, watch)
        return [replace(one, logprobs=(-2.0,) * len(one.logprobs)) for one in found]


def many(count: int = 144) -> list[Example]:
    labels = [LABELS[n * 5 % len(LABELS)] for n in range(count)]
    return [
        Example(f"e{n}", {"input": f"{label.split()[1]} number {n}"}, (label,))
        for n, label in enumerate(labels)
    ]


def single(labels: tuple[str, ...] = LABELS) -> Agent:
    node = Node(
        "answer", ("Name it.",), output=Contract((Field("answer", "choice", choices=labels),))
    )
    return Agent("many", (node,), Flow(("answer",)))


def given(agent: Agent, rows: list[Example], step: int = 0) -> Proposal:
    return replace(proposal(agent, []), pool=rows, train=rows, step=step, rows=100)


def test_many_labels_are_chosen_from_among_those_of_the_nearest() -> None:
    asked = given(single(), many())
    (found,) = ChooseAmong().propose(asked)
    assert isinstance(found.edits[0], SetDemos) and isinstance(found.edits[1], WrapAmong)
    assert found.agent.flow.steps == (Among(("answer",), 20),)
    assert found.agent.last.nearest == 8 and found.agent.last.output.decided
    assert found.operator == "nearest 8 demos, among 20"
    assert ChooseAmong().price(asked) > 0
    again = replace(asked, agent=found.agent)
    assert ChooseAmong().propose(again) == [] and ChooseAmong().price(again) == 0


def test_a_node_that_shows_the_nearest_keeps_them() -> None:
    asked = given(single(), many())
    (found,) = ChooseAmong().propose(asked)
    nearest = apply(found.agent, Unwrap("answer"))
    (again,) = ChooseAmong().propose(replace(asked, agent=nearest))
    assert again.edits == (WrapAmong("answer", 20),) and again.agent == found.agent
    assert ChooseAmong().price(replace(asked, agent=nearest)) == ChooseAmong().price(asked)


def test_few_labels_are_left_as_they_are() -> None:
    for count in (10, 18):  # of 18 a set for all inputs cannot show each, but they are no more
        few = [row for row in many() if (row.targets or ("",))[0] in LABELS[:count]]
        asked = given(single(LABELS[:count]), few, step=5)
        assert ChooseAmong().propose(asked) == [] and ChooseAmong().price(asked) == 0


def test_what_is_put_beside_it_stands_outside() -> None:
    made = apply(single(), WrapAmong("answer", 20))
    few = made.flow.steps
    notes = Node("notes", ("Note it.",))
    assert apply(made, AddNode("answer", notes)).flow.steps == ("notes", *few)
    check = Node("check", ("Mend it.",), ("input", "answer"))
    assert apply(made, AddNode("answer", check, behind=True)).flow.steps == (*few, "check")
    assert apply(made, WrapVote("answer", 3)).flow.steps == (Vote(few, 3),)
    assert apply(apply(made, WrapVote("answer", 3)), Unwrap("answer")) == single_deciding()


def single_deciding() -> Agent:
    return apply(apply(single(), WrapAmong("answer", 20)), Unwrap("answer"))


def test_no_bias_is_fitted_to_choices_that_differ_from_row_to_row() -> None:
    made = apply(single(), WrapAmong("answer", 20))
    assert fittable(single()) and fittable(made) == ()
    last = Node("last", ("Name it.",), ("answer",), single().last.output)
    other = apply(made, AddNode("answer", last, behind=True))  # another node chooses so
    assert other.last.name == "last" and fittable(other) == LABELS
    with pytest.raises(InputError, match="already"):
        apply(made, WrapAmong("answer", 5))


def test_trained_it_finds_what_is_alike(tmp_path: Path) -> None:
    """The engine finds every label as likely: only what is alike tells."""
    rows = many()
    result = toy.run(
        tmp_path / "s.duckdb",
        engine=Indifferent(),
        agent=single(),
        given=TrainData(rows[:96], rows[96:], None),
        settings=replace(toy.SHORT, budget_tokens=200_000, max_steps=1),
        optimizers=[ChooseAmong()],
    )
    assert result.before.interval.value < 0.2 < 0.9 < result.after.interval.value
    assert result.agent.flow.steps == (Among(("answer",), 20),)
