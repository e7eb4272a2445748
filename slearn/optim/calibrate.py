"""Calibration: a bias for each choice, so that what a model leans towards anyway counts less.

Small models favour some labels whatever they read, the more so after demonstrations (Zhao et al.
2021, Calibrate Before Use). Likelihoods of all choices on a few dozen rows with known targets show
by how much, and a number in nats for each choice takes it back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from slearn.agent import (
    Agent,
    Among,
    Contract,
    Node,
    last_asks,
    parts_of,
    weigh_all,
)
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.edits import SetContract, apply
from slearn.values import Example

_LEAST, _MOST = 8, 48  # rows to fit on
_READ = 1500  # tokens of choices, about, that a fit may weigh
_CHOICES = 64
_SPREAD = 1.5  # nats: how large a bias is before it needs many rows to be believed
_STEPS = 200


class Calibrate(Optimizer):
    """Has the last node decide by likelihood, with a bias fitted on rows that nobody races on."""

    name = "calibrate"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the agent with its bias fitted; none where the answer is no choice among few."""
        edit = fitted(proposal, proposal.agent)
        return [] if edit is None else [self.candidate(proposal, [edit])]

    def refine(self, proposal: Proposal, candidate: Candidate) -> list[Candidate]:
        """Return the candidate with a bias of its own: other demonstrations lean another way."""
        edit = fitted(proposal, candidate.agent)
        if edit is None:
            return []
        name = f"{candidate.operator}, calibrated"
        return [Candidate(name, apply(candidate.agent, edit), (*candidate.edits, edit))]

    def refine_price(self, proposal: Proposal, agent: Agent, row: float) -> tuple[float, float]:
        """Return what the fit takes; afterwards all choices are weighed where one was written."""
        choices = fittable(agent)
        if not choices:
            return 0.0, 0.0
        said = sum(map(proposal.engine.count_tokens, choices))
        return len(fitting_rows(proposal, agent, choices)) * (row + said), float(said)


def fittable(agent: Agent) -> tuple[str, ...]:
    """Return the choices of the last node, where a bias can be fitted to them; else nothing."""
    output = agent.last.output
    if len(agent.ends) > 1:  # answers of different nodes lean in different ways
        return ()
    among = [part for part in parts_of(agent.flow.steps) if isinstance(part, Among)]
    if any(part.body[-1] == agent.last.name for part in among):  # other choices for each row
        return ()
    choices = output.answer.choices or ()
    return choices if output.fields[-1] == output.answer and 2 <= len(choices) <= _CHOICES else ()


def fitted(proposal: Proposal, agent: Agent) -> SetContract | None:
    """Return the edit that gives an agent its bias; None where there is nothing to fit."""
    node = agent.last
    answer = node.output.answer
    choices = fittable(agent)
    if not choices:
        return None
    rows = fitting_rows(proposal, agent, choices)
    if len(rows) < _LEAST:
        return None
    decided = replace(answer, decide="likelihood", bias=())
    contract = Contract((*node.output.fields[:-1], decided), node.output.labelled)
    weights = weigh(proposal, agent, replace(node, output=contract), rows)
    right = [choices.index((row.targets or ("",))[0]) for row in rows]
    biased = replace(decided, bias=fit_bias(weights, right))
    contract = Contract((*contract.fields[:-1], biased), contract.labelled)
    return None if contract == node.output else SetContract(node.name, contract, node.demos)


def fitting_rows(proposal: Proposal, agent: Agent, choices: Sequence[str]) -> list[Example]:
    """Return the rows of the pool whose target is a choice and that no demo was made from.

    The more the choices take to weigh, the fewer.
    """
    shown = agent.sources()
    said = sum(map(proposal.engine.count_tokens, choices))
    most = max(_LEAST, min(_MOST, _READ // max(1, said)))
    fine = [
        row
        for row in proposal.pool
        if row.id not in shown and row.targets and row.targets[0] in choices
    ]
    return fine[:most]


def weigh(
    proposal: Proposal, agent: Agent, node: Node, rows: Sequence[Example]
) -> list[Sequence[float]]:
    """Return the likelihoods of all choices on each row."""
    engine, watch = proposal.runner, proposal.watch
    # Of several that vote the first stands for all.
    firsts = [own[0] for own in last_asks([(agent, rows)], engine, watch)]
    asks = [replace(ask, node=replace(ask.node, output=node.output)) for ask in firsts]
    return [score.logprobs for _, score in weigh_all(asks, engine, watch)]


def fit_bias(weights: Sequence[Sequence[float]], right: Sequence[int]) -> tuple[float, ...]:
    """Return the bias under which the right choices are likeliest, small where rows are few.

    >>> fit_bias([[-1.0, -3.0], [-1.0, -3.0]] * 20, [0, 1] * 20)
    (-0.92, 0.92)

    The negative log-likelihood of a softmax plus the square of the bias over twice its variance:
    convex, so plain gradient descent finds it.
    """
    size = len(weights[0])
    usable = [
        (row, place) for row, place in zip(weights, right, strict=True) if max(row) > -math.inf
    ]
    bias = [0.0] * size
    for _ in range(_STEPS):
        slope = [value / _SPREAD**2 for value in bias]
        for row, place in usable:
            top = max(a + b for a, b in zip(row, bias, strict=True))
            chances = [math.exp(a + b - top) for a, b in zip(row, bias, strict=True)]
            total = sum(chances)
            for index in range(size):
                slope[index] += chances[index] / total - (index == place)
        rate = 2.0 / (len(usable) / 2 + 1 / _SPREAD**2)
        bias = [value - rate * part for value, part in zip(bias, slope, strict=True)]
    middle = sum(bias) / size
    return tuple(round(value - middle, 2) + 0.0 for value in bias)
