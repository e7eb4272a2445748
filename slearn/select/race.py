"""The race: candidates against the incumbent on measured loss, paired, in rungs.

What is compared is the mean shortfall, which agents that reason and agents that do not share. A
longer prompt has to save what it costs to say (minimum description length, Rissanen 1978).

After each rung the worse half falls out, so that most losers cost little (successive halving). Who
stays beside the best is judged with hope, a standard error better than it did: on a few rows an
agent that reasons is all right or all wrong, and would fall out by bad luck where others are merely
lukewarm. The best of those that reason, of those that call tools, and of those that do neither,
runs until the last rung, and where it beats the incumbent has a seat in the final. That rung
is left out where one at most can fall out and somebody writes before he answers: it is the
dearest of all, and validation decides anyway. Each rung reads the prompts anew, so where they are
long beside the rows there are fewer rungs (price.py says how many).
Nobody is raced on an example that a demo of his, or of any rival, was made from: all run on the
same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TypeVar

from slearn.agent import Agent
from slearn.engine import Engine, Watcher
from slearn.loss import Measure, measured_losses, shortfall
from slearn.metrics import hopeful
from slearn.optim import Candidate
from slearn.values import Example

T = TypeVar("T")
# What a token of the prompt must save: about three nats to say it, spread over 15,000 uses.
PRICE = 2e-4
FINALISTS = 2
_FEWEST = 3  # rows of the first rung: fewer say nothing


@dataclass(frozen=True)
class Lap:
    """How one candidate did: its losses and the incumbent's on the same n examples, in nats."""

    candidate: Candidate
    losses: tuple[float, ...] = ()
    incumbent: tuple[float, ...] = ()
    out: bool = False
    price: float = 0.0

    @property
    def score(self) -> float:
        """The mean shortfall and the price of a longer prompt: it decides, the lower the better."""
        return _mean(_shortfalls(self.losses)) + self.price

    @property
    def gain(self) -> float:
        """How much lower that is than the incumbent's shortfall on the same examples."""
        return _mean(_shortfalls(self.incumbent)) - self.score

    @property
    def hope(self) -> float:
        """How far the score may lie above the incumbent's, a standard error of luck granted."""
        return hopeful(_shortfalls(self.incumbent), _shortfalls(self.losses)) + self.price

    @property
    def writes(self) -> bool:
        """Whether a row is answered after something else was written."""
        agent = self.candidate.agent
        last = agent.last.output
        more = agent.last.tools or last.answer.abstain or not agent.flow.plain
        return len(agent.nodes) > 1 or len(last.fields) > 1 or bool(more)

    @property
    def way(self) -> tuple[tuple[int, bool], ...]:
        """How many fields each node writes, how often, and whether it calls tools before.

        Whether something is written before the answer: losses of different ways compare badly.
        """
        agent, runs = self.candidate.agent, self.candidate.agent.runs
        fields = ((len(node.output.fields) * runs[node.name], node) for node in agent.nodes)
        return tuple((count, bool(node.tools)) for count, node in fields)

    def as_json(self) -> dict[str, float]:
        """Return the lap as the store keeps it."""
        return {
            "loss": round(_mean(self.losses), 4),
            "incumbent": round(_mean(self.incumbent), 4),
            "gain": round(self.gain, 4),
            "price": round(self.price, 4),
            "n": len(self.losses),
        }


