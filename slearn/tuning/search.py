"""Coordinate descent over settings that are compared by measuring: one change at a time.

Machines drift while they are measured, so a candidate never meets a figure from before: it runs in
turns with the incumbent, and the medians of the same turns decide.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Generic, TypeVar

from slearn.errors import SlearnError

S = TypeVar("S", bound=Hashable)
Axis = Callable[[S], Iterable[S]]

RUNS = 3
GAIN = 1.03  # a change has to make it faster by so much
HOPELESS = 1.25  # what takes so many times as long in a turn is not measured further
NO_TIME = "no time left"


@dataclass(frozen=True)
class Trial(Generic[S]):
    """One comparison: what a run of the candidate cost, and of the incumbent in the same turns.

    Both are None where the candidate could not be compared; `note` says why.
    """

    incumbent: S
    candidate: S
    cost: float | None = None
    against: float | None = None
    kept: bool = False
    note: str = ""


@dataclass(frozen=True)
class Found(Generic[S]):
    """The settings that a search ended with, what a run cost before and after, and all trials."""

    settings: S
    before: float
    after: float
    trials: tuple[Trial[S], ...]


def search(
    start: S,
    axes: Sequence[Axis[S]],
    measure: Callable[[S], float],
    *,
    drop: Callable[[S], None] = lambda settings: None,
    out_of_time: Callable[[], bool] = lambda: False,
    tell: Callable[[Trial[S]], None] = lambda trial: None,
) -> Found[S]:
    """Change one thing at a time, keep what is at least 3% faster, end when nothing is.

    An axis gives the candidates that differ from the incumbent in one thing. `measure` runs once
    and returns what that cost, in seconds; the first run of a candidate warms up and does not
    count. One that fails with a SlearnError is passed over. `drop` is told which settings will not
    be run again, `tell` how each trial ended.

    >>> found = search(2, [lambda threads: (1, threads + 1)], lambda threads: abs(threads - 4) + 1)
    >>> found.settings, found.before, found.after
    (4, 3, 1.0)
    """
    best, trials, seen = start, list[Trial[S]](), {start}
    before = measure(start)  # to warm up, and to have a figure where no trial ends in time
    gain, compared = 1.0, False
    changed = True
    while changed:
        changed = False
        for candidate in (candidate for axis in axes for candidate in axis(best)):
            if candidate in seen or out_of_time():
                continue
            seen.add(candidate)
            trial = _compare(best, candidate, measure, out_of_time)
            trials.append(trial)
            tell(trial)
            if trial.cost is not None and trial.against is not None:
                before, compared = before if compared else trial.against, True
                gain *= trial.against / trial.cost if trial.kept else 1.0
            drop(best if trial.kept else candidate)
            if trial.kept:
                best, changed = candidate, True
    return Found(best, before, before / gain, tuple(trials))


def _compare(
    best: S, candidate: S, measure: Callable[[S], float], out_of_time: Callable[[], bool]
) -> Trial[S]:
    turns: list[tuple[float, float]] = []
    try:
        measure(candidate)
        while len(turns) < RUNS:
            if out_of_time():
                return Trial(best, candidate, note=NO_TIME)
            turns.append((measure(best), measure(candidate)))
            if turns[-1][1] > HOPELESS * turns[-1][0]:
                break
    except SlearnError as error:
        return Trial(best, candidate, note=str(error))
    against, cost = (median(costs) for costs in zip(*turns, strict=True))
    kept = len(turns) == RUNS and cost * GAIN <= against
    return Trial(best, candidate, cost, against, kept)
