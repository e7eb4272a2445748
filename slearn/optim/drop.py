"""Dropping: what the measured attribution says hurts goes."""

from __future__ import annotations

from slearn.grad import Attribution
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.edits import DropDemo, DropLine, Edit

_HURTS = -0.01  # nats an example: less is noise


class DropParts(Optimizer):
    """Leaves out the lines and demonstrations without which the right answers became likelier."""

    name = "drop what hurts"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the agent without its worst part, and without all that hurt."""
        hurting = sorted(
            (found for found in proposal.attributions if found.nats < _HURTS),
            key=lambda found: found.nats,
        )
        tries = [hurting[:1], hurting] if len(hurting) > 1 else [hurting]
        return [self.candidate(proposal, drops(parts)) for parts in tries if parts]


def drops(parts: list[Attribution]) -> list[Edit]:
    """Return the edits that drop parts, from the back, so that no place shifts.

    >>> drops([Attribution("a", "demo", 0, -1, 8), Attribution("a", "demo", 2, -1, 8)])
    [DropDemo(node='a', index=2), DropDemo(node='a', index=0)]
    """
    last_first = sorted(parts, key=lambda found: -found.index)
    return [
        DropDemo(found.node, found.index)
        if found.part == "demo"
        else DropLine(found.node, found.index)
        for found in last_first
    ]
