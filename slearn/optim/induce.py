"""Induction: instructions that the model writes from examples alone, without gradients."""

from __future__ import annotations

from slearn.agent import Node
from slearn.call import call
from slearn.engine import Sampling
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.demos import led_to
from slearn.optim.edits import Edit, InsertLine, ReplaceLine
from slearn.values import Example

STARTS = ("", "Write ", "Given ", "Find ", "Answer with ", "Name ")
_SHOWN = 8


class Induce(Optimizer):
    """Has the model say what instruction lies behind examples, other examples for each draft.

    A draft replaces the first line, or stands after the last: a line that a person wrote may say
    what no example shows. Of a chain it is the last node's, from what that read on the way.
    """

    name = "induce"

    def __init__(self, drafts: int = 4) -> None:
        self._drafts = drafts

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return one candidate a draft."""
        agent, node = proposal.agent, proposal.agent.last
        shown = [row for row in proposal.pool if row.targets]
        if len(agent.nodes) > 1:
            seen = [one for one in proposal.trajectories if one.step_of(node.name)]
            shown = [led_to(one, node) for one in seen if one.example.targets]
        if len(shown) < 2 or len(agent.ends) > 1:
            return []
        kind, chance = call("induce"), proposal.chance(self.name)
        first = proposal.step * self._drafts
        requests = [
            kind.request(
                {"examples": pairs(node, chance.sample(shown, min(_SHOWN, len(shown))))},
                proposal.engine.count_tokens,
                names={"start": STARTS[(first + draft) % len(STARTS)]},
                sampling=Sampling(temperature=0.9, top_p=0.95),
                seed=chance.randrange(1 << 30),
            )
            for draft in range(self._drafts)
        ]
        candidates = []
        for draft, result in enumerate(proposal.engine.generate(requests, proposal.watch)):
            said = kind.read(result)
            text = said["instruction"].strip() if said else ""
            if text and text not in node.instructions:
                edit = placed(node, text, replace=draft % 2 == 0)
                candidates.append(self.candidate(proposal, [edit]))
        return candidates


def placed(node: Node, text: str, *, replace: bool) -> Edit:
    """Return the edit that puts a line in the place of the first, or after the last.

    >>> placed(Node("n", ("Answer.",)), "Write the antonym.", replace=False).after
    1
    """
    if replace and node.instructions:
        return ReplaceLine(node.name, 0, text)
    return InsertLine(node.name, len(node.instructions), text)


def pairs(node: Node, rows: list[Example]) -> str:
    """Return inputs and right outputs as lines."""
    return "\n\n".join(
        "Input: "
        + " | ".join(row.inputs.get(name, "")[:240] for name in node.inputs)
        + f"\nOutput: {(row.targets or ('',))[0][:120]}"
        for row in rows
    )
