"""The bench's replays of selection, on tables of which the truth is planted."""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from slearn.agent import Agent, Contract, Field, Flow, Node, agent_digest
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.optim import Candidate, Guards
from slearn.optim.lines import TIPS
from slearn.select import layouts, race, verdict
from slearn.values import Example, Usage

Load = Callable[[str], ModuleType]


@pytest.fixture
def selection(load: Load) -> ModuleType:
    return load("selection")


def agent(number: int) -> Agent:
    contract = Contract((Field("answer", "choice", choices=("right", "wrong")),))
    return Agent("a", (Node("n", (f"{number} .",), output=contract),), Flow(("n",)))


class Planted(ScriptedEngine):
    """Agents answer right, and have losses, as a table says."""

    def __init__(self, scores: Any, losses: Any) -> None:
        super().__init__(lambda r: "right" if scores[self._place(r)] else "wrong")
        self._losses = losses

    @staticmethod
    def _place(request: GenerateRequest | ScoreRequest) -> tuple[int, int]:
        first, last = request.messages[0].content, request.messages[-1].content
        return int(first.split()[0]), int(last.split()[1])

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        return [Score((-float(self._losses[self._place(r)]),), Usage(1)) for r in requests]


def examples(rows: Sequence[int]) -> list[Example]:
    return [Example(str(row), {"input": f"row {row}"}, ("right",)) for row in rows]


def table(selection: ModuleType, worths: Sequence[float], rows: int = 40, seed: int = 0) -> Any:
    """Candidates are right with a probability each, and lose about as their worth says."""
    chance = np.random.default_rng(seed)
    odds = np.asarray(worths)[:, None] + chance.normal(0, 0.15, (len(worths), rows))
    odds = odds.clip(0.02, 0.98)
    scores = (chance.random(odds.shape) < odds).astype(float)
    prompts = chance.integers(50, 400, len(worths)).astype(float)
    return selection.Table(-np.log(odds), scores, prompts, 20.0)


def test_the_best_is_found_for_less_than_all_of_it_costs(selection: ModuleType) -> None:
    worths = [0.3] * 19 + [0.9]
    planted = table(selection, worths)
    found = {"t": selection.replayed(planted, 60, "t")}
    row = selection.summary(found)["policies"]
    assert row["full"]["of full"]["value"] == 1 == row["loss"]["of full"]["value"]
    assert row["full"]["regret"]["value"] < 0.05 and row["shortfall"]["regret"]["value"] < 0.05
    assert row["scores"]["regret"]["value"] >= row["shortfall"]["regret"]["value"]
    for name in ("nats", "shortfall", "scores", "early"):
        assert row[name]["of full"]["high"] < 1
        assert (
            row[name]["price"]["low"] <= row[name]["price"]["value"] <= row[name]["price"]["high"]
        )


def test_a_price_is_what_each_reads_in_each_rung(selection: ModuleType) -> None:
    planted = selection.Table(
        np.array([[2.0] * 40, [1.0] * 40, [3.0] * 40, [4.0] * 40]),
        np.array([[0.0] * 40, [1.0] * 40, [0.0] * 40, [0.0] * 40]),
        np.array([10.0, 100.0, 1000.0, 10000.0]),
        2.0,
    )
    assert planted.price(range(4), 40) == 11110 + 4 * 40 * 2
    cuts = (4, 4, 16)
    chosen, paid = selection.halved(planted, planted.values["nats"], cuts, [1, 2, 3], range(40))
    laps = 11110 + 4 * 4 * 2 + 1110 + 3 * 4 * 2 + 1110 + 3 * 16 * 2
    assert chosen == 1 and paid == laps + 110 + 2 * 16 * 2  # one finalist beat the incumbent
    worse = selection.Table(planted.losses[[1, 0]], planted.scores[[1, 0]], planted.prompts[:2], 2)
    assert selection.halved(worse, worse.values["shortfall"], cuts, [1], range(40))[0] == 0


def test_confident_misses_mislead_nats_and_not_the_shortfall(selection: ModuleType) -> None:
    """One candidate is nearly sure and mostly right, the others never sure."""
    losses = np.full((10, 80), -math.log(0.45))
    scores = np.zeros((10, 80))
    losses[7], scores[7] = 0.01, 1.0
    losses[7, ::8], scores[7, ::8] = 40.0, 0.0
    losses[0] += 0.1
    planted = selection.Table(losses, scores, np.full(10, 100.0), 20.0)
    row = selection.summary({"t": selection.replayed(planted, 40, "t")})["policies"]
    assert row["nats"]["regret"]["value"] > 0.5 > 0.2 > row["shortfall"]["regret"]["value"]


@pytest.mark.parametrize("seed", range(5))
def test_the_race_is_that_of_the_library(selection: ModuleType, seed: int) -> None:
    chance = random.Random(seed)
    planted = table(selection, [chance.random() for _ in range(12)], seed=seed)
    rows = chance.sample(range(40), 24)
    engine = Planted(planted.scores, planted.losses)
    field = [Candidate(str(number), agent(number), ()) for number in range(12)]
    cuts = chance.choice(layouts(24))
    laps = race(agent(0), field[1:], examples(rows), engine, engine, cuts=cuts)
    finalists = [int(lap.candidate.operator) for lap in laps if not lap.out]
    values = planted.values["shortfall"]
    assert selection.raced(planted, values, cuts, range(1, 12), rows)[0] == finalists


