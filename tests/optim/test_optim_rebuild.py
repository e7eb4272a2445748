"""The flow optimizer: which structures it proposes, and that new nodes are shown how."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from slearn.agent import (
    Agent,
    Contract,
    Demo,
    Field,
    Flow,
    Node,
    Vote,
    agent_from_text,
    agent_to_text,
    forward,
)
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.evaluate import score_trajectories
from slearn.optim import (
    AddCase,
    AddNode,
    Guards,
    MergeNodes,
    Proposal,
    RemoveNode,
    Restructure,
    Rewire,
    SetDemos,
    SplitNode,
    Unwrap,
    WrapBest,
    WrapRetry,
    WrapVote,
    apply_all,
)
from slearn.optim.named import names_of, written
from slearn.optim.rebuild import drafts, trained, turns
from slearn.optim.shapes import direct, fits, longest, moves, noting, parting
from tests.optim.proposals import LABELS, REASONED, chain, fault, proposal, rows, single


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


def test_every_turn_leads_to_others() -> None:
    given = asked(single())
    first = [one.operator for one in Restructure().propose(given)]
    second = [one.operator for one in Restructure().propose(replace(given, asked=1))]
    assert len(first) == len(second) == 2 and not set(first) & set(second)


def test_a_new_node_is_shown_how_and_so_is_the_last() -> None:
    (name, edits), *_ = direct(asked(single()))
    one = trained(asked(single()), edits, name)
    assert one is not None and one.operator == "check"
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
    edits = dict(direct(asked(single(), Helped())))["notes"]
    one = trained(asked(single(), Helped()), edits, "notes")
    assert one is not None and one.agent.flow.steps == ("notes", "answer")
    last = [edit for edit in one.edits if isinstance(edit, SetDemos) and edit.node == "answer"]
    assert len(last) == 1 and all("notes" in demo.inputs for demo in last[0].demos)


TEXT = Contract((Field(),))
OPERATIONS: list[tuple[dict[str, str], list[type]]] = [
    ({"op": "add a step before", "node": "answer", "job": "Write the topic."}, [AddNode]),
    ({"op": "split", "node": "answer", "job": "Write the topic."}, [SplitNode]),
    ({"op": "check after", "node": "answer", "job": "Make sure that it is a queue."}, [AddNode]),
    (
        {"op": "write again until", "node": "answer", "job": "Make sure that it is short."},
        [WrapRetry],
    ),
    (
        {
            "op": "take the best of some",
            "node": "answer",
            "job": "Grade from 1 (badly) to 5 (perfectly) how it reads.",
        },
        [WrapBest],
    ),
    ({"op": "vote", "node": "answer"}, [WrapVote]),
    (
        {
            "op": "treat apart",
            "node": "answer",
            "when": "The input is a question.",
            "job": "Write yes or no.",
        },
        [AddNode, AddCase],
    ),
    ({"op": "remove", "node": "first"}, [RemoveNode]),
    ({"op": "make one of", "node": "first"}, [MergeNodes]),
    ({"op": "change", "how": "answer reads input in place of first"}, [Rewire]),
]


class Saying(ScriptedEngine):
    """Names one change of the steps; everything else is left to the memory."""

    def __init__(self, said: dict[str, str]) -> None:
        super().__init__(self._say)
        self.told = json.dumps({"edit": said})

    def _say(self, request: GenerateRequest) -> str | None:
        return self.told if "steps it takes" in request.messages[0].content else None


@pytest.mark.parametrize(("said", "kinds"), OPERATIONS, ids=[said["op"] for said, _ in OPERATIONS])
def test_what_the_model_names_becomes_edits_that_run(
    said: dict[str, str], kinds: list[type]
) -> None:
    engine = Saying(said)
    given = asked(chain(), engine)
    words = proposal(chain(), [], gradients=[fault("first")]).gradients
    [(name, edits)] = written(replace(given, gradients=words))
    assert [type(edit) for edit in edits] == kinds
    one = trained(given, edits, name)
    assert one is not None
    again = agent_from_text(agent_to_text(one.agent))
    assert again == one.agent
    assert all(taken.answer for taken in forward(again, rows(4), engine))


def test_what_held_a_node_alone_can_be_undone() -> None:
    voted = Agent("v", single().nodes, Flow((Vote(("answer",)),)))
    given = asked(voted, Saying({"op": "once", "node": "answer"}))
    [(_, edits)] = written(replace(given, gradients=proposal(voted, []).gradients))
    assert edits == (Unwrap("answer"),)
    assert not fits(single(), [Unwrap("answer")])


def test_only_moves_that_the_checks_let_through_are_offered() -> None:
    nodes = (*chain().nodes, Node("tone", ("Name the tone.",)))
    agent = Agent("m", nodes, Flow(("first", "tone", "answer"), answer="answer"))
    offered = moves(agent)
    assert "tone right after answer" in offered  # nobody reads it
    assert "first right after answer" not in offered  # who is read must stand before
    assert "answer reads tone in place of first" in offered
    assert "first reads answer in place of input" not in offered
    for edit in offered.values():
        assert apply_all(agent, [edit]) != agent


def test_conditions_and_counts_are_offered_where_there_are_any() -> None:
    one = apply_all(single(), parting(single(), single().last, "The input is short.", "Shout."))
    assert [words for words in moves(one) if words.startswith("kind: ")] == [
        "kind: no in place of yes"
    ]
    voted = apply_all(single(), [WrapVote("answer", 2)])
    assert [words for words in moves(voted) if " times" in words] == ["answer 3 times"]
    for agent in (one, voted):
        for words, edit in moves(agent).items():
            assert fits(agent, [edit]), words


def half(request: GenerateRequest) -> str | None:
    """Write the right answer of every second row, and leave reviews to the memory."""
    if "draft" in request.messages[0].content:
        return None
    number = int(re.findall(r"number ([0-9]+)", request.messages[-1].content)[0])
    return LABELS[number % 3] if number % 2 else "nonsense"


def test_a_judge_of_drafts_learns_from_the_metric() -> None:
    """Whether a draft is right is known of the training rows: the review is shown both sorts."""

    given = asked(single(contract=TEXT), ScriptedEngine(half))
    edits = dict(direct(given))["review"]
    one = trained(given, edits, "review")
    assert one is not None and isinstance(one.edits[0], WrapRetry)
    review = one.agent.node("review")
    rights = {row.id: (row.targets or ("",))[0] for row in rows(30)}
    assert review.demos
    assert {demo.output["answer"] for demo in review.demos} == {"yes", "no"}
    for demo in review.demos:
        right = demo.inputs["answer"] == rights[demo.source]
        assert (demo.output["answer"] == "yes") == right
        assert not right or demo.output["missing"] == "nothing"


def test_a_review_is_shown_both_verdicts_or_none() -> None:
    """Where few demonstrations fit, they take turns by what they say."""
    pool = [replace(row, inputs={"input": "word " * 190 + row.inputs["input"]}) for row in rows(30)]
    given = asked(single(contract=TEXT), ScriptedEngine(half))
    given = replace(given, pool=pool)
    one = trained(given, dict(direct(given))["review"], "review")
    assert one is not None
    shown = [demo.output["answer"] for demo in one.agent.node("review").demos]
    assert shown == [] or len(set(shown)) == 2


def test_who_is_left_is_taught_anew_where_its_inputs_changed() -> None:
    given = asked(chain())
    shown = tuple(Demo({"first": "a"}, {"answer": label}) for label in LABELS)
    agent = given.agent.with_node(replace(given.agent.last, demos=shown))
    given = replace(given, agent=agent)
    for edit in (RemoveNode("first"), MergeNodes("first", "answer")):
        one = trained(given, [edit], "x")
        assert one is not None and len(one.agent.last.demos) >= 3
        assert all(demo.inputs.keys() == {"input"} for demo in one.agent.last.demos)
    edit = Rewire("answer", "first", "input")
    one = trained(given, [edit], "x")
    assert one is not None and one.agent.last.demos
    inputs = {row.inputs["input"] for row in rows(30)}
    assert all(demo.inputs["input"] in inputs for demo in one.agent.last.demos)


def test_all_that_is_offered_can_be_made_and_a_review_taken_away_again() -> None:
    given = asked(single(contract=TEXT))
    for name in ("review", "check"):
        one = trained(given, dict(direct(given))[name], name)
        assert one is not None
        offered = names_of(one.agent, moves(one.agent))
        assert offered["removable" if name == "review" else "joined"]
        for key, edits in (
            ("voted", [WrapVote(n) for n in offered["voted"]]),
            ("removable", [RemoveNode(n) for n in offered["removable"]]),
            ("undone", [Unwrap(n) for n in offered["undone"]]),
        ):
            for edit in edits:
                assert fits(one.agent, [edit]), key
    one = trained(given, dict(direct(given))["review"], "review")
    assert one is not None
    again = apply_all(one.agent, [RemoveNode("review")])
    assert again.flow.steps == ("answer",) and again.last.inputs == ("input",)
    apart = apply_all(single(), parting(single(), single().last, "The input is short.", "Shout."))
    back = apply_all(apart, [RemoveNode("kind")])
    assert back.flow.steps == ("answer",) and [node.name for node in back.nodes] == ["answer"]


def test_the_task_told_again_is_nothing_new() -> None:
    """A user's own line may be much like a row; only what is new is judged."""
    line = "Write a reply to the customer who asks about an order."
    agent = single((line,), TEXT)
    guards = Guards(lambda text: len(text.split()), ["Write a reply to the customer who asks now."])
    guards.seen(agent)
    given = asked(agent)
    for name, edits in direct(given):
        one = trained(given, edits, name)
        assert one is not None and guards.refuse(one) == "", name
    guards.seen(single(("e",), TEXT))  # too short to be a task: it cuts no quote up
    quoting = noting(agent, agent.last, "x", "Write a reply to the customer who asks now, please.")
    one = trained(given, [quoting], "x")
    assert one is not None and guards.refuse(one) == "quotes an input of the data"


