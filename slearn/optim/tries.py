"""Tries: rows that an agent answers right, and how it went; what demonstrations are made of."""

from __future__ import annotations

from collections.abc import Sequence

from slearn.agent import LUCKY, Agent, Trajectory, forward
from slearn.engine import GREEDY, Sampling
from slearn.errors import ContextError
from slearn.evaluate import score_trajectories
from slearn.loss import RIGHT
from slearn.optim.base import Proposal
from slearn.values import Example

__all__ = ["LUCKY", "graded", "passed", "rest", "right_answers"]


def right_answers(
    proposal: Proposal, agent: Agent, rows: Sequence[Example], sampling: Sampling = GREEDY
) -> list[Trajectory]:
    """Return the trajectories of rows that an agent answers right; none where they do not fit.

    >>> # right_answers(proposal, agent, proposal.pool[:12], LUCKY)
    """
    tried = graded(proposal, agent, rows, sampling)
    return [one for one, score in tried if score >= RIGHT]


def graded(
    proposal: Proposal, agent: Agent, rows: Sequence[Example], sampling: Sampling = LUCKY
) -> list[tuple[Trajectory, float]]:
    """Return how an agent did on rows, and what it is worth; none where they do not fit.

    >>> # graded(proposal, proposal.agent, [taken.example for taken in proposal.trajectories])
    """
    if not rows:
        return []
    runner, watch = proposal.runner, proposal.watch
    try:
        taken = forward(agent, rows, runner, sampling=sampling, seed=proposal.seed, watch=watch)
    except ContextError:  # no room to write so much: the guards will say so of the candidate
        return []
    scores = score_trajectories(agent, taken, proposal.engine, watch, task=proposal.task)
    return list(zip(taken, scores, strict=True))


def passed(proposal: Proposal) -> list[Trajectory]:
    """Return the batch's trajectories whose answers the metric calls right."""
    pairs = zip(proposal.trajectories, proposal.scores, strict=True)
    return [trajectory for trajectory, score in pairs if score >= RIGHT]


def rest(rows: Sequence[Example], right: Sequence[Trajectory]) -> list[Example]:
    """Return the rows with targets that were not answered right."""
    done = {trajectory.example.id for trajectory in right}
    return [row for row in rows if row.targets and row.id not in done]
