"""The flow optimizer: which structures it proposes, and that new nodes are shown how."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from slearn.agent import Agent, Contract, Demo, Field, Flow, Node, Vote, forward
from slearn.engine import GenerateRequest
from slearn.engine.scripted import ScriptedEngine
from slearn.evaluate import score_trajectories
from slearn.optim import AddNode, Guards, Proposal, RemoveNode, Restructure, SetDemos, WrapVote
from slearn.optim.rebuild import direct, trained, written
from tests.optim.proposals import REASONED, chain, fault, proposal, rows, single


def asked(agent: Agent, engine: ScriptedEngine | None = None, step: int = 1) -> Proposal:
    engine = engine or ScriptedEngine()
    pool = rows(30)
    taken = forward(agent, pool[:12], engine)
    scores = score_trajectories(agent, taken, engine)
    made = proposal(agent, pool, engine=engine, step=step)
    return replace(made, trajectories=taken, scores=scores)


def names(proposal: Proposal) -> list[str]:
    return [name for name, _ in direct(proposal)]


def test_cheaper_edits_have_their_turn_first() -> None:
    assert Restructure().propose(asked(single(), step=0)) == []
    assert Restructure().price(asked(single(), step=0)) == 0 < Restructure().price(asked(single()))


def test_where_nearly_all_is_right_the_structure_stays() -> None:
    fine = replace(asked(single()), scores=[1.0] * 12)
    assert Restructure().propose(fine) == []


def test_what_is_proposed_depends_on_the_agent() -> None:
    assert names(asked(single())) == ["check", "notes", "plan", "plain"]
    assert names(asked(single(contract=REASONED)))[0] == "vote"
    assert names(asked(chain()))[0] == "without first"
    many = Contract((Field(type="choice", choices=tuple(f"label {n}" for n in range(9))),))
    agent = single(contract=many)
    pool = [replace(row, targets=("label 1",)) for row in rows(30)]
    assert names(replace(asked(agent), pool=pool))[0] == "shortlist"
    voted = Agent("v", chain().nodes, Flow(("first", Vote(("answer",)))))
    assert "vote" not in names(asked(voted))


def test_every_turn_in_vain_leads_to_others() -> None:
    given = asked(single())
    first = [one.operator for one in Restructure().propose(given)]
    second = [one.operator for one in Restructure().propose(replace(given, misses=1))]
    assert len(first) == len(second) == 2 and not set(first) & set(second)


def test_a_new_node_is_shown_how_and_so_is_the_last() -> None:
    (name, edit), *_ = direct(asked(single()))
    one = trained(asked(single()), edit, name)
    assert one is not None and one.operator == "restructure: check"
    added, shown = one.edits
    assert isinstance(added, AddNode) and added.behind and isinstance(shown, SetDemos)
    check = one.agent.last
    assert check.name == "check" and check.inputs == ("input", "answer") and check.demos
    targets = {row.id: (row.targets or ("",))[0] for row in rows(30)}
    for demo in check.demos:  # whatever the draft was, the target is what it must become
        assert demo.output["answer"] == targets[demo.source]
        assert demo.inputs["answer"]
    assert Guards(lambda text: len(text.split()), []).refuse(one) == ""


class Helped(ScriptedEngine):
    """Answers right where its notes name the right answer; sampled notes do, others do not."""

    def __init__(self) -> None:
        super().__init__(self._say)

    def _say(self, request: GenerateRequest) -> str | None:
        if "must hand on" in request.messages[-1].content:
            return '{"handed_on": "billing"}'
        return None


def test_notes_are_shown_by_measure_or_not_at_all() -> None:
    edit = dict(direct(asked(single(), Helped())))["notes"]
    one = trained(asked(single(), Helped()), edit, "notes")
    assert one is not None and one.agent.flow.steps == ("notes", "answer")
    last = [edit for edit in one.edits if isinstance(edit, SetDemos) and edit.node == "answer"]
    assert len(last) == 1 and all("notes" in demo.inputs for demo in last[0].demos)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"op": "add a step before", "node": "answer", "job": "Write the topic."}, AddNode),
        ({"op": "check after", "node": "answer", "job": "Make sure that it is a queue."}, AddNode),
        ({"op": "remove", "node": "first"}, RemoveNode),
    ],
)
def test_what_the_model_names_becomes_an_edit(said: Any, kind: type) -> None:
    class Saying(ScriptedEngine):
        def __init__(self) -> None:
            super().__init__(self._say)

        def _say(self, request: GenerateRequest) -> str | None:
            told = json.dumps({"edit": said})
            return told if "steps it takes" in request.messages[0].content else None

    given = replace(asked(chain(), Saying()))
    found = written(
        replace(given, gradients=proposal(chain(), [], gradients=[fault("first")]).gradients)
    )
    assert [type(edit) for _, edit in found] == [kind]


def test_a_vote_needs_no_training() -> None:
    reasons = single(contract=REASONED)
    one = trained(asked(reasons), WrapVote("answer", 3), "vote")
    assert one is not None and one.edits == (WrapVote("answer", 3),)
    assert one.agent.runs == {"answer": 3}


def test_what_cannot_be_is_no_candidate() -> None:
    assert trained(asked(single()), RemoveNode("answer"), "without answer") is None


def test_without_targets_nothing_is_shown() -> None:
    agent = replace(single(contract=Contract()), metric="judge")
    pool = [replace(row, targets=None) for row in rows(30)]
    given = replace(proposal(agent, pool, step=1), scores=[0.2] * 12)
    edit = dict(direct(given))["check"]
    one = trained(given, edit, "check")
    assert one is not None and len(one.edits) == 1
    assert "Name the queue." in one.agent.last.instructions[0]  # it is told the task


def test_demos_of_the_node_behind_notes_read_them() -> None:
    demo = Demo({"input": "x"}, {"answer": "billing"})
    agent = single()
    agent = agent.with_node(replace(agent.last, demos=(demo,)))
    edit = dict(direct(asked(agent)))["plan"]
    one = trained(asked(agent), edit, "plan")
    assert one is not None and isinstance(one.agent.last, Node)
    assert all(set(demo.inputs) == {"input", "plan"} for demo in one.agent.last.demos)
