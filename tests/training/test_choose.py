"""The field of a race is priced by what its candidates will read and write."""

from __future__ import annotations

from slearn.agent import Agent, Contract, Demo, Field, Flow, Node
from slearn.choose import writing
from slearn.optim import Candidate

REASONS = Contract((Field("reasoning", max_tokens=160), Field("answer", "number")))


def words(text: str) -> int:
    return len(text.split())


def candidate(*demos: Demo) -> Candidate:
    return Candidate(
        "x", Agent("a", (Node("n", (), output=REASONS, demos=demos),), Flow(("n",))), ()
    )


def test_answers_are_taken_to_be_as_long_as_those_that_are_shown() -> None:
    assert writing(candidate(), words) == 12 + 160 / 4
    long = Demo({"input": "x"}, {"reasoning": "because " * 90, "answer": "5"})
    short = Demo({"input": "x"}, {"reasoning": "so", "answer": "5"})
    assert writing(candidate(long), words) == 12 + 93
    assert writing(candidate(long, short), words) == 12 + (93 + 4) / 2
