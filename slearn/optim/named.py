"""The shape that the optimizing model names, from the gradients of all nodes.

Only what the checks let through is offered, so whatever it names can be run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slearn.agent import Agent, Node, flow_lines
from slearn.call import call
from slearn.loss import task_text
from slearn.optim import shapes
from slearn.optim.base import Proposal
from slearn.optim.blame import by_blame
from slearn.optim.shapes import Shape
from slearn.optim.structure import MergeNodes, RemoveNode, StructureEdit, Unwrap, WrapVote
from slearn.optim.tries import LUCKY

# Nodes that an operation may be of, and the edits that it would make of one.
Trial = tuple[list[str], Callable[[Node], Sequence[StructureEdit]]]


def written(proposal: Proposal) -> list[Shape]:
    """Return the shape that the model names, if there is any to be named.

    >>> # written(proposal)
    """
    agent, kind = proposal.agent, call("edit_flow")
    moves = shapes.moves(agent)
    offered = names_of(agent, moves)
    if not any(offered.values()):
        return []
    changes = [f"{name}: {proposal.gradients[name].text(2)}" for name in by_blame(proposal)]
    request = kind.request(
        {
            "task": task_text(agent),
            "flow": "\n".join(flow_lines(agent.flow)),
            "changes": "\n".join(changes),
        },
        proposal.engine.count_tokens,
        names={
            **offered,
            "start": "Write ",
            "check": "Make sure that ",
            "when": "The input ",
            "best": "Grade from 1 (badly) to 5 (perfectly) how ",
        },
        sampling=LUCKY,
        seed=proposal.chance("restructure").randrange(1 << 30),
    )
    said = kind.read(proposal.engine.generate([request], proposal.watch)[0])
    if not said:
        return []
    edit = said["edit"]
    return [("moved", (moves[edit["how"]],)) if "how" in edit else shape_of(proposal, edit)]


def names_of(agent: Agent, moves: Mapping[str, object]) -> dict[str, list[str]]:
    """Return what each operation of `edit_flow` may name in an agent: what the checks let through.

    >>> # names_of(agent, moves(agent))["removable"]
    """
    nodes = [node.name for node in agent.nodes]
    ends = list(agent.ends)
    room = len(nodes) < shapes.MOST_NODES and len(ends) == 1
    open_ends = ends if room else []
    once = [name for name in open_ends if name not in shapes.repeated(agent)]
    anywhere = nodes if room else []
    trial: dict[str, Trial] = {
        "nodes": (anywhere, lambda n: (shapes.noting(agent, n, "step", ""),)),
        "split": (anywhere, lambda n: (shapes.reading(agent, n, "step", "", n.inputs[0]),)),
        "ends": (open_ends, lambda n: (shapes.checking(agent, n, ""),)),
        "reviewed": (once, lambda n: (shapes.retrying(agent, n, ""),)),
        "graded": (once, lambda n: (shapes.grading(agent, n, ""),)),
        "voted": (once, lambda n: (WrapVote(n.name),)),
        "apart": (open_ends, lambda n: shapes.parting(agent, n, "", "")),
        "removable": ([n for n in nodes if n not in ends], lambda n: (RemoveNode(n.name),)),
        "joined": (
            [name for name in nodes if _reader(agent, name)],
            lambda n: (MergeNodes(n.name, _reader(agent, n.name) or ""),),
        ),
        "undone": (nodes, lambda n: (Unwrap(n.name),)),
    }
    found = {
        key: [name for name in names if shapes.fits(agent, edits(agent.node(name)))]
        for key, (names, edits) in trial.items()
    }
    return {**found, "moves": list(moves)}


def shape_of(proposal: Proposal, edit: Mapping[str, Any]) -> Shape:
    """Return the shape that an operation of `edit_flow` means.

    >>> # shape_of(proposal, {"op": "remove", "node": "notes"})
    """
    agent, name, job = proposal.agent, edit["node"], edit.get("job", "").strip()
    node = agent.node(name)
    match edit["op"]:
        case "add a step before":
            return "written step", (shapes.noting(agent, node, "step", job),)
        case "check after":
            return "written check", (shapes.checking(agent, node, job),)
        case "write again until":
            return "written review", (shapes.retrying(agent, node, job),)
        case "take the best of some":
            return "written grade", (shapes.grading(agent, node, job),)
        case "vote":
            return "vote", (WrapVote(name),)
        case "treat apart":
            return "apart", shapes.parting(agent, node, edit["when"].strip(), job)
        case "split":
            column = shapes.longest(proposal, node) or node.inputs[0]
            return "split", (shapes.reading(agent, node, "step", job, column),)
        case "remove":
            return f"without {name}", (RemoveNode(name),)
        case "make one of":
            return "one of two", (MergeNodes(name, _reader(agent, name) or ""),)
    return "once", (Unwrap(name),)


def _reader(agent: Agent, name: str) -> str | None:
    """Return the one node that reads another's answer, None where there is none or are several."""
    found = [
        node.name for node in agent.nodes if any(own.split(".")[0] == name for own in node.inputs)
    ]
    return found[0] if len(found) == 1 else None
