"""Rationales of the data become demonstrations, where the contract can hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import Contract, Field
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import EngineError
from slearn.optim import ReasonFirst
from slearn.optim.contract import WAYS
from slearn.optim.taught import fits, rationale, taught
from slearn.values import Example, Usage
from tests.optim.proposals import CHOICE, LABELS, proposal, rows, single

REASONS = single(contract=Contract((WAYS[0], *CHOICE.fields))).last


def words(text: str) -> int:
    return len(text.split())


def told(count: int) -> list[Example]:
    return [replace(row, row={"explanation": f"It says {row.id}."}) for row in rows(count)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"solution": " 1 +  1\n\n= 2 \n"}, "1 + 1\n= 2"),
        ({"equation": "2", "rationale": "first"}, "first"),
        ({"equation": 5}, ""),
        ({"solution": "2", "equation": "1 + 1"}, "1 + 1"),  # the target itself is no reason
        ({"solution": "  "}, ""),
        ({"note": "x"}, ""),
        ({}, ""),
    ],
)
def test_a_rationale_comes_from_the_columns_that_are_named_so(
    row: dict[str, object], expected: str
) -> None:
    assert rationale(Example("1", {"input": "x"}, ("2",), row=row)) == expected


def test_an_input_is_no_rationale() -> None:
    assert rationale(Example("1", {"solution": "x"}, ("2",), row={"solution": "x"})) == ""


def test_rows_with_a_rationale_that_fits_are_shown() -> None:
    demos = taught(told(20), REASONS, words)
    assert len(demos) == 8
    assert demos[1].output == {"reasoning": "It says e1.", "answer": "delivery"}
    long = [replace(row, row={"solution": "word " * 100}) for row in rows(3)]
    assert taught([*long, *rows(3)], REASONS, words) == ()
    assert [d.source for d in taught([*long, *told(5)[4:]], REASONS, words)] == ["e4"]


@given(st.text(alphabet="abAB 1\n", max_size=60))
def test_what_fits_is_read_back(text: str) -> None:
    row = Example("1", {"input": "x"}, ("yes",), row={"solution": text})
    why = rationale(row)
    contract = Contract((WAYS[1], Field("answer", "choice", choices=("yes", "no"))))
    if why and fits(why, WAYS[1], "answer", len):
        output = {"calculation": why, "answer": "yes"}
        written = contract.render(output)
        assert contract.parse(written) == output
        engine = ScriptedEngine(lambda _: written)
        request = GenerateRequest((), contract.grammar(None), max_tokens=400)
        try:
            assert engine.generate([request])[0].text == written
        except EngineError as problem:  # the script's answer breaks the grammar
            pytest.fail(str(problem))


def test_reason_first_shows_what_the_data_says() -> None:
    def script(request: GenerateRequest) -> str:
        way = "calculation" if "`calculation: …`" in request.messages[0].content else "reasoning"
        number = int(request.messages[-1].content.split()[-1])
        return f"{way}: as it goes\nanswer: {LABELS[number % 3]}"

    class Taught(ScriptedEngine):
        def score(
            self, requests: Sequence[ScoreRequest], watch: Watcher | None = None
        ) -> list[Score]:
            texts = ["".join(message.content for message in r.messages) for r in requests]
            odds = [-0.5 * (2 - ("It says" in text) - ("as it goes" in text) / 2) for text in texts]
            return [Score((one,), Usage(1)) for one in odds]

    given_ = proposal(single(), told(30), engine=Taught(script), scores=[0.0] * 12)
    found = ReasonFirst().propose(given_)
    assert [one.operator for one in found] == ["reason as taught", "reason as shown"]
    sources = [demo.source for demo in found[0].agent.last.demos]
    assert sources == [f"e{n}" for n in range(18, 26)]  # none that the ways were compared on
