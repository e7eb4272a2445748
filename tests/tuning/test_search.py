"""The search keeps only what is clearly faster, in turns with the incumbent, within its time."""

from __future__ import annotations

from collections import Counter
from itertools import count

import pytest

from slearn.engine import EngineSettings
from slearn.errors import EngineError
from slearn.tuning import Trial, axes_for, search
from slearn.tuning.search import NO_TIME

Point = tuple[int, int]


def first(point: Point) -> list[Point]:
    return [(x, point[1]) for x in range(4)]


def second(point: Point) -> list[Point]:
    return [(point[0], y) for y in range(4)]


def valley(point: Point) -> float:
    return 1.0 + 0.1 * abs(point[0] - 3) + 0.1 * abs(point[1] - 2) + 0.05 * abs(sum(point) - 5)


def test_it_walks_to_the_best() -> None:
    found = search((0, 0), [first, second], valley)
    assert found.settings == (3, 2)
    assert found.before == valley((0, 0)) and found.after == pytest.approx(valley((3, 2)))
    assert all(trial.kept == (trial.cost < trial.against) for trial in found.trials if trial.cost)


def test_nothing_is_compared_twice() -> None:
    found = search((0, 0), [first, second], valley)
    pairs = Counter(trial.candidate for trial in found.trials)
    assert set(pairs.values()) == {1} and (0, 0) not in pairs


@pytest.mark.parametrize(("cost", "kept"), [(0.98, False), (0.97, True), (1.0, False)])
def test_a_change_must_gain_three_per_cent(cost: float, kept: bool) -> None:
    found = search(0, [lambda _: (0, 1)], lambda point: cost if point else 1.0)
    assert (found.settings == 1) == kept == found.trials[0].kept
    assert found.after == pytest.approx(cost if kept else 1.0)


def test_runs_alternate_after_one_to_warm_up() -> None:
    ran: list[int] = []
    search(0, [lambda _: (1,)], lambda point: ran.append(point) or 1.0)
    assert ran == [0, 1, 0, 1, 0, 1, 0, 1]


def test_medians_decide_and_the_warm_up_does_not_count() -> None:
    costs = {0: iter([9.0, 1.0, 1.0, 1.0]), 1: iter([9.0, 0.9, 1.2, 0.9])}
    found = search(0, [lambda _: (1,)], lambda point: next(costs[point]))
    assert found.trials == (Trial(0, 1, 0.9, 1.0, True),)


def test_what_drifts_is_compared_with_the_incumbent_of_the_same_minute() -> None:
    drift = count()
    found = search(0, [lambda _: (1,)], lambda point: 1.0 + 0.2 * next(drift))
    assert found.settings == 0


def test_a_hopeless_candidate_runs_once() -> None:
    ran: Counter[int] = Counter()

    def measure(point: int) -> float:
        ran[point] += 1
        return 1.0 + point

    found = search(0, [lambda _: (1,)], measure)
    assert ran == {0: 2, 1: 2} and not found.trials[0].kept and found.trials[0].cost == 2.0


def test_one_that_fails_is_passed_over() -> None:
    def measure(point: int) -> float:
        if point == 1:
            raise EngineError("cannot be done")
        return 2.0 - point * 0.5

    told: list[Trial[int]] = []
    found = search(0, [lambda _: (1, 2)], measure, tell=told.append)
    assert found.settings == 2 and tuple(told) == found.trials
    assert found.trials[0] == Trial(0, 1, note="cannot be done")


def test_the_start_itself_may_not_fail() -> None:
    def measure(point: int) -> float:
        raise EngineError("no memory")

    with pytest.raises(EngineError):
        search(0, [lambda _: (1,)], measure)


def test_time_ends_it() -> None:
    spent: list[int] = []
    found = search(
        (0, 0), [first, second], lambda point: spent.append(1) or valley(point),
        out_of_time=lambda: len(spent) >= 12,
    )  # fmt: skip
    assert [trial.note for trial in found.trials] == ["", NO_TIME]
    assert found.settings == (1, 0)
    nothing = search(0, [lambda _: (1,)], lambda point: 4.0, out_of_time=lambda: True)
    assert (nothing.settings, nothing.before, nothing.after, nothing.trials) == (0, 4.0, 4.0, ())


def test_losers_are_dropped_and_the_winner_is_not() -> None:
    dropped: list[Point] = []
    found = search((0, 0), [first, second], valley, drop=dropped.append)
    assert len(dropped) == len(found.trials) and found.settings not in dropped


def test_the_axes_offer_only_what_can_run_and_be_told_apart() -> None:
    now = EngineSettings(threads=8)
    threads, forms, attention, batch, cache = axes_for(8, 700, weights=("file", "f16"))
    assert [s.weights for s in forms(now)] == ["file", "f16"]
    assert [s.threads for s in threads(now)] == [8, 6, 4, 2]
    assert [s.threads for s in axes_for(1, 700)[0](now)] == [1]
    assert [s.flash_attention for s in attention(now)] == ["auto", "off"]
    assert [s.batch_size for s in batch(now)] == [256, 512, 1024]
    assert [s.batch_size for s in axes_for(8, 400)[3](now)] == [256]
    assert [s.cache_type for s in cache(now)] == ["f16", "q8_0"]
    assert [s.cache_type for s in cache(EngineSettings(flash_attention="off"))] == ["f16"]
    assert [s.flash_attention for s in attention(EngineSettings(cache_type="q8_0"))] == ["auto"]
