"""The race: candidates against the incumbent on measured loss, paired, in rungs.

What is compared is the mean shortfall, which agents that reason and agents that do not share. A
longer prompt has to save what it costs to say (minimum description length, Rissanen 1978).

After each rung the worse half falls out, so that most losers cost little (successive halving). Who
stays beside the best is judged with hope, a standard error better than it did: on a few rows an
agent that reasons is all right or all wrong, and would fall out by bad luck where others are merely
lukewarm. The best of those that reason, and of those that do not, runs until the last rung.
Nobody is raced on an example that a demo of his, or of any rival, was made from: all run on the
same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from slearn.agent import Agent
from slearn.engine import Engine, Watcher
from slearn.loss import Measure, measured_losses, shortfall
from slearn.metrics import hopeful
from slearn.optim import Candidate
from slearn.values import Example

# What a token of the prompt must save: about three nats to say it, spread over 15,000 uses.
PRICE = 2e-4
FINALISTS = 2
_FEWEST = 3  # rows of the first rung: fewer say nothing


@dataclass(frozen=True)
class Lap:
    """How one candidate did: its mean loss and the incumbent's on the same n examples, in nats."""

    candidate: Candidate
    losses: tuple[float, ...]
    incumbent: tuple[float, ...]
    out: bool = False
    price: float = 0.0

    @property
    def score(self) -> float:
        """The mean shortfall and the price of a longer prompt: it decides, the lower the better."""
        return _mean(list(map(shortfall, self.losses))) + self.price

    @property
    def gain(self) -> float:
        """How much lower that is than the incumbent's shortfall on the same examples."""
        return _mean(list(map(shortfall, self.incumbent))) - self.score

    def as_json(self) -> dict[str, float]:
        """Return the lap as the store keeps it."""
        return {
            "loss": round(_mean(self.losses), 4),
            "incumbent": round(_mean(self.incumbent), 4),
            "gain": round(self.gain, 4),
            "price": round(self.price, 4),
            "n": len(self.losses),
        }


@dataclass(eq=False)
class _Runner:
    candidate: Candidate
    price: float
    losses: list[float] = field(default_factory=list)

    @property
    def way(self) -> tuple[int, ...]:
        """How many fields each node writes: whether it reasons before it answers."""
        return tuple(len(node.output.fields) for node in self.candidate.agent.nodes)

    def score(self) -> float:
        """The mean shortfall and the price."""
        return _mean(list(map(shortfall, self.losses))) + self.price

    def hope(self, base: Sequence[float]) -> float:
        """How far the shortfall may lie above the incumbent's, a standard error of luck granted."""
        return hopeful(*(list(map(shortfall, each)) for each in (base, self.losses))) + self.price


def race(
    incumbent: Agent,
    candidates: Sequence[Candidate],
    examples: Sequence[Example],
    engine: Engine,
    judge_engine: Engine,
    watch: Watcher | None = None,
    *,
    finalists: int = FINALISTS,
    task: str = "",
    measure: Measure = measured_losses,
    size: Callable[[Agent], int] = lambda _: 0,
) -> list[Lap]:
    """Return a lap for every candidate, the best first; losers are `out`.

    `size` counts the tokens of an agent's prompts: longer ones have a price.

    >>> # race(agent, candidates, rows, engine, engine)[0].gain
    """
    if not examples:  # too few rows to race on: the first ones go straight to validation
        return [Lap(c, (), (), out=place >= finalists) for place, c in enumerate(candidates)]
    short = size(incumbent)
    # A shorter prompt has no bonus: no test would see it, and what is worse would reach the final.
    longer = [max(0, size(each.agent) - short) for each in candidates]
    running = [_Runner(each, PRICE * more) for each, more in zip(candidates, longer, strict=True)]
    stopped: list[_Runner] = []
    base: list[float] = []
    for rung in rungs(examples):
        agents = [incumbent, *(runner.candidate.agent for runner in running)]
        losses = measure(agents, [rung] * len(agents), engine, judge_engine, watch, task=task)
        base += losses[0]
        for runner, found in zip(running, losses[1:], strict=True):
            runner.losses += found
        running.sort(key=_Runner.score)
        running[1:] = sorted(running[1:], key=lambda runner: runner.hope(base))
        kept = survivors(running, max(finalists, (len(running) + 1) // 2))
        stopped = [runner for runner in running if runner not in kept] + stopped
        running = kept
    level = _mean(list(map(shortfall, base)))  # who is not better has no place in the final
    running[1:] = sorted(running[1:], key=lambda one: (one.score() >= level, one.hope(base)))
    running[:finalists] = sorted(running[:finalists], key=_Runner.score)
    laps = [_lap(runner, base) for runner in [*running, *stopped]]
    return [replace(lap, out=place >= finalists or lap.gain <= 0) for place, lap in enumerate(laps)]


def survivors(running: Sequence[_Runner], keep: int) -> list[_Runner]:
    """Return the first so many, and the first of each way to answer that is not among them."""
    kept = list(running[:keep])
    ways = {runner.way for runner in kept}
    for runner in running[keep:]:
        if runner.way not in ways:
            kept.append(runner)
            ways.add(runner.way)
    return kept


def rungs(examples: Sequence[Example]) -> list[Sequence[Example]]:
    """Cut the examples into rungs: a few for all, as few for half, the rest for a quarter.

    >>> [len(rung) for rung in rungs([Example(str(n), {}) for n in range(24)])]
    [4, 4, 16]
    """
    few = max(_FEWEST, len(examples) // 6)
    cuts = [examples[:few], examples[few : 2 * few], examples[2 * few :]]
    return [part for part in cuts if part]


def _lap(runner: _Runner, base: list[float]) -> Lap:
    own = tuple(runner.losses)
    return Lap(runner.candidate, own, tuple(base[: len(own)]), price=runner.price)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
