"""Tries: rows that an agent answers right, and how it went; what demonstrations are made of."""

from __future__ import annotations

from collections.abc import Sequence

from slearn.agent import LAYOUTS, LUCKY, Agent, Trajectory, forward, instructions
from slearn.engine import GREEDY, Sampling
from slearn.errors import ContextError
from slearn.evaluate import score_trajectories
from slearn.loss import RIGHT
from slearn.optim.base import Proposal
from slearn.optim.excerpt import tokens_of
from slearn.values import Example

__all__ = ["LUCKY", "graded", "passed", "rest", "right_answers", "row_tokens"]


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


def row_tokens(proposal: Proposal, agent: Agent) -> float:
    """Return about how many tokens a row takes an agent, by what the batch took; at least 1.

    >>> # row_tokens(proposal, proposal.agent)
    """
    seen, count = proposal.trajectories, proposal.engine.count_tokens
    steps = [step for one in seen for step in one.steps]
    texts = (" ".join([*step.inputs.values(), step.text]) for step in steps)
    each = sum(map(count, texts)) / max(1, len(seen))
    for node in agent.nodes:  # what stands behind the inputs is read anew for each row
        if node.layout != LAYOUTS[0]:
            each += count(instructions(node)) + sum(tokens_of(d, node, count) for d in node.demos)
    return max(1.0, each)
