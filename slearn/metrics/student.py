"""Quantiles of Student's t distribution, as intervals for a mean need them."""

from __future__ import annotations

import math
from statistics import NormalDist

_EXACT_UP_TO = 200


def t_quantile(confidence: float, freedom: int) -> float:
    """Return t such that |T| <= t with the given probability, to 6 digits or better.

    >>> round(t_quantile(0.95, 1), 3), round(t_quantile(0.95, 10), 3)
    (12.706, 2.228)

    Up to 200 degrees of freedom the closed form is inverted (Abramowitz and Stegun, 26.7.3-4),
    above them the normal quantile is corrected (26.7.5).
    """
    if freedom > _EXACT_UP_TO:
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        first = (z**3 + z) / 4
        second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
        return z + first / freedom + second / freedom**2
    low, high = 0.0, math.pi / 2
    for _ in range(80):
        middle = (low + high) / 2
        if _inside(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan(low)


def _inside(angle: float, freedom: int) -> float:
    """Return P(|T| <= t) for t = sqrt(freedom) tan(angle)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    if freedom == 1:
        return 2 * angle / math.pi
    term = total = cosine if odd else 1.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= cosine**2 * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
