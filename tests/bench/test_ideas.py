"""Ideas that were tried: who is nearest, what is counted, and that each runs to its end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from slearn.agent import Agent, Contract, Field, Flow, Node
from slearn.engine import GenerateRequest
from slearn.engine.scripted import ScriptedEngine
from slearn.values import Example
from tests.copying import Copying, copied

Load = Callable[[str], ModuleType]
KINDS = ("animal", "plant")
CHOICE = Contract((Field("answer", "choice", choices=KINDS),))
AGENT = Agent("a", (Node("answer", ("Name the kind.",), output=CHOICE),), Flow(("answer",)))
WORDS = {"tabby cat": "animal", "red oak": "plant", "barn owl": "animal", "tall elm": "plant"}
TRAIN = [Example(f"t{n}", {"input": word}, (kind,)) for n, (word, kind) in enumerate(WORDS.items())]
ROWS = [
    Example("v1", {"input": "stray cat"}, ("animal",)),
    Example("v2", {"input": "old oak"}, ("plant",)),
]


@pytest.fixture
def ideas(load: Load) -> ModuleType:
    return load("ideas")


def plan(agent: Agent = AGENT, train: Sequence[Example] = TRAIN) -> Any:
    return SimpleNamespace(agent=agent, data=SimpleNamespace(train=train))


def test_the_nearest_stands_next_to_the_input(ideas: ModuleType) -> None:
    lines = {line["way"]: line for line in ideas.retrieved(plan(), ROWS, Copying(), 0)}
    assert list(lines) == ["drawn 4", "nearest 2", "nearest 4", "nearest 8"]
    assert lines["nearest 2"]["likely"] == 1.0
    assert lines["drawn 4"]["likely"] == 0.5  # one set for all: its last is one of two kinds
    assert lines["drawn 4"]["shown"] < lines["nearest 4"]["shown"]  # a shared prompt is read once


def test_labels_are_described_from_their_own_rows(ideas: ModuleType) -> None:
    asked: list[str] = []

    def describe(request: GenerateRequest) -> str | None:
        asked.append(request.messages[-1].content)
        return "fur or feathers"

    lines = list(ideas.labels(plan(), ROWS, Copying(describe), 0))
    assert [line["way"] for line in lines] == [
        "plain", "plain, drawn 16", "described", "described, drawn 16"
    ]  # fmt: skip
    assert asked == ["tabby cat\nbarn owl", "red oak\ntall elm"]


def test_the_commonest_of_several_answers_wins(ideas: ModuleType) -> None:
    def lucky(request: GenerateRequest) -> str:
        number = 5 if request.seed % 5 in (0, 1, 2) and request.sampling.temperature else 4
        return f"calculation: 2 + 3\nanswer: {number}"

    agent = Agent("a", (Node("answer", ("Add.",), output=Contract((Field("answer", "number"),))),),
                  Flow(("answer",)), metric="number")  # fmt: skip
    rows = [Example("1", {"input": "2 and 3"}, ("5",))]
    lines = {
        line["way"]: line["right"]
        for line in ideas.votes(plan(agent, rows), rows, ScriptedEngine(lucky), 0)
    }
    assert lines == {"likeliest": 0.0, "one by luck": 1.0, "votes of 5": 1.0}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "kinds"
    folder.mkdir()
    for name in ("train", "val", "test"):
        text = "".join(
            json.dumps({"id": f"{name}{n}", "input": word, "target": kind, "choices": KINDS}) + "\n"
            for n, (word, kind) in enumerate(WORDS.items())
        )
        (folder / f"{name}.jsonl").write_text(text)
    starts = {"kinds": {"described": "Name the kind.", "metric": "choice"}}
    (tmp_path / "starts.json").write_text(json.dumps(starts))
    return tmp_path


def test_it_prints_a_line_for_machines(
    ideas: ModuleType, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    asked = [
        "ideas",
        "retrieved",
        "--model",
        "scripted",
        "--tasks",
        "kinds",
        "--data",
        str(data),
    ]
    monkeypatch.setattr(sys, "argv", asked)
    ideas.main()
    said = json.loads(capsys.readouterr().out)
    assert said["idea"] == "retrieved" and len(said["tasks"]["kinds"]) == 4


def test_contracts_are_compared_on_one_start(
    load: Load, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    asked = ["contracts", "--model", "scripted", "--tasks", "kinds", "--data", str(data)]
    monkeypatch.setattr(sys, "argv", asked)
    load("contracts").main()
    said = json.loads(capsys.readouterr().out)
    assert {"answer", "reasoning", "calculation"} <= {
        line["contract"] for line in said["tasks"]["kinds"]
    }


def test_the_nearest_of_all_are_shown_and_paid_for(ideas: ModuleType) -> None:
    lines = {line["way"]: line for line in ideas.recalled(plan(), ROWS, Copying(copied), 0)}
    assert list(lines) == ["drawn 32", "nearest 4", "nearest 8", "nearest 12"]
    assert lines["nearest 4"]["right"] == 1.0 and lines["drawn 32"]["right"] == 0.5


def test_pieces_are_chosen_by_words_and_by_likelihood(ideas: ModuleType) -> None:
    node = Node("answer", ("Answer.",), ("context", "question"))
    agent = Agent("qa", (node,), Flow(("answer",)), metric="contains")
    context = json.dumps([f"All of {word}." for word in ("rain", "prices", "cats", "dogs", "elms")])
    row = Example("v1", {"context": context, "question": "Do cats sit?"}, ("yes",))

    def say(request: GenerateRequest) -> str:
        return "yes" if "cats." in request.messages[-1].content else "no"

    lines = {line["way"]: line for line in ideas.passages(plan(agent), [row], Copying(say), 0)}
    assert lines["all"]["right"] == lines["nearest 2"]["right"] == 1.0
    assert lines["likeliest 2"]["right"] == 0.0  # all are as likely: the first two are read
    assert lines["nearest 2"]["tokens"] < lines["all"]["tokens"]
