"""The graph of a trajectory: which steps the answer came from, and who read whom.

What the backward pass goes along. It is made of the steps' own notes (`reads`), so it has the shape
of what really happened: branches that were taken, turns of loops, copies that voted.
"""

from __future__ import annotations

from dataclasses import dataclass

from slearn.agent import Trajectory


@dataclass(frozen=True)
class Graph:
    """By the place of each step the places of those that read it, and how far it is from the end.

    `depths` are None of steps that the answer does not come from. Steps without notes are a chain.

    >>> from slearn.agent import Step
    >>> from slearn.values import Example, Usage
    >>> steps = [Step(name, {}, {}, "", True, Usage()) for name in "ab"]
    >>> Graph.of(Trajectory(Example("1", {}), tuple(steps), "")).depths
    (1, 0)
    """

    readers: tuple[tuple[int, ...], ...]
    depths: tuple[int | None, ...]

    @classmethod
    def of(cls, trajectory: Trajectory) -> Graph:
        """Return a trajectory's graph: a step's depth is one more than its deepest reader's."""
        steps = trajectory.steps
        noted = any(step.path for step in steps)
        places = {step.path: place for place, step in enumerate(steps)}
        reads = [
            [places[path] for path in step.reads if path in places]
            if noted
            else ([place - 1] if place else [])
            for place, step in enumerate(steps)
        ]
        depths: list[int | None] = [None] * len(steps)
        readers: list[list[int]] = [[] for _ in steps]
        if steps:
            depths[steps.index(trajectory.end)] = 0
        for place in reversed(range(len(steps))):  # who reads stands behind what is read
            depth = depths[place]
            if depth is None:
                continue
            for before in reads[place]:
                readers[before].append(place)
                depths[before] = max(depths[before] or 0, depth + 1)
        return cls(tuple(tuple(sorted(own)) for own in readers), tuple(depths))

    @property
    def depth(self) -> int:
        """The depth of the deepest step; -1 where there is no step."""
        return max((depth for depth in self.depths if depth is not None), default=-1)

    def at(self, depth: int) -> list[int]:
        """Return the places of the steps of a depth."""
        return [place for place, own in enumerate(self.depths) if own == depth]