def test_a_long_input_can_be_read_by_a_node_of_its_own() -> None:
    given = asked(single())
    assert "cited" not in names(given)
    pool = [replace(row, inputs={"input": "word " * 200 + row.id}) for row in rows(30)]
    taken = forward(single(), pool[:6], ScriptedEngine())
    long = replace(given, trajectories=taken, scores=[0.0] * 6, pool=pool)
    [(_, (edit,))] = [shape for shape in direct(long) if shape[0] == "cited"]
    assert isinstance(edit, SplitNode) and edit.second.inputs == ("cited",)
    assert longest(long, single().last) == "input"


def lengthy(metric: str = "f1") -> Proposal:
    """An agent whose input is long, and whose answers are texts of its own."""
    agent = replace(single(contract=TEXT), metric=metric)
    pool = [
        replace(row, inputs={"input": "word " * 200 + row.id, "question": "Who?"})
        for row in rows(30)
    ]
    agent = agent.with_node(replace(agent.last, inputs=("input", "question")))
    taken = forward(agent, pool[:6], ScriptedEngine())
    return replace(
        proposal(agent, pool, step=1), trajectories=taken, scores=[0.0] * 6, pool=pool, rows=20
    )


def test_a_draft_made_of_a_long_input_is_made_brief_by_a_node_that_does_not_read_it() -> None:
    given = lengthy()
    (edit,) = dict(direct(given))["brief"]
    assert isinstance(edit, AddNode) and edit.behind
    assert edit.new.inputs == ("question", "answer")
    assert "brief" not in names(lengthy("judge"))
    one = trained(given, [edit], "brief")
    assert one is not None and one.agent.last.demos
    taken = forward(one.agent, given.pool, given.engine)
    again = replace(given, agent=one.agent, trajectories=taken, scores=[0.0] * len(taken))
    assert "brief" not in names(again)


