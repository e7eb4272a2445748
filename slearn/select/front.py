"""The Pareto front over examples: who does best on some row, though others are better in the mean.

What one candidate gets right and the winner gets wrong is worth keeping: later steps try it on top
of the winner. GEPA (Agrawal et al. 2025, section 3.3) samples its parents so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from slearn.optim import Candidate
from slearn.select.race import Lap


def front(laps: Sequence[Lap]) -> list[Candidate]:
    """Return the candidates that do best on some row of a race, those with most such rows first.

    Only those that met all rows are compared. A row that the incumbent does best is nobody's, and
    of equals the one that stands first has it.

    >>> front([])
    []
    """
    longest = max((len(lap.losses) for lap in laps), default=0)
    met = [lap for lap in laps if len(lap.losses) == longest]
    won: Counter[int] = Counter()
    for row in range(longest):
        best = min(range(len(met)), key=lambda place: met[place].losses[row])
        if met[best].losses[row] < met[best].incumbent[row]:
            won[best] += 1
    return [met[place].candidate for place, _ in won.most_common()]
