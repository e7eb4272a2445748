"""Measured attribution: what each line and each demonstration does to the loss.

Beside the words of a gradient stand numbers: a part is left out, and the same rows are scored again
in shared prefixes. The words say why, the numbers say whether.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from slearn.agent import Agent
from slearn.engine import Engine, Watcher
from slearn.loss import Measure, measured_losses
from slearn.values import Example

_SCORED = 96  # rows times parts, about
_FEWEST = 4


@dataclass(frozen=True)
class Attribution:
    """What leaving a part of a node out costs: the mean of n rows in nats; above 0 it helps.

    `part` is "line" or "demo", `index` its place.

    >>> Attribution("answer", "line", 0, 0.25, 8).text()
    'line 1 helps by 0.25 nats'
    """

    node: str
    part: str
    index: int
    nats: float
    n: int

    def text(self) -> str:
        """Return it as a person reads it."""
        does = "helps" if self.nats >= 0 else "hurts"
        return f"{self.part} {self.index + 1} {does} by {abs(self.nats):.2f} nats"

    def as_json(self) -> dict[str, object]:
        """Return it as the store keeps it: n as `rows`, for the n of a record is its ordinal."""
        found = asdict(self)
        found["rows"] = found.pop("n")
        return found


def attribute(
    agent: Agent,
    rows: Sequence[Example],
    engine: Engine,
    judge_engine: Engine | None = None,
    watch: Watcher | None = None,
    *,
    task: str = "",
    measure: Measure = measured_losses,
) -> list[Attribution]:
    """Return an attribution for every line and demo of all nodes, on rows that no demo shows.

    The single line of an agent's only node is not left out: without any instruction it is another
    agent. In a chain it is, because it tells which node is at fault.

    >>> # attribute(agent, rows, engine)[0].nats
    """
    unseen = [row for row in rows if row.id not in agent.sources()]
    places = [
        (node.name, part, index)
        for node in agent.nodes
        for part, count in (("line", len(node.instructions)), ("demo", len(node.demos)))
        for index in range(count)
        if part == "demo" or count > 1 or len(agent.nodes) > 1
    ]
    if not unseen or not places:
        return []
    unseen = unseen[: max(_FEWEST, _SCORED // len(places))]  # many parts, fewer rows for each
    agents = [agent, *(without(agent, *place) for place in places)]
    batches = [unseen] * len(agents)
    whole, *reduced = measure(agents, batches, engine, judge_engine, watch, task=task)
    return [
        Attribution(*place, round(_mean(losses) - _mean(whole), 4), len(unseen))
        for place, losses in zip(places, reduced, strict=True)
    ]


def without(agent: Agent, node: str, part: str, index: int) -> Agent:
    """Return the agent with one line or demo of a node left out.

    >>> # without(agent, "answer", "demo", 2)
    """
    old = agent.node(node)
    if part == "demo":
        return agent.with_node(replace(old, demos=old.demos[:index] + old.demos[index + 1 :]))
    lines = old.instructions[:index] + old.instructions[index + 1 :]
    return agent.with_node(replace(old, instructions=lines))


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values)
