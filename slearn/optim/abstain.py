"""Abstaining: how sure a call must be, so that the agent calls nothing where no function fits.

Told in words, a small model calls a function all the same. But it is less sure of such a call, and
on a few dozen rows with known targets it shows from which doubt on `none` is the better answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from slearn.agent import NO_CALL, Agent, Contract, doubt, last_inputs, render
from slearn.engine import GenerateRequest, Generation
from slearn.metrics import metric_named
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.edits import SetContract
from slearn.values import Example

_MOST = 40  # rows to fit on
_EACH = 4  # rows of either kind, with a function that fits and without, at the least
_WON = 2  # rows that giving up must win, at the least


class Abstain(Optimizer):
    """Has the last node give up calls that it is not sure of, from a doubt fitted on the pool."""

    name = "abstain"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the agent with its doubt fitted; none where that wins nothing."""
        agent = proposal.agent
        node, answer = agent.last, agent.last.output.answer
        if answer.type != "call" or node.tools or node.output.fields != (answer,):
            return []
        rows = fitting_rows(agent, proposal.pool)
        if not rows:
            return []
        wrote = written(proposal, rows)
        metric = metric_named(agent.metric)
        found = []
        for row, got in zip(rows, wrote, strict=True):
            answered = node.output.parse(got.text, whole=got.valid)[answer.name]
            without = metric.score(NO_CALL, row)
            sure = math.inf if answered == NO_CALL else doubt(got, proposal.runner.count_tokens)
            found.append((sure, without, metric.score(answered, row)))
        level = fit_doubt(found)
        if level is None or level == answer.abstain:
            return []
        contract = Contract((replace(answer, abstain=level),), node.output.labelled)
        made = self.candidate(proposal, [SetContract(node.name, contract, node.demos)])
        return [replace(made, tried=True)]


def fitting_rows(agent: Agent, pool: Sequence[Example]) -> list[Example]:
    """Return the rows to fit on, that no demonstration shows; none where one kind is too rare."""
    shown = agent.sources()
    rows = [row for row in pool if row.id not in shown and row.targets and row.functions][:_MOST]
    without = sum(NO_CALL in (row.targets or ()) for row in rows)
    return rows if _EACH <= without <= len(rows) - _EACH else []


def written(proposal: Proposal, rows: Sequence[Example]) -> list[Generation]:
    """Return what the last node writes for each row, with how likely it was."""
    node, engine, watch = proposal.agent.last, proposal.runner, proposal.watch
    inputs = last_inputs(proposal.agent, rows, engine, watch)
    requests = [
        GenerateRequest(
            render(node, values, row),
            node.output.grammar(row.choices, row.functions),
            max_tokens=node.output.max_tokens(row.choices, row.functions),
            weigh=True,
            where=f"node {node.name!r}, example {row.id}",
        )
        for row, values in zip(rows, inputs, strict=True)
    ]
    return engine.generate(requests, watch)


def fit_doubt(found: Sequence[tuple[float, float, float]]) -> float | None:
    """Return the doubt, in nats a token, from which on giving up wins most; None where it does not.

    Of each row: the doubt, what `none` is worth, and what the call is worth.

    >>> fit_doubt([(0.01, 0, 1), (0.02, 0, 1), (0.1, 1, 0), (0.2, 1, 0), (0.3, 0, 1)])
    0.06

    Between two doubts any level is as good: it is their middle.
    """
    ranked = sorted(found)
    won, best, level = 0.0, _WON - 0.5, None
    for place in range(len(ranked) - 1, 0, -1):  # give up one call more each time
        above, without, kept = ranked[place]
        won += without - kept
        below = ranked[place - 1][0]
        if won > best and below < above < math.inf:
            best, level = won, round((below + above) / 2, 4)
    return level or None
