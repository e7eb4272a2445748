"""Reading less: which pieces of a long input are kept, and when that is proposed."""

from __future__ import annotations

from dataclasses import replace

from slearn.agent import Agent, Flow, Nearest, Node, forward
from slearn.engine.scripted import ScriptedEngine
from slearn.optim import (
    AddNode,
    DemoSets,
    Narrowing,
    Proposal,
    RemoveNode,
    Rewire,
    apply_all,
    given_tokens,
    picked,
    reading,
)
from tests.optim.proposals import LABELS, proposal, rows


def passages(step: int = 0) -> Proposal:
    """What is seen of an agent that reads ten sentences and a question."""
    said = [" ".join(f"Sentence {n} of {word}." for n in range(10)) for word in LABELS]
    pool = [
        replace(row, inputs={"context": said[n % 3] * 3, "question": row.inputs["input"]})
        for n, row in enumerate(rows(20))
    ]
    node = Node("answer", ("Answer.",), ("context", "question"), layout="inputs-first")
    agent = Agent("qa", (node,), Flow(("answer",)), metric="f1")
    engine = ScriptedEngine(lambda _: "It is so.")
    taken = forward(agent, pool[:12], engine)
    made = replace(proposal(agent, pool, engine=engine, step=step), rows=60)
    return replace(made, trajectories=taken, scores=[0.0] * len(taken))


def test_the_pieces_of_a_long_input_that_are_nearest_to_a_short_one_are_read() -> None:
    given = passages()
    first, second = Narrowing().propose(given)
    assert first.operator == "nearest 6 of context" and second.operator == "nearest 11 of context"
    node = first.agent.last
    assert node.inputs == ("near", "question") and node.layout == "inputs-last" and node.demos
    assert first.agent.flow.steps == (Nearest("context", "question", "near", 6), "answer")
    assert {*first.agent.columns} == {"context", "question"}


def test_other_shares_have_their_turn_later_and_none_for_ever() -> None:
    given = passages()
    again = [one.operator for one in Narrowing().propose(replace(given, asked=1))]
    assert again == ["nearest 8 of context", "nearest 17 of context"]
    assert Narrowing().propose(replace(given, asked=2)) == []


def test_what_is_let_through_already_is_not_narrowed_again() -> None:
    given = passages()
    agent = Narrowing().propose(given)[0].agent
    taken = forward(agent, given.pool[:12], given.engine)
    assert Narrowing().propose(replace(given, agent=agent, trajectories=taken)) == []


def test_short_inputs_are_read_whole_and_a_lone_input_is_like_nothing() -> None:
    given = passages()
    assert Narrowing().propose(proposal(Agent("a", (Node("n", ()),), Flow(("n",))), rows(20))) == []
    node = replace(given.agent.last, inputs=("context",))
    agent = replace(given.agent, nodes=(node,))
    taken = forward(agent, given.pool[:12], given.engine)
    assert Narrowing().propose(replace(given, agent=agent, trajectories=taken)) == []


def test_what_is_picked_is_priced_by_its_size() -> None:
    given, count = passages(), ScriptedEngine().count_tokens
    few, more = (one.agent for one in Narrowing().propose(given))
    whole, half, less = (
        reading(agent, given_tokens(agent, given.pool, count)) for agent in (given.agent, more, few)
    )
    assert less < half < whole / 2


def test_rows_come_with_what_is_picked_of_them() -> None:
    given = passages()
    agent = Narrowing().propose(given)[0].agent
    assert picked(given.agent, given.pool) is given.pool
    rich = replace(given, agent=agent, pool=picked(agent, given.pool))
    made = DemoSets().propose(rich)
    assert made and all({*d.inputs} == {"near", "question"} for d in made[0].agent.last.demos)
    assert DemoSets().propose(replace(given, agent=agent)) == []


def test_what_nobody_reads_any_more_is_not_picked_out() -> None:
    made = Narrowing().propose(passages())[0].agent
    notes = Node("notes", ("Note.",), ("near",))
    both = apply_all(made, [AddNode("answer", notes), Rewire("answer", "near", "context")])
    assert "near" in both.given
    assert apply_all(both, [RemoveNode("notes")]).flow.steps == ("answer",)
