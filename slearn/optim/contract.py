"""The output contract as a weight: reason first, or answer at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from slearn.agent import Agent, Contract, Demo, Field, Node
from slearn.errors import ContextError
from slearn.loss import shortfall
from slearn.metrics import hopeful
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.demos import demo_from
from slearn.optim.edits import SetContract, apply
from slearn.optim.taught import taught
from slearn.optim.tries import LUCKY, rest, right_answers
from slearn.values import Example

REASONING = Field("reasoning", "text", max_chars=800, max_tokens=160, multiline=True)
# What the field is called steers what a small model writes: "reasoning" begins with "To determine
# how many …", "calculation" with the numbers (docs/lab.md).
WAYS = (REASONING, replace(REASONING, name="calculation"))
_TRIED = 12  # rows of the pool that are reasoned about to find demonstrations
_SHOWN = 4


class ReasonFirst(Optimizer):
    """Switches the last node between answering at once and reasoning first, in one way or another.

    Reasoning is shown how it goes by the model itself: of what it wrote to some rows, what led to
    the right answer becomes demonstrations (bootstrapping, as in STaR, Zelikman et al. 2022). Where
    the data says why its targets are right, that is shown too.
    """

    name = "reason first"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the other order, and the other way; with demonstrations and without any."""
        node = proposal.agent.last
        first, answer = node.output.fields[0], node.output.answer
        ways = {way.name for way in WAYS}
        able = answer.type != "json" and answer.name not in ways
        if len(node.output.fields) == 1 and able:
            return self._reasoning(proposal, WAYS)
        if first.name in ways and len(node.output.fields) == 2:
            edit = SetContract(node.name, Contract((answer,)), answer_only(node))
            others = [way for way in WAYS if way.name != first.name]
            back = self.candidate(proposal, [edit], "answer at once")
            return [back, *self._reasoning(proposal, others)] if able else [back]
        return []

    def _reasoning(self, proposal: Proposal, ways: Sequence[Field]) -> list[Candidate]:
        """Return the way that makes right answers likeliest: as taught, as shown, and plain."""
        node = proposal.agent.last
        contracts = [Contract((way, node.output.answer)) for way in ways]
        edits = [SetContract(node.name, contract) for contract in contracts]
        agents = [apply(proposal.agent, edit) for edit in edits]
        told, shown = proposal.agent.metric != "judge", proposal.agent.sources()
        usable = [row for row in proposal.pool if row.targets and row.id not in shown and told]
        rows = usable[:_TRIED]
        best, promising = compared(proposal, agents, rows)
        found = [self.candidate(proposal, [edits[best]])] if promising else []
        if promising and (demos := reasoned(proposal, agents[best], rows)):
            edit = replace(edits[best], demos=demos)
            found.insert(0, self.candidate(proposal, [edit], "reason as shown"))
        count = proposal.engine.count_tokens
        lessons = [taught(usable[len(rows) :], agent.last, count) for agent in agents]
        if all(lessons):
            edits = [replace(edit, demos=own) for edit, own in zip(edits, lessons, strict=True)]
            agents = [apply(proposal.agent, edit) for edit in edits]
            best, promising = compared(proposal, agents, rows)
            if promising:
                found.insert(0, self.candidate(proposal, [edits[best]], "reason as taught"))
        return found


def compared(
    proposal: Proposal, agents: Sequence[Agent], rows: Sequence[Example]
) -> tuple[int, bool]:
    """Return the place of the agent with the lowest shortfall on rows, and whether it promises.

    A dozen rows tell more by what the right answers' chances were than by how many were right. One
    that would fall behind the incumbent even with some luck promises nothing: writing is dear.
    """
    if not rows:
        return 0, True
    field, watch = [proposal.agent, *agents], proposal.watch
    try:
        losses = proposal.measure(field, [rows] * len(field), proposal.runner, watch=watch)
    except ContextError:
        return 0, True  # the guards will say why
    old, *short = [list(map(shortfall, own)) for own in losses]
    best = min(range(len(agents)), key=lambda place: fmean(short[place]))
    return best, hopeful(old, short[best]) <= 0


def reasoned(proposal: Proposal, agent: Agent, rows: Sequence[Example]) -> tuple[Demo, ...]:
    """Return demonstrations of the last node from rows that an agent answers right.

    What was wrong when it wrote the likeliest words is tried once more with some luck, if there are
    too few.
    """
    right = right_answers(proposal, agent, rows)
    if len(right) < _SHOWN:
        right += right_answers(proposal, agent, rest(rows, right), LUCKY)
    made = (demo_from(trajectory, agent.last) for trajectory in right)
    return tuple([demo for demo in made if demo is not None][:_SHOWN])


def answer_only(node: Node) -> tuple[Demo, ...]:
    """Return a node's demos with nothing but their answers."""
    name = node.output.answer.name
    return tuple(replace(demo, output={name: demo.output[name]}) for demo in node.demos)
