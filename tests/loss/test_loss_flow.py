"""The measured loss through flows: which answers are scored, after what, and how they add up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    forward,
    render,
)
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import accepts
from slearn.loss import UNSAYABLE, losses_after, measured_loss, measured_losses
from slearn.loss.measured import mixed
from slearn.values import Example, Usage
from tests.agent.flows import ROWS, Rounds, agents_with_flows, by_chance

CHOICE = Contract((Field("answer", "choice", choices=("yes", "no")),))
REASONED = Contract((Field("why"), *CHOICE.fields))
DECIDED = Contract((Field("answer", "choice", choices=("yes", "no"), decide="likelihood"),))
Table = Callable[[str, str], float]  # the likelihood of a target after the last message


class Likelihoods(Rounds):
    """Answers by a function and finds targets as likely as another one says; keeps all rounds."""

    def __init__(
        self, table: Table, script: Callable[[GenerateRequest], str | None] | None = None
    ) -> None:
        super().__init__(script or bracketed)
        self._table = table
        self.scored: list[list[ScoreRequest]] = []

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        self.scored.append(list(requests))
        return [Score(tuple(self._of(request, t) for t in request.targets), Usage())
                for request in requests]  # fmt: skip

    def _of(self, request: ScoreRequest, target: str) -> float:
        said = accepts(request.grammar, request.prefix + target)
        seen = request.prefix or request.messages[-1].content
        return math.log(self._table(seen, target)) if said else -math.inf


def bracketed(request: GenerateRequest) -> str:
    """What a node says: its name and what it read, and its luck, if it has any."""
    name, luck = request.where.split("'")[1], request.seed // 7919
    seen = request.messages[-1].content.replace("\n", ";")
    return f"{name}{luck or ''}({seen})"


def fixed(seen: str, target: str) -> float:
    """Likelier, the longer what is read: never the same by chance."""
    return 1 / (2 + len(seen))


def n(name: str, *inputs: str, **settings: Any) -> Node:
    return Node(name, (f"Be {name}.",), inputs or ("input",), **settings)


def agent(nodes: list[Node], *steps: Part, **settings: Any) -> Agent:
    return Agent("a", tuple(nodes), Flow(steps, **{"limit": 200, **settings}))


def rows(*inputs: dict[str, str]) -> list[Example]:
    return [Example(f"e{k}", {"input": f"row {k}", **own}, ("yes",))
            for k, own in enumerate(inputs)]  # fmt: skip


@pytest.mark.parametrize("contract", [CHOICE, REASONED, DECIDED])
def test_a_chain_is_scored_after_what_its_first_nodes_said(contract: Contract) -> None:
    def script(request: GenerateRequest) -> str:
        return "why: so\nanswer: no" if "'b'" in request.where else bracketed(request)

    engine = Likelihoods(fixed, script)
    made = agent([n("a"), n("b", "a", "input", output=contract)], "a", "b")
    (loss,) = measured_loss(made, rows({}), engine)
    (request,) = engine.scored[0]
    assert request.messages[-1].content.startswith("a: a(row 0)\ninput: row 0")
    wanted = {
        CHOICE: math.log(2 + len("a: a(row 0)\ninput: row 0")),
        REASONED: math.log(2 + len("why: so\nanswer: ")),
        DECIDED: math.log(2),  # both choices are as likely
    }
    assert loss == pytest.approx(wanted[contract])
    assert [len(asked) for asked in engine.asked] == ([1, 1] if contract is REASONED else [1])


def test_a_node_beside_the_answer_is_no_part_of_it() -> None:
    """They run at the same time, and only the last of them is the answer."""
    engine = Likelihoods(fixed)
    made = agent([n("a"), n("b", output=CHOICE)], "a", "b")
    alone = agent([n("b", output=CHOICE)], "b")
    assert measured_loss(made, rows({}), engine) == measured_loss(alone, rows({}), engine)
    assert [len(scored) for scored in engine.scored] == [1, 1]


def test_a_branch_scores_the_node_that_it_leads_to() -> None:
    made = agent(
        [n("a", output=CHOICE), n("b", "input", "input2", output=CHOICE)],
        Branch("kind", (("x", ("a",)),), ("b",)),
    )
    engine = Likelihoods(fixed)
    examples = rows({"kind": "y", "input2": "more"}, {"kind": "x"})
    losses = measured_loss(made, examples, engine)
    (requests,) = engine.scored
    assert [r.where for r in requests] == ["node 'b', example e0", "node 'a', example e1"]
    assert losses == pytest.approx(
        [math.log(2 + len("input: row 0\ninput2: more")), math.log(2 + len("row 1"))]
    )
    assert engine.asked == []


def test_where_no_case_fits_the_node_before_is_scored() -> None:
    made = agent([n("a"), n("b", "a", output=CHOICE)], "a", Branch("kind", (("x", ("b",)),)))
    engine = Likelihoods(fixed)
    measured_loss(made, rows({"kind": "y"}, {"kind": "x"}), engine)
    assert [r.where for r in engine.scored[0]] == ["node 'a', example e0", "node 'b', example e1"]
    assert engine.scored[0][0].messages[-1].content == "row 0"


def voting(times: int = 3) -> Agent:
    return agent([n("a"), n("b", "a", output=CHOICE)], Vote(("a", "b"), times))


def test_a_vote_is_the_mean_of_the_likelihoods_of_all_that_vote() -> None:
    likely = {"a(": 0.8, "a1(": 0.1, "a2(": 0.6}

    def table(seen: str, target: str) -> float:
        return likely[seen.split("row")[0]]

    engine = Likelihoods(table)
    losses = measured_loss(voting(), rows({}, {}), engine)
    assert losses == pytest.approx([-math.log(0.5)] * 2)  # (0.8 + 0.1 + 0.6) / 3
    # All in one round; what votes is not written, only what stands before it.
    assert [len(requests) for requests in engine.scored] == [6]
    assert [len(requests) for requests in engine.asked] == [6]


def test_who_votes_for_what_cannot_be_said_does_not_make_it_impossible() -> None:
    def table(seen: str, target: str) -> float:
        return 1.0 if "a1(" in seen else 1e-300

    assert measured_loss(voting(4), rows({}), Likelihoods(table)) == pytest.approx([math.log(4)])
    never = [replace(one, targets=("maybe",)) for one in rows({})]
    assert measured_loss(voting(), never, Likelihoods(table)) == [UNSAYABLE]


def test_votes_that_end_in_other_nodes_all_count() -> None:
    made = agent(
        [n("a", output=CHOICE), n("b", "a", output=CHOICE)],
        Vote(("a", Branch("a", (("no", ("b",)),))), 2),
    )

    def script(request: GenerateRequest) -> str:
        return "no" if request.seed else "yes"

    def table(seen: str, target: str) -> float:
        return {"row 0": 0.2, "no": 0.6}[seen]

    engine = Likelihoods(table, script)
    assert measured_loss(made, rows({}), engine) == pytest.approx([-math.log(0.4)])


@given(st.lists(st.floats(0, 60), min_size=1, max_size=8))
def test_a_mix_lies_between_the_best_and_the_worst(losses: list[float]) -> None:
    own = [min(loss, UNSAYABLE) for loss in losses]
    found = mixed(own)
    assert min(own) - 1e-9 <= found <= max(own) + 1e-9
    likely = sum(math.exp(-loss) for loss in own) / len(own)
    assert found == pytest.approx(-math.log(likely), abs=1e-9)
    assert found == pytest.approx(mixed(own[::-1]), abs=1e-9)


def test_a_list_is_run_before_what_reads_it() -> None:
    made = agent(
        [n("part", "item"), n("b", "all", output=CHOICE)],
        Each("list", "item", ("part",), "all"),
        "b",
    )
    engine = Likelihoods(fixed)
    measured_loss(made, rows({"list": "p\nq"}, {"list": ""}), engine)
    assert [r.messages[-1].content for r in engine.scored[0]] == ["part(p)\npart(q)", ""]


def test_the_best_of_some_is_scored_as_the_one_that_was_taken() -> None:
    grade = n("g", "a", output=Contract((Field("answer", "number"),)))
    made = agent([n("w"), n("a", "w"), grade], Best(("w", "a"), "g", 3))

    def script(request: GenerateRequest) -> str:
        if "'g'" in request.where:
            return "9" if "w1(" in request.messages[-1].content else "1"
        return bracketed(request)

    engine = Likelihoods(fixed, script)
    measured_loss(made, rows({}), engine)
    assert [r.messages[-1].content for r in engine.scored[0]] == ["w1(row 0)"]


def looping(**settings: Any) -> Agent:
    return agent(
        [n("write", "input", "draft", writes="draft"), n("check", "draft", output=CHOICE)],
        Loop(("write", "check"), "check", "yes", 3),
        start=(("draft", "none"),),
        **settings,
    )


def checked(request: GenerateRequest) -> str:
    """Says yes of a draft that was written twice."""
    if "'check'" in request.where:
        return "yes" if request.messages[-1].content.count("write") > 1 else "no"
    return bracketed(request)


def test_an_answer_that_is_named_is_scored_on_what_it_read_itself() -> None:
    engine = Likelihoods(fixed, checked)
    examples = rows({})
    measured_loss(looping(answer="draft"), examples, engine)
    (found,) = forward(looping(answer="draft"), examples, Rounds(checked))
    assert found.end.node == "write"
    (request,) = engine.scored[0]
    assert request.messages == render(looping().node("write"), found.end.inputs, examples[0])
    assert "draft: write(input: row 0;draft: none)" in request.messages[-1].content


def test_a_loop_is_scored_in_the_turn_that_ended_it() -> None:
    engine = Likelihoods(fixed, checked)
    measured_loss(looping(), rows({}), engine)
    (request,) = engine.scored[0]
    assert request.where == "node 'check', example e0"
    assert request.messages[-1].content.count("write") == 2


def test_a_node_with_roles_is_scored_after_their_talk() -> None:
    roles = (Role("critic", "Be short."), Role("fan", "Praise."))
    engine = Likelihoods(fixed, lambda request: "hm")
    measured_loss(agent([n("a", output=CHOICE, roles=roles)], "a"), rows({}), engine)
    (request,) = engine.scored[0]
    assert request.messages[-1].content == "input: row 0\ntalk: critic: hm\nfan: hm"
    assert len(engine.asked) == 2


def test_agents_with_flows_are_scored_in_one_round_each_in_its_own_place() -> None:
    engine = Likelihoods(fixed)
    agents = [voting(), looping(answer="draft"), agent([n("a", output=CHOICE)], "a")]
    examples = [rows({}, {}), rows({}), []]
    script = Likelihoods(fixed, lambda r: "no" if "'check'" in r.where else bracketed(r))
    together = measured_losses(agents, examples, script)
    assert len(script.scored) == 1
    assert [len(found) for found in together] == [2, 1, 0]
    assert together[0] == measured_loss(voting(), examples[0], engine)


# What if a step had said something else?


def test_a_changed_step_runs_again_what_is_behind_it_and_nothing_before() -> None:
    made = agent(
        [n("a"), n("b", "a"), n("c", "b"), n("d", "a", "c", output=CHOICE)], "a", "b", "c", "d"
    )
    examples = rows({}, {})
    found = forward(made, examples, Rounds(lambda r: None if "'d'" in r.where else bracketed(r)))
    engine = Likelihoods(fixed)
    changed = [replace(one.steps[1], output={"answer": "other"}, text="other") for one in found]
    taken = [(*one.steps[:1], step) for one, step in zip(found, changed, strict=True)]
    losses = losses_after(made, examples, taken, engine)
    assert [[r.where for r in asked] for asked in engine.asked] == [
        ["node 'c', example e0", "node 'c', example e1"]
    ]
    seen = [r.messages[-1].content for r in engine.scored[0]]
    assert seen == [f"a: a(row {k})\nc: c(other)" for k in range(2)]
    assert losses == pytest.approx([math.log(2 + len(text)) for text in seen])


def test_a_changed_choice_leads_another_way() -> None:
    made = agent(
        [n("kind", output=CHOICE), n("a", output=CHOICE), n("b"), n("c", "b", output=CHOICE)],
        "kind",
        Branch("kind", (("yes", ("a",)),), ("b", "c")),
    )
    examples = rows({})
    (found,) = forward(made, examples, Rounds(lambda r: "yes"))
    assert found.end.node == "a"
    changed = replace(found.steps[0], output={"answer": "no"}, text="no")
    engine = Likelihoods(fixed)
    losses_after(made, examples, [(changed,)], engine)
    assert [r.where for r in engine.scored[0]] == ["node 'c', example e0"]
    assert [[r.where for r in asked] for asked in engine.asked] == [["node 'b', example e0"]]


def test_a_changed_vote_leaves_the_others_as_they_were() -> None:
    examples = rows({})
    (found,) = forward(
        voting(), examples, Rounds(lambda r: "yes" if "'b'" in r.where else bracketed(r))
    )
    first = [step for step in found.steps if step.node == "a"]
    changed = replace(first[1], output={"answer": "other"}, text="other")
    engine = Likelihoods(fixed)
    losses_after(voting(), examples, [(first[0], changed, first[2])], engine)
    assert engine.asked == []
    seen = [r.messages[-1].content for r in engine.scored[0]]
    assert seen == ["a(row 0)", "other", "a2(row 0)"]


@given(agents_with_flows())
def test_after_the_steps_that_it_took_an_agent_has_the_loss_that_it_has(made: Agent) -> None:
    examples = list(ROWS)
    found = forward(made, examples, Likelihoods(fixed, by_chance))  # who decides, decides alike
    whole, after = Likelihoods(fixed, by_chance), Likelihoods(fixed, by_chance)
    losses = measured_loss(made, examples, whole)
    assert losses == losses_after(made, examples, [one.steps for one in found], after)
    # Nodes on the way that decide by likelihood are known too: only the answers are weighed.
    assert whole.scored[len(whole.scored) - len(after.scored) :] == after.scored
    decides = any(node.output.decided for node in made.nodes)
    assert decides or whole.scored == after.scored
    assert all(0 <= loss <= UNSAYABLE for loss in losses)
    # What is known is not asked again; answers that reason are, up to their answer.
    reasons = any(len(made.node(name).output.fields) > 1 for name in made.ends)
    assert after.asked == [] or reasons