def test_the_rule_is_that_of_the_library(selection: ModuleType) -> None:
    chance = np.random.default_rng(0)
    said = []
    for case in range(60):
        rows = (20, 40)[case % 2]
        shift = chance.normal(0, 0.25)
        scores = chance.random((2, rows)) < [[0.5], [np.clip(0.5 + shift, 0, 1)]]
        losses = chance.exponential(1, (2, rows)) * [[1.0], [np.exp(chance.normal(0, 0.7))]]
        engine = Planted(scores, losses)
        before, after = scores.astype(float).tolist()
        found = verdict(agent(0), agent(1), before, examples(range(rows)), engine, engine)
        assert selection.accepts(before, after, *losses.tolist()) == found.accepted
        said.append(found.reason)
    assert len(set(said)) == 4, "every way to a verdict was taken"


def test_one_that_is_no_better_is_accepted_about_as_often_as_stated(
    selection: ModuleType,
) -> None:
    planted = table(selection, [0.5] * 5 + [0.6] * 5, seed=3)
    chance = random.Random(0)
    accepted = 0
    for _ in range(300):
        rows = chance.sample(range(40), 40)
        accepted += selection.null_accepts(planted, chance.randrange(1, 10), rows, chance)
    assert 9 <= accepted <= 42  # of 300 at alpha 0.1, two tests at half of it each


def test_all_tasks_count_alike_and_replays_repeat(selection: ModuleType) -> None:
    worths = [0.3, 0.4, 0.5, 0.6] * 4
    found = {
        name: selection.replayed(table(selection, worths, seed=seed), 20, name)
        for seed, name in enumerate("abc")
    }
    lines = [{"task": name, **selection.summary({name: one})} for name, one in found.items()]
    lines.append({"task": "all", **selection.summary(found)})
    means = [line["policies"]["nats"]["price"]["value"] for line in lines]
    assert means[3] == pytest.approx(sum(means[:3]) / 3, abs=1)
    assert lines[3]["false acceptance"]["n"] == 60
    assert selection.policies_table(lines).count("\n") == 1 + 4 * len(selection.POLICIES)
    assert "| all | 0.1 | 60 | 0." in selection.null_table(lines)
    again = selection.replayed(table(selection, worths, seed=1), 20, "b")
    assert again == found["b"]


def test_candidates_differ_and_begin_with_the_start(selection: ModuleType) -> None:
    train = [Example(str(n), {"input": f"word {n}"}, ("right",)) for n in range(30)]
    start = agent(0)
    engine = ScriptedEngine()
    guards = Guards(engine.count_tokens, [], engine.window, prompt_cap=200)
    found = selection.candidates(start, train, guards, 40, random.Random(0))
    assert len(found) == 40 and found[0].agent == start
    assert len({agent_digest(one.agent) for one in found}) == 40
    assert len({one.operator for one in found}) == 40
    nodes = [one.agent.last for one in found]
    assert {len(node.demos) for node in nodes} == {0, 2, 4, 8, 16}
    assert {len(node.instructions) for node in nodes} == {1, 2, 3}
    assert all(set(node.instructions[1:]) <= set(TIPS) for node in nodes)
    sizes = [selection.prompt_tokens(node, engine.count_tokens) for node in nodes]
    assert max(sizes) <= 200 and sizes[0] == min(sizes)
    assert selection.row_tokens(start.last, train, engine.count_tokens) == 2
    few = selection.candidates(start, [], guards, 60, random.Random(0))
    assert 1 < len(few) < 60, "without rows there are only so many"


def test_a_task_is_recorded_once_and_replayed(
    selection: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, out = tmp_path / "data" / "cls" / "small", tmp_path / "out"
    folder.mkdir(parents=True)
    words = {"described": "Name the colour.", "metric": "choice"}
    (tmp_path / "data" / "starts.json").write_text(json.dumps({"cls/small": words}))
    for name, count in (("train", 20), ("val", 14)):
        rows = [
            {"input": f"{name} {colour} thing {n}", "target": colour, "choices": ["red", "blue"]}
            for n in range(count)
            for colour in [("red", "blue")[n % 2]]
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))

    def run(*words: str) -> None:
        monkeypatch.setattr(sys, "argv", ["selection.py", *words, "--out", str(out)])
        selection.main()

    asked = ["record", "--model", "scripted", "--tasks", "cls/small", "--candidates", "6"]
    asked += ["--rows", "10", "--data", str(tmp_path / "data")]
    with pytest.raises(SystemExit) as ended:
        run(*asked)
    assert ended.value.code == 0
    place = out / "cls-small.json.gz"
    raw = place.read_bytes()
    body = selection._read(place)
    assert (body["task"], body["model"], body["start"]) == ("cls/small", "scripted", "described")
    assert body["row_tokens"] == 4 and body["candidates"][0]["name"] == "start"
    for one in body["candidates"]:
        assert set(one) == {"name", "prompt_tokens", "losses", "scores"}
        assert len(one["losses"]) == len(one["scores"]) == 10
    with pytest.raises(SystemExit) as ended:
        run(*asked)
    assert ended.value.code == 0 and place.read_bytes() == raw
    assert "recorded already" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="seed 0, not 1"):
        run(*asked, "--seed", "1")
    run("replay", "--replays", "5")
    said = capsys.readouterr().out.splitlines()
    lines = [json.loads(line) for line in said if line.startswith("{")]
    assert [line["task"] for line in lines] == ["cls/small", "all"]
    assert lines[0]["candidates"] == 6 and lines[0]["replays"] == 5
