"""Counts of what a run has asked of the engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from slearn.engine import Generation, Result, ToolResult
from slearn.values import Usage


@dataclass(frozen=True)
class Totals:
    """Calls of the model, those cut off by their limit, those that were free, tokens and seconds.

    >>> (Totals(calls=2) + Totals(calls=1, cached=1)).calls
    3
    """

    calls: int = 0
    invalid: int = 0
    cached: int = 0
    usage: Usage = Usage()
    seconds: float = 0.0

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.calls + other.calls,
            self.invalid + other.invalid,
            self.cached + other.cached,
            self.usage + other.usage,
            self.seconds + other.seconds,
        )

    @classmethod
    def of(cls, results: Iterable[Result], seconds: float = 0.0) -> Totals:
        """Count one round's results.

        >>> Totals.of([Generation("no", "end", True, Usage(generated=2))]).usage.generated
        2
        """
        totals = cls(seconds=seconds)
        for result in results:
            if isinstance(result, ToolResult):
                continue
            invalid = isinstance(result, Generation) and not result.valid
            totals += cls(1, int(invalid), int(result.cached), result.usage)
        return totals
