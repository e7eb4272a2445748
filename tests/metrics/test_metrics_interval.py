"""Intervals and paired tests: known values, bounds, symmetry, order, speed."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slearn.metrics import Interval, mean_interval, paired_interval, paired_p
from slearn.metrics.student import t_quantile

SCORES = st.lists(st.floats(0, 1), max_size=30)
BINARY = st.lists(st.sampled_from([0.0, 1.0]), max_size=30)
PAIRS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=30)
BINARY_PAIRS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=30)


def columns(pairs: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Split pairs into before and after."""
    return [before for before, _ in pairs], [after for _, after in pairs]


@pytest.mark.parametrize(
    ("confidence", "freedom", "expected"),
    [
        (0.95, 1, 12.706205),
        (0.95, 2, 4.302653),
        (0.95, 3, 3.182446),
        (0.95, 4, 2.776445),
        (0.99, 7, 3.499483),
        (0.95, 10, 2.228139),
        (0.90, 30, 1.697261),
        (0.95, 200, 1.971896),
        (0.95, 201, 1.971837),
        (0.99, 1000, 2.580755),
    ],
)
def test_t_quantile(confidence: float, freedom: int, expected: float) -> None:
    assert t_quantile(confidence, freedom) == pytest.approx(expected, abs=2e-6)


def test_wilson_known_values() -> None:
    some = mean_interval([1] * 8 + [0] * 2)
    assert (some.value, some.n) == (0.8, 10)
    assert (some.low, some.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    every = mean_interval([True] * 10)
    assert every.high == 1.0 and every.low == pytest.approx(0.7225, abs=1e-4)


def test_student_known_values() -> None:
    mean = mean_interval([0.2, 0.4, 0.6])
    half = 4.302653 * 0.2 / math.sqrt(3)
    assert (mean.low, mean.high) == pytest.approx((0.0, 0.4 + half), abs=1e-6)
    assert mean_interval([0.5, 0.5]) == Interval(0.5, 2, 0.5, 0.5)


def test_means_of_little() -> None:
    assert mean_interval([]) == Interval(0.0, 0, 0.0, 1.0)
    assert mean_interval([0.5]) == Interval(0.5, 1, 0.0, 1.0)
    assert mean_interval([1]).low == pytest.approx(0.2065, abs=1e-4)


@pytest.mark.parametrize("scores", [[1.5], [-0.1, 0], [math.nan]])
def test_a_mean_refuses_what_is_no_score(scores: list[float]) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        mean_interval(scores)


@settings(deadline=None)
@given(SCORES | BINARY)
def test_a_mean_lies_in_its_interval(scores: list[float]) -> None:
    mean = mean_interval(scores)
    assert 0 <= mean.low <= mean.value <= mean.high <= 1
    assert mean == mean_interval(list(reversed(scores)))
    narrow = mean_interval(scores, 0.5)
    assert mean.low <= narrow.low and narrow.high <= mean.high


@settings(deadline=None)
@given(BINARY)
def test_wilson_is_symmetric(scores: list[float]) -> None:
    one, other = mean_interval(scores), mean_interval([1 - score for score in scores])
    if scores:
        assert one.low == pytest.approx(1 - other.high)
        assert one.high == pytest.approx(1 - other.low)


def test_paired_intervals_of_little() -> None:
    assert paired_interval([], []) == Interval(0.0, 0, 0.0, 0.0)
    assert paired_interval([0], [1]) == Interval(1.0, 1, -1.0, 1.0)
    assert paired_interval([5.0], [2.0]) == Interval(-3.0, 1, -3.0, 3.0)
    assert paired_interval([1, 0], [1, 0]) == Interval(0.0, 2, 0.0, 0.0)


@pytest.mark.parametrize("function", [paired_interval, paired_p])
def test_pairs_must_match_and_be_finite(function: object) -> None:
    assert callable(function)
    with pytest.raises(ValueError, match="2 scores before, 1 after"):
        function([0, 1], [1])
    with pytest.raises(ValueError, match="finite"):
        function([0, 1], [1, math.nan])


def test_the_bootstrap_is_close_to_the_normal_interval() -> None:
    draw = random.Random(1)
    before = [draw.random() for _ in range(1000)]
    after = [draw.random() for _ in range(1000)]
    small = paired_interval(before, after)
    large = paired_interval([*before, 0.5], [*after, 0.5])
    assert (small.low, small.high) == pytest.approx((large.low, large.high), abs=0.003)


@given(PAIRS | BINARY_PAIRS, st.randoms(use_true_random=False))
def test_a_paired_interval_is_bounded_mirrored_and_without_order(
    pairs: list[tuple[float, float]], draw: random.Random
) -> None:
    before, after = columns(pairs)
    gain = paired_interval(before, after)
    assert -1 <= gain.low <= gain.value <= gain.high <= 1
    back = paired_interval(after, before)
    assert (back.value, back.low, back.high) == (-gain.value, -gain.high, -gain.low)
    draw.shuffle(pairs)
    assert paired_interval(*columns(pairs)) == gain


def test_sign_test_known_values() -> None:
    assert paired_p([], []) == 1.0
    assert paired_p([1, 0], [1, 0]) == 1.0
    assert paired_p([0], [1]) == 0.5
    assert paired_p([1], [0]) == 1.0
    assert paired_p([0] * 5, [1] * 5) == 1 / 32
    assert paired_p([0] * 8 + [1] * 2, [1] * 8 + [0] * 2) == 56 / 1024
    assert paired_p([0] * 2 + [1] * 8, [1] * 2 + [0] * 8) == 1013 / 1024


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1).filter(bool), min_size=1, max_size=8))
def test_few_differences_are_enumerated(gains: list[float]) -> None:
    if all(abs(gain) == 1 for gain in gains):
        gains[0] = 0.5
    reached = sum(gains) - 1e-9 * sum(map(abs, gains))
    flips = list(itertools.product([-1, 1], repeat=len(gains)))
    sums = [sum(s * abs(g) for s, g in zip(signs, gains, strict=True)) for signs in flips]
    expected = sum(value >= reached for value in sums) / len(flips)
    assert paired_p([0.0] * len(gains), gains) == pytest.approx(expected, abs=2 / len(flips))


