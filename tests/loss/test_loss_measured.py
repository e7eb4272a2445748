"""The measured loss: what is scored, given what, and what becomes of the likelihoods."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from slearn.agent import Agent, Contract, Demo, Field, Flow, Node, Step
from slearn.engine import (
    GenerateRequest,
    Generation,
    Score,
    ScoreRequest,
    ToolRequest,
    ToolResult,
    Watcher,
)
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.evaluate import evaluate
from slearn.loss import UNSAYABLE, loss_of, losses_after, measured_loss, measured_losses
from slearn.tools import Toolbox
from slearn.values import Example, Usage

CHOICE = Contract((Field("answer", "choice", choices=("yes", "no", "maybe")),))
REASONED = Contract((Field("reasoning"), *CHOICE.fields))


class Likelihoods(ScriptedEngine):
    """Generates by a script and scores by a table; keeps every round it was asked."""

    def __init__(
        self, table: Callable[[ScoreRequest, str], float], script: Callable[[GenerateRequest], str]
    ) -> None:
        super().__init__(script)
        self._table = table
        self.scored: list[list[ScoreRequest]] = []
        self.generated: list[list[GenerateRequest]] = []

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        self.generated.append(list(requests))
        return super().generate(requests, watch)

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        self.scored.append(list(requests))
        return [
            Score(
                tuple(
                    self._table(request, target)
                    if accepts(request.grammar, request.prefix + target)
                    else -math.inf
                    for target in request.targets
                ),
                Usage(),
            )
            for request in requests
        ]


def even(request: ScoreRequest, target: str) -> float:
    """A quarter for everything."""
    return math.log(0.25)


def said(request: GenerateRequest) -> str:
    """Reasoning is told by the system prompt; other nodes repeat their input in brackets."""
    asked = request.messages[-1].content
    if "reasoning" in request.messages[0].content:
        return f"reasoning: because {asked}\nanswer: no"
    return f"<{asked}>"


def agent(contract: Contract = CHOICE, *demos: Demo) -> Agent:
    return Agent("a", (Node("last", ("Judge.",), output=contract, demos=demos),), Flow(("last",)))


def rows(*targets: tuple[str, ...] | None) -> list[Example]:
    return [Example(f"e{n}", {"input": f"row {n}"}, found) for n, found in enumerate(targets)]


def test_alternative_targets_add_up() -> None:
    engine = Likelihoods(even, said)
    losses = measured_loss(agent(), rows(("yes",), ("yes", "no")), engine)
    assert losses == pytest.approx([math.log(4), math.log(2)])
    assert [request.targets for request in engine.scored[0]] == [("yes",), ("yes", "no")]


def test_a_target_given_twice_counts_once_and_only_eight_count() -> None:
    engine = Likelihoods(even, said)
    many = tuple(f"t{n}" for n in range(20))
    losses = measured_loss(agent(Contract()), rows(("a", "a"), many), engine)
    assert [len(request.targets) for request in engine.scored[0]] == [1, 8]
    assert losses == pytest.approx([math.log(4), 0.0])  # eight quarters are more than one


@pytest.mark.parametrize(
    ("logprobs", "loss"),
    [
        ((0.0,), 0.0),
        ((-1.5,), 1.5),
        ((math.log(0.5), math.log(0.5)), 0.0),
        ((-1000.0, -1000.0), UNSAYABLE),
        ((-math.inf,), UNSAYABLE),
        ((-math.inf, -2.0), 2.0),
        ((), UNSAYABLE),
        ((1e-9,), 0.0),
    ],
)
def test_a_loss_is_never_below_zero_nor_above_unsayable(
    logprobs: tuple[float, ...], loss: float
) -> None:
    assert loss_of(logprobs) == pytest.approx(loss, abs=1e-12)


def test_a_plain_answer_costs_one_prefill_and_no_generation() -> None:
    engine = Likelihoods(even, said)
    measured_loss(agent(), rows(("yes",), ("no",), ("maybe",)), engine)
    assert (len(engine.generated), len(engine.scored)) == (0, 1)
    request = engine.scored[0][1]
    assert request.prefix == "" and request.messages[-1].content == "row 1"
    assert request.where == "node 'last', example e1"
    assert request.grammar == CHOICE.grammar()


def test_a_reasoned_answer_is_scored_after_the_reasoning_this_agent_wrote() -> None:
    engine = Likelihoods(even, said)
    losses = measured_loss(agent(REASONED), rows(("yes",), ("no",)), engine)
    assert losses == pytest.approx([math.log(4)] * 2)
    assert [len(made) for made in engine.generated] == [2]
    prefixes = [request.prefix for request in engine.scored[0]]
    assert prefixes == [f"reasoning: because row {n}\nanswer: " for n in range(2)]


def decided(contract: Contract) -> Contract:
    return Contract((*contract.fields[:-1], replace(contract.answer, decide="likelihood")))


@pytest.mark.parametrize("contract", [CHOICE, REASONED])
def test_a_decided_answer_is_scored_where_the_choices_are_weighed(contract: Contract) -> None:
    def before(request: GenerateRequest) -> str:
        return f"reasoning: because {request.messages[-1].content}\nanswer: "

    engine = Likelihoods(even, before)
    examples = rows(("yes",), ("no", "maybe"))
    losses = measured_loss(agent(decided(contract)), examples, engine)
    # all choices are as likely: a target has a third of them, two have two thirds
    assert losses == pytest.approx([math.log(3), math.log(1.5)])
    evaluate(agent(decided(contract)), examples, engine)
    scored, weighed = engine.scored
    assert scored == weighed  # the same requests, so what deciding paid for is free
    assert [one.targets for one in weighed] == [("yes", "no", "maybe")] * 2
    # what is written before the answer is asked for in the same words, and so is paid for once
    assert len(engine.generated) == (2 if contract is REASONED else 0)
    assert engine.generated[:1] == engine.generated[1:]


@pytest.mark.parametrize("size", [-1.0, -60.0, -900.0])
def test_a_share_does_not_depend_on_how_long_the_choices_are(size: float) -> None:
    """Long choices are all unlikely: only what sets them apart counts."""

    def table(request: ScoreRequest, target: str) -> float:
        return {"yes": size, "no": size - 1.0, "maybe": -math.inf}[target]

    engine = Likelihoods(table, said)
    losses = measured_loss(agent(decided(CHOICE)), rows(("no",), ("maybe",)), engine)
    assert losses == pytest.approx([math.log1p(math.e), UNSAYABLE])


def test_a_judge_grades_the_answer_that_was_decided() -> None:
    def table(request: ScoreRequest, target: str) -> float:
        if request.targets == ("1", "2", "3", "4", "5"):
            return 0.0 if target == "4" else -math.inf
        return {"yes": -2.0, "no": -3.0, "maybe": -0.5}[target]

    engine = Likelihoods(table, said)
    losses = measured_loss(agent(decided(CHOICE)), rows(None), engine)
    assert losses == pytest.approx([-math.log(0.75)])
    assert "maybe" in engine.scored[1][0].messages[-1].content
    found = evaluate(replace(agent(decided(CHOICE)), metric="judge"), rows(None), engine)
    assert (found.answers, found.scores) == (("maybe",), (0.75,))


@pytest.mark.parametrize("more", [(), (Field("note"),)])
def test_an_answer_that_stands_first_is_scored_after_its_own_label(more: tuple[Field, ...]) -> None:
    engine = Likelihoods(even, said)
    contract = Contract((*CHOICE.fields, *more, Field("why")))
    assert measured_loss(agent(contract), rows(("yes",)), engine) == pytest.approx([math.log(4)])
    request = engine.scored[0][0]
    assert request.prefix == "answer: "
    assert engine.generated == []
    assert accepts(request.grammar, "answer: yes") and not accepts(request.grammar, "yes")


def test_fields_behind_the_answer_are_not_scored() -> None:
    engine = Likelihoods(even, said)
    contract = Contract((*REASONED.fields, Field("note")))

    def longer(request: GenerateRequest) -> str:
        return said(request) + "\nnote: x"

    engine = Likelihoods(even, longer)
    measured_loss(agent(contract), rows(("yes",)), engine)
    request = engine.scored[0][0]
    assert accepts(request.grammar, request.prefix + "yes")
    assert not accepts(request.grammar, request.prefix + "yes\nnote: x")


def chain(mark: str, contract: Contract = CHOICE) -> Agent:
    nodes = (
        Node("one", (f"First {mark}.",)),
        Node("two", (f"Second {mark}.",), ("one",)),
        Node("last", ("Judge.",), ("two", "input"), contract),
    )
    return Agent("chain", nodes, Flow(("one", "two", "last")))


@pytest.mark.parametrize("contract", [CHOICE, REASONED])
def test_the_last_node_reads_what_this_very_agent_produced(contract: Contract) -> None:
    def marked(request: GenerateRequest) -> str:
        head, asked = request.messages[0].content, request.messages[-1].content
        if "Judge." in head:
            return f"reasoning: saw {asked.splitlines()[0]}\nanswer: no"
        return f"{head.split()[1]}({asked})"

    engine = Likelihoods(even, marked)
    agents = [chain("A", contract), chain("B", contract)]
    examples = rows(("yes",), ("no",))
    losses = measured_losses(agents, [examples, examples[:1]], engine)
    assert [len(found) for found in losses] == [2, 1]
    assert len(engine.scored) == 1  # all agents in one round
    wanted = ["A.(A.(row 0))", "A.(A.(row 1))", "B.(B.(row 0))"]
    for request, seen in zip(engine.scored[0], wanted, strict=True):
        assert request.messages[-1].content == f"two: {seen}\ninput: {seen[6:-2]}"
        assert (f"saw two: {seen}\n" in request.prefix) == (contract is REASONED)
    rounds = 2 if contract is CHOICE else 3  # the last node runs only to reason
    assert len(engine.generated) == rounds  # of both agents together


def test_what_a_node_might_have_written_is_measured_on_what_follows_from_it() -> None:
    def marked(request: GenerateRequest) -> str:
        return f"{request.messages[0].content.split()[1]}({request.messages[-1].content})"

    engine = Likelihoods(even, marked)
    examples = rows(("yes",), ("no",))
    taken = [
        (Step("one", row.inputs, {"answer": "else"}, "else", True, Usage()),) for row in examples
    ]
    assert len(losses_after(chain("A"), examples, taken, engine)) == 2
    assert [r.messages[-1].content for r in engine.scored[0]] == [
        "two: A.(else)\ninput: row 0",
        "two: A.(else)\ninput: row 1",
    ]
    assert len(engine.generated) == 1  # only the second node ran


def test_losses_come_back_in_their_own_places() -> None:
    def table(request: ScoreRequest, target: str) -> float:
        number = int(request.messages[-1].content.split()[-1])
        return -(number + 1) * (10.0 if "Other" in request.messages[0].content else 1.0)

    other = Agent("b", (Node("last", ("Other.",), output=CHOICE),), Flow(("last",)))
    examples = rows(("yes",), ("no",), ("maybe",))
    losses = measured_losses([agent(), other], [examples, examples[1:]], Likelihoods(table, said))
    assert losses == [[1.0, 2.0, 3.0], [20.0, 30.0]]


def test_an_unsayable_target_is_worse_than_any_other() -> None:
    losses = measured_loss(agent(), rows(("perhaps",), ("perhaps", "no")), Likelihoods(even, said))
    assert losses == pytest.approx([UNSAYABLE, math.log(4)])


def test_the_examples_own_choices_are_the_grammar() -> None:
    engine = Likelihoods(even, said)
    example = Example("1", {"input": "x"}, ("red",), ("red", "blue"))
    assert measured_loss(agent(Contract((Field("answer", "choice"),))), [example], engine) != [
        UNSAYABLE
    ]
    grammar = engine.scored[0][0].grammar
    assert accepts(grammar, "blue") and not accepts(grammar, "yes")


@pytest.mark.parametrize("targets", [None, ()])
def test_without_a_target_the_judge_decides(targets: tuple[str, ...] | None) -> None:
    def table(request: ScoreRequest, target: str) -> float:
        if request.targets != ("1", "2", "3", "4", "5"):
            return math.log(0.25)
        return 0.0 if target == "3" else -math.inf

    engine, judging = Likelihoods(table, lambda _: "maybe"), Likelihoods(table, said)
    losses = measured_loss(
        agent(), rows(("yes",), targets, ("no",)), engine, judging, task="The first task."
    )
    assert losses == pytest.approx([math.log(4), -math.log(0.5), math.log(4)])
    asked = judging.scored[0][0].messages[-1].content
    assert "The first task." in asked and "row 1" in asked and "maybe" in asked
    assert len(judging.scored) == 1 and len(engine.scored[0]) == 2
    assert "row 1" not in str(engine.scored)


class Running(Likelihoods):
    """Runs tools in a toolbox, and fails where a judge is asked."""

    def __init__(self, script: Callable[[GenerateRequest], str]) -> None:
        super().__init__(self._no_judge, script)
        self.ran: list[str] = []

    def _no_judge(self, request: ScoreRequest, target: str) -> float:
        assert request.targets != ("1", "2", "3", "4", "5"), "a judge was asked"
        return math.log(0.25)

    def run_tools(self, requests: Sequence[ToolRequest]) -> list[ToolResult]:
        self.ran += [request.where for request in requests]
        with Toolbox() as box:
            return box.run(requests)


def coder() -> Agent:
    contract = Contract((Field(max_chars=80, max_tokens=80),))
    return replace(agent(contract), metric="tests")


def with_tests(*tests: str, targets: tuple[str, ...] | None = None) -> list[Example]:
    return [
        Example(f"e{n}", {"input": f"row {n}"}, targets, row={"tests": [one]})
        for n, one in enumerate(tests)
    ]


def test_unit_tests_say_what_code_without_a_target_is_worth() -> None:
    engine = Running(lambda _: "x = 2")
    losses = measured_loss(coder(), with_tests("assert x == 2", "assert x == 3"), engine)
    assert losses == pytest.approx([0.0, -math.log(1e-6)])
    assert engine.ran == ["example e0", "example e1"] and engine.scored == []


def test_tests_run_where_answers_are_scored() -> None:
    running, other = Running(lambda _: "x = 2"), Running(lambda _: "x = 2")
    examples = with_tests("assert x == 2")
    measured_loss(coder(), examples, running, other)
    evaluate(coder(), examples, running, other)
    assert running.ran == [] and other.ran == ["example e0"] * 2


def test_code_with_a_target_is_measured_by_it() -> None:
    engine = Running(lambda _: "x = 2")
    examples = with_tests("assert x == 2", targets=("x = 2",))
    assert measured_loss(coder(), examples, engine) == pytest.approx([math.log(4)])
    assert engine.ran == []


def test_the_worst_grade_is_a_finite_loss() -> None:
    def table(request: ScoreRequest, target: str) -> float:
        return 0.0 if target == "1" else -math.inf

    losses = measured_loss(agent(), rows(None), Likelihoods(table, lambda _: "no"))
    assert losses == pytest.approx([-math.log(1e-6)])


def test_nothing_to_measure_asks_nothing() -> None:
    engine = Likelihoods(even, said)
    assert measured_losses([agent(), agent()], [[], []], engine) == [[], []]
    assert engine.scored == engine.generated == []


def test_a_good_demonstration_lowers_the_loss_of_the_memory() -> None:
    engine = ScriptedEngine()
    examples = [Example("1", {"input": "is fire hot"}, ("yes",))]
    near = agent(CHOICE, Demo({"input": "is fire hot now"}, {"answer": "yes"}))
    wrong = agent(CHOICE, Demo({"input": "is fire hot now"}, {"answer": "no"}))
    plain, good, bad = measured_losses([agent(), near, wrong], [examples] * 3, engine)
    assert good[0] < plain[0] and good[0] < bad[0]
