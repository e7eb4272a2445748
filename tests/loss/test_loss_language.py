"""The language loss and the judge: what the model is shown, and what becomes of its words."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence

import pytest

from slearn.agent import Agent, Contract, Field, Flow, Node, Step, Trajectory
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.loss import (
    LanguageLoss,
    expected_grade,
    judge,
    language_loss,
    task_text,
    trajectory_input,
)
from slearn.loss.judge import GRADES
from slearn.values import Example, Usage

AGENT = Agent(
    "a",
    (
        Node("two", ("Second task.",), ("one",), Contract((Field("why"), Field("answer")))),
        Node("one", ("First task.", "In brief."), ("question", "passage")),
    ),
    Flow(("one", "two")),
)


def walked(name: str, targets: tuple[str, ...] | None) -> Trajectory:
    """A trajectory whose texts all tell what they are."""
    inputs = {"question": f"QUESTION-{name}", "passage": f"PASSAGE-{name}"}
    first = Step("one", inputs, {"answer": f"UP-{name}"}, f"UP-{name}", True, Usage())
    text = f"why: WHY-{name}\nanswer: OUT-{name}"
    output = {"why": f"WHY-{name}", "answer": f"OUT-{name}"}
    last = Step("two", {"one": f"UP-{name}"}, output, text, True, Usage())
    return Trajectory(Example(name, inputs, targets), (first, last), f"OUT-{name}")


class Asked:
    """A script that keeps what it was asked."""

    def __init__(self, answer: Callable[[int], str | None]) -> None:
        self.requests: list[GenerateRequest] = []
        self._answer = answer

    def __call__(self, request: GenerateRequest) -> str | None:
        self.requests.append(request)
        return self._answer(len(self.requests) - 1)

    def text(self, number: int) -> str:
        return "\n".join(message.content for message in self.requests[number].messages)


def test_what_is_shown_with_and_without_target_and_score() -> None:
    asked = Asked(lambda _: None)
    engine = ScriptedEngine(asked)
    cases = [walked("a", ("TARGET-a", "OTHER-a")), walked("b", None)]
    losses = language_loss(AGENT, cases, [0.0, 1.0], engine)
    assert engine.rounds == 1
    assert [loss.example for loss in losses] == ["a", "b"]
    for number, name in enumerate("ab"):
        text, other = asked.text(number), "ba"[number]
        for shown in ("First task.\nIn brief.", "Second task.", f"QUESTION-{name}", f"OUT-{name}"):
            assert shown in text
        assert f"PASSAGE-{name}" in text and f"WHY-{name}" in text
        assert f"-{other}" not in text
    assert "TARGET-a or OTHER-a" in asked.text(0)
    assert "TARGET" not in asked.text(1) and "right answer:" not in asked.text(1)


def test_the_score_is_told_only_where_there_is_one() -> None:
    texts = set()
    for scores in ([0.0], [1.0], None):
        asked = Asked(lambda _: None)
        language_loss(AGENT, [walked("a", ("T",))], scores, ScriptedEngine(asked))
        texts.add(asked.text(0))
    assert len(texts) == 3
    assert "none" not in min(texts, key=len).lower()


def test_what_the_model_says_is_read() -> None:
    asked = Asked(lambda _: None)
    engine = ScriptedEngine(asked)
    losses = language_loss(AGENT, [walked("a", ("T",)), walked("b", None)], None, engine)
    for loss in losses:
        assert isinstance(loss, LanguageLoss)
        assert loss.score in range(1, 6) and loss.assessment and loss.requirement
        assert json.loads(json.dumps(loss.as_json()))["requirement"] == loss.requirement
    for request in asked.requests:
        assert request.max_tokens < 400 and request.sampling.temperature == 0


@pytest.mark.parametrize(
    "target",
    ['say "hi"', "back\\slash", "line\nbreak", "", " ", "x" * 500, "\x7f", "😀", "$1", "\u2028"],
)
def test_no_target_breaks_the_contract(target: str) -> None:
    losses = language_loss(AGENT, [walked("a", (target,))], [0.5], ScriptedEngine())
    assert losses[0].score in range(1, 6)


def test_a_huge_trajectory_is_clipped() -> None:
    asked = Asked(lambda _: None)
    engine = ScriptedEngine(asked)
    language_loss(AGENT, [walked("word " * 9000, ("t " * 9000,))], [0.0], engine)
    assert engine.count_tokens(asked.text(0)) < 1600


def test_no_trajectories_make_no_losses() -> None:
    assert language_loss(AGENT, [], [], ScriptedEngine()) == []


def test_the_task_is_told_in_the_order_of_the_flow() -> None:
    assert task_text(AGENT) == "First task.\nIn brief.\nThen:\nSecond task."
    silent = Agent("s", (Node("n", ()),), Flow(("n",)))
    assert task_text(silent) == ""


def test_the_input_is_what_the_agent_was_given() -> None:
    assert trajectory_input(AGENT, walked("a", None)) == "question: QUESTION-a\npassage: PASSAGE-a"


@pytest.mark.parametrize(
    ("chances", "grade"),
    [
        ((1, 0, 0, 0, 0), 0.0),
        ((0, 0, 0, 0, 1), 1.0),
        ((0, 0, 1, 0, 0), 0.5),
        ((0.5, 0, 0, 0, 0.5), 0.5),
        ((0.1, 0, 0, 0, 0.3), 0.75),  # renormalised
        ((0, 0, 0, 0, 0), 0.0),
        ((0.2, 0.2, 0.2, 0.2, 0.2), 0.5),
    ],
)
def test_the_grade_is_the_expected_value(chances: tuple[float, ...], grade: float) -> None:
    logprobs = [math.log(chance) if chance else -math.inf for chance in chances]
    assert expected_grade(logprobs) == pytest.approx(grade)


class Grades(ScriptedEngine):
    """Keeps what it is asked to grade."""

    asked: tuple[ScoreRequest, ...] = ()

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        self.asked = (*self.asked, *requests)
        return super().score(requests, watch)


def test_a_judge_reads_five_digits_in_one_round() -> None:
    engine = Grades()
    grades = judge(AGENT, [walked("a", None), walked("b", None)], engine)
    assert engine.rounds == 1 and len(grades) == 2
    assert all(0 < grade < 1 for grade in grades)
    assert engine.asked[0].targets == GRADES
    text = engine.asked[0].messages[-1].content
    for shown in ("First task.", "QUESTION-a", "PASSAGE-a", "OUT-a"):
        assert shown in text
    assert "WHY-a" not in text and "-b" not in text
    assert all(accepts(engine.asked[0].grammar, digit) for digit in GRADES)
    assert not accepts(engine.asked[0].grammar, "6")


def test_a_judge_may_be_told_the_task_that_stood_first() -> None:
    engine = Grades()
    judge(AGENT, [walked("a", None)], engine, task="Do what was asked at first.")
    text = engine.asked[0].messages[-1].content
    assert "Do what was asked at first." in text and "First task." not in text
