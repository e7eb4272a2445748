"""End to end against node by node: the same chains and tokens, and nothing flows backwards."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from slearn.agent import Agent, Contract, Field, Flow, Node, agent_to_text
from slearn.engine import GenerateRequest
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.optim import OPTIMIZERS, ChooseAmong, Narrowing, Restructure
from slearn.store import Store
from slearn.train import TrainData
from slearn.values import Example, Usage

Load = Callable[[str], ModuleType]
INTENTS = ("GetWeather", "PlayMusic")
SNIPS, NEGATION = "cls/snips7", "instruction_induction/negation"


@pytest.fixture
def joint(load: Load) -> ModuleType:
    return load("joint")


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Small sets in the place of the public ones: every input has a word that is in no other."""
    folder = tmp_path / "data"
    starts = {
        SNIPS: {"metric": "choice", "described": "Name the intent."},
        NEGATION: {"metric": "exact", "described": "Negate."},
    }
    write(folder / "starts.json", [starts])
    for split, count in (("train", 40), ("val", 26), ("test", 6)):
        requests, sentences = list[dict[str, Any]](), list[dict[str, Any]]()
        for number in range(count):
            intent = INTENTS[number % 2]
            asks = ("rain", "song")[number % 2]
            name = f"{split}{number}"
            text = f"{asks} please zebra{name}"
            row = {"id": name, "input": text, "target": intent, "choices": list(INTENTS)}
            requests.append(row)
            it = {"id": name, "input": f"Zebra{name} sings.", "target": f"Zebra{name} is silent."}
            sentences.append(it)
        write(folder / SNIPS / f"{split}.jsonl", requests)
        write(folder / NEGATION / f"{split}.jsonl", sentences)
    return folder


def given(data: Path, **values: Any) -> Namespace:
    shape = {"model": "scripted", "tokens": 9000, "test_limit": 4, "keep": None}
    return Namespace(data=data, **{**shape, **values})


def cell(task: str, **values: Any) -> dict[str, Any]:
    return {"task": task, "seed": 0, **values}


def note(request: GenerateRequest) -> str | None:
    """Who is asked what the user wants names it, and quotes nothing of what he said."""
    if "what the user wants" not in request.messages[0].content:
        return None
    text = "music" if "song" in request.messages[-1].content else "forecast"
    return text if accepts(request.grammar, text) else None


def job(joint: ModuleType, data: Path, store: Store, task: str = SNIPS, **values: Any) -> Any:
    folder = data.parent / "run"
    folder.mkdir()
    plan = joint.plan_of(given(data, **values), cell(task), folder)
    return joint.Job(plan, ScriptedEngine(note), store)


def start(metric: str = "choice") -> Agent:
    contract = Contract((Field("answer", "choice", choices=INTENTS),))
    return Agent("start", (Node("answer", ("Name.",), output=contract),), Flow(("answer",)), metric)


def test_chains_hide_the_input_from_the_node_that_answers(joint: ModuleType) -> None:
    assert len(joint.CHAINS) == 5
    for task, nodes in joint.CHAINS.items():
        chain = joint.chain_of(task, start())
        assert chain.flow.names() == tuple(node.name for node in nodes) and chain.flow.plain
        assert chain.columns == ("input",) and "input" not in chain.last.inputs
        assert all(len(node.instructions) == 1 and not node.demos for node in nodes)
        assert chain.last.output == start().last.output and chain.metric == "choice"
        read = {name for node in nodes for name in node.inputs}
        assert {node.name for node in nodes[:-1]} <= read, "nobody writes in vain"


def test_a_part_has_its_own_inputs_and_only_the_last_one_targets(joint: ModuleType) -> None:
    chain = joint.chain_of(NEGATION, start("exact"))
    inputs = {"input": "a", "verb": "b", "draft": "c", "answer": "d", "equation": "e"}
    row = Example("1", inputs, ("yes",), ("yes", "no"), {"target": "yes", "equation": "e"})
    seen = {"verb": {"input": "a"}, "draft": {"input": "a", "verb": "b"}, "answer": {"draft": "c"}}
    for name, own in seen.items():
        part = joint.part_of(chain, name)
        assert part.nodes == (chain.node(name),) and part.columns == tuple(own)
        (got,) = joint.own_rows(part, [row])
        last = name == "answer"
        assert (got.id, got.inputs, got.row, got.functions) == ("1", own, {}, None)
        assert (got.targets, got.choices) == ((row.targets, row.choices) if last else (None, None))
        assert part.metric == ("exact" if last else "judge")


