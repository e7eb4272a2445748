"""The output contract as a weight: reason first, or answer at once."""

from __future__ import annotations

from dataclasses import replace

from slearn.agent import Agent, Contract, Demo, Field, Node, forward
from slearn.engine import GREEDY, Sampling
from slearn.errors import ContextError
from slearn.evaluate import score_trajectories
from slearn.loss import RIGHT
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.demos import demo_from
from slearn.optim.edits import SetContract

REASONING = Field("reasoning", "text", max_chars=800, max_tokens=160, multiline=True)
_TRIED = 12  # rows of the pool that are reasoned about to find demonstrations
_SHOWN = 4
_LUCKY = Sampling(temperature=0.8, top_p=0.95)


class ReasonFirst(Optimizer):
    """Switches the last node between answering at once and reasoning first.

    Reasoning is shown how it goes by the model itself: of what it wrote to some rows, what led to
    the right answer becomes demonstrations (bootstrapping, as in STaR, Zelikman et al. 2022).
    """

    name = "reason first"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the other order; reasoning with demonstrations and without any."""
        node = proposal.agent.last
        names = [field.name for field in node.output.fields]
        answer = node.output.answer
        if len(names) == 1 and answer.type != "json" and answer.name != REASONING.name:
            contract = Contract((REASONING, answer))
            plain = self.candidate(proposal, [SetContract(node.name, contract)])
            demos = reasoned(proposal, plain.agent)
            if not demos:
                return [plain]
            edit = SetContract(node.name, contract, demos)
            return [self.candidate(proposal, [edit], "reason as shown"), plain]
        if names[0] == REASONING.name and len(names) == 2:
            contract = Contract((node.output.answer,))
            demos = answer_only(node)
            edit = SetContract(node.name, contract, demos)
            return [self.candidate(proposal, [edit], "answer at once")]
        return []


def reasoned(proposal: Proposal, agent: Agent) -> tuple[Demo, ...]:
    """Return demonstrations of the last node from rows of the pool that an agent answers right.

    What was wrong when it wrote the likeliest words is tried once more with some luck, if there are
    too few.
    """
    rows = [row for row in proposal.pool if row.targets][:_TRIED]
    if agent.metric == "judge":
        return ()
    found: list[Demo] = []
    for sampling in (GREEDY, _LUCKY):
        if not rows or len(found) >= _SHOWN:
            break
        try:
            trajectories = forward(
                agent,
                rows,
                proposal.runner,
                sampling=sampling,
                seed=proposal.seed,
                watch=proposal.watch,
            )
        except ContextError:  # no room to reason: the guards will say so of the candidate
            return ()
        scores = score_trajectories(agent, trajectories, proposal.engine, proposal.watch)
        taken = [t for t, score in zip(trajectories, scores, strict=True) if score >= RIGHT]
        made = (demo_from(trajectory, agent.last) for trajectory in taken)
        found += [demo for demo in made if demo is not None]
        done = {trajectory.example.id for trajectory in taken}
        rows = [row for row in rows if row.id not in done]
    return tuple(found[:_SHOWN])


def answer_only(node: Node) -> tuple[Demo, ...]:
    """Return a node's demos with nothing but their answers."""
    name = node.output.answer.name
    return tuple(replace(demo, output={name: demo.output[name]}) for demo in node.demos)
