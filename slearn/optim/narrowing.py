"""Reading less: of a long input only the pieces that are nearest to a short one.

A model of this size loses itself in a thousand tokens, and every row that it reads costs them.
What is left out makes all that follows cheaper, so it has its turn in the first step, before what
is dear.
"""

from __future__ import annotations

from statistics import fmean

from slearn.agent import Node, pieces
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.rebuild import trained
from slearn.optim.shapes import LONG, Shape, longest
from slearn.optim.structure import Narrow

_SHARES = (0.2, 0.4, 0.3, 0.6)  # of the pieces, that are kept
_TRIED = 2  # at once


class Narrowing(Optimizer):
    """Lets the last node read of its long input only what is nearest, two shares a turn."""

    name = "narrow"
    cheapens = True

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the candidates of the shares whose turn it is, shown what to make of the rest."""
        made = (trained(proposal, edits, name) for name, edits in narrowing(proposal))
        return [one for one in made if one]


def narrowing(proposal: Proposal) -> list[Shape]:
    """Return the shapes in which the last node reads of a long input what is nearest to another.

    >>> # narrowing(proposal)[0][1]
    """
    agent, node = proposal.agent, proposal.agent.last
    over = longest(proposal, node, LONG)
    read = [step.inputs for one in proposal.trajectories if (step := one.step_of(node.name))]
    others = [name for name in node.inputs if name != over and name in agent.given]
    shares = _SHARES[_TRIED * proposal.asked :][:_TRIED]
    if over not in agent.columns or not others or not read or len(agent.ends) > 1:
        return []
    to = max(others, key=lambda name: fmean(len(inputs[name]) for inputs in read))
    count = fmean(len(pieces(inputs[over])[0]) for inputs in read)
    keeps = dict.fromkeys(max(1, round(count * share)) for share in shares)
    kept = [keep for keep in keeps if keep < count]
    return [_shape(node, over, to, keep) for keep in kept]


def _shape(node: Node, over: str, to: str, keep: int) -> Shape:
    return f"nearest {keep} of {over}", (Narrow(node.name, over, to, keep),)
