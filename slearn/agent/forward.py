"""The forward pass: examples through the nodes of the flow, kept as trajectories.

All examples take a step together, as one round, so that the engine can batch them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slearn.agent.model import Agent, Node
from slearn.agent.render import render
from slearn.engine import GREEDY, Engine, GenerateRequest, Sampling, Watcher
from slearn.errors import InputError
from slearn.values import Example, Usage


@dataclass(frozen=True)
class Step:
    """What one node read and returned."""

    node: str
    inputs: Mapping[str, str]
    output: Mapping[str, str]
    text: str
    valid: bool
    usage: Usage


@dataclass(frozen=True)
class Trajectory:
    """The steps that one example took through the agent, in order."""

    example: Example
    steps: tuple[Step, ...]
    answer: str

    def as_json(self) -> dict[str, object]:
        """Return the trajectory as the store keeps it."""
        return {
            "example": self.example.id,
            "answer": self.answer,
            "steps": [
                {"node": s.node, "inputs": dict(s.inputs), "output": dict(s.output), "text": s.text}
                for s in self.steps
            ],
        }


def forward(
    agent: Agent,
    examples: Sequence[Example],
    engine: Engine,
    *,
    sampling: Sampling = GREEDY,
    seed: int = 0,
    watch: Watcher | None = None,
) -> list[Trajectory]:
    """Run every example through the agent; one round a node.

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
) -> list[tuple[Step, ...]]:
    """Run every example through the first nodes of the flow and return the steps of each."""
    taken: list[tuple[Step, ...]] = [() for _ in examples]
    for name in names:
        node = agent.node(name)
        inputs = [node_inputs(agent, node, e, s) for e, s in zip(examples, taken, strict=True)]
        requests = [
            GenerateRequest(
                render(node, values, example.choices),
                node.output.grammar(example.choices),
                sampling,
                seed,
                node.output.max_tokens(example.choices),
                where=f"node {name!r}, example {example.id}",
            )
            for example, values in zip(examples, inputs, strict=True)
        ]
        results = engine.generate(requests, watch)
        for index, result in enumerate(results):
            output = node.output.parse(result.text)
            step = Step(name, inputs[index], output, result.text, result.valid, result.usage)
            taken[index] = (*taken[index], step)
    return taken


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
