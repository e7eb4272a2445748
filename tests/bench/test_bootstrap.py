"""The bench's bootstrap: how often it covers the truth, and what must not move it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from bench.bootstrap import Gain, Run, mean_gain, over_tasks


def simulated(chance: np.random.Generator, mean: float, tasks: int = 14) -> list[Run]:
    """Tasks differ in their gain, seeds a little, and rows flip a coin."""
    runs = []
    for task in range(tasks):
        gain = mean + chance.normal(0, 0.15)
        for seed in range(2):
            moved = chance.normal(gain + chance.normal(0, 0.05), 0.4, 20)
            runs.append(Run(f"t{task}", seed, (0.0,) * 20, tuple(moved)))
    return runs


def test_the_interval_covers_the_known_mean_about_as_often_as_it_says() -> None:
    chance = np.random.default_rng(1)
    cases = 120
    found = [mean_gain(simulated(chance, 0.1), resamples=200) for _ in range(cases)]
    covered = sum(gain.low <= 0.1 <= gain.high for gain in found)
    assert 0.90 <= covered / cases <= 0.99
    assert any(gain.low > 0.02 for gain in found), "it is not merely wide"


def test_one_task_with_one_seed_is_an_ordinary_paired_bootstrap() -> None:
    chance = np.random.default_rng(2)
    rows = [tuple(map(float, chance.random(80) < 0.3)) for _ in range(120)]
    found = [mean_gain([Run("t", 0, (0.0,) * 80, row)], resamples=200) for row in rows]
    assert 0.88 <= sum(gain.low <= 0.3 <= gain.high for gain in found) / 120 <= 0.99


def test_what_did_not_change_gained_nothing() -> None:
    rows = (0.0, 1.0, 0.3)
    runs = [Run(task, seed, rows, rows) for task in "abc" for seed in (0, 1)]
    assert mean_gain(runs) == Gain(0.0, 0.0, 0.0)


def test_order_does_not_matter() -> None:
    runs = simulated(np.random.default_rng(3), 0.2)
    runs += [Run("t0", 0, (0.5,), (0.75,)), Run("only", 7, (0.1,), (0.2,))]
    expected = mean_gain(runs)
    for seed in range(4):
        random.Random(seed).shuffle(runs)
        assert mean_gain(runs) == expected


def test_rows_before_and_after_stay_pairs() -> None:
    before = tuple(float(row % 2) for row in range(100))
    gain = mean_gain([Run("t", 0, before, tuple(score + 0.25 for score in before))])
    assert (gain.low, gain.value, gain.high) == pytest.approx((0.25, 0.25, 0.25))


def test_every_task_counts_alike_and_every_seed_within_it() -> None:
    runs = [Run("a", 0, (0.0,), (1.0,)), Run("a", 0, (0.0,), (0.0,)), Run("a", 1, (0.0,), (1.0,))]
    assert mean_gain([*runs, Run("b", 0, (0.0,) * 9, (0.25,) * 9)]).value == 0.5
    assert over_tasks((run.task, run.seed, run.gain) for run in runs) == 0.75


def test_scores_that_do_not_pair_up_are_refused() -> None:
    for before, after in (((), ()), ((0.0,), (0.0, 1.0))):
        with pytest.raises(ValueError, match="scores before"):
            Run("t", 0, before, after)
    with pytest.raises(ValueError, match="no runs"):
        mean_gain([])
