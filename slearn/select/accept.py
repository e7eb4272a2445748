"""Acceptance: a finalist replaces the incumbent only if it is better on validation.

Two paired one-sided tests share the error rate: one on the metric; and where the metric cannot tell
them apart, one on the measured loss of the same rows, which moves before the metric does. A look
halfway only ever drops: it costs power, and no errors. Otherwise the incumbent stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from slearn.agent import Agent
from slearn.engine import Engine, Watcher
from slearn.evaluate import evaluate
from slearn.loss import Measure, measured_losses, shortfall
from slearn.metrics import paired_p
from slearn.values import Example

LOOK = 30  # rows after which a finalist that is behind beyond chance is dropped
_WORSE = 0.25  # p that it is behind: a low bar, because nothing is lost with one that stays out


@dataclass(frozen=True)
class Verdict:
    """Whether a finalist is accepted, why, and the figures: means on n rows and p."""

    accepted: bool
    reason: str
    before: float
    after: float
    n: int
    p: float
    scores: tuple[float, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the figures as the store keeps them."""
        body = asdict(self)
        for name in ("accepted", "reason", "scores"):
            del body[name]
        return body


def verdict(
    incumbent: Agent,
    challenger: Agent,
    before: Sequence[float],
    examples: Sequence[Example],
    engine: Engine,
    judge_engine: Engine,
    watch: Watcher | None = None,
    *,
    seen: Sequence[float] = (),
    alpha: float = 0.1,
    task: str = "",
    measure: Measure = measured_losses,
    weighed: int | None = None,
) -> Verdict:
    """Compare a challenger with the incumbent, whose scores on the examples are `before`.

    `seen` are the challenger's scores on the first examples, where they are known. A challenger
    that is no better is accepted with a probability of `alpha` at most. Loss is measured on all
    examples or on the first `weighed`; on none, or where it is the grade once more, the metric
    decides alone, and has all of `alpha`.

    >>> # verdict(agent, challenger, scores, validation, engine, engine).accepted
    """
    after = list(seen)
    for end in (LOOK, len(examples)):
        if part := examples[len(after) : end]:
            found = evaluate(challenger, part, engine, judge_engine, watch, task=task)
            after += found.scores
        gain = _mean(after) - _mean(before[: len(after)])
        if gain < 0 and paired_p(after, before[: len(after)]) <= _WORSE:
            return _of(False, "worse on the metric", before, after, 1.0)
    p, part = paired_p(before, after), examples[:weighed]
    graded = incumbent.metric in ("judge", "tests")
    if graded and not any(example.targets for example in part):
        part = []  # that loss is the same grade once more
    if gain > 0 and p <= (alpha / 2 if part else alpha):
        return _of(True, "better on the metric", before, after, p)
    if not part:
        return _of(False, "not better beyond chance", before, after, p)
    agents, twice = [incumbent, challenger], [part] * 2
    old, new = measure(agents, twice, engine, judge_engine, watch, task=task)
    p_loss = paired_p([-shortfall(loss) for loss in old], [-shortfall(loss) for loss in new])
    if p_loss <= alpha / 2:
        return _of(True, "better in measured loss, as good on the metric", before, after, p_loss)
    return _of(False, "not better beyond chance", before, after, p)


def _of(
    accepted: bool, reason: str, before: Sequence[float], after: Sequence[float], p: float
) -> Verdict:
    n = len(after)
    return Verdict(accepted, reason, _mean(before[:n]), _mean(after), n, p, tuple(after))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
