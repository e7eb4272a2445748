"""Dropping: what the measured attribution says hurts goes: lines, demos, tools, fields, limits."""

from __future__ import annotations

from collections.abc import Sequence

from slearn.agent import Agent
from slearn.grad import Attribution, narrowed, spare_fields, widened
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.edits import DropDemo, DropLine, Edit, SetContract, SetDemos, apply_all
from slearn.optim.hand import given

_WHOLE = ("limit", "tool", "field")  # parts whose edits write the demos too
_HURTS = -0.01  # nats an example: less is noise
_NO_PARTS = ("node", "choice")  # nothing that could be left out


class DropParts(Optimizer):
    """Leaves out the parts without which the right answers became likelier."""

    name = "drop what hurts"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the agent without its worst part, and without all that hurt one by one."""
        hurting = sorted(
            (a for a in proposal.attributions if a.nats < _HURTS and a.part not in _NO_PARTS),
            key=lambda found: found.nats,
        )
        single = [found for found in hurting if found.part != "demos"]
        tries = [hurting[:1]] + [single] * (single != hurting[:1])
        made = [self.candidate(proposal, drops(proposal.agent, parts)) for parts in tries if parts]
        return [candidate for candidate in made if candidate.agent != proposal.agent]


def drops(agent: Agent, hurting: Sequence[Attribution]) -> list[Edit]:
    """Return the edits that drop parts, from the back, so that no place shifts.

    >>> from slearn.agent import Flow, Node
    >>> agent = Agent("a", (Node("n", ()),), Flow(("n",)))
    >>> drops(agent, [Attribution("n", "demo", 0, -1, 8), Attribution("n", "demo", 2, -1, 8)])
    [DropDemo(node='n', index=2), DropDemo(node='n', index=0)]
    """
    edits: list[Edit] = []
    # Those that write the demos too first: what is dropped afterwards stays dropped.
    for found in sorted(hurting, key=lambda found: (found.part not in _WHOLE, -found.index)):
        before = apply_all(agent, edits) if found.part in _WHOLE else agent
        node = before.node(found.node)  # as those before have left it: they write the demos too
        match found.part:
            case "demo":
                edits.append(DropDemo(node.name, found.index))
            case "demos":
                edits.append(SetDemos(node.name, ()))
            case "tool":
                left = node.without_tool(node.tools[found.index].name)
                edits.append(given(left, left.tools))
            case "field":
                name = spare_fields(agent, agent.node(found.node))[found.index]
                less = narrowed(node, name)
                edits.append(SetContract(node.name, less.output, less.demos))
            case "limit":
                edits.append(SetContract(node.name, widened(node.output), node.demos))
            case _:
                edits.append(DropLine(node.name, found.index))
    return edits
