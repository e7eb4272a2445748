"""The gradient of a choice: where another way leads to the right answer, the chooser is at fault.

Words and parts left out say little of a router: its output is not in the answer, only the way is.
But the other ways can be gone, and whether the right answer becomes likely there is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from slearn.agent import Agent, Branch, Node, Step, forward, parts_of
from slearn.engine import Engine, Watcher
from slearn.errors import ContextError
from slearn.grad.attribution import Attribution
from slearn.loss import LIKELY, losses_after
from slearn.values import Example, Usage

_WAYS = 12  # choices: with more of them a row is gone too often
_TRIED = 24  # ways, about: with many choices fewer rows go them
_LEAST, _SHARE = 2, 0.25  # rows that another way mends, and their share of those that fail

Steps = tuple[Step, ...]


def choices(
    agent: Agent,
    rows: Sequence[Example],
    engine: Engine,
    watch: Watcher | None = None,
) -> list[Attribution]:
    """Return an attribution for each node whose choice of the way is measured to be at fault.

    Its nats are what the rows that fail would win by another choice, where that makes the right
    answer likely; below 0, since it does harm. `n` are these rows that fail.

    >>> # choices(agent, rows, engine)[0].nats
    """
    nodes, told = choosers(agent), [row for row in rows if row.targets]
    if not nodes or not told:
        return []
    taken = forward(agent, told, engine, watch=watch)
    found = []
    for node in nodes:
        begun = [(one.example, steps) for one in taken if (steps := one.until(node.name))]
        try:
            won = mended(agent, node, begun, engine, watch)
        except ContextError:  # what is written on another way may be too long for the rest
            continue
        if sum(nats < 0 for nats in won) >= max(_LEAST, _SHARE * len(won)):
            found.append(Attribution(node.name, "choice", 0, round(fmean(won), 4), len(won)))
    return found


def mended(
    agent: Agent,
    node: Node,
    begun: Sequence[tuple[Example, Steps]],
    engine: Engine,
    watch: Watcher | None = None,
) -> list[float]:
    """Return the nats that each failing row loses by the best other choice; 0 where none is right.

    >>> # mended(agent, agent.node("kind"), [(example, trajectory.until("kind"))], engine)
    """
    options = node.output.answer.choices or ()
    examples, steps = [example for example, _ in begun], [own for _, own in begun]
    losses = losses_after(agent, examples, steps, engine, watch)
    failed = [place for place, loss in enumerate(losses) if loss >= LIKELY]
    failed = failed[: max(_LEAST, _TRIED // max(1, len(options) - 1))]
    tries = [
        (place, instead(steps[place], node, choice))
        for place in failed
        for choice in options
        if choice != steps[place][-1].output[node.output.answer.name]
    ]
    told = [examples[place] for place, _ in tries]
    others = losses_after(agent, told, [own for _, own in tries], engine, watch)
    won = dict.fromkeys(failed, 0.0)
    for (place, _), loss in zip(tries, others, strict=True):
        if loss < LIKELY:
            won[place] = min(won[place], loss - losses[place])
    return list(won.values())


def choosers(agent: Agent) -> list[Node]:
    """Return the nodes whose answer, one of a few choices, decides which way a flow goes.

    >>> # [node.name for node in choosers(agent)]
    """
    asked = {part.on for part in parts_of(agent.flow.steps) if isinstance(part, Branch)}
    found = []
    for node in agent.nodes:
        answer = node.output.answer
        names = {node.name, f"{node.name}.{answer.name}", node.writes or node.name}
        if answer.type == "choice" and 1 < len(answer.choices or ()) <= _WAYS and names & asked:
            found.append(node)
    return found


def instead(steps: Steps, node: Node, text: str) -> Steps:
    """Return steps whose last one, a node's, has another answer, which cost nothing.

    >>> # instead(trajectory.until("kind"), agent.node("kind"), "refund")[-1].output
    """
    *before, old = steps
    output = {**old.output, node.output.answer.name: text}
    said = node.output.render(output)
    new = Step(old.node, old.inputs, output, said, True, Usage(), path=old.path, reads=old.reads)
    return (*before, new)
