"""The field of a race is priced by what its candidates will read and write."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from slearn.agent import Agent, Contract, Demo, Field, Flow, Node
from slearn.choose import field_of, writing
from slearn.optim import Candidate
from slearn.values import Example, Usage
from tests.optim.proposals import proposal, single

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


def raced(left: int, *field: Candidate) -> tuple[list[Candidate], list[Candidate]]:
    """Who of a field runs, and who does not, with so many tokens left and 100 validation rows."""
    out: list[Candidate] = []
    session = SimpleNamespace(
        left=left, spent=Usage(), keep_candidate=lambda one, *_, **named: out.append(one)
    )
    frame: Any = SimpleNamespace(
        guards=SimpleNamespace(count=words, size=lambda _: 50),
        session=session,
        optimizers=(),
        validation=[None] * 100,
    )
    rows = [Example(str(n), {"input": "a few words"}) for n in range(24)]
    found = field_of(frame, proposal(single(), []), [(one.operator, one) for one in field], rows)
    return found, out


def named(name: str, contract: Contract) -> Candidate:
    return Candidate(name, Agent("a", (Node("n", (), output=contract),), Flow(("n",))), ())


SHORT = Contract((Field("answer", "number"),))


@pytest.mark.parametrize(("left", "runs"), [(2500, False), (60_000, True)])
def test_whose_validation_cannot_be_paid_does_not_run(left: int, runs: bool) -> None:
    dear = named("dear", REASONS)  # about 55 tokens a row, 3,350 for as many as say something
    cheap = [named(f"cheap {n}", SHORT) for n in range(2)]
    found, out = raced(left, dear, *cheap)
    assert (dear in found) is runs and (dear in out) is not runs
    assert all(one in found for one in cheap)


def test_two_run_whatever_is_left() -> None:
    found, out = raced(10, *(named(f"dear {n}", REASONS) for n in range(3)))
    assert len(found) == 2 and len(out) == 1