def test_what_is_shown_stands_in_what_is_read_where_some_does() -> None:
    given = lengthy()
    (edit,) = dict(direct(given))["brief"]
    says = {row.inputs["input"]: (row.targets or ("",))[0] for row in given.pool[:3]}

    def say(request: GenerateRequest) -> str | None:
        found = [word for text, word in says.items() if text in request.messages[-1].content]
        return f"It is {found[0]}." if found else "Nobody knows."

    one = trained(replace(given, runner=ScriptedEngine(say)), [edit], "brief")
    assert one is not None
    assert {demo.source for demo in one.agent.last.demos} == {row.id for row in given.pool[:3]}


def test_what_needs_no_drafts_is_cheaper_to_train() -> None:
    given = lengthy()
    assert [name for name, _ in direct(given)][:3] == ["brief", "cited", "check"]
    alone = [replace(given, asked=asked) for asked in (0, 1, 2)]
    (brief, *_), (check, *_), (plan, *_) = (turns(one) for one in alone)
    assert [turn and turn[0] for turn in (brief, check, plan)] == ["brief", "check", "plan"]
    assert [drafts(given.agent, turn) for turn in (brief, check, plan)] == [False, False, True]
    prices = [Restructure().price(one) for one in alone]
    assert 0 < prices[0] < prices[2] and prices[1] < prices[2]
    told = replace(given, pool=[replace(row, targets=None) for row in given.pool])
    assert Restructure().price(told) < min(prices)


