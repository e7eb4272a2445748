"""The backward pass: language gradients, from the last node of a trajectory to its first.

Section 3.3 of the method (arXiv 2406.18532): the gradient of a node is
LLM(gradient prompt(gradient of the next node, own input, own output, own weights)). It goes over
the steps that were really taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from slearn.agent import Agent, Node, Step, Trajectory, inputs_text, signature
from slearn.call import call
from slearn.engine import Engine, GenerateRequest, Watcher
from slearn.grad.attribution import HARM, Attribution
from slearn.loss import LanguageLoss

_MENTIONED = 4  # parts whose measure is shown
KINDS = ("instruction", "format", "missing example", "tool", "upstream", "beyond the model")
# Of a node that calls tools, what may be wrong with them, in the place of "tool".
TOOL_KINDS = (
    "wrong tool", "wrong arguments", "misleading description", "wrong code", "failing code",
    "missing tool",
)  # fmt: skip

# What is wrong where a part does harm.
_KIND = {
    "line": "instruction",
    "demo": "missing example",
    "demos": "missing example",
    "limit": "format",
    "field": "format",
}


@dataclass(frozen=True)
class Gradient:
    """What one example says about one node.

    `output_change` goes upstream, `weight_change` to the optimizers; `share` and `kind` say how
    much of the fault is the node's and of what kind it is.
    """

    example: str
    node: str
    share: str
    kind: str
    output_change: str
    weight_change: str

    def as_json(self) -> dict[str, object]:
        """Return the gradient as the store keeps it."""
        return asdict(self)


def backward(
    agent: Agent,
    trajectories: Sequence[Trajectory],
    losses: Sequence[LanguageLoss],
    engine: Engine,
    watch: Watcher | None = None,
    *,
    attributions: Sequence[Attribution] = (),
) -> list[list[Gradient]]:
    """Return the gradients of every trajectory, in the order of its steps; one round a depth.

    >>> # backward(agent, trajectories, losses, engine)[0][-1].weight_change
    """
    kind = call("gradient")
    downstream = [f"{loss.assessment} {loss.requirement}".strip() for loss in losses]
    found: list[list[Gradient]] = [[] for _ in trajectories]
    depth = max((len(trajectory.steps) for trajectory in trajectories), default=0)
    for back in range(1, depth + 1):
        alive = [i for i, trajectory in enumerate(trajectories) if len(trajectory.steps) >= back]
        requests = [
            gradient_request(
                agent, trajectories[i].steps[-back], downstream[i], engine, attributions
            )
            for i in alive
        ]
        for i, result in zip(alive, engine.generate(requests, watch), strict=True):
            said = kind.read(result) or _nothing()
            gradient = Gradient(losses[i].example, trajectories[i].steps[-back].node, **said)
            found[i].insert(0, gradient)
            downstream[i] = f"The next step needed: {gradient.output_change}"
    return found


def gradient_request(
    agent: Agent,
    step: Step,
    downstream: str,
    engine: Engine,
    attributions: Sequence[Attribution] = (),
) -> GenerateRequest:
    """Return the request for the gradient of one step: the chain rule's inputs and no others."""
    node = agent.node(step.node)
    made = "".join(f"called {one.text()}, got {one.result}\n" for one in step.calls)
    return call("gradient").request(
        {
            "tools": "\n".join(map(signature, node.tools)),
            "node": node.name,
            "instructions": "\n".join(node.instructions) or "(none)",
            "demos": len(node.demos),
            "measured": measured_text(node.name, attributions),
            "input": inputs_text(node, step.inputs),
            "output": made + step.text,
            "downstream": downstream,
        },
        engine.count_tokens,
        names={"kinds": measured_kinds(node, attributions) or kinds_of(node)},
    )


def kinds_of(node: Node) -> list[str]:
    """Return the kinds of faults that a node can have.

    >>> len(kinds_of(Node("answer", ())))
    6
    """
    place = KINDS.index("tool")
    return [*KINDS[:place], *(TOOL_KINDS if node.tools else ["tool"]), *KINDS[place + 1 :]]


def measured_kinds(node: Node, attributions: Sequence[Attribution]) -> list[str]:
    """Return the kinds of fault that the most harmful part of a node can have; none without harm.

    On planted faults a small model calls nearly everything an instruction; the measure tells the
    kinds apart (docs/lab.md).

    >>> measured_kinds(Node("n", ()), [Attribution("n", "limit", 0, -9.0, 8)])
    ['format']
    """
    own = [
        a
        for a in attributions
        if a.node == node.name and a.part in (*_KIND, "tool") and a.nats < HARM
    ]
    if not own:
        return []
    part = min(own, key=lambda found: found.nats).part
    return list(TOOL_KINDS) if part == "tool" else [_KIND[part]]


def measured_text(node: str, attributions: Sequence[Attribution]) -> str:
    """Return what was measured of a node's parts, the most harmful first.

    >>> measured_text("n", [Attribution("n", "line", 1, -0.4, 8)])
    'line 2 hurts by 0.40 nats'
    """
    own = sorted((a for a in attributions if a.node == node), key=lambda found: found.nats)
    return "\n".join(found.text() for found in own[:_MENTIONED])


def _nothing() -> dict[str, str]:
    return {"share": "none", "kind": "beyond the model", "output_change": "", "weight_change": ""}
