"""What an edit leaves as it is: nodes that say what they said, and are not paid for again."""

from __future__ import annotations

from collections.abc import Iterable

from slearn.agent import Agent, Nearest


def settled(agent: Agent, incumbent: Agent) -> frozenset[str]:
    """Return the nodes of an agent that say on every row what they say in another one.

    They are the same, run as often, read nothing but columns and nodes of their kind, and stand
    before any part of a flow that could lead elsewhere.

    >>> # settled(chain_with_another_last_node, chain)
    """
    leading, old = _leading(agent), {*_leading(incumbent)}
    runs, before = agent.runs, incumbent.runs
    fixed: set[str] = set()  # names with the values that they had

    def known(names: Iterable[str]) -> bool:
        return {name.partition(".")[0] for name in names if name not in agent.columns} <= fixed

    for part in leading:
        if isinstance(part, Nearest):
            if part in old and known((part.over, part.to)):
                fixed.add(part.into)
            continue
        node = agent.node(part)
        same = part in old and node in incumbent.nodes and runs[part] == before[part]
        if same and not node.roles and known(node.inputs):
            fixed.add(part)
    return frozenset(fixed & {node.name for node in agent.nodes})


def _leading(agent: Agent) -> list[str | Nearest]:
    """Return what runs on every row, before the first part that holds others."""
    found: list[str | Nearest] = []
    for part in agent.flow.steps:
        if not isinstance(part, str | Nearest):
            break
        found.append(part)
    return found