def race(
    incumbent: Agent,
    candidates: Sequence[Candidate],
    examples: Sequence[Example],
    engine: Engine,
    judge_engine: Engine,
    watch: Watcher | None = None,
    *,
    finalists: int = FINALISTS,
    whole: bool = False,
    task: str = "",
    measure: Measure = measured_losses,
    size: Callable[[Agent], int] = lambda _: 0,
    cuts: Sequence[int] = (),
) -> list[Lap]:
    """Return a lap for every candidate, the best first; losers are `out`.

    `size` counts the tokens of an agent's prompts: longer ones have a price. With `whole` no
    rung is left out. `cuts` are how many rows the rungs have, those of `layouts` where none are
    given.

    >>> # race(agent, candidates, rows, engine, engine)[0].gain
    """
    if not examples:  # too few rows to race on: the first ones go straight to validation
        return [Lap(c, out=place >= finalists) for place, c in enumerate(candidates)]
    short = size(incumbent)
    # A shorter prompt has no bonus: no test would see it, and what is worse would reach the final.
    running = [Lap(c, price=PRICE * max(0, size(c.agent) - short)) for c in candidates]
    stopped: list[Lap] = []
    base: tuple[float, ...] = ()
    parts = rungs(examples, cuts or layouts(len(examples))[0])
    for number, rung in enumerate(parts):
        if number:
            ranked = sorted(running, key=lambda lap: lap.score)
            ranked[1:] = sorted(ranked[1:], key=lambda lap: lap.hope)
            running, fell = cut(ranked, max(finalists, (len(ranked) + 1) // 2))
            stopped = fell + stopped
        untold = not any(row.targets for row in rung)  # answers are written, and graded
        writes = untold or any(lap.writes for lap in running)
        if optional(number, parts) and len(running) <= finalists + 1 and writes and not whole:
            break
        agents = [incumbent, *(lap.candidate.agent for lap in running)]
        losses = measure(agents, [rung] * len(agents), engine, judge_engine, watch, task=task)
        base += tuple(losses[0])
        running = [
            replace(lap, losses=(*lap.losses, *found), incumbent=base)
            for lap, found in zip(running, losses[1:], strict=True)
        ]
    # The best, and the most hopeful of those that are better too, one that answers in another way
    # before all others: the metric compares what losses cannot.
    running.sort(key=lambda lap: lap.score)
    running[1:] = sorted(
        running[1:], key=lambda lap: (lap.gain <= 0, lap.way == running[0].way, lap.hope)
    )
    running[:finalists] = sorted(running[:finalists], key=lambda lap: lap.score)
    laps = [*running, *stopped]
    return [replace(lap, out=place >= finalists or lap.gain <= 0) for place, lap in enumerate(laps)]


def cut(ranked: Sequence[Lap], keep: int) -> tuple[list[Lap], list[Lap]]:
    """Return who stays and who falls out: the first so many stay, and the first of each other way.

    >>> cut([], 2)
    ([], [])
    """
    kept, fell = list(ranked[:keep]), list[Lap]()
    ways = {lap.way for lap in kept}
    for lap in ranked[keep:]:
        (fell if lap.way in ways else kept).append(lap)
        ways.add(lap.way)
    return kept, fell


def layouts(count: int) -> list[tuple[int, ...]]:
    """Return how so many rows may be cut into rungs, most rungs first.

    A few for all, as few for half, the rest for a quarter; a third for all, the rest for half; or
    all for all.

    >>> layouts(24)
    [(4, 4, 16), (8, 16), (24,)]
    """
    few, third = max(_FEWEST, count // 6), max(_FEWEST, count // 3)
    found = [(few, few, count - 2 * few), (third, count - third), (count,)]
    return [cuts for cuts in found if min(cuts) > 0] or [(count,)]


def rungs(examples: Sequence[T], cuts: Sequence[int]) -> list[Sequence[T]]:
    """Cut the examples into rungs.

    >>> rungs("abcdef", (1, 2, 3))
    ['a', 'bc', 'def']
    """
    ends = list(accumulate(cuts))
    parts = [examples[end - size : end] for size, end in zip(cuts, ends, strict=True)]
    return [part for part in parts if part]


def optional(number: int, parts: Sequence[object]) -> bool:
    """Say whether a rung is one that may be left out: the last of several.

    >>> optional(1, [1, 2]), optional(0, [1])
    (True, False)
    """
    return 0 < number == len(parts) - 1


def _shortfalls(losses: Sequence[float]) -> list[float]:
    return list(map(shortfall, losses))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
