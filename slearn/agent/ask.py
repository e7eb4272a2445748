"""What a forward pass asks for: one output of one node for one example."""

from __future__ import annotations

from collections.abc import Mapping
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