def test_what_is_handed_on_is_what_the_node_wrote_and_is_metered(
    joint: ModuleType, data: Path, tmp_path: Path
) -> None:
    with Store.open(tmp_path / "store.duckdb") as store:
        one = job(joint, data, store)
        rows = joint.Rows(one.plan.data.train, one.plan.data.val)
        part = joint.part_of(one.plan.agent, "want")
        least, paid = joint.hand_on(one, part, rows, 0)
        assert [len(least.train), len(least.val)] == [joint.LEAST] * 2 and paid.calls == 48
        for row, old in zip(least.train, rows.train, strict=False):
            wrote = "music" if "song" in old.inputs["input"] else "forecast"
            assert row == replace(old, inputs={**old.inputs, "want": wrote})
        every, more = joint.hand_on(one, part, rows, 1e9)
        assert [len(every.train), len(every.val)] == [40, 26] and more.calls == 66
        assert more.cached == 48, "what a run before has paid for is free"
        assert paid.usage.computed > more.usage.computed > 0
        each = joint.FRAME + 3 + 1  # words of an input and of a note
        some, _ = joint.hand_on(one, part, rows, 52 * each)
        assert [len(some.train), len(some.val)] == [40 * 52 // 66, joint.LEAST]
        assert some.train == every.train[: len(some.train)]


def test_nothing_of_what_follows_reaches_a_node_that_is_trained_for_itself(
    joint: ModuleType, data: Path, tmp_path: Path
) -> None:
    with Store.open(tmp_path / "store.duckdb") as store:
        one = job(joint, data, store)
        result, parts = joint.local(one)
        asked = {
            info.name: "\n".join(json.dumps(call.request) for call in store.calls(info.name))
            for info in store.runs()
        }
    report, want, handed, answer = asked.values()
    later = one.plan.agent.last.instructions[0]
    assert later in report and later in answer and "what the user wants" in want
    for text in (want, handed):
        assert not any(word in text for word in (later, *INTENTS))
        assert "zebratrain" in text and "zebratest" not in text
    assert "zebra" not in answer and "what the user wants" not in answer
    assert "forecast" in answer and all(intent in answer for intent in INTENTS)
    assert result.start == one.plan.agent and [part["node"] for part in parts] == ["want", "answer"]
    assert result.after.interval.value == 1.0, "two notes, two intents"


@pytest.mark.parametrize("task", [SNIPS, NEGATION])
def test_the_shares_of_the_nodes_add_up_to_the_budget(
    joint: ModuleType, data: Path, tmp_path: Path, task: str
) -> None:
    with Store.open(tmp_path / "store.duckdb") as store:
        one = job(joint, data, store, task, tokens=9000)
        result, parts = joint.local(one)
    names, left = one.plan.agent.flow.names(), 9000
    assert [part["node"] for part in parts] == list(names)
    for place, part in enumerate(parts):
        assert part["budget"] == left // (len(names) - place)
        assert part["handed"] == 0 if place == 0 else part["handed"] > 0
        left = max(0, left - part["handed"] - part["tokens"])
    spent = sum(result.tokens[name] for name in ("prompt", "generated", "scored"))
    assert spent == sum(part["handed"] + part["tokens"] for part in parts)
    assert parts[0]["budget"] == 9000 // len(names) and parts[0]["rows"] == [39, 26]
    last = parts[-1]
    assert last["budget"] + sum(p["handed"] + p["tokens"] for p in parts[:-1]) in (9000, 8999)


def test_parts_are_trained_in_order_on_what_trained_parts_hand_on(
    joint: ModuleType, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever trains here adds a line to the node and spends what he may, to the token."""
    seen: list[tuple[Agent, TrainData, int]] = []

    def train(
        part: Agent, data: TrainData, _: Any, log: Any, settings: Any, optimizers: Any
    ) -> Any:
        assert not any(
            isinstance(each, Narrowing | ChooseAmong | Restructure) for each in optimizers
        )
        assert log.config["agent"] == agent_to_text(part)
        seen.append((part, data, settings.budget_tokens))
        new = replace(part.last, instructions=(*part.last.instructions, "Trained."))
        return SimpleNamespace(
            agent=part.with_node(new),
            tokens=Usage(prompt=settings.budget_tokens).as_json(),
            calls={"total": 5, "invalid": 0, "cached": 1},
            seconds={"train": 1.0, "test": 9.0},
            accepted=1,
            rejected=0,
            reason="done",
        )

    monkeypatch.setattr(joint, "train", train)
    with Store.open(tmp_path / "store.duckdb") as store:
        one = job(joint, data, store, NEGATION, tokens=9000)
        result, parts = joint.local(one)
        ran = [info.config["agent"] for info in store.runs()]
    trained = [agent_to_text(one.plan.agent), *(agent_to_text(part) for part, _, _ in seen)]
    handed = [agent for agent in ran if agent not in trained]
    chain, names = one.plan.agent, one.plan.agent.flow.names()
    assert [part.nodes for part, _, _ in seen] == [(chain.node(name),) for name in names]
    assert [node.instructions[1:] for node in result.agent.nodes] == [("Trained.",)] * 3
    assert handed == [agent_to_text(joint.part_of(result.agent, name)) for name in names[:-1]]
    assert [part["budget"] for part in parts] == [3000] * 3
    for (_, _, budget), told in zip(seen, parts, strict=True):
        assert (budget, told["tokens"]) == (3000 - told["handed"],) * 2
    spent = sum(result.tokens[name] for name in ("prompt", "generated", "scored"))
    assert (spent, result.accepted, result.seconds["train"] >= 3) == (9000, 3, True)
    for part, rows, _ in seen:
        ids = [row.id for split in (rows.train, rows.val, rows.test or ()) for row in split]
        assert len(set(ids)) == len(ids) and len(rows.test or ()) == 1
        assert all(tuple(row.inputs) == part.columns for row in (*rows.train, *rows.val))


def test_the_whole_chain_is_trained_with_all_but_edits_of_the_structure(
    joint: ModuleType, load: Load, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def train(*words: Any, optimizers: Any, **_: Any) -> str:
        asked.append((*words[:2], words[4].budget_tokens, optimizers))
        return "trained"

    monkeypatch.setattr(load("contenders"), "train", train)
    with Store.open(tmp_path / "store.duckdb") as store:
        one = job(joint, data, store)
        assert joint.CONTENDERS["end-to-end"](one) == ("trained", [])
    structure = (Narrowing, ChooseAmong, Restructure)
    plain = [each for each in OPTIMIZERS if not isinstance(each, structure)]
    assert asked == [(one.plan.agent, one.plan.data, 9000, plain)] and len(plain) > 10


def lines_of(place: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in place.read_text().splitlines()]


def test_runs_are_made_once_and_compared(
    joint: ModuleType,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place, keep = tmp_path / "results" / "joint.jsonl", tmp_path / "kept"

    def call(action: str, *words: str) -> str:
        made = ["joint.py", "--results", str(place), action, *words]
        monkeypatch.setattr(sys, "argv", made)
        try:
            joint.main()
        except SystemExit as ended:
            assert ended.code == 0
        return capsys.readouterr().out

    monkeypatch.setattr(joint.signal, "signal", lambda *_: None)
    sizes = ("--seeds", "3", "--tokens", "4000", "--test-limit", "4")
    places = ("--data", str(data), "--keep", str(keep))
    asked = ("--model", "scripted", "--tasks", SNIPS, *sizes, *places)
    call("run", *asked)
    lines = lines_of(place)
    assert [line["setting"] for line in lines] == list(joint.CONTENDERS)
    assert {(line["task"], line["start"], line["seed"]) for line in lines} == {(SNIPS, "chain", 3)}
    assert [line["budget"] for line in lines] == ["4000 tokens"] * 3 + ["its own"]
    together, apart, alone, untrained = lines
    for line in lines:
        assert line["before_items"] == untrained["before_items"], "the same rows, the same chain"
        assert len(line["after_items"]) == line["after"]["n"] == 4
        assert line["metric"] == "choice" and line["split"] == "test"
    assert untrained["edited"] == untrained["parts"] == together["parts"] == apart["parts"] == []
    assert [part["node"] for part in alone["parts"]] == ["want", "answer"]
    assert len(list(keep.glob("*/trained.yaml"))) == len(list(keep.glob("*/store.duckdb"))) == 4
    raw = place.read_bytes()
    call("run", *asked)
    assert place.read_bytes() == raw
    place.write_bytes(raw[: raw.index(b"\n") + 5])  # what an interruption leaves
    call("run", *asked)
    assert [line["setting"] for line in lines_of(place)] == list(joint.CONTENDERS)
    assert lines_of(place)[2]["after_items"] == alone["after_items"]
    rows = [row.split(" | ") for row in call("compare").splitlines()]
    assert rows[0][1:] == ["task", "tasks", "cells", "end-to-end", "local",
                           "end-to-end - local (95%) |"]  # fmt: skip
    assert [row[1] for row in rows[2:]] == [SNIPS, "all"]
    wins = [sum(line["after_items"]) / len(line["after_items"]) for line in (together, alone)]
    assert rows[2][4:6] == [f"{score:.2f}" for score in wins]
    assert rows[2][6].startswith(f"{wins[0] - wins[1]:+.2f} (")
    assert f"| scripted | {SNIPS} | local |" in call("table")
