"""Instruction lines: edits that the model writes from the gradients, and tips that often help."""

from __future__ import annotations

from typing import Any

from slearn.agent import Node, Trajectory
from slearn.call import call
from slearn.engine import Sampling
from slearn.loss import trajectory_input
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.blame import faultiest
from slearn.optim.edits import DropLine, Edit, InsertLine, LineEdit, MoveLine, ReplaceLine

# Short, general, and proven on many tasks; each is one line that a step may try.
TIPS = (
    "Reply with only the answer.",
    "Follow the pattern of the examples exactly.",
    "Read the whole input before you answer.",
    "If several answers seem right, give the most likely one.",
    "Use exactly the spelling and form that is asked for.",
    "Check your answer before you write it.",
)

# How drafts of a line begin: a small model goes on from each in another direction.
STARTS = ("The answer is ", "When the input ", "", "Write ", "First ", "Always ")


class LineEdits(Optimizer):
    """Has the model write edits of the faultiest node's lines, several drafts at once."""

    name = "edit lines"

    def __init__(self, drafts: int = 3) -> None:
        self._drafts = drafts

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return one candidate for each draft that names other lines than the node has."""
        node = faultiest(proposal)
        kind = call("edit_lines")
        numbers = list(range(1, len(node.instructions) + 1))
        several = numbers if len(numbers) > 1 else []
        names = {
            "lines": numbers,
            "after": [0, *numbers],
            "droppable": several,
            "movable": several,
        }
        gradient = proposal.gradients[node.name]
        requests = [
            kind.request(
                {
                    "node": node.name,
                    "lines": numbered(node.instructions),
                    "count": gradient.count,
                    "changes": gradient.text(),
                    "examples": _examples(proposal),
                },
                proposal.engine.count_tokens,
                names={**names, "start": STARTS[(proposal.step + draft) % len(STARTS)]},
                sampling=Sampling(temperature=0.8, top_p=0.95),
                seed=proposal.chance(self.name).randrange(1 << 30) + draft,
            )
            for draft in range(self._drafts)
        ]
        candidates = []
        for result in proposal.engine.generate(requests, proposal.watch):
            said = kind.read(result)
            edits = read_line_edits(node, said["edits"]) if said else []
            if edits:
                candidates.append(self.candidate(proposal, edits))
        return candidates


class Tips(Optimizer):
    """Adds one line of a small library of proven tips, a different one each step."""

    name = "tip"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the next tip that the last node does not have yet."""
        node = proposal.agent.last
        fresh = [tip for tip in TIPS if tip not in node.instructions]
        if not fresh:
            return []
        tip = fresh[proposal.step % len(fresh)]
        return [self.candidate(proposal, [InsertLine(node.name, len(node.instructions), tip)])]


def read_line_edits(node: Node, said: list[dict[str, Any]]) -> list[Edit]:
    """Turn the model's numbered edits into edits of a node, dropping those that change nothing.

    Numbers are those of the lines as the model saw them, so later edits are shifted by earlier
    ones; an edit of a line that an earlier edit dropped falls away.
    """
    edits: list[Edit] = []
    order = list(range(1, len(node.instructions) + 1))  # where each numbered line is by now
    for entry in said:
        if not entry.get("text", "x").strip():
            continue
        edit: LineEdit | None = None
        match entry["op"]:
            case "replace" if entry["line"] in order:
                if entry["text"] != node.instructions[entry["line"] - 1]:
                    edit = ReplaceLine(node.name, order.index(entry["line"]), entry["text"].strip())
            case "insert" if entry["after"] == 0 or entry["after"] in order:
                place = order.index(entry["after"]) + 1 if entry["after"] else 0
                edit = InsertLine(node.name, place, entry["text"].strip())
                order.insert(place, -1)
            case "drop" if entry["line"] in order and len(order) > 1:
                edit = DropLine(node.name, order.index(entry["line"]))
                order.remove(entry["line"])
            case "move" if entry["line"] in order and entry["to"] in order:
                if entry["line"] != entry["to"]:
                    start, end = order.index(entry["line"]), order.index(entry["to"])
                    edit = MoveLine(node.name, start, end)
                    order.insert(end, order.pop(start))
        if edit is not None:
            edits.append(edit)
    return edits


def numbered(lines: tuple[str, ...] | list[str]) -> str:
    """Return lines with their numbers, as the model sees them."""
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1)) or "(none)"


def _examples(proposal: Proposal, most: int = 4) -> str:
    """Return a few inputs with their right answers."""
    shown: list[Trajectory] = [t for t in proposal.trajectories if t.example.targets][:most]
    return "\n".join(
        f"{trajectory_input(proposal.agent, t)[:160]} -> {(t.example.targets or ('',))[0][:80]}"
        for t in shown
    )
