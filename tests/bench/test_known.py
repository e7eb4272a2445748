"""What stores hold is not computed again, and costs what it cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from slearn.engine import GenerateRequest, Generation, Grammar
from slearn.engine.base import Message, ScoreRequest
from slearn.engine.scripted import ScriptedEngine
from slearn.store import RememberingEngine, Store


def asked(words: str) -> GenerateRequest:
    return GenerateRequest((Message("user", words),), Grammar('start: "yes" | "no"'))


def scored(words: str) -> ScoreRequest:
    return ScoreRequest((Message("user", words),), ("yes",), Grammar('start: "yes" | "no"'))


class TestKnownEngine:
    def test_a_second_run_gets_the_first_ones_answers_at_their_price(
        self, load: Callable[[str], ModuleType], tmp_path: Path
    ) -> None:
        module = load("known")
        place = tmp_path / "store.duckdb"
        with Store.open(place) as store:
            first = RememberingEngine(ScriptedEngine(), store.begin({}))
            answers = first.generate([asked("one"), asked("two")])
            scores = first.score([scored("three")])

        def refuse(request: object) -> str:
            raise AssertionError(request)

        engine = module.KnownEngine(ScriptedEngine(refuse), module.read_known([place]))
        assert engine.generate([asked("two"), asked("one")]) == answers[::-1]
        assert engine.score([scored("three")]) == scores
        assert answers[0].usage.computed > 0
        assert engine.taken == 3

    def test_what_is_new_goes_to_the_engine_once(self, load: Callable[[str], ModuleType]) -> None:
        counts = list[GenerateRequest]()

        def count(request: GenerateRequest) -> str:
            counts.append(request)
            return "yes"

        engine = load("known").KnownEngine(ScriptedEngine(count), {})
        first = engine.generate([asked("one")])
        found = engine.generate([asked("one"), asked("two")])
        assert found[0] == first[0]
        assert isinstance(found[1], Generation)
        assert len(counts) == 2
        assert engine.taken == 1

    def test_what_is_scored_behind_a_text_is_known_too(
        self, load: Callable[[str], ModuleType]
    ) -> None:
        inner = ScriptedEngine()
        engine = load("known").KnownEngine(inner, {})
        then = [lambda _: scored("behind"), lambda _: None]
        first = engine.generate_then_score([asked("one"), asked("two")], then)
        assert engine.taken == 0 and first[1][1] is None
        assert first[0] == (engine.generate([asked("one")])[0], engine.score([scored("behind")])[0])
        rounds = inner.rounds
        assert engine.generate_then_score([asked("one"), asked("two")], then) == first
        assert inner.rounds == rounds
        assert engine.taken == 2 + 3
