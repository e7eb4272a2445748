"""The scripted engine: a memory of demonstrations under the engines' contract."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.engine import (
    Bounded,
    GenerateRequest,
    Generation,
    Grammar,
    Message,
    ScoreRequest,
    bounded_json,
    grammar_of,
)
from slearn.engine.scripted import ScriptedEngine, accepts, nearest_answer
from slearn.errors import EngineError

YES_NO = Grammar('start: "yes" | "no"')
TURNS = (
    Message("system", "Answer."),
    Message("user", "parcel in Oslo"),
    Message("assistant", "no"),
    Message("user", "login in Bergen"),
    Message("assistant", "yes"),
)


def asked(text: str) -> tuple[Message, ...]:
    return (*TURNS, Message("user", text))


def one(engine: ScriptedEngine, request: GenerateRequest) -> Generation:
    return engine.generate([request])[0]


def test_it_answers_like_the_nearest_demonstration() -> None:
    assert nearest_answer(asked("a parcel in Turku")) == "no"
    assert nearest_answer(asked("LOGIN, please")) == "yes"
    assert nearest_answer((Message("user", "alone"),)) is None
    engine = ScriptedEngine()
    assert one(engine, GenerateRequest(asked("my parcel"), YES_NO)).text == "no"
    assert one(engine, GenerateRequest(asked("my login"), YES_NO)).text == "yes"
    near, far = engine.score([ScoreRequest(asked("my login"), ("yes", "no"), YES_NO)])[0].logprobs
    assert near > -0.5 and far < -1.9


def test_a_demonstration_that_the_grammar_forbids_is_not_repeated() -> None:
    request = GenerateRequest(asked("my login"), Grammar('start: "up" | "down"'))
    assert one(ScriptedEngine(), request).text in ("up", "down")


def test_queued_answers_come_first_and_scripts_may_pass() -> None:
    engine = ScriptedEngine(["no", "yes"])
    requests = [GenerateRequest(asked("my login"), YES_NO)] * 3
    assert [result.text for result in engine.generate(requests)] == ["no", "yes", "yes"]
    passing = ScriptedEngine(lambda request: None)
    assert one(passing, requests[0]).text == "yes"


def test_a_script_cannot_break_the_grammar() -> None:
    with pytest.raises(EngineError, match="breaks the grammar: 'maybe'"):
        one(ScriptedEngine(["maybe"]), GenerateRequest(asked("?"), YES_NO))


@given(st.text(max_size=20), st.integers(0, 5), st.integers(1, 60))
def test_an_answer_depends_on_the_request_alone(text: str, seed: int, tokens: int) -> None:
    grammar = grammar_of(Bounded("[a-z ]{1,40}", 30))
    request = GenerateRequest((Message("user", text),), grammar, seed=seed, max_tokens=tokens)
    alone = one(ScriptedEngine(), request)
    crowd = [replace(request, seed=9, max_tokens=7), request, GenerateRequest(asked("x"))]
    assert ScriptedEngine().generate(crowd)[1] == alone
    assert one(ScriptedEngine(), replace(request, where="elsewhere")) == alone
    assert accepts(grammar, alone.text)


def test_what_is_cut_off_is_invalid() -> None:
    long = Grammar('start: /[a-z]{400}/ "."')
    result = one(ScriptedEngine(), GenerateRequest(asked("?"), long, max_tokens=10))
    assert (result.finish, result.valid) == ("length", False)
    assert not accepts(long, result.text)


def test_stop_texts_cut_and_are_told() -> None:
    request = GenerateRequest(asked("?"), stop=("STOP",))
    result = one(ScriptedEngine(["so far STOP and on"]), request)
    assert (result.text, result.finish) == ("so far ", "stop")


def test_a_prefix_counts_towards_the_grammar() -> None:
    grammar = Grammar('start: "so: " ("yes" | "no")')
    engine = ScriptedEngine()
    request = ScoreRequest(asked("my login"), ("yes", "maybe"), grammar, prefix="so: ")
    assert engine.score([request])[0].logprobs[1] == -math.inf
    assert engine.score([replace(request, prefix="")])[0].logprobs == (-math.inf, -math.inf)


def test_rounds_are_counted_and_costs_are_told() -> None:
    engine = ScriptedEngine()
    result = one(engine, GenerateRequest(asked("my login"), YES_NO))
    score = engine.score([ScoreRequest(asked("my login"), ("yes",), YES_NO)])[0]
    assert engine.rounds == 2
    assert result.usage.prompt == score.usage.prompt > 10
    assert (result.usage.generated, score.usage.scored) == (1, 1)


def test_a_grammar_that_llguidance_fails_on_is_an_error_and_no_answer() -> None:
    tied = Grammar('start: a "x" | b "x"\na[max_tokens=9]: /[a-z]?/\nb[max_tokens=1]: /[a-z]{0,9}/')
    try:
        result = one(ScriptedEngine(), GenerateRequest(asked("?"), tied))
    except EngineError as failed:
        assert "the grammar failed" in str(failed)
    else:
        assert accepts(tied, result.text)


def test_acceptance_is_of_whole_texts_and_apart_from_bounds_in_tokens() -> None:
    grammar = bounded_json({"type": "string", "x-max-tokens": 2}).grammar
    assert accepts(grammar, '"much longer than two bytes"')
    assert not accepts(grammar, '"unfinished')
    assert not accepts(grammar, '"a"b')
    assert accepts(Grammar(), "\ud800")
