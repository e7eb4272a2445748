"""Confirmation: rows that only a candidate meets which validation has accepted.

The best of many is drawn with luck, and validation is looked at in every step: its figures flatter.
On fresh rows luck is gone. A candidate that is worse there, beyond chance, stays out. Where
validation leaves no doubt that the metric rose, nobody is asked again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from slearn.metrics import paired_p
from slearn.values import Example

SURE = 0.01  # p on validation below which there is no doubt
_SHARE = 5  # one row in so many
_LEAST, _MOST = 16, 40  # with fewer rows than the least no error would show
_WORSE = 0.25  # p that it is worse: a low bar, because the incumbent is an agent too


@dataclass(frozen=True)
class Confirmation:
    """How a challenger did on fresh rows, and the incumbent's mean score on the same n."""

    before: float
    after: float
    n: int
    p_worse: float

    @property
    def held(self) -> bool:
        """Whether what validation said may stand.

        >>> Confirmation(0.5, 0.4, 20, 0.3).held, Confirmation(0.5, 0.2, 20, 0.02).held
        (True, False)
        """
        return self.after >= self.before or self.p_worse > _WORSE

    def as_json(self) -> dict[str, float]:
        """Return the figures as the store keeps them."""
        return {"before": self.before, "after": self.after, "n": self.n, "p_worse": self.p_worse}


def confirmation(before: Sequence[float], after: Sequence[float]) -> Confirmation:
    """Compare a challenger's scores with the incumbent's on the same rows.

    >>> confirmation([1.0] * 8, [0.0] * 8).held
    False
    """
    size = len(before)
    return Confirmation(sum(before) / size, sum(after) / size, size, paired_p(after, before))


def set_aside(train: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Return the rows that teach and the rows that confirm; none confirm where there are too few.

    >>> rows = [Example(str(n), {}) for n in range(100)]
    >>> [len(part) for part in set_aside(rows)], [len(part) for part in set_aside(rows[:50])]
    ([80, 20], [50, 0])
    """
    count = min(_MOST, len(train) // _SHARE)
    if count < _LEAST:
        return list(train), []
    aside = set(random.Random(0).sample(range(len(train)), count))
    teach = [row for place, row in enumerate(train) if place not in aside]
    return teach, [train[place] for place in sorted(aside)]
