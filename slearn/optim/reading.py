"""What an agent reads of a row, and how many tokens that takes, as candidates are priced by it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from slearn.agent import Agent
from slearn.values import Example


def picked(agent: Agent, rows: Sequence[Example]) -> Sequence[Example]:
    """Return rows with all that nodes may read of them: their inputs, and what is nearest of those.

    >>> # picked(agent, rows)[0].inputs["near"]
    """
    if set(agent.given) <= {*agent.columns}:
        return rows
    return [replace(row, inputs=agent.values_of(row.inputs)) for row in rows]


def given_tokens(
    agent: Agent, rows: Sequence[Example], count: Callable[[str], int]
) -> dict[str, float]:
    """Return about how many tokens a row has under each name that no node writes.

    >>> # given_tokens(agent, rows, engine.count_tokens)["context"]
    """
    found = [row.inputs for row in picked(agent, rows)]
    names = dict.fromkeys(name for one in found for name in one)
    return {name: fmean(count(one.get(name, "")) for one in found) for name in names}


def reading(
    agent: Agent,
    given: Mapping[str, float],
    *,
    more: float = 0.0,
    handed: float = 0.0,
    only: Collection[str] | None = None,
) -> float:
    """Return about how many tokens of a row the nodes of an agent read.

    `more` is what each reads beside its inputs, `handed` what one takes that a node wrote. Of all
    nodes, or of those named `only`.

    >>> # reading(agent, {"question": 20.0, "context": 900.0})
    """
    own = {
        node.name: sum(given.get(name, handed) for name in node.inputs) + more
        for node in agent.nodes
    }
    return sum(
        own[name] * times for name, times in agent.reads.items() if only is None or name in only
    )
