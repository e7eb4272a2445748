"""The gradient of a choice: where another way leads to the right answer, the chooser is at fault.

Words and parts left out say little of a router: its output is not in the answer, only the way is.
But the other ways can be gone, and whether the right answer becomes likely there is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from slearn.agent import Agent, Branch, Node, Step, Trajectory, parts_of
from slearn.engine import Engine, Watcher
from slearn.grad.attribution import Attribution
from slearn.loss import LIKELY, losses_after
from slearn.values import Usage

_WAYS = 12  # choices: with more of them a row is gone too often
_LEAST, _SHARE = 2, 0.25  # rows that another way mends, and their share of those that fail


def choices(
    agent: Agent,
    trajectories: Sequence[Trajectory],
    engine: Engine,
    watch: Watcher | None = None,
) -> list[Attribution]:
    """Return an attribution for each node whose choice of the way is measured to be at fault.

    Its nats are what the rows that fail would win by another choice, where that makes the right
    answer likely; below 0, since it does harm. `n` are these rows that fail.

    >>> # choices(agent, trajectories, engine)[0].nats
    """
    found = []
    for node in choosers(agent):
        rows = [one for one in trajectories if one.example.targets and one.step_of(node.name)]
        before = [until(one, node) for one in rows]
        examples = [one.example for one in rows]
        own = losses_after(agent, examples, before, engine, watch)
        failed = [place for place, loss in enumerate(own) if loss >= LIKELY]
        tries = [
            (place, choice)
            for place in failed
            for choice in node.output.answer.choices or ()
            if choice != before[place][-1].output[node.output.answer.name]
        ]
        taken = [(*before[p][:-1], saying(before[p][-1], node, choice)) for p, choice in tries]
        others = losses_after(agent, [examples[p] for p, _ in tries], taken, engine, watch)
        won = dict.fromkeys(failed, 0.0)
        for (place, _), loss in zip(tries, others, strict=True):
            if loss < LIKELY:
                won[place] = min(won[place], loss - own[place])
        mended = sum(nats < 0 for nats in won.values())
        if mended >= max(_LEAST, _SHARE * len(failed)):
            nats = round(fmean(won.values()), 4)
            found.append(Attribution(node.name, "choice", 0, nats, len(failed)))
    return found


def choosers(agent: Agent) -> list[Node]:
    """Return the nodes whose answer, one of a few choices, decides which way a flow goes.

    >>> # [node.name for node in choosers(agent)]
    """
    asked = {part.on for part in parts_of(agent.flow.steps) if isinstance(part, Branch)}
    found = []
    for node in agent.nodes:
        answer = node.output.answer
        names = {node.name, f"{node.name}.{answer.name}", node.writes or node.name}
        if answer.type == "choice" and len(answer.choices or ()) <= _WAYS and names & asked:
            found.append(node)
    return [node for node in found if node.output.answer.choices]


def until(trajectory: Trajectory, node: Node) -> tuple[Step, ...]:
    """Return the steps of a trajectory that end with a node's first.

    >>> # until(trajectory, agent.node("kind"))[-1].node
    """
    place = next(n for n, step in enumerate(trajectory.steps) if step.node == node.name)
    return trajectory.steps[: place + 1]


def saying(step: Step, node: Node, text: str) -> Step:
    """Return a step with another answer; it cost nothing.

    >>> # saying(step, agent.node("kind"), "refund").output
    """
    output = {**step.output, node.output.answer.name: text}
    text = node.output.render(output)
    return Step(
        step.node, step.inputs, output, text, True, Usage(), path=step.path, reads=step.reads
    )
