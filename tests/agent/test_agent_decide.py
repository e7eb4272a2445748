"""Deciding by likelihood: whole choices are weighed, after what the node writes first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from slearn.agent import Agent, Contract, Field, Flow, Node, forward, render
from slearn.agent.decide import choose
from slearn.engine import GenerateRequest, Generation, Sampling, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.errors import InputError
from slearn.values import Example, Usage

LABEL = Field("answer", "choice", choices=("yes", "no", "not sure"), decide="likelihood")
CHOICE = Contract((LABEL,))
REASONED = Contract((Field("reasoning"), LABEL))
OPEN = Contract((Field("answer", "choice", decide="likelihood"),))


class Weights(ScriptedEngine):
    """Weighs by a table, the same for every request, writes what it is asked; keeps all rounds."""

    def __init__(self, table: Mapping[str, float]) -> None:
        super().__init__(self._write)
        self._table = table
        self.scored: list[list[ScoreRequest]] = []
        self.generated: list[list[GenerateRequest]] = []

    def _write(self, request: GenerateRequest) -> str:
        asked = request.messages[-1].content.splitlines()[0]
        reasoned = f"reasoning: because {asked}\nanswer: "
        return reasoned if accepts(request.grammar, reasoned) else f"<{asked}>"

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        self.generated.append(list(requests))
        return super().generate(requests, watch)

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        self.scored.append(list(requests))
        for request in requests:
            assert all(accepts(request.grammar, request.prefix + t) for t in request.targets)
        used = Usage(prompt=5, scored=2)
        return [Score(tuple(self._table[t] for t in one.targets), used) for one in requests]


def agent(contract: Contract = CHOICE) -> Agent:
    return Agent("a", (Node("last", ("Judge.",), output=contract),), Flow(("last",)))


def rows(count: int, choices: tuple[str, ...] | None = None) -> list[Example]:
    return [Example(f"e{n}", {"input": f"row {n}"}, choices=choices) for n in range(count)]


def test_the_likeliest_whole_choice_is_the_answer_and_nothing_is_written() -> None:
    engine = Weights({"yes": -2.0, "no": -1.5, "not sure": -0.5})
    found = forward(agent(), rows(3), engine)
    assert [trajectory.answer for trajectory in found] == ["not sure"] * 3
    assert (engine.generated, len(engine.scored)) == ([], 1)
    request = engine.scored[0][1]
    assert request.messages == render(agent().last, {"input": "row 1"})
    assert (request.targets, request.prefix) == (("yes", "no", "not sure"), "")
    assert request.grammar == CHOICE.grammar()
    assert request.where == "node 'last', example e1"
    step = found[1].steps[0]
    assert (step.node, step.text, step.output) == ("last", "not sure", {"answer": "not sure"})
    assert step.valid and step.usage == Usage(prompt=5, scored=2)


def test_fields_before_the_answer_are_written_and_the_choices_weighed_after_them() -> None:
    engine = Weights({"yes": -0.1, "no": -3.0, "not sure": -4.0})
    found = forward(agent(REASONED), rows(2), engine)
    assert (len(engine.generated), len(engine.scored)) == (1, 1)
    asked = engine.generated[0][0]
    assert asked.messages == render(agent(REASONED).last, {"input": "row 0"})
    # it ends where a whole output has its line break, and the answer is left open
    assert accepts(asked.grammar, "reasoning: x\nanswer: ")
    assert not accepts(asked.grammar, "reasoning: x\nanswer: yes")
    prefixes = [request.prefix for request in engine.scored[0]]
    assert prefixes == [f"reasoning: because row {n}\nanswer: " for n in range(2)]
    step = found[1].steps[0]
    assert step.text == "reasoning: because row 1\nanswer: yes"
    assert step.output == {"reasoning": "because row 1", "answer": "yes"}
    assert accepts(REASONED.grammar(), step.text) and step.valid
    written = ScriptedEngine(["reasoning: because row 1\nanswer: "]).generate([asked])[0].usage
    assert step.usage == written + Usage(prompt=5, scored=2)


def test_a_single_field_may_have_its_label() -> None:
    engine = Weights({"yes": -2.0, "no": -0.5, "not sure": -1.0})
    (found,) = forward(agent(Contract((LABEL,), labelled=True)), rows(1), engine)
    assert (found.steps[0].text, found.answer) == ("answer: no", "no")
    assert (engine.generated, engine.scored[0][0].prefix) == ([], "answer: ")


@pytest.mark.parametrize("before", [(), (Field("reasoning"),)])
def test_an_example_may_bring_its_own_choices(before: tuple[Field, ...]) -> None:
    engine = Weights({"up": -2.0, "down": -1.0, "left": -1.0, "right": -3.0})
    examples = rows(1, ("up", "down", "up")) + rows(1, ("right", "left"))
    found = forward(agent(Contract((*before, *OPEN.fields))), examples, engine)
    assert [trajectory.answer for trajectory in found] == ["down", "left"]
    assert [request.targets for request in engine.scored[0]] == [("up", "down"), ("right", "left")]
    rounds = len(engine.generated)
    with pytest.raises(InputError, match="'answer' has no choices and the example brings none"):
        forward(agent(Contract((*before, *OPEN.fields))), rows(1), engine)
    assert len(engine.generated) == rounds  # nothing was paid for


def test_the_first_of_equals_is_the_answer() -> None:
    engine = Weights({"yes": -2.0, "no": -0.7, "not sure": -0.7})
    assert forward(agent(), rows(1), engine)[0].answer == "no"
    assert choose([-math.inf, -math.inf]) == choose([-math.inf, -math.inf], 0.5) == 0
    assert choose([-math.inf, -900.0], 1.0) == 1


def test_one_choice_alone_is_the_answer() -> None:
    assert forward(agent(OPEN), rows(1, ("up",)), Weights({"up": 0.0}))[0].answer == "up"


def test_a_chain_hands_what_was_decided_on() -> None:
    engine = Weights({"yes": -1.0, "no": -0.5, "not sure": -2.0})
    nodes = (
        Node("gate", ("Judge.",), output=CHOICE),
        Node("say", ("Say it.",), ("gate", "input")),
        Node("last", ("Judge again.",), ("say", "gate.answer"), REASONED),
    )
    chain = Agent("chain", nodes, Flow(("gate", "say", "last")))
    (found,) = forward(chain, rows(1), engine)
    gate, say, last = found.steps
    assert say.inputs == {"gate": "no", "input": "row 0"}
    assert last.inputs == {"say": "<gate: no>", "gate.answer": "no"}
    assert gate.output == {"answer": "no"}
    assert found.answer == "no" and (len(engine.generated), len(engine.scored)) == (2, 2)


def test_no_examples_make_no_trajectories() -> None:
    assert forward(agent(REASONED), [], Weights({})) == []


def test_at_a_temperature_the_choice_is_drawn_from_its_probabilities() -> None:
    # they add up to a half: what is missing goes to each in its proportion
    table = {"yes": math.log(0.3), "no": math.log(0.15), "not sure": math.log(0.05)}

    def drawn(temperature: float, seed: int, count: int = 400) -> list[str]:
        sampling = Sampling(temperature)
        found = forward(agent(), rows(count), Weights(table), sampling=sampling, seed=seed)
        return [trajectory.answer for trajectory in found]

    counts = Counter(drawn(1.0, 0))
    assert counts["yes"] / 400 == pytest.approx(0.6, abs=0.08)
    assert counts["not sure"] / 400 == pytest.approx(0.1, abs=0.05)
    assert Counter(drawn(100.0, 0))["not sure"] / 400 == pytest.approx(1 / 3, abs=0.08)
    assert drawn(1.0, 1, 20) == drawn(1.0, 1, 20) != drawn(1.0, 2, 20)
    assert set(drawn(0.0, 0, 20)) == {"yes"} == set(drawn(0.01, 0, 20))


@pytest.mark.parametrize(
    ("contract", "decided"),
    [
        (CHOICE, True),
        (REASONED, True),
        (Contract((Field("reasoning"), Field("label", "choice", decide="likelihood"))), True),
        (Contract((LABEL, Field("note"))), False),
        (Contract((Field("answer"), Field("label", "choice", decide="likelihood"))), False),
        (Contract((Field("answer", "choice", choices=("yes",)),)), False),
    ],
)
def test_only_an_answer_that_stands_last_is_decided(contract: Contract, decided: bool) -> None:
    assert contract.decided == decided
