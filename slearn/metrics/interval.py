"""How sure a figure is: intervals for a mean score and for the difference of two runs.

The order of the examples never matters, and the same scores always give the same interval.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from slearn.metrics.student import t_quantile

RESAMPLES = 2000
_BOOTSTRAP_UP_TO = 1000


@dataclass(frozen=True)
class Interval:
    """A figure, the number of examples behind it, and where the true value is likely to lie.

    >>> Interval(0.5, 2, 0.1, 0.9).high
    0.9
    """

    value: float
    n: int
    low: float
    high: float


def mean_interval(scores: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the mean of scores in 0..1 with its interval, which stays in 0..1.

    >>> mean = mean_interval([1, 1, 1, 0])
    >>> mean.value, round(mean.low, 2), round(mean.high, 2)
    (0.75, 0.3, 0.95)

    Scores that are all 0 or 1 get Wilson's interval, others Student's. No score, or a single one
    that is neither 0 nor 1, says nothing about the spread: 0..1. Raises ValueError for a score
    outside 0..1.
    """
    if not all(0 <= score <= 1 for score in scores):
        raise ValueError("scores lie between 0 and 1")
    n = len(scores)
    mean = math.fsum(scores) / n if n else 0.0
    if n == 0 or (n == 1 and scores[0] not in (0, 1)):
        return Interval(mean, n, 0.0, 1.0)
    if all(score in (0, 1) for score in scores):
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        scale = 1 + z**2 / n
        centre = (mean + z**2 / (2 * n)) / scale
        half = z * math.sqrt(mean * (1 - mean) / n + z**2 / (4 * n**2)) / scale
    else:
        centre = mean
        half = t_quantile(confidence, n - 1) * _standard_error(scores, mean)
    return Interval(mean, n, min(mean, max(0.0, centre - half)), max(mean, min(1.0, centre + half)))


def paired_interval(
    before: Sequence[float], after: Sequence[float], confidence: float = 0.95
) -> Interval:
    """Return the mean of after - before, example by example, with its interval.

    >>> gain = paired_interval([0, 0, 1, 0], [1, 0, 1, 1])
    >>> gain.value, gain.low, gain.high
    (0.5, 0.0, 1.0)

    A percentile bootstrap of 2000 resamples with a fixed seed; above 1000 examples the normal
    interval, from which it no longer differs. Exchanging the arguments mirrors the interval. One
    example says nothing about the spread: -1..1. Raises ValueError for unequal lengths.
    """
    gains = differences(before, after)
    n = len(gains)
    if n == 0:
        return Interval(0.0, 0, 0.0, 0.0)
    mean = math.fsum(gains) / n
    if n == 1:
        widest = max(1.0, abs(mean))
        return Interval(mean, 1, -widest, widest)
    if n > _BOOTSTRAP_UP_TO:
        half = NormalDist().inv_cdf((1 + confidence) / 2) * _standard_error(gains, mean)
        return Interval(mean, n, mean - half, mean + half)
    forth, back = sorted(gains), sorted(-gain for gain in gains)
    low, high = _bootstrap(min(forth, back), confidence)  # the same draws in both directions
    if forth == back:
        low, high = (low - high) / 2, (high - low) / 2
    elif back < forth:
        low, high = 0.0 - high, 0.0 - low
    return Interval(mean, n, min(low, mean), max(high, mean))


def differences(before: Sequence[float], after: Sequence[float]) -> list[float]:
    """Return after - before for each example; raise ValueError where they do not pair up.

    >>> differences([0, 1], [1, 1])
    [1, 0]
    """
    if len(before) != len(after):
        raise ValueError(f"{len(before)} scores before, {len(after)} after: they must pair up")
    gains = [new - old for old, new in zip(before, after, strict=True)]
    if not all(map(math.isfinite, gains)):
        raise ValueError("every score must be a finite number")
    return gains


def _bootstrap(ordered: Sequence[float], confidence: float) -> tuple[float, float]:
    draw, n = random.Random(0), len(ordered)
    means = sorted(math.fsum(draw.choices(ordered, k=n)) / n for _ in range(RESAMPLES))
    cut = min(int((1 - confidence) / 2 * RESAMPLES), (RESAMPLES - 1) // 2)
    return means[cut], means[-1 - cut]


def _standard_error(values: Sequence[float], mean: float) -> float:
    n = len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1) / n)
