"""Models that take turns: the one that is asked is the one loaded, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from slearn.engine import Engine, GenerateRequest, Seat, SeatedEngine, open_engine, open_tokenizer
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import EngineError
from tests.engine.contract import EngineContract, ask, choice, use_after_close


class Loads:
    """Opens scripted engines and counts those that are in memory."""

    def __init__(self) -> None:
        self.opened = self.inside = 0

    def __call__(self) -> Engine:
        loads = self

        class Counted(ScriptedEngine):
            def close(self) -> None:
                loads.inside -= 1
                super().close()

        self.opened += 1
        self.inside += 1
        assert self.inside == 1, "two models are in memory"
        return Counted()


@pytest.fixture
def loads() -> Loads:
    return Loads()


@pytest.fixture
def seated(loads: Loads) -> Callable[[Seat], SeatedEngine]:
    return lambda seat: SeatedEngine(seat, loads, open_tokenizer(None))


class TestSeated(EngineContract):
    @pytest.fixture
    def engine(self, seated: Callable[[Seat], SeatedEngine]) -> Engine:
        seat = Seat()
        engine = seated(seat)
        seated(seat)  # takes the seat away, so that everything begins with a load
        return engine


def test_a_closed_engine_refuses_work(seated: Callable[[Seat], SeatedEngine]) -> None:
    use_after_close(seated(Seat()))


def test_a_model_is_loaded_when_it_is_asked_and_another_was_before(
    seated: Callable[[Seat], SeatedEngine], loads: Loads
) -> None:
    seat = Seat()
    one, two = seated(seat), seated(seat)
    assert (loads.opened, loads.inside, seat.changes) == (2, 1, 1)
    two.generate([choice("again")])
    one.generate([])  # nothing is asked
    assert one.count_tokens("two words") == 2 and one.window and one.fingerprint
    assert (loads.opened, seat.changes) == (2, 1)
    plain = open_engine(None).generate([choice("Is fire cold?")])
    assert one.generate([choice("Is fire cold?")]) == plain
    assert (loads.opened, loads.inside, seat.changes) == (3, 1, 2)


def test_closing_one_leaves_the_seat_to_the_other(
    seated: Callable[[Seat], SeatedEngine], loads: Loads
) -> None:
    seat = Seat()
    one, two = seated(seat), seated(seat)
    one.close()  # it does not have the seat
    two.generate([GenerateRequest(ask("hi"))])
    assert loads.opened == 2
    two.close()
    two.close()
    assert loads.inside == 0
    with pytest.raises(EngineError, match="closed"):
        two.generate([GenerateRequest(ask("hi"))])