def test_sampled_flips_agree_with_the_sign_test_and_with_the_limit() -> None:
    ups, downs = 30, 14
    exact = paired_p([0] * ups + [1] * downs, [1] * ups + [0] * downs)
    sampled = paired_p([0.0] * ups + [0.5] * downs, [0.5] * ups + [0.0] * downs)
    assert sampled == pytest.approx(exact, abs=0.004)
    draw = random.Random(2)
    gains = [draw.gauss(0.02, 0.5) for _ in range(2001)]
    below, above = (paired_p([0.0] * n, gains[:n]) for n in (2000, 2001))
    assert below == pytest.approx(above, abs=0.01)
    assert paired_p([0.1] * 300, [0.9] * 300) == pytest.approx(1 / 10_001)


@given(PAIRS | BINARY_PAIRS, st.randoms(use_true_random=False))
def test_a_p_value_is_bounded_and_without_order(
    pairs: list[tuple[float, float]], draw: random.Random
) -> None:
    before, after = columns(pairs)
    forth, back = paired_p(before, after), paired_p(after, before)
    assert 0 < forth <= 1 and 0 < back <= 1
    assert forth + back >= 1 - 1e-12
    draw.shuffle(pairs)
    assert paired_p(*columns(pairs)) == forth


def test_when_both_are_equally_good_few_p_values_are_small() -> None:
    draw = random.Random(3)
    runs = [[draw.gauss(0, 1) for _ in range(10)] for _ in range(400)]
    small = sum(paired_p([0.0] * 10, run) <= 0.05 for run in runs)
    assert 5 <= small <= 35


def test_huge_runs_have_narrow_intervals() -> None:
    draw = random.Random(4)
    before, after = ([draw.randint(0, 1) for _ in range(20_000)] for _ in range(2))
    halves = [score / 2 for score in after]
    for other in (after, halves):
        found = paired_interval(before, other)
        gain = (sum(other) - sum(before)) / len(before)
        assert found.low < gain < found.high < found.low + 0.02
    assert paired_p(before, halves) > 0.99
