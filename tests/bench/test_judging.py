"""The judge against the truth: figures on known numbers, and what a judge is shown."""

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

from slearn.agent import Agent, Flow, Node
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.values import Example, Usage

Load = Callable[[str], ModuleType]

AGENT = Agent("a", (Node("answer", ("Name the opposite.",)),), Flow(("answer",)))
ROWS = [
    Example("1", {"input": "hot"}, ("cold", "chilly"), row={"target": "cold"}),
    Example("2", {"input": "up"}, ("down",), row={"target": "down"}),
    Example("3", {"input": "big"}, ("small",), row={"target": "small"}),
]


@pytest.fixture
def judging(load: Load) -> ModuleType:
    return load("judging")


class Knowing(ScriptedEngine):
    """A judge that knows a few opposites; what it was shown is kept."""

    RIGHT = frozenset({("hot", "cold"), ("up", "down"), ("big", "small")})

    def __init__(self) -> None:
        super().__init__(self._opposite)
        self.shown: list[str] = []

    @staticmethod
    def _opposite(request: GenerateRequest) -> str:
        return {"hot": "cold", "up": "side"}.get(request.messages[-1].content, "none")

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        found = []
        for request in requests:
            text = request.messages[-1].content
            self.shown.append(text)
            _, given = text.split("Input:\n")
            word, answer = given.split("\n\nIt answered:\n")
            knows = (word.strip(), answer.split("\n")[0]) in self.RIGHT
            odds = [0.05, 0.05, 0.05, 0.05, 0.8] if knows else [0.8, 0.05, 0.05, 0.05, 0.05]
            found.append(Score(tuple(map(math.log, odds)), Usage(1)))
        return found


def figures(judging: ModuleType, grades: list[float], right: list[int]) -> dict[str, float]:
    found = judging.figures(np.array(grades), np.array(right, bool), np.ones((1, len(grades))))
    return {name: float(value[0]) for name, value in found.items()}


def test_figures_on_known_numbers(judging: ModuleType) -> None:
    # three of four pairs in order, and a tie is half of one
    assert figures(judging, [0.9, 0.3, 0.4, 0.1], [1, 1, 0, 0])["auc"] == 0.75
    assert figures(judging, [0.9, 0.4, 0.4, 0.1], [1, 1, 0, 0])["auc"] == 0.875
    assert figures(judging, [0.7] * 4, [1, 1, 0, 0])["auc"] == 0.5
    # 20 both say right, 5 and 10 one alone, 15 neither: the textbook's kappa of 0.4
    right = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    found = figures(judging, [0.5] * 25 + [0.49] * 25, right)
    assert found["kappa"] == pytest.approx(0.4)
    assert found["accuracy"] == pytest.approx(0.7) and found["right"] == pytest.approx(0.6)
    assert figures(judging, [0.9, 0.8], [1, 0])["kappa"] == 0
    only = figures(judging, [0.9, 0.8], [1, 1])
    assert math.isnan(only["auc"]) and math.isnan(only["kappa"]) and only["accuracy"] == 1


def test_weights_count_answers_so_often(judging: ModuleType) -> None:
    grades, right = [0.9, 0.3, 0.6, 0.1, 0.7], [1, 1, 0, 0, 0]
    times = [2, 1, 3, 0, 1]
    grade_by_grade = [g for g, n in zip(grades, times, strict=True) for _ in range(n)]
    kinds = [r for r, n in zip(right, times, strict=True) for _ in range(n)]
    weighted = judging.figures(np.array(grades), np.array(right, bool), np.array([times], float))
    assert {name: pytest.approx(float(value[0])) for name, value in weighted.items()} == figures(
        judging, grade_by_grade, kinds
    )


def test_a_row_is_graded_on_its_own_a_right_and_a_wrong_answer(judging: ModuleType) -> None:
    own = ["Cold.", "side", "small"]
    found = judging.answers("exact", ROWS, own, random.Random(0))
    by_row = [[one for one in found if one.row == place] for place in range(3)]
    assert [len(each) for each in by_row] == [3, 3, 2]  # its own is the very target
    assert [one.text for one in found if one.own] == own
    assert [one.right for one in by_row[0]] == [True, True, False]
    assert [one.right for one in by_row[1]] == [False, True, False]
    assert [one.right for one in by_row[2]] == [True, False]
    assert by_row[1][2].text in ("cold", "small")
    alike = judging.answers("exact", [ROWS[1]] * 2, ["up", "up"], random.Random(0))
    assert [one.text for one in alike] == ["up", "down"] * 2, "no other row's target is wrong"


def test_the_judge_sees_no_target(judging: ModuleType) -> None:
    taken = judging.trajectory_of(AGENT, ROWS[0], "warm")
    assert taken.example.targets is None and not taken.example.row
    engine = Knowing()
    found = judging.measure(AGENT, ROWS, engine, random.Random(0))
    assert not any("chilly" in text for text in engine.shown)
    assert all("Name the opposite." in text for text in engine.shown)
    assert found["rows"] == 3 and found["own"]["n"] == 3
    assert found["all"]["n"] == len(engine.shown) == 8
    assert found["all"]["auc"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found["all"]["kappa"]["value"] == found["own"]["accuracy"]["value"] == 1
    assert found["own"]["right"]["value"] == pytest.approx(1 / 3, abs=1e-4)


def test_intervals_draw_rows_and_hold_the_value(judging: ModuleType) -> None:
    chance = random.Random(1)
    pairs = []
    for row in range(60):
        for right in (True, False):
            grade = min(1.0, max(0.0, chance.gauss(0.55 if right else 0.45, 0.1)))
            pairs.append((judging.Answer(row, str(right), right, right), grade))
    found = judging.summary(pairs)
    assert found["n"] == 120 and found["right"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert 0.65 < found["auc"]["low"] < found["auc"]["value"] < found["auc"]["high"] < 0.9
    assert found["kappa"]["low"] > 0
    alone = judging.summary([pair for pair in pairs if pair[0].own])
    assert alone["auc"] is None and alone["right"]["value"] == 1
    assert "| - |" in judging.table({"t": {"all": found, "own": alone}})


def test_tasks_are_measured_from_the_starts_of_the_suite(
    judging: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "data" / "cls" / "small"
    folder.mkdir(parents=True)
    words: dict[str, Any] = {"described": "Name the colour.", "metric": "choice"}
    starts = {"cls/small": words, "told": {**words, "metric": "judge"}}
    (tmp_path / "data" / "starts.json").write_text(json.dumps(starts))
    for name in ("train", "val"):
        rows = [
            {"input": f"{name} {colour} thing {n}", "target": colour, "choices": ["red", "blue"]}
            for n, colour in enumerate(["red", "blue"] * 8)
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))

    def run(task: str) -> object:
        asked = ["--model", "scripted", "--tasks", task, "--rows", "10"]
        monkeypatch.setattr(sys, "argv", ["judging.py", *asked, "--data", f"{tmp_path}/data"])
        with pytest.raises(SystemExit) as ended:
            judging.main()
        return ended.value.code

    assert run("cls/small") == 0
    body = json.loads(capsys.readouterr().out.splitlines()[-1])
    found = body["tasks"]["cls/small"]
    assert (body["model"], body["start"], found["rows"]) == ("scripted", "described", 10)
    assert found["own"]["n"] == 10 and found["all"]["n"] == 20
    assert found["all"]["right"]["value"] == 0.5
    assert "no truth" in str(run("told"))
