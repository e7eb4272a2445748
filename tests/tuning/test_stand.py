"""Engines that are measured side by side are opened once and always closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from slearn.engine import Engine, EngineSettings, open_engine
from slearn.tuning import Stand, Workload

ONE, TWO = EngineSettings(threads=1), EngineSettings(threads=2)


class Bench:
    """Counts what is open; its clock ticks by what a look at it costs."""

    def __init__(self, tick: float = 1.0) -> None:
        self.open: list[EngineSettings] = []
        self.opened = 0
        self.tick = tick
        self.now = 0.0

    @contextmanager
    def opener(self, settings: EngineSettings) -> Iterator[Engine]:
        self.opened += 1
        self.open.append(settings)
        try:
            with open_engine(None) as engine:
                yield engine
        finally:
            self.open.remove(settings)

    def clock(self) -> float:
        self.now += self.tick
        return self.now


def test_an_engine_is_opened_once_and_closed_when_dropped() -> None:
    bench = Bench()
    with Stand(bench.opener, bench.clock) as stand:
        stand.work = Workload(0.25)
        for settings in (ONE, TWO, ONE, TWO):
            assert stand.measure(settings) > 0
        assert bench.open == [ONE, TWO] and bench.opened == 2
        stand.drop(ONE)
        stand.drop(ONE)
        assert bench.open == [TWO]
    assert bench.open == []


def test_a_fault_closes_all() -> None:
    bench = Bench()
    with pytest.raises(KeyboardInterrupt), Stand(bench.opener) as stand:
        stand.measure(ONE)
        raise KeyboardInterrupt
    assert bench.open == []


@pytest.mark.parametrize(("tick", "rows"), [(0.01, 16), (1.0, 8), (60.0, 4)])
def test_slow_machines_get_less_to_do(tick: float, rows: int) -> None:
    bench = Bench(tick)
    with Stand(bench.opener, bench.clock) as stand:
        prompt = stand.fit(ONE, seconds=60)
        assert stand.work.rows == rows
        assert prompt > 10 * rows


def test_the_work_shares_a_beginning_and_is_always_the_same() -> None:
    with open_engine(None) as engine:
        whole = Workload()
        assert whole.run(engine) == whole.run(engine) > Workload(0.25).run(engine)
        assert 16 * 15 < whole.prompt_tokens(engine) < 1200
