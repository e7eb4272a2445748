"""Demonstrations recalled for each input: all that there are, of which the nearest are shown.

Where labels are many a set for all inputs holds one row of each at most, and the few that matter to
an input are not enough to tell its label from those beside it. Nothing is shared between rows then:
each reads its own demonstrations, in training and ever after, which a race prices. Of each
example its own demonstration is left out, so that train rows can race. DSPy calls this KNNFewShot.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from slearn.agent import Demo
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.demos import ROOM, balanced, by_target, demo_of
from slearn.optim.edits import SetDemos
from slearn.optim.excerpt import cut, tokens_of

_SHOWN = (8, 4)
_LABELS = 16  # of more, a set for all inputs has room for one example each
_LATER = 2  # steps until it has its turn where a set for all inputs may do as well
_LEAST = 4  # times as many as are shown: of fewer, any are near
_LOOKED = 16  # for their length
_MOST = 400  # an agent file is read by people too


class Recall(Optimizer):
    """Lets a lone answering node show the examples that are most like its input."""

    name = "recall"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return a candidate for each number that could be shown, the larger one first.

        Where labels are few, or answers are no labels, cheaper sets have their turn before.
        """
        node, demos = proposal.agent.last, recalled(proposal)
        return [
            self.candidate(proposal, [SetDemos(node.name, demos, shown)], f"nearest {shown} demos")
            for shown in numbers(proposal, demos)
        ]

    def price(self, proposal: Proposal) -> float:
        """Return about what the cheapest takes to be raced and validated."""
        demos = recalled(proposal)
        return min(numbers(proposal, demos), default=0) * size(proposal, demos) * proposal.rows


def recalled(proposal: Proposal) -> tuple[Demo, ...]:
    """Return the demonstrations that a lone answering node could pick from for each input.

    None where labels are few, or answers are no labels, before cheaper sets had their turn.

    >>> # len(recalled(proposal))
    """
    agent, node = proposal.agent, proposal.agent.last
    if not by_target(node) or not {*node.inputs} <= {*agent.given} or len(agent.ends) > 1:
        return ()
    rows = [row for row in proposal.train if row.targets]
    if not many_labels(proposal) and proposal.step < _LATER:
        return ()
    count = proposal.engine.count_tokens
    made = [demo_of(row, node) for row in rows]
    chosen = balanced([demo for demo in made if demo], proposal.chance(Recall.name))[:_MOST]
    return tuple(cut(demo, node, count) for demo in chosen)


def many_labels(proposal: Proposal) -> bool:
    """Say whether rows have more labels than a set of demonstrations for all inputs could show.

    >>> # many_labels(proposal)
    """
    labels = {row.targets[0] for row in proposal.train if row.targets}
    return proposal.agent.last.output.answer.type == "choice" and len(labels) > _LABELS


def numbers(proposal: Proposal, demos: Sequence[Demo]) -> list[int]:
    """Return how many could be shown, the larger first: what fits, and is not shown already.

    >>> # numbers(proposal, recalled(proposal))
    """
    have = proposal.agent.last.nearest
    fit = [n for n in _SHOWN if n != have and len(demos) >= _LEAST * n]
    return [n for n in fit if n * size(proposal, demos) <= ROOM]


def size(proposal: Proposal, demos: Sequence[Demo]) -> float:
    """Return how many tokens a demonstration of the last node has, about.

    >>> # size(proposal, recalled(proposal))
    """
    node, count = proposal.agent.last, proposal.engine.count_tokens
    return fmean([tokens_of(demo, node, count) for demo in demos[:_LOOKED]] or [0])
