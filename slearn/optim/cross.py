"""Crossover: edits that did well side by side are made together, where they touch other parts."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.edits import Edit, SetContract, apart, apply_all


class Cross(Optimizer):
    """Puts what earlier steps left on the front on top of the incumbent, and two of it together.

    Nothing is written for it, so it costs nothing but its place in the race.
    """

    name = "cross"

    def __init__(self, drafts: int = 3) -> None:
        self._drafts = drafts

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return up to `drafts` candidates; edits of one part never meet."""
        front = proposal.front
        found = [
            self.candidate(proposal, one.edits, f"{one.operator}, again")
            for one in front
            if apply_all(proposal.agent, one.edits) != one.agent  # it ran on another agent
        ]
        for one, other in combinations(front, 2):
            if apart(one.edits, other.edits):
                both = (*one.edits, *other.edits)
                name = f"{one.operator} + {other.operator}"
                found.append(self.candidate(proposal, both, name))
        return found[: self._drafts]


def lasting(front: Iterable[Candidate]) -> list[Candidate]:
    """Return who of a front may race again: what was fitted, was on rows later races may use."""
    return [one for one in front if not any(map(_fitted, one.edits))]


def still(front: Iterable[Candidate], accepted: Iterable[Edit]) -> tuple[Candidate, ...]:
    """Return who of a front can be put on top of an agent whose accepted edits were made since."""
    made = tuple(accepted)
    return tuple(one for one in front if apart(one.edits, made))


def _fitted(edit: Edit) -> bool:
    if not isinstance(edit, SetContract):
        return False
    return bool(edit.contract.answer.bias or edit.contract.answer.abstain)
