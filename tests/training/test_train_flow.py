"""Optimizers on agents whose flow is more than a chain: they learn from the way that counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from slearn.agent import (
    Agent,
    Best,
    Branch,
    Contract,
    Each,
    Field,
    Flow,
    Loop,
    Node,
    Part,
    Role,
    Vote,
    agent_from_text,
    agent_to_text,
    forward,
    last_asks,
)
from slearn.engine import GenerateRequest
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import InputError
from slearn.grad import attribute, bypassed, spare_fields
from slearn.loss import trajectory_input
from slearn.optim import (
    Guards,
    PassedDemos,
    Proposal,
    RemoveNode,
    Restructure,
    restructure,
)
from slearn.optim.demos import demo_from, led_to
from slearn.optim.rebuild import written
from slearn.values import Example
from tests.optim.proposals import CHOICE, LABELS, REASONED, proposal, rows
from tests.training import toy

NUMBER = Contract((Field("answer", "number"),))
VERDICT = Contract((Field("why"), Field("answer", "choice", choices=("fine", "bad"))))


def agent(*steps: Part, answer: str = "", contract: Contract = CHOICE) -> Agent:
    """An agent of those nodes that the steps name."""
    made = {
        "answer": Node("answer", ("Name the queue.",), output=contract),
        "grade": Node("grade", ("Grade it.",), ("answer",), NUMBER),
        "check": Node("check", ("Check it.",), ("answer",), VERDICT),
        "reply": Node("reply", ("Name it at once.",), output=CHOICE),
    }
    named = [name for name in made if f"'{name}'" in repr(steps)]
    return Agent("toy", tuple(made[n] for n in named), Flow(steps, 40, answer))


class Luck(ScriptedEngine):
    """The greedy try names another queue than the lucky ones do; the third grade is the best."""

    def __init__(self) -> None:
        self.grades = iter("13" * 100)
        super().__init__(self._say)

    def _say(self, request: GenerateRequest) -> str | None:
        if "Grade" in request.messages[0].content:
            return next(self.grades)
        if "Name the queue" not in request.messages[0].content:
            return None
        return LABELS[0] if request.sampling.temperature == 0 else LABELS[1]


def test_a_vote_teaches_what_it_answered() -> None:
    voting = agent(Vote(("answer",), 3))
    (one,) = forward(voting, rows(1), Luck())
    assert one.answer == LABELS[1] != one.steps[0].output["answer"]
    demo = demo_from(one, voting.last)
    assert demo is not None and demo.output == {"answer": LABELS[1]}


def test_the_best_teaches_what_was_graded_best() -> None:
    best = agent(Best(("answer",), "grade", 2))
    (one,) = forward(best, rows(1), Luck())
    demo = demo_from(one, best.node("answer"))
    assert one.answer == LABELS[1] and demo is not None and demo.output["answer"] == LABELS[1]
    assert [ask.path for ask in last_asks([(best, rows(1))], Luck())[0]] == ["answer*2"]
    (ask,) = last_asks([(best, rows(1))], Luck())[0]
    assert ask.sampling.temperature > 0  # asked as the winner was, so that it is found again


def test_what_roles_say_is_no_answer_to_learn() -> None:
    talking = agent("answer", contract=REASONED)
    node = replace(talking.last, roles=(Role("critic", "Doubt it."),))
    talking = talking.with_node(node)
    (one,) = forward(talking, rows(1), ScriptedEngine())
    assert [step.path for step in one.steps] == ["answer:critic", "answer"]
    demo = demo_from(one, node)
    assert demo is not None and set(demo.output) == {"reasoning", "answer"}
    assert set(demo.inputs) == {"input"} == set(led_to(one, node).inputs) - {"talk"}
    shown = talking.with_node(replace(node, demos=(demo,)))
    assert agent_from_text(agent_to_text(shown)) == shown
    assert shown.runs == {"answer": 2}


def test_what_the_flow_reads_is_not_left_out() -> None:
    looping = agent(Loop(("answer", "check"), "check.why", "done", 2), answer="answer")
    assert spare_fields(looping, looping.node("check")) == []
    assert attribute(looping, rows(6), ScriptedEngine())


@pytest.mark.parametrize("gone", ["parts", "part"])
def test_a_list_does_not_leave_its_names_to_the_data(gone: str) -> None:
    nodes = (
        Node("parts", ("Split it.",), output=Contract((Field(multiline=True),))),
        Node("part", ("Say it.",), ("item",)),
        Node("answer", ("Name the queue.",), ("all",), CHOICE),
    )
    listing = Agent(
        "list", nodes, Flow(("parts", Each("parts", "item", ("part",), "all"), "answer"), 40)
    )
    assert listing.columns == ("input",)
    assert bypassed(listing, listing.node(gone)) == listing
    with pytest.raises(InputError, match="reads '(all|parts)', which nothing gives"):
        restructure(listing, RemoveNode(gone))
    assert {one.node for one in attribute(listing, rows(6), ScriptedEngine())} >= {"answer"}


def test_where_every_node_answers_the_model_is_not_asked_for_a_structure() -> None:
    forked = agent(Branch("input", (("x", ("reply",)),), ("answer",)))
    taken = forward(forked, rows(12), ScriptedEngine())
    base = proposal(agent("answer"), rows(12), step=1)
    asked = replace(base, agent=forked, trajectories=taken, scores=[0.0] * 12)
    assert written(asked) == []
    assert isinstance(Restructure().propose(asked), list)


def test_a_judge_sees_the_whole_input_of_a_list() -> None:
    each = Node("each", ("Say it.",), ("part",))
    whole = Node("whole", ("Join it.",), ("all",))
    steps = (Each("input", "part", ("each",), "all"), "whole")
    listing = Agent("list", (each, whole), Flow(steps, 40))
    (one,) = forward(listing, [Example("1", {"input": "one\ntwo"})], ScriptedEngine())
    assert trajectory_input(listing, one) == "one\ntwo"


def test_a_prompt_that_is_read_in_turns_has_its_price_and_copies_share_theirs() -> None:
    guards = Guards(lambda text: len(text.split()), [])
    once = guards.size(agent("answer"))
    assert guards.size(agent(Vote(("answer",), 5))) == once
    looping = agent(Loop(("answer", "check"), "check", "fine", 3), answer="answer")
    assert guards.size(looping) == 3 * guards.size(agent("answer", "check"))


@pytest.mark.parametrize(
    "steps",
    [
        (Vote(("answer",), 3),),
        (Loop(("answer", "check"), "check", "fine", 2),),
        (Best(("answer",), "grade", 2),),
        (Branch("input", (("x", ("reply",)),), ("answer",)),),
    ],
)
def test_agents_of_all_shapes_are_trained_to_the_end(
    steps: tuple[Part, ...], tmp_path: Path
) -> None:
    answer = "answer" if isinstance(steps[0], Loop) else ""
    made = agent(*steps, answer=answer)
    contract = Contract((Field("answer", "choice", choices=tuple(toy.QUEUES)),))
    for name in set(made.ends):
        made = made.with_node(replace(made.node(name), output=contract))
    result = toy.run(tmp_path / "s.duckdb", agent=made, settings=replace(toy.SHORT, max_steps=2))
    assert result.after.interval.value >= result.before.interval.value - 0.3
    again = toy.run(tmp_path / "s.duckdb", agent=made, settings=replace(toy.SHORT, max_steps=2))
    assert toy.figures(again) == toy.figures(result)


def test_passed_trajectories_of_a_loop_are_its_last_turns() -> None:
    looping = agent(Loop(("answer", "check"), "check", "fine", 3), answer="answer")
    taken = forward(looping, rows(4), ScriptedEngine())
    base = proposal(agent("answer"), rows(4))
    asked: Proposal = replace(base, agent=looping, trajectories=taken, scores=[1.0] * 4)
    (found,) = PassedDemos().propose(asked)
    by_row = {one.example.id: one for one in taken}
    for demo in found.agent.node("answer").demos:
        assert demo.output["answer"] == by_row[demo.source].answer
