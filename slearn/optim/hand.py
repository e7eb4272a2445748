"""Who has which tool: tools given to a node, and whether it must call one before it answers."""

from __future__ import annotations

from slearn.agent import TOOL_CHOICES, Node
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.blame import faultiest
from slearn.optim.edits import SetTools
from slearn.values import Tool


class HandTools(Optimizer):
    """Gives the faultiest node a tool that others have or nobody has, and makes calls a duty.

    Nothing is written for it. What a tool does to the loss where it is, attribution measures, and
    `DropParts` takes away what hurts.
    """

    name = "hand tools"

    def __init__(self, most: int = 2) -> None:
        self._most = most

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the node with each tool that it lacks, and with the other choice."""
        if not proposal.runner.runs_tools or not proposal.agent.tools:
            return []
        node = faultiest(proposal)
        if not able(node):
            return []
        lacking = [tool for tool in proposal.agent.tools if tool.runs and tool not in node.tools]
        found = [given(node, (*node.tools, tool)) for tool in lacking[: self._most]]
        if node.tools:
            other = next(choice for choice in TOOL_CHOICES if choice != node.tool_choice)
            found.append(given(node, node.tools, other))
        return [self.candidate(proposal, [edit]) for edit in found]


def able(node: Node) -> bool:
    """Say whether a node may have tools: a field named like a call could not be told from one.

    >>> able(Node("answer", ()))
    True
    """
    return all(field.name != "call" for field in node.output.fields)


def given(node: Node, tools: tuple[Tool, ...], choice: str = "") -> SetTools:
    """Return the edit that leaves all as it is but for a node's tools, or how it uses them."""
    return SetTools(node.name, tools, node.demos, choice or node.tool_choice, node.max_calls)
