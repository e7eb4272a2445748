"""Tools that are made: code that the model writes for a task, run before anybody believes in it.

A function of the inputs gives the answer itself (solve.py); a helper does a part of the work
(helpers.py). What has passed its checks is given to the agent, shown by calls that led to right
answers, and races like any other candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from slearn.agent import Agent, Demo, Node, Trajectory
from slearn.metrics import MEASURED, metric_named
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.demos import demo_from
from slearn.optim.edits import SetTools
from slearn.optim.hand import able
from slearn.optim.helpers import HELPERS, made
from slearn.optim.solve import DEMOS, SOLVE, SOME, commonest, shown_calls, whole
from slearn.optim.tries import LUCKY, passed, rest, right_answers
from slearn.values import Example, Tool

_SHOWN = 6  # examples that the model sees
_CHECKED = 24  # rows that code is run on
_TRIED = 12  # rows that the agent answers with a helper
_LOOKED = 4  # the first of them
_LABELS, _LETTER = 4, 3  # more labels are many; a longer text is no letter such as (A)


class CreateTool(Optimizer):
    """Writes a tool for the last node, of its own inputs or of what the agent reads out of them."""

    name = "create tool"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the node with the best function of its inputs, and with the best other tool."""
        agent, node = proposal.agent, proposal.agent.last
        if not proposal.runner.runs_tools or agent.metric in MEASURED or len(agent.nodes) > 1:
            return []
        if node.tools or node.output.answer.type in ("call", "json") or not able(node):
            return []
        if labels(node):
            return []
        shown = agent.sources()
        rows = [row for row in proposal.pool if row.targets and row.id not in shown]
        if len(rows) < 2:
            return []
        told, others = rows[:_SHOWN], rows[_SHOWN:]  # code may just repeat what it was shown
        checked = (others if len(others) >= _SHOWN else rows)[:_CHECKED]
        best = whole(proposal, node, told, checked) if SOLVE not in taken(agent) else None
        found = []
        if best is not None and best.share >= max(SOME, commonest(best.rows)):
            demos = shown_calls(node, best)
            one = self._given(proposal, node, best.tool, demos, "create tool")
            now = len(passed(proposal)) / len(proposal.trajectories)
            found.append(replace(one, tried=best.share > now))
        if best is None or best.share < 1:
            met = {trajectory.example.id for trajectory in proposal.trajectories}
            found += self._helped(proposal, node, [row for row in rows if row.id in met][:_TRIED])
        return found

    def _helped(self, proposal: Proposal, node: Node, rows: Sequence[Example]) -> list[Candidate]:
        """Return the node with the helper that led to the most right answers, if any did."""
        first = 2 * proposal.misses % len(HELPERS)
        agent = proposal.agent
        now = {trajectory.example.id for trajectory in passed(proposal)}
        best: tuple[int, Candidate] | None = None
        for job in (HELPERS + HELPERS)[first : first + 2]:
            tool = made(proposal, job) if job.name not in taken(agent) else None
            if tool is None:
                continue
            bare = self._given(proposal, node, tool, (), "create helper").agent
            # A few rows first: where they are answered no better with it, it has no job here.
            right = right_answers(proposal, bare, rows[:_LOOKED])
            if len(right) <= sum(row.id in now for row in rows[:_LOOKED]):
                continue
            right += right_answers(proposal, bare, rows[_LOOKED:])
            if len(right) <= max(sum(row.id in now for row in rows), best[0] if best else 0):
                continue
            count, shown = len(right), [one for one in right if from_call(agent, one)]
            if shown and len(shown) < DEMOS:  # what the likeliest calls missed may come by luck
                lucky = right_answers(proposal, bare, rest(rows, right), LUCKY)
                shown += [one for one in lucky if from_call(agent, one)]
            found = (demo_from(one, bare.last) for one in shown[:DEMOS])
            demos = tuple(demo for demo in found if demo is not None)
            if demos:
                one = self._given(proposal, node, tool, demos, "create helper")
                best = count, replace(one, tried=True)
        return [best[1]] if best else []

    def _given(
        self, proposal: Proposal, node: Node, tool: Tool, demos: tuple[Demo, ...], name: str
    ) -> Candidate:
        edit = SetTools(node.name, (tool,), demos, "required", 1)
        return self.candidate(proposal, [edit], name)


def labels(node: Node) -> bool:
    """Say whether a node names one of many labels: code that does is a list of words.

    Drafts and helpers took a tenth of a run on seven labels and never came to anything
    (docs/lab.md). Letters of options are no labels: what they stand for may be computed.

    >>> labels(Node("answer", ()))
    False
    """
    choices = node.output.answer.choices or ()
    return len(choices) > _LABELS and all(len(choice) > _LETTER for choice in choices)


def taken(agent: Agent) -> set[str]:
    """Return the names of an agent's tools, of those too that no node has."""
    return {tool.name for tool in agent.tools}


def from_call(agent: Agent, trajectory: Trajectory) -> bool:
    """Say whether the last call gave the answer: others teach that calls do not matter.

    >>> # from_call(agent, forward(agent, [example], engine)[0])
    """
    calls = trajectory.end.calls
    metric = metric_named(agent.metric)
    return bool(calls) and metric.score(calls[-1].result, trajectory.example) == 1
