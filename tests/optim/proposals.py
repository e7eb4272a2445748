"""What optimizers are shown, made by hand."""

from __future__ import annotations

from collections.abc import Sequence

from slearn.agent import Agent, Contract, Field, Flow, Node, Step, Trajectory
from slearn.engine import Engine
from slearn.engine.scripted import ScriptedEngine
from slearn.grad import Gradient, aggregate
from slearn.optim import Proposal
from slearn.values import Example, Usage

LABELS = ("billing", "delivery", "account")
CHOICE = Contract((Field("answer", "choice", choices=LABELS),))
REASONED = Contract((Field("reasoning"), *CHOICE.fields))


def single(lines: Sequence[str] = ("Name the queue.",), contract: Contract = CHOICE) -> Agent:
    return Agent("a", (Node("answer", tuple(lines), output=contract),), Flow(("answer",)))


def chain() -> Agent:
    nodes = (Node("first", ("Sum up.",)), Node("answer", ("Name it.",), ("first",), CHOICE))
    return Agent("c", nodes, Flow(("first", "answer")))


def rows(count: int) -> list[Example]:
    return [
        Example(f"e{n}", {"input": f"request number {n}"}, (LABELS[n % 3],)) for n in range(count)
    ]


def passed(agent: Agent, example: Example) -> Trajectory:
    """The trajectory of an agent that answers right."""
    steps: list[Step] = []
    known = dict(example.inputs)
    for name in agent.flow.names():
        node = agent.node(name)
        right = (example.targets or ("",))[0]
        output = {f.name: f"{f.name} of {example.id}" for f in node.output.fields}
        if name == agent.last.name:
            output[node.output.answer.name] = right
        inputs = {key: known[key] for key in node.inputs}
        steps.append(Step(name, inputs, output, node.output.render(output), True, Usage()))
        known[name] = output[node.output.answer.name]
    return Trajectory(example, tuple(steps), (example.targets or ("",))[0])


def proposal(
    agent: Agent,
    pool: Sequence[Example],
    *,
    gradients: Sequence[Gradient] = (),
    scores: Sequence[float] | None = None,
    engine: Engine | None = None,
    seed: int = 0,
    step: int = 0,
) -> Proposal:
    shown = [passed(agent, example) for example in pool[:12]]
    return Proposal(
        agent,
        aggregate(agent, gradients),
        shown,
        [1.0] * len(shown) if scores is None else scores,
        pool,
        engine or ScriptedEngine(),
        engine or ScriptedEngine(),
        seed,
        step,
    )


def fault(node: str, text: str = "Say more.", share: str = "all", example: str = "e") -> Gradient:
    return Gradient(example, node, share, "instruction", "x", text)
