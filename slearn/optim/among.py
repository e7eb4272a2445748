"""Choosing among few of many labels: those whose rows and own words are most like an input.

Where labels are many, a small model loses itself among them, and what is alike in words finds the
right one among the first twenty far more often than at the first place. Both look at the same rows.
"""

from __future__ import annotations

from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.demos import by_target
from slearn.optim.edits import Edit, SetDemos
from slearn.optim.recall import many_labels, numbers, recalled, size
from slearn.optim.shapes import fits
from slearn.optim.structure import WrapAmong

_KEPT = 20  # choices


class ChooseAmong(Optimizer):
    """Has a lone answering node choose among the labels that are most like its input."""

    name = "choose among"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the candidate; none where labels are few or the node chooses so already."""
        edits, shown = self._edits(proposal)
        if not edits:
            return []
        operator = f"nearest {shown} demos, among {_KEPT}"
        return [self.candidate(proposal, edits, operator)]

    def price(self, proposal: Proposal) -> float:
        """Return about what it takes to be raced and validated."""
        edits, shown = self._edits(proposal)
        node = proposal.agent.last
        demos = edits[0].demos if edits and isinstance(edits[0], SetDemos) else node.demos
        return shown * size(proposal, demos) * proposal.rows

    def _edits(self, proposal: Proposal) -> tuple[list[Edit], int]:
        """Return the edits, and how many demonstrations are then shown."""
        agent, node = proposal.agent, proposal.agent.last
        wrap = WrapAmong(node.name, _KEPT)
        own = node.output.answer.choices or ()
        many = many_labels(proposal) and len(own) > _KEPT and by_target(node)
        if not many or not fits(agent, [wrap]):
            return [], 0
        if node.nearest:
            return [wrap], node.nearest
        demos = recalled(proposal)
        shown = numbers(proposal, demos)
        return ([SetDemos(node.name, demos, shown[0]), wrap], shown[0]) if shown else ([], 0)
