"""What a forward pass asks for: one output of one node for one example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slearn.agent.model import Node, ToolCall
from slearn.agent.trajectory import Step
from slearn.engine import GREEDY, Sampling
from slearn.values import Example, Usage


@dataclass(frozen=True)
class Ask:
    """A node's output, wanted for some input values.

    `path` tells the step apart from all others of its forward pass, and `reads` are the paths of
    those whose outputs it reads or whose choice led to it. `final` says that nothing reads what it
    writes: it is the agent's answer. `number` is that of the walk among those that go together.
    `few` are all choices that it has, with the nats that each is given; empty, they are the node's.

    >>> Ask(Node("answer", ()), Example("1", {"input": "hi"}), {"input": "hi"}).where
    "node 'answer', example 1"
    """

    node: Node
    example: Example
    inputs: Mapping[str, str]
    sampling: Sampling = GREEDY
    seed: int = 0
    path: str = ""
    reads: tuple[str, ...] = ()
    final: bool = False
    number: int = 0
    few: tuple[tuple[str, float], ...] = ()

    @property
    def choices(self) -> tuple[str, ...]:
        """The choices of the answer: few, the contract's or the example's, each once."""
        few = tuple(choice for choice, _ in self.few)
        return few or self.node.output.answer.offered(self.example.choices)

    def weighed(self, logprobs: Sequence[float]) -> list[float]:
        """Return the likelihoods of the choices with what is added to each.

        >>> from slearn.agent.contract import Contract, Field
        >>> field = Field(type="choice", choices=("a", "b", "c"), bias=(0.0, 0.5, 9.0))
        >>> node = Node("answer", (), output=Contract((field,)))
        >>> Ask(node, Example("1", {}), {}, few=(("a", 2.0), ("b", 0.0))).weighed([-1.0, -1.0])
        [1.0, -0.5]
        """
        field = self.node.output.answer
        if not self.few:
            return field.weighed(logprobs)
        bias = dict(zip(field.offered(None), field.bias, strict=False))
        pairs = zip(logprobs, self.few, strict=True)
        return [logprob + bias.get(choice, 0.0) + nats for logprob, (choice, nats) in pairs]

    @property
    def where(self) -> str:
        """How error messages name it."""
        return f"node {self.node.name!r}, example {self.example.id}"

    def step(
        self,
        output: Mapping[str, str],
        text: str,
        valid: bool,
        usage: Usage,
        calls: tuple[ToolCall, ...] = (),
        *,
        given_up: bool = False,
    ) -> Step:
        """Return the step that was taken when the node returned this."""
        name, inputs, path, reads = self.node.name, self.inputs, self.path, self.reads
        return Step(name, inputs, output, text, valid, usage, calls, given_up, path, reads)
