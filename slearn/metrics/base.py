"""What a metric is: a function from an answer and an example to a number between 0 and 1.

Where an example has several acceptable targets, the best score over them counts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from slearn.errors import DataError
from slearn.values import Example


class Metric(ABC):
    """Scores an agent's answer against an example, from 0 (wrong) to 1 (right).

    >>> from slearn.metrics import metric_named
    >>> metric_named("exact").score("Cold.", Example("1", {"input": "hot"}, ("cold",)))
    1.0
    """

    name: str

    @abstractmethod
    def score(self, answer: str, example: Example) -> float:
        """Score one answer; raise DataError where the example lacks the target it needs."""


class TargetMetric(Metric):
    """A metric that compares the answer with one target at a time; the best one counts."""

    @abstractmethod
    def compare(self, answer: str, target: str) -> float:
        """Score the answer against one acceptable target."""

    def score(self, answer: str, example: Example) -> float:
        """Return the best comparison over the example's targets."""
        return max(self.compare(answer, target) for target in targets_of(example, self.name))


def unreadable(example: Example, target: str, wanted: str, metric: str) -> DataError:
    """Return the error for an example whose targets a metric cannot read.

    >>> unreadable(Example("1", {}, ("x",)), "x", "not a number", "number").message
    "its target 'x' is not a number, and the metric 'number' needs one"
    """
    fault = f"its target {target[:60]!r} is {wanted}, and the metric {metric!r} needs one"
    return DataError(fault, where=f"example {example.id}")


def targets_of(example: Example, metric: str) -> tuple[str, ...]:
    """Return the example's targets, or raise a DataError that names example and metric.

    >>> targets_of(Example("1", {}, ("cold",)), "exact")
    ('cold',)
    """
    if not example.targets:
        raise DataError(
            f"has no target, and the metric {metric!r} needs one",
            where=f"example {example.id}",
            hint="name the column with the target, or use a metric that needs none, like judge",
        )
    return example.targets
