"""Abstaining: how sure a call must be, so that the agent calls nothing where no function fits.

Told in words, a small model calls a function all the same. But it is less sure of such a call, and
on a few dozen rows with known targets it shows from which doubt on `none` is the better answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, starmap

from slearn.agent import NO_CALL, Agent, Contract, doubt, last_asks, render
from slearn.engine import GenerateRequest, Generation
from slearn.metrics import MEASURED, metric_named
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
        if len(agent.ends) > 1:  # what is doubt of one node's calls is none of another's
            return []
        rows = fitting_rows(agent, proposal.pool)
        if not rows or agent.metric in MEASURED:
            return []
        wrote = written(proposal, rows)
        metric = metric_named(agent.metric)
        found = []
        for row, got in zip(rows, wrote, strict=True):
            answered = node.output.parse(got.text, whole=got.valid)[answer.name]
            without = metric.score(NO_CALL, row)
            kept = answered == NO_CALL or not got.valid
            unsure = math.inf if kept else doubt(got, proposal.runner.count_tokens)
            worth = metric.score(answered, row)
            found.append((unsure, worth if kept else without, worth))
        level = fit_doubt(found, answer.abstain)
        if level is None:
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
    asks = last_asks([(proposal.agent, rows)], engine, watch)
    requests = [
        GenerateRequest(
            render(own[0].node, own[0].inputs, row),
            node.output.grammar(row.choices, row.functions),
            max_tokens=node.output.max_tokens(row.choices, row.functions),
            weigh=True,
            where=f"node {node.name!r}, example {row.id}",
        )
        for row, own in zip(rows, asks, strict=True)
    ]
    return engine.generate(requests, watch)


def fit_doubt(found: Sequence[tuple[float, float, float]], now: float = 0.0) -> float | None:
    """Return the doubt, in nats a token, from which on giving up is best; 0 keeps every call.

    Of each row: the doubt, what `none` is worth, and what the call is worth. None where no level is
    better than the one that is there `now`, by two rows at least.

    >>> fit_doubt([(0.01, 0, 1), (0.02, 0, 1), (0.1, 1, 0), (0.2, 1, 0), (0.3, 1, 0)])
    0.06

    Between two doubts any level is as good: it is their middle.
    """

    def worth(level: float) -> float:
        return sum(without if level and doubt > level else kept for doubt, without, kept in found)

    doubts = sorted({doubt for doubt, _, _ in found if doubt < math.inf})
    best = max([0.0, *starmap(between, pairwise(doubts))], key=worth)
    return best if worth(best) >= worth(now) + _WON else None


def between(low: float, high: float) -> float:
    """Return a short number between two, the lower one included.

    >>> between(0.02, 0.1), between(0.12341, 0.12343)
    (0.06, 0.12342)
    """
    middle = (low + high) / 2
    short = next((round(middle, n) for n in range(4, 17) if low <= round(middle, n) < high), low)
    return short or middle
