"""Whose fault it is: by what was measured of the parts, by the ways that failed, and by words."""

from __future__ import annotations

import math

from slearn.agent import Node
from slearn.grad import HARM
from slearn.optim.base import Proposal


def faultiest(proposal: Proposal) -> Node:
    """Return the node that is most to blame; the last one when nothing tells.

    After every try in vain the next one has its turn: neither measure nor words are always right.

    >>> # faultiest(proposal).name
    """
    names = by_blame(proposal)
    return proposal.agent.node(names[proposal.misses % len(names)])


def by_blame(proposal: Proposal) -> list[str]:
    """Return the nodes, the most to blame first.

    The measure speaks first: the node with the part that the right answers are much likelier
    without. Where no part does harm, who stands on the ways that failed more than on others is
    suspected; of nodes that share all ways, the words decide.

    >>> # by_blame(proposal)[0]
    """
    last_first = reversed(proposal.agent.flow.names())
    weights = {name: gradient.weight for name, gradient in proposal.gradients.items()}
    failed = suspicion(proposal)
    blamed = sorted(last_first, key=lambda name: (-failed[name], -weights.get(name, 0.0)))
    return list(dict.fromkeys([*harmful(proposal), *blamed]))


def harmful(proposal: Proposal, than: float = HARM) -> list[str]:
    """Return the nodes with a part that the right answers are likelier without, the worst first.

    Who sent rows the wrong way stands before all others: the right one made them right. `than` are
    the nats that a part costs an example at least, below 0.

    >>> # harmful(proposal)
    """
    ranked = sorted(proposal.attributions, key=lambda one: (one.part != "choice", one.nats))
    return list(dict.fromkeys(found.node for found in ranked if found.nats < than))


def suspicion(proposal: Proposal) -> dict[str, float]:
    """Return how far failing and passing through each node go together, from 0 to 1.

    The Ochiai coefficient of fault localisation (Abreu, Zoeteweij and van Gemund, 2007), with the
    score that a row misses as how much it failed. Where all rows go one way all have the same.

    >>> # suspicion(proposal)["answer"]
    """
    found = {name: [0.0, 0.0] for name in proposal.agent.flow.names()}
    total = 0.0
    for trajectory, score in zip(proposal.trajectories, proposal.scores, strict=True):
        total += 1 - score
        for name in {step.node for step in trajectory.steps} & found.keys():
            found[name][0] += 1 - score
            found[name][1] += 1
    return {
        name: round(failed / math.sqrt(total * ran), 9) if total * ran else 0.0
        for name, (failed, ran) in found.items()
    }
