"""The mean gain over tasks with a 95% interval: tasks, seeds and test rows are all samples.

A hierarchical bootstrap: tasks are drawn with replacement, for each drawn task its seeds, and its
test rows. All runs of a task answer the same rows, so a drawn task has one draw of rows for all its
seeds, and before and after stay a pair. Runs of one task and seed (several starts, say) are drawn
together. With many tasks the interval errs on the wide side, since drawing tasks already brings the
noise below them; with fewer than about ten it is too narrow, as every bootstrap is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000


@dataclass(frozen=True, order=True)
class Run:
    """One run's scores before and after on the same rows; its means where that is all there is.

    >>> Run("snips", 0, (0.0, 1.0), (1.0, 1.0)).gain
    0.5
    """

    task: str
    seed: int
    before: tuple[float, ...]
    after: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.before or len(self.before) != len(self.after):
            raise ValueError(f"{len(self.before)} scores before, {len(self.after)} after")

    @property
    def gain(self) -> float:
        """The mean of after - before."""
        return (fsum(self.after) - fsum(self.before)) / len(self.after)


@dataclass(frozen=True)
class Gain:
    """A mean gain and its interval.

    >>> str(Gain(0.2, 0.1, 0.3))
    '+0.20 (+0.10 to +0.30)'
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.2f} ({self.low:+.2f} to {self.high:+.2f})"


def mean_gain(runs: Iterable[Run], resamples: int = RESAMPLES, confidence: float = 0.95) -> Gain:
    """Return the mean over tasks of the mean over seeds, with its interval; order is no matter.

    >>> mean_gain([Run("a", 0, (0, 1), (0, 1)), Run("b", 0, (1,), (1,))])
    Gain(value=0.0, low=0.0, high=0.0)
    """
    runs = sorted(runs)
    if not runs:
        raise ValueError("there are no runs")
    tasks: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        tasks[run.task].append(run)
    draw = np.random.default_rng(0)
    share = np.full(len(tasks), 1 / len(tasks))
    times = draw.multinomial(len(tasks), share, size=resamples)  # how often each task was drawn
    sums = np.zeros(resamples)
    for place, found in enumerate(tasks.values()):
        where = np.repeat(np.arange(resamples), times[:, place])
        sums += np.bincount(where, _redrawn(found, where.size, draw), minlength=resamples)
    tail = (1 - confidence) / 2
    low, high = np.quantile(sums / len(tasks), (tail, 1 - tail))
    value = over_tasks((run.task, run.seed, run.gain) for run in runs)
    return Gain(value, float(low), float(high))


def over_tasks(scores: Iterable[tuple[str, int, float]]) -> float:
    """Return the mean over tasks of the mean over seeds of (task, seed, score).

    >>> over_tasks([("a", 0, 1.0), ("a", 0, 0.0), ("a", 1, 1.0), ("b", 0, 0.25)])
    0.5
    """
    tasks: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for task, seed, score in scores:
        tasks[task][seed].append(score)
    return _mean([_mean([_mean(found) for found in seeds.values()]) for seeds in tasks.values()])


def _redrawn(runs: Sequence[Run], count: int, draw: np.random.Generator) -> NDArray[np.float64]:
    """Return so many mean gains of one task, each with its seeds and its rows drawn anew."""
    grids = _grids(runs)
    seeds = len(grids[0])
    shares = draw.multinomial(seeds, np.full(seeds, 1 / seeds), size=count) / seeds
    means = np.zeros(count)
    for grid in grids:
        chosen = draw.integers(grid.shape[1], size=(count, grid.shape[1]))
        means += np.take_along_axis(shares @ grid, chosen, axis=1).mean(axis=1)
    return means


def _grids(runs: Sequence[Run]) -> list[NDArray[np.float64]]:
    """Return gains as seeds by rows, a grid for each number of rows; their row means add up."""
    seeds = sorted({run.seed for run in runs})
    counts = Counter(run.seed for run in runs)
    grids: dict[int, NDArray[np.float64]] = {}
    for run in runs:
        size = len(run.after)
        grid = grids.setdefault(size, np.zeros((len(seeds), size)))
        grid[seeds.index(run.seed)] += np.subtract(run.after, run.before) / counts[run.seed]
    return [grids[size] for size in sorted(grids)]


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)
