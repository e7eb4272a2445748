"""Abstaining: a call that the model is unsure of is given up, in what is said and in the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from slearn.agent import NO_CALL, Agent, Contract, Field, Flow, Node, forward
from slearn.engine import GenerateRequest, Generation, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import EngineError
from slearn.loss import UNSAYABLE, measured_loss
from slearn.store.results import result_json, result_of
from slearn.values import Example, Tool, Usage

LOOK = Tool("look", parameters='{"properties": {"at": {"type": "string"}}}')
CALL = '{"name": "look", "arguments": {"at": "x"}}'
ROW = Example("1", {"input": "look at x"}, (CALL,), functions=(LOOK,))
NONE = replace(ROW, targets=(NO_CALL,))


class Doubting(ScriptedEngine):
    """Writes the same text always, so many nats a token unsure of it."""

    def __init__(self, nats: float, text: str = CALL) -> None:
        super().__init__()
        self._said, self._nats = text, nats
        self.asked: list[GenerateRequest] = []

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        self.asked += requests
        count, text = self.count_tokens(self._said), self._said
        return [
            Generation(
                text, "end", True, Usage(1), logprob=-self._nats * count if r.weigh else None
            )
            for r in requests
        ]


class ScriptedEngineWithout(Doubting):
    """Writes a call, and does not weigh it."""

    def __init__(self) -> None:
        super().__init__(0.0)

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        return [replace(one, logprob=None) for one in super().generate(requests, watch)]


def caller(abstain: float, *fields: Field) -> Agent:
    answer = Field("answer", "call", abstain=abstain)
    return Agent("a", (Node("answer", (), output=Contract((*fields, answer))),), Flow(("answer",)))


@pytest.mark.parametrize(
    ("nats", "level", "said"),
    [(0.2, 0.1, NO_CALL), (0.05, 0.1, CALL), (9.0, 0.0, CALL)],
)
def test_a_call_less_sure_than_the_level_is_given_up(nats: float, level: float, said: str) -> None:
    engine = Doubting(nats)
    (found,) = forward(caller(level), [ROW], engine)
    assert found.answer == said == found.steps[0].text and found.steps[0].valid
    assert engine.asked[0].weigh == (level > 0)
    assert (
        found.steps[0].given_up
        == (said == NO_CALL)
        == found.steps[0].as_json().get("given_up", False)
    )


def test_a_call_beside_other_fields_is_not_given_up() -> None:
    """The doubt would be about the other fields as well."""
    engine = Doubting(1.0, f"why: because\nanswer: {CALL}")
    (found,) = forward(caller(0.5, Field("why")), [ROW], engine)
    assert found.steps[0].output == {"why": "because", "answer": CALL}


def test_an_answer_that_was_cut_off_is_not_given_up() -> None:
    class Cut(Doubting):
        def generate(
            self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
        ) -> list[Generation]:
            return [replace(one, valid=False) for one in super().generate(requests, watch)]

    (found,) = forward(caller(0.1), [ROW], Cut(1.0))
    assert not found.steps[0].valid and found.answer == CALL


def test_a_none_that_the_model_wrote_itself_has_the_loss_that_it_had() -> None:
    said = [measured_loss(caller(level), [ROW, NONE], Doubting(0.2, NO_CALL)) for level in (0, 9)]
    assert said[0] == said[1] and 0 < said[0][1] < UNSAYABLE
    (found,) = forward(caller(9.0), [NONE], Doubting(0.2, NO_CALL))
    assert found.answer == NO_CALL and "given_up" not in found.steps[0].as_json()


def test_an_engine_that_says_no_likelihoods_cannot_give_up() -> None:
    with pytest.raises(EngineError, match="how likely"):
        forward(caller(0.1), [ROW], ScriptedEngineWithout())


def test_the_loss_of_giving_up_is_no_matter_of_chance() -> None:
    assert measured_loss(caller(0.1), [ROW, NONE], Doubting(0.2)) == [UNSAYABLE, 0.0]
    kept = measured_loss(caller(0.1), [ROW, NONE], Doubting(0.05))
    assert kept == measured_loss(caller(0.0), [ROW, NONE], Doubting(0.05))
    assert 0 < kept[0] < UNSAYABLE


@pytest.mark.parametrize("logprob", [None, -2.5])
def test_the_store_keeps_how_likely_a_text_was(logprob: float | None) -> None:
    made = Generation("a", "end", True, Usage(1), logprob=logprob)
    assert result_of(result_json(made), cached=False) == made
