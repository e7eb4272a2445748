"""The symbolic network as plain values: an agent has nodes, a node has weights, a flow joins them.

All values are frozen: an edit makes a new agent, so going back is keeping the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from slearn.agent.contract import Contract
from slearn.errors import InputError

LAYOUTS = ("inputs-last", "inputs-first")


@dataclass(frozen=True)
class Demo:
    """A demonstration: input values and the output fields that are right for them.

    `source` is the id of the example it was made from, so that it is never judged on itself;
    `choices` are that example's own, where choices differ from row to row.
    """

    inputs: Mapping[str, str]
    output: Mapping[str, str]
    source: str = ""
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Node:
    """A layer: its instructions (one weight a line), demos, inputs and output contract.

    An input is a column of the data, an earlier node's name (its answer), or `node.field`.
    """

    name: str
    instructions: tuple[str, ...]
    inputs: tuple[str, ...] = ("input",)
    output: Contract = field(default_factory=Contract)
    demos: tuple[Demo, ...] = ()
    layout: str = "inputs-last"


@dataclass(frozen=True)
class Flow:
    """The order of the nodes and the most steps that one forward pass may take."""

    steps: tuple[str, ...]
    limit: int = 16


@dataclass(frozen=True)
class Agent:
    """A symbolic network.

    >>> Agent("echo", (Node("answer", ("Repeat the input.",)),), Flow(("answer",))).node("answer").name
    'answer'
    """  # noqa: E501

    name: str
    nodes: tuple[Node, ...]
    flow: Flow
    metric: str = "exact"

    def __post_init__(self) -> None:
        names = [node.name for node in self.nodes]
        if len(set(names)) != len(names):
            raise InputError(f"two nodes have one name: {', '.join(names)}")
        if sorted(self.flow.steps) != sorted(names):
            raise InputError(
                f"the flow ({', '.join(self.flow.steps)}) must visit every node once "
                f"({', '.join(names)})"
            )
        if len(self.flow.steps) > self.flow.limit:
            raise InputError(f"the flow has more steps than its limit of {self.flow.limit}")
        seen: set[str] = set()
        for name in self.flow.steps:
            late = [i for i in self.node(name).inputs if i.split(".")[0] in set(names) - seen]
            if late:
                raise InputError(f"node {name!r} reads {late[0]!r} before that node has run")
            seen.add(name)

    def node(self, name: str) -> Node:
        """Return a node by name; InputError if there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise InputError(f"no node is named {name!r}")

    @property
    def last(self) -> Node:
        """The node whose answer is the agent's."""
        return self.node(self.flow.steps[-1])

    def with_node(self, node: Node) -> Agent:
        """Return the agent with one node replaced."""
        nodes = tuple(node if old.name == node.name else old for old in self.nodes)
        return replace(self, nodes=nodes)

    def sources(self) -> frozenset[str]:
        """Return the ids of the examples that the agent's demos were made from."""
        return frozenset(demo.source for node in self.nodes for demo in node.demos if demo.source)
