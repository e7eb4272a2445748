"""The metrics that ask for the same answer: `exact`, and `choice`, which forgives decoration."""

from __future__ import annotations

from typing import final

from slearn.metrics.base import TargetMetric
from slearn.metrics.text import bare, fold


@final
class Exact(TargetMetric):
    """Scores 1 where answer and target are the same text.

    Case, outer spaces, one trailing full stop and the way accents are composed do not count;
    everything between does.

    >>> Exact().compare("Cold.", "cold"), Exact().compare("ice cold", "cold")
    (1.0, 0.0)
    """

    name = "exact"

    def compare(self, answer: str, target: str) -> float:
        """Compare the folded texts."""
        return float(fold(answer) == fold(target))


@final
class Choice(TargetMetric):
    """Scores like `exact`, and ignores brackets and quotes around the whole answer or target.

    >>> Choice().compare("(A)", "A"), Choice().compare("b", '"B"'), Choice().compare("A", "B")
    (1.0, 1.0, 0.0)
    """

    name = "choice"

    def compare(self, answer: str, target: str) -> float:
        """Compare the bare texts."""
        return float(bare(answer) == bare(target))
