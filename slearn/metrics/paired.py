"""Whether after is better than before, beyond chance: one-sided tests on paired scores.

Only the sizes of the differences, the direction and a fixed seed enter: the order of the examples
does not.
"""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Sequence
from itertools import product
from statistics import NormalDist, fmean, stdev

from slearn.metrics.interval import differences

FLIPS = 10_000
_ENUMERATE_UP_TO = 12
_SAMPLE_UP_TO = 2000


def hopeful(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the mean of after less before, a standard error of it taken off.

    >>> hopeful([1, 1], [3, 3]), hopeful([1, 1], [1, 3])
    (2.0, 0.0)
    """
    more = [float(value) for value in differences(before, after)]
    return fmean(more) - (stdev(more) / math.sqrt(len(more)) if len(more) > 1 else 0.0)


def paired_p(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the probability of a gain this large if before and after were equally good.

    >>> paired_p([0, 0, 0, 1], [1, 1, 1, 1])
    0.125

    Where every difference is -1, 0 or 1: the exact sign test. Else the sign-flip permutation test:
    exact for up to 12 differences that are not zero, from 10,000 fixed flips up to 2000 of them,
    from its normal limit above. No difference gives 1. Raises ValueError for unequal lengths.
    """
    gains = [gain for gain in differences(before, after) if gain]
    if not gains:
        return 1.0
    if all(abs(gain) == 1 for gain in gains):
        return _sign_test(sum(gain > 0 for gain in gains), len(gains))
    sizes, total = sorted(map(abs, gains)), math.fsum(gains)
    if len(sizes) > _SAMPLE_UP_TO:
        return 1 - NormalDist().cdf(total / math.hypot(*sizes))
    reached = total - 1e-9 * math.fsum(sizes)  # sums that differ by rounding are equal
    if len(sizes) <= _ENUMERATE_UP_TO:
        every = _sums(sizes)
        return sum(value >= reached for value in every) / len(every)
    return _sampled_flips(sizes, reached)


def _sampled_flips(sizes: Sequence[float], reached: float) -> float:
    """Return the share of flips that reach the sum; one random byte signs eight sizes."""
    padded = [*sizes, *[0.0] * (-len(sizes) % 8)]
    tables = [_sums(padded[start : start + 8]) for start in range(0, len(padded), 8)]
    draw, hits = random.Random(0), 0
    for _ in range(FLIPS // 2):  # each flip with its mirror image, so that chance favours nobody
        value = sum(map(operator.getitem, tables, draw.randbytes(len(tables))))
        hits += (value >= reached) + (-value >= reached)
    return (hits + 1) / (FLIPS + 1)


def _sign_test(wins: int, n: int) -> float:
    """Return P(X >= wins) for n fair coins."""
    fewer = min(wins, n - wins + 1)  # the shorter tail: P(X < wins), or P(X >= wins) mirrored
    ways, term = 0, 1
    for heads in range(fewer):
        ways += term
        term = term * (n - heads) // (heads + 1)
    every = 1 << n
    return (ways if fewer < wins else every - ways) / every


def _sums(sizes: Sequence[float]) -> list[float]:
    """Return the sum of the sizes for every choice of their signs."""
    return [math.fsum(signed) for signed in product(*((-size, size) for size in sizes))]
