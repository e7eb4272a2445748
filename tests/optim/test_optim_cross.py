"""Crossover: edits of different parts meet, on the incumbent that there is now."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import Agent, Contract, Demo, Field
from slearn.optim import (
    Candidate,
    Cross,
    DropLine,
    Edit,
    InsertLine,
    MoveLine,
    SetContract,
    SetDemos,
    apply,
    apply_all,
    lasting,
    still,
)
from slearn.optim.edits import apart
from slearn.state import State
from tests.optim.proposals import CHOICE, chain, proposal, single

TIP = InsertLine("answer", 1, "Think twice.")
DEMOS = SetDemos("answer", (Demo({"input": "x"}, {"answer": "billing"}, "e0"),))
BIAS = SetContract(
    "answer", Contract((replace(CHOICE.answer, decide="likelihood", bias=(0.0, 0.1, -0.1)),))
)


def made(agent: Agent, *edits: Edit, name: str = "x") -> Candidate:
    return Candidate(name, apply_all(agent, edits), edits)


def crossed(agent: Agent, *front: Candidate) -> list[Candidate]:
    return Cross().propose(replace(proposal(agent, []), front=front))


def test_two_of_one_front_are_tried_together() -> None:
    agent = single()
    (found,) = crossed(agent, made(agent, TIP, name="tip"), made(agent, DEMOS, name="demos"))
    assert found.operator == "tip + demos" and found.edits == (TIP, DEMOS)
    assert found.agent.last.instructions[-1] == "Think twice." and found.agent.last.demos


def test_edits_of_one_part_never_meet() -> None:
    agent = single()
    assert crossed(agent, made(agent, TIP), made(agent, DropLine("answer", 0))) == []
    assert crossed(agent, made(agent, DEMOS), made(agent, BIAS)) == []  # demos go with a contract
    assert crossed(agent) == []


def test_the_front_of_an_earlier_step_goes_on_top_of_the_new_incumbent() -> None:
    old = single()
    (found,) = crossed(apply(old, DEMOS), made(old, TIP, name="tip"))
    assert found.operator == "tip, again"
    assert found.agent == apply(apply(old, DEMOS), TIP)


def test_what_was_accepted_takes_those_of_its_part_off_the_front() -> None:
    agent = single()
    tip, demos = made(agent, TIP), made(agent, DEMOS)
    assert still([tip, demos], [DEMOS]) == (tip,)
    assert still([tip, demos], []) == (tip, demos)


def test_a_bias_does_not_come_back_for_it_was_fitted_on_rows_of_its_own_step() -> None:
    agent = single()
    tip, biased = made(agent, TIP), made(agent, BIAS)
    assert lasting([tip, biased]) == [tip]


def test_who_raced_again_in_vain_leaves_the_front() -> None:
    agent = single()
    tip, demos, other = made(agent, TIP), made(agent, DEMOS), made(agent, DropLine("answer", 0))
    state = State(agent, ()).with_front([tip, demos], [tip, demos])
    again = Candidate("tip, again", apply(agent, DEMOS), (TIP,))
    assert state.with_front([other], [other]).front == (other, tip, demos)
    assert state.with_front([other], [other, again]).front == (other, demos)
    assert state.with_front([again], [again]).front == (again, demos)


def test_parts_of_other_nodes_are_other_parts() -> None:
    assert apart([InsertLine("first", 0, "x")], [InsertLine("answer", 0, "y")])


EDITS = st.sampled_from(
    [
        TIP,
        DEMOS,
        BIAS,
        DropLine("answer", 0),
        MoveLine("answer", 0, 1),
        InsertLine("first", 0, "Look."),
        SetDemos("first", (Demo({"input": "x"}, {"answer": "y"}),)),
        SetContract("first", Contract((Field(max_chars=9),))),
    ]
)


@given(st.lists(EDITS, max_size=1), st.lists(EDITS, max_size=1))
def test_edits_that_are_apart_may_be_made_in_any_order(one: list[Edit], other: list[Edit]) -> None:
    agent = chain().with_node(replace(chain().last, instructions=("Name it.", "Be quick.")))
    if apart(one, other):
        assert apply_all(agent, [*one, *other]) == apply_all(agent, [*other, *one])
    else:
        assert one and other
