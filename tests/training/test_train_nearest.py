"""Trained: to read less of a long input, and to be shown what is nearest to an input."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from slearn.agent import Agent, Contract, Field, Flow, Nearest, Node, agent_from_text, agent_to_text
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.optim import Candidate, Narrowing, Optimizer, Proposal, Recall
from slearn.train import TrainData
from slearn.values import Example
from tests.copying import Copying, copied
from tests.training import toy

PLACES = [
    f"{first}{last}" for first in ("Ber", "Tur", "Mal", "Aar") for last in ("gen", "ku", "mo")
]


class Reader(ScriptedEngine):
    """Finds what is asked for in its last message, unless that holds too many passages."""

    def __init__(self) -> None:
        super().__init__(self._say)

    def _say(self, request: GenerateRequest) -> str | None:
        return None if "trainer call" in request.where else self.read(request.messages[-1].content)

    def read(self, text: str) -> str:
        asked = [place for place in PLACES if f"lives in {place}?" in text]
        said = [line for line in text.split('"') if line.startswith(f"In {asked[-1]} lives")]
        return said[-1].split()[-1].strip(".") if said and text.count("lives") < 7 else "nobody"

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        found = super().score(requests, watch)
        for place, one in enumerate(requests):
            text = one.messages[-1].content
            if "lives in" in text:
                odds = tuple(-0.1 if self.read(text) == said else -4.0 for said in one.targets)
                found[place] = replace(found[place], logprobs=odds)
        return found


def passages() -> TrainData:
    rows = []
    for n in range(60):
        living = {place: f"person{(n * 7 + k) % 23}" for k, place in enumerate(PLACES)}
        context = [f"In {place} lives the good old {name}." for place, name in living.items()]
        asked = PLACES[n % len(PLACES)]
        inputs = {"context": json.dumps(context * 2), "question": f"Who lives in {asked}?"}
        rows.append(Example(f"e{n}", inputs, (living[asked],)))
    return TrainData(rows[:30], rows[30:], None)


def test_who_reads_too_much_learns_to_read_what_is_nearest(tmp_path: Path) -> None:
    node = Node("answer", ("Say who.",), ("context", "question"), layout="inputs-first")
    agent = Agent("qa", (node,), Flow(("answer",)))
    settings = replace(toy.SHORT, budget_tokens=200_000, max_steps=1)
    result = toy.run(
        tmp_path / "s.duckdb", engine=Reader(), agent=agent, given=passages(), settings=settings
    )
    assert result.before.interval.value < 0.2 < 0.8 < result.after.interval.value
    (part, name) = result.agent.flow.steps
    assert isinstance(part, Nearest) and part.over == "context" and part.to == "question"
    assert name == "answer" and result.agent.columns == ("question", "context")
    assert agent_from_text(agent_to_text(result.agent)) == result.agent


class Dear(Optimizer):
    """Would take a tenth of the budget; keeps the steps in which it is asked."""

    name = "dear"

    def __init__(self) -> None:
        self.asked: list[int] = []

    def price(self, proposal: Proposal) -> float:
        return 20_000.0

    def propose(self, proposal: Proposal) -> list[Candidate]:
        self.asked.append(proposal.step)
        return []


@pytest.mark.parametrize(("before", "asked"), [([Narrowing()], []), ([], [0])])
def test_who_is_dear_waits_for_those_that_read_less(
    before: list[Optimizer], asked: list[int], tmp_path: Path
) -> None:
    node = Node("answer", ("Say who.",), ("context", "question"), layout="inputs-first")
    dear = Dear()
    toy.run(
        tmp_path / "s.duckdb",
        engine=Reader(),
        agent=Agent("qa", (node,), Flow(("answer",))),
        given=passages(),
        settings=replace(toy.SHORT, budget_tokens=200_000, max_steps=1),
        optimizers=[*before, dear],
    )
    assert dear.asked == asked


def test_where_labels_are_many_the_nearest_are_shown_and_none_its_own(tmp_path: Path) -> None:
    labels = tuple(f"about {place}" for place in (*PLACES, *map(str.upper, PLACES)))
    rows = [
        Example(f"e{n}", {"input": f"{label}, said number {n}"}, (label,))
        for n, label in ((n, labels[n * 5 % len(labels)]) for n in range(144))
    ]
    contract = Contract((Field("answer", "choice", choices=labels),))
    agent = Agent("many", (Node("answer", ("Name it.",), output=contract),), Flow(("answer",)))
    result = toy.run(
        tmp_path / "s.duckdb",
        engine=Copying(copied),
        agent=agent,
        given=TrainData(rows[:96], rows[96:], None),
        settings=replace(toy.SHORT, budget_tokens=200_000, max_steps=1),
        optimizers=[Recall()],
    )
    assert result.after.interval.value > 0.8 > result.before.interval.value + 0.5
    assert result.agent.last.nearest in (4, 8) and len(result.agent.last.demos) > 70
