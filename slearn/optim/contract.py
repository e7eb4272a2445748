"""The output contract as a weight: reason first, or answer at once."""

from __future__ import annotations

from dataclasses import replace

from slearn.agent import Contract, Demo, Field, Node
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.edits import SetContract

REASONING = Field("reasoning", "text", max_chars=240, max_tokens=60)


class ReasonFirst(Optimizer):
    """Switches the last node between answering at once and reasoning first.

    Tried at the first step and now and then later: it changes every answer's price, so it has to
    win by a lot, and asking every step would spend the budget on one question.
    """

    name = "reason first"
    _every = 8

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the other order, on the steps when it is its turn."""
        if proposal.step % self._every:
            return []
        node = proposal.agent.last
        names = [field.name for field in node.output.fields]
        answer = node.output.answer
        if len(names) == 1 and answer.type != "json" and answer.name != REASONING.name:
            contract = Contract((REASONING, answer))
            return [self.candidate(proposal, [SetContract(node.name, contract)])]
        if names[0] == REASONING.name and len(names) == 2:
            contract = Contract((node.output.answer,))
            demos = answer_only(node)
            edit = SetContract(node.name, contract, demos)
            return [self.candidate(proposal, [edit], "answer at once")]
        return []


def answer_only(node: Node) -> tuple[Demo, ...]:
    """Return a node's demos with nothing but their answers."""
    name = node.output.answer.name
    return tuple(replace(demo, output={name: demo.output[name]}) for demo in node.demos)
