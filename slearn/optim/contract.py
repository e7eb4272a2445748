"""The output contract as a weight: reason first, or answer at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from slearn.agent import Agent, Contract, Demo, Field, Node, Trajectory, forward
from slearn.engine import GREEDY, Sampling
from slearn.errors import ContextError
from slearn.evaluate import score_trajectories
from slearn.loss import RIGHT
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.demos import demo_from
from slearn.optim.edits import SetContract, apply
from slearn.values import Example

REASONING = Field("reasoning", "text", max_chars=800, max_tokens=160, multiline=True)
# What the field is called steers what a small model writes: "reasoning" begins with "To determine
# how many …", "calculation" with the numbers (docs/lab.md).
WAYS = (REASONING, replace(REASONING, name="calculation"))
_TRIED = 12  # rows of the pool that are reasoned about to find demonstrations
_SHOWN = 4
_LUCKY = Sampling(temperature=0.8, top_p=0.95)


class ReasonFirst(Optimizer):
    """Switches the last node between answering at once and reasoning first, in one way or another.

    Reasoning is shown how it goes by the model itself: of what it wrote to some rows, what led to
    the right answer becomes demonstrations (bootstrapping, as in STaR, Zelikman et al. 2022).
    """

    name = "reason first"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the other order, and the other way; with demonstrations and without any."""
        node = proposal.agent.last
        first, answer = node.output.fields[0], node.output.answer
        ways = {way.name for way in WAYS}
        if len(node.output.fields) == 1 and answer.type != "json" and answer.name not in ways:
            return self._reasoning(proposal, WAYS)
        if first.name in ways and len(node.output.fields) == 2:
            edit = SetContract(node.name, Contract((answer,)), answer_only(node))
            others = [way for way in WAYS if way.name != first.name]
            back = self.candidate(proposal, [edit], "answer at once")
            return [back, *self._reasoning(proposal, others)]
        return []

    def _reasoning(self, proposal: Proposal, ways: Sequence[Field]) -> list[Candidate]:
        """Return the way that answers most rows right, as shown by itself, and plain."""
        node = proposal.agent.last
        contracts = [Contract((way, node.output.answer)) for way in ways]
        edits = [SetContract(node.name, contract) for contract in contracts]
        agents = [apply(proposal.agent, edit) for edit in edits]
        rows = [row for row in proposal.pool if row.targets][:_TRIED]
        if proposal.agent.metric == "judge":
            rows = []
        found = [right_answers(proposal, agent, rows) for agent in agents]
        best = max(range(len(ways)), key=lambda place: len(found[place]))
        plain = self.candidate(proposal, [edits[best]])
        demos = reasoned(proposal, agents[best], rows, found[best])
        if not demos:
            return [plain]
        edit = replace(edits[best], demos=demos)
        return [self.candidate(proposal, [edit], "reason as shown"), plain]


def reasoned(
    proposal: Proposal, agent: Agent, rows: Sequence[Example], right: Sequence[Trajectory]
) -> tuple[Demo, ...]:
    """Return demonstrations of the last node from rows that an agent answers right.

    What was wrong when it wrote the likeliest words is tried once more with some luck, if there are
    too few.
    """
    done = {trajectory.example.id for trajectory in right}
    rest = [row for row in rows if row.id not in done]
    if len(right) < _SHOWN:
        right = [*right, *right_answers(proposal, agent, rest, _LUCKY)]
    made = (demo_from(trajectory, agent.last) for trajectory in right)
    return tuple([demo for demo in made if demo is not None][:_SHOWN])


def right_answers(
    proposal: Proposal, agent: Agent, rows: Sequence[Example], sampling: Sampling = GREEDY
) -> list[Trajectory]:
    """Return the trajectories of rows that an agent answers right; none where they do not fit."""
    if not rows:
        return []
    runner, watch = proposal.runner, proposal.watch
    try:
        taken = forward(agent, rows, runner, sampling=sampling, seed=proposal.seed, watch=watch)
    except ContextError:  # no room to reason: the guards will say so of the candidate
        return []
    scores = score_trajectories(agent, taken, proposal.engine, watch)
    return [one for one, score in zip(taken, scores, strict=True) if score >= RIGHT]


def answer_only(node: Node) -> tuple[Demo, ...]:
    """Return a node's demos with nothing but their answers."""
    name = node.output.answer.name
    return tuple(replace(demo, output={name: demo.output[name]}) for demo in node.demos)
