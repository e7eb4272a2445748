"""The backward pass: language gradients, from the last node of a trajectory to its first.

Section 3.3 of the method (arXiv 2406.18532): the gradient of a node is
LLM(gradient prompt(gradient of the next node, own input, own output, own weights)). It goes over
the steps that were really taken: turns of a loop are steps of their own, what several steps read
gets the gradients of all of them, and a choice gets that of the steps that it led to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from slearn.agent import (
    Agent,
    Each,
    Nearest,
    Node,
    Step,
    Trajectory,
    inputs_text,
    names_of,
    parts_of,
    signature,
)
from slearn.call import call
from slearn.engine import Engine, GenerateRequest, Watcher
from slearn.grad.attribution import HARM, Attribution
from slearn.grad.graph import Graph
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

    Steps that the answer does not come from have none.

    >>> # backward(agent, trajectories, losses, engine)[0][-1].weight_change
    """
    kind = call("gradient")
    first = [f"{loss.assessment} {loss.requirement}".strip() for loss in losses]
    graphs = [Graph.of(trajectory) for trajectory in trajectories]
    found: list[dict[int, Gradient]] = [{} for _ in trajectories]
    for depth in range(max((graph.depth for graph in graphs), default=-1) + 1):
        alive = [(i, place) for i, graph in enumerate(graphs) for place in graph.at(depth)]
        requests = [
            gradient_request(
                agent,
                trajectories[i].steps[place],
                _downstream(agent, trajectories[i], graphs[i], place, found[i]) or first[i],
                engine,
                attributions,
            )
            for i, place in alive
        ]
        for (i, place), result in zip(alive, engine.generate(requests, watch), strict=True):
            said = kind.read(result) or _nothing()
            node = trajectories[i].steps[place].node
            found[i][place] = Gradient(losses[i].example, node, **said)
    return [[own[place] for place in sorted(own)] for own in found]


def _downstream(
    agent: Agent, trajectory: Trajectory, graph: Graph, place: int, known: Mapping[int, Gradient]
) -> str:
    """Return what the steps after one needed of it; '' of the answer, which the loss speaks of."""
    own, behind = trajectory.steps[place], graph.readers[place]
    said = []
    for reader in behind:
        after = trajectory.steps[reader]
        who = "The next step" if len(behind) == 1 else f"Step {after.node!r}"
        if not _reads(agent, after, own):
            who = f"It led to step {after.node!r}, which"
        said.append(f"{who} needed: {known[reader].output_change}")
    return "\n".join(said)


def _reads(agent: Agent, after: Step, before: Step) -> bool:
    """Say whether a step read another's output; else the other's choice led to it."""
    if not after.path:  # of a chain that was put together by hand
        return True
    node = agent.node(before.node)
    names = {before.node, *([node.writes] if node.writes else [])}
    for part in parts_of(agent.flow.steps):
        if isinstance(part, Each):
            names |= {part.item} if {part.over, part.over.split(".")[0]} & names else set()
            names |= {part.into} if before.node in names_of(part.body) else set()
        elif isinstance(part, Nearest):
            sources = {part.over, part.to, part.over.split(".")[0], part.to.split(".")[0]}
            names |= {part.into} if sources & names else set()
    inputs = [name for name in after.inputs if {name, name.split(".")[0]} & names]
    return bool(inputs) or after.node == before.node


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
            "demos": min(len(node.demos), node.nearest or len(node.demos)),
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