class Reader(ScriptedEngine):
    """Cites the end of its input at most, and answers right where the right sentence was cited."""

    def __init__(self) -> None:
        super().__init__(self._say)

    def _say(self, request: GenerateRequest) -> str | None:
        return None if "trainer call" in request.where else "The last word."

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        found = super().score(requests, watch)
        right = ["The answer is" in request.messages[-1].content for request in requests]
        return [
            replace(score, logprobs=tuple((-0.1 if fine else -9.0) for _ in score.logprobs))
            for score, fine in zip(found, right, strict=True)
        ]


def test_what_reads_a_long_input_is_shown_the_sentences_that_hold_the_answer() -> None:
    given = lengthy()
    pool = [
        replace(
            row,
            inputs={
                **row.inputs,
                "input": "Some word. " * 150 + f"The answer is {(row.targets or ('',))[0]}. End.",
            },
        )
        for row in given.pool
    ]
    given = replace(given, pool=pool, runner=Reader(), engine=Reader())
    given = replace(given, trajectories=forward(given.agent, pool[:6], given.engine))
    one = trained(given, dict(direct(given))["cited"], "cited")
    assert one is not None
    cited = one.agent.node("cited")
    assert cited.demos
    for demo in cited.demos:  # cut, and what it shows stands in it
        assert "The answer is" in demo.output["answer"]
        assert demo.output["answer"] in demo.inputs["input"] and len(demo.inputs["input"]) < 1000


def test_it_is_priced_by_the_rows_that_there_are() -> None:
    given = asked(single())
    few, many = (Restructure().price(replace(given, rows=rows)) for rows in (20, 120))
    assert many - few == 100 * (few - Restructure().price(given)) / 20
    bare = [replace(row, targets=None) for row in given.pool]  # nothing to train new nodes on
    untold = replace(given, pool=bare)
    assert Restructure().price(untold) == 0 < Restructure().price(replace(untold, rows=20))


def test_where_a_judge_is_pleased_structures_are_tried_nevertheless() -> None:
    agent = replace(single(contract=TEXT), metric="judge")
    fine = replace(asked(single(contract=TEXT)), agent=agent, scores=[0.95] * 12)
    assert len(Restructure().propose(fine)) == 2


def test_a_vote_needs_no_training() -> None:
    reasons = single(contract=REASONED)
    one = trained(asked(reasons), [WrapVote("answer", 3)], "vote")
    assert one is not None and one.edits == (WrapVote("answer", 3),)
    assert one.agent.runs == {"answer": 3}


def test_what_cannot_be_is_no_candidate() -> None:
    assert trained(asked(single()), [RemoveNode("answer")], "without answer") is None


def test_without_targets_nothing_is_shown() -> None:
    agent = replace(single(contract=Contract()), metric="judge")
    pool = [replace(row, targets=None) for row in rows(30)]
    given = replace(proposal(agent, pool, step=1), scores=[0.2] * 12)
    assert [name for name, _ in direct(given)][:3] == ["check", "review", "best"]
    one = trained(given, dict(direct(given))["check"], "check")
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
