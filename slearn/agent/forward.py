"""The forward pass: examples through the nodes of the flow, kept as trajectories.

All examples take a step together, as one round, so that the engine can batch them.
"""

from __future__ import annotations

from collections.abc import Sequence

from slearn.agent.decide import decide
from slearn.agent.model import Agent, Node
from slearn.agent.trajectory import Step, Trajectory
from slearn.agent.write import write
from slearn.engine import GREEDY, Engine, Sampling, Watcher
from slearn.errors import InputError
from slearn.values import Example


def forward(
    agent: Agent,
    examples: Sequence[Example],
    engine: Engine,
    *,
    sampling: Sampling = GREEDY,
    seed: int = 0,
    watch: Watcher | None = None,
) -> list[Trajectory]:
    """Run every example through the agent; one round a node, two where it reasons and decides.

    Raises InputError when an example lacks an input, ContextError when a prompt does not fit.
    """
    steps = run_nodes(agent, agent.flow.steps, examples, engine, sampling, seed, watch)
    answer = agent.last.output.answer.name
    return [
        Trajectory(example, taken, taken[-1].output[answer])
        for example, taken in zip(examples, steps, strict=True)
    ]


def run_nodes(
    agent: Agent,
    names: Sequence[str],
    examples: Sequence[Example],
    engine: Engine,
    sampling: Sampling = GREEDY,
    seed: int = 0,
    watch: Watcher | None = None,
    *,
    taken: Sequence[tuple[Step, ...]] | None = None,
) -> list[tuple[Step, ...]]:
    """Run every example through some nodes of the flow and return the steps of each.

    `taken` are the steps before those nodes; without them the nodes are the first ones.
    """
    taken = [() for _ in examples] if taken is None else list(taken)
    for name in names:
        node = agent.node(name)
        inputs = [node_inputs(agent, node, e, s) for e, s in zip(examples, taken, strict=True)]
        find = decide if node.output.decided else write
        steps = find(node, examples, inputs, engine, sampling, seed, watch)
        taken = [(*before, step) for before, step in zip(taken, steps, strict=True)]
    return taken


def last_inputs(
    agent: Agent,
    examples: Sequence[Example],
    engine: Engine,
    watch: Watcher | None = None,
    *,
    taken: Sequence[tuple[Step, ...]] | None = None,
) -> list[dict[str, str]]:
    """Run the nodes before the last, and return what the last one reads of every example.

    `taken` are the first steps, where they are known.

    >>> # last_inputs(agent, examples, engine)[0]["input"]
    """
    done = len(taken[0]) if taken else 0
    steps = run_nodes(agent, agent.flow.steps[done:-1], examples, engine, watch=watch, taken=taken)
    return [
        node_inputs(agent, agent.last, example, own)
        for example, own in zip(examples, steps, strict=True)
    ]


def node_inputs(
    agent: Agent, node: Node, example: Example, steps: Sequence[Step]
) -> dict[str, str]:
    """Return the values of a node's inputs, from the example and the steps before."""
    known = dict(example.inputs)
    for step in steps:
        known[step.node] = step.output[agent.node(step.node).output.answer.name]
        known.update({f"{step.node}.{field}": value for field, value in step.output.items()})
    missing = [name for name in node.inputs if name not in known]
    if missing:
        raise InputError(
            f"node {node.name!r} reads {missing[0]!r}, which the data does not have "
            f"(it has {', '.join(sorted(example.inputs)) or 'nothing'})",
            where=f"example {example.id}",
        )
    return {name: known[name] for name in node.inputs}
