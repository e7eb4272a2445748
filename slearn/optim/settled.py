"""What an edit leaves as it is: nodes that say what they said, and are not paid for again."""

from __future__ import annotations

from itertools import takewhile

from slearn.agent import Agent


def settled(agent: Agent, incumbent: Agent) -> frozenset[str]:
    """Return the nodes of an agent that say on every row what they say in another one.

    They are the same, run as often, read nothing but columns and nodes of their kind, and stand
    before any part of a flow that could lead elsewhere.

    >>> # settled(chain_with_another_last_node, chain)
    """
    leading = {*_leading(agent)} & {*_leading(incumbent)}
    runs, before = agent.runs, incumbent.runs
    fixed: set[str] = set()
    for name in _leading(agent):
        node = agent.node(name)
        read = {own.partition(".")[0] for own in node.inputs if own not in agent.columns}
        same = name in leading and node in incumbent.nodes and runs[name] == before[name]
        if same and not node.roles and read <= fixed:
            fixed.add(name)
    return frozenset(fixed)


def _leading(agent: Agent) -> list[str]:
    """Return the nodes that run on every row, before the first part that holds others."""
    return [str(part) for part in takewhile(lambda part: isinstance(part, str), agent.flow.steps)]
