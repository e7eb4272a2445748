"""The symbolic network as plain values: an agent has nodes, a node has weights, a flow joins them.

All values are frozen: an edit makes a new agent, so going back is keeping the old one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from slearn.agent.contract import Contract
from slearn.agent.flow import Flow, Nearest, parts_of
from slearn.agent.flowcheck import check_flow, ends_of, outer_names, read_in, runs_of
from slearn.agent.nearest import nearest, rank
from slearn.errors import InputError
from slearn.values import Tool

LAYOUTS = ("inputs-last", "inputs-first")
TOOL_CHOICES = ("auto", "required")


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool that a node made, `arguments` as JSON text, and the result as it read it.

    >>> ToolCall("double", '{"n": 2}', "4").text()
    '{"name": "double", "arguments": {"n": 2}}'
    """

    name: str
    arguments: str
    result: str
    ok: bool = True

    def text(self) -> str:
        """Return the call as a model writes it."""
        name = json.dumps(self.name, ensure_ascii=False)
        return f'{{"name": {name}, "arguments": {self.arguments}}}'


@dataclass(frozen=True)
class Demo:
    """A demonstration: input values and the output fields that are right for them.

    `source` is the id of the example it was made from, so that it is never judged on itself;
    `choices` and `functions` are that example's own, where they differ from row to row; `calls` are
    those that were made before the output.
    """

    inputs: Mapping[str, str]
    output: Mapping[str, str]
    source: str = ""
    choices: tuple[str, ...] | None = None
    functions: tuple[Tool, ...] | None = None
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True)
class Role:
    """Somebody who speaks inside a node before it answers.

    >>> Role("critic", "Name the weakest point.").name
    'critic'
    """

    name: str
    says: str


@dataclass(frozen=True)
class Node:
    """A layer: its instructions (one weight a line), demos, tools, inputs and output contract.

    An input is a column of the data, an earlier node's name (its answer), or `node.field`. A node
    with tools makes up to `max_calls` calls before it answers, at least one where `tool_choice` is
    required; its outputs carry the names of their fields, so that no answer looks like a call.

    Its answer is known to other nodes by its name, and by the name that it `writes`, which several
    may share. Where it has `roles`, each says a line in turn, so many `rounds`, before it answers.

    Of its demos it shows all, or where `nearest` is above 0 so many: those whose inputs are most
    like its own, the nearest last (Liu et al. 2022, arXiv 2101.06804).
    """

    name: str
    instructions: tuple[str, ...]
    inputs: tuple[str, ...] = ("input",)
    output: Contract = field(default_factory=Contract)
    demos: tuple[Demo, ...] = ()
    layout: str = "inputs-last"
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    max_calls: int = 4
    writes: str = ""
    roles: tuple[Role, ...] = ()
    rounds: int = 1
    nearest: int = 0

    def __post_init__(self) -> None:
        names = [tool.name for tool in self.tools]
        if len(set(names)) != len(names):
            raise InputError(f"node {self.name!r} has two tools of one name: {', '.join(names)}")
        if len(set(self.inputs)) != len(self.inputs):
            raise InputError(f"node {self.name!r} reads one input twice: {', '.join(self.inputs)}")
        if self.tools and any(field.name == "call" for field in self.output.fields):
            raise InputError(f"node {self.name!r} has tools, and a field named 'call'")
        if self.tools and not self.output.labelled:
            output = replace(self.output, labelled=True)
            object.__setattr__(self, "output", output)  # the one way for a frozen value

    @property
    def turns(self) -> int:
        """How often it is asked each time it runs: its roles talk before it answers."""
        return 1 + len(self.roles) * self.rounds

    def shown(self, inputs: Mapping[str, str], source: str = "") -> tuple[Demo, ...]:
        """Return the demos that it shows for some inputs: of the nearest none from its own example.

        >>> demos = tuple(Demo({"input": text}, {"answer": text}) for text in ("a cat", "a dog"))
        >>> [d.inputs["input"] for d in Node("n", (), demos=demos, nearest=1).shown({"input": "dogs"})]
        ['a dog']
        """  # noqa: E501
        if not self.nearest:
            return self.demos
        order = [self.demos[place] for place in rank(*self.compared(inputs))]
        others = [demo for demo in order if not (source and demo.source == source)]
        return tuple(reversed(others[: self.nearest]))

    def compared(self, inputs: Mapping[str, str]) -> tuple[tuple[str, ...], str]:
        """Return the texts by which its demos are compared with some inputs: theirs, and these.

        >>> Node("n", (), demos=(Demo({"input": "a"}, {"answer": "b"}),)).compared({"input": "c"})
        (('a',), 'c')
        """

        def text(given: Mapping[str, str]) -> str:
            return "\n".join(given[name] for name in self.inputs if name in given)

        return tuple(text(demo.inputs) for demo in self.demos), text(inputs)

    def without_tool(self, name: str) -> Node:
        """Return the node without a tool, and without the calls of it that its demos show.

        >>> Node("n", (), tools=(Tool("now"),)).without_tool("now").output.labelled
        False
        """
        tools = tuple(tool for tool in self.tools if tool.name != name)
        demos = tuple(
            replace(demo, calls=tuple(call for call in demo.calls if call.name != name))
            for demo in self.demos
        )
        choice = self.tool_choice if tools else TOOL_CHOICES[0]
        output = replace(self.output, labelled=bool(tools))
        return replace(self, tools=tools, demos=demos, tool_choice=choice, output=output)


@dataclass(frozen=True)
class Agent:
    """A symbolic network; `spare` are tools that no node may have at the moment.

    >>> Agent("echo", (Node("answer", ("Repeat the input.",)),), Flow(("answer",))).node("answer").name
    'answer'
    """  # noqa: E501

    name: str
    nodes: tuple[Node, ...]
    flow: Flow
    metric: str = "exact"
    spare: tuple[Tool, ...] = ()

    def __post_init__(self) -> None:
        names = [node.name for node in self.nodes]
        if len(set(names)) != len(names):
            raise InputError(f"two nodes have one name: {', '.join(names)}")
        check_flow(self.flow, {node.name: node for node in self.nodes})
        everyone = [*self.spare, *(tool for node in self.nodes for tool in node.tools)]
        if len({tool.name for tool in everyone}) < len(set(everyone)):
            raise InputError("two different tools have one name")

    def node(self, name: str) -> Node:
        """Return a node by name; InputError if there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise InputError(f"no node is named {name!r}")

    @property
    def ends(self) -> tuple[str, ...]:
        """The nodes whose answer may be the agent's: several where branches end differently."""
        return ends_of(self.flow, {node.name: node for node in self.nodes})

    @property
    def last(self) -> Node:
        """The node whose answer is the agent's; of several the one that stands last."""
        return self.node(self.ends[-1])

    @property
    def runs(self) -> dict[str, int]:
        """How often each node can be asked at most in one forward pass, its roles too."""
        runs = runs_of(self.flow.steps)
        return {node.name: runs[node.name] * node.turns for node in self.nodes}

    @property
    def reads(self) -> dict[str, int]:
        """How often each node's prompt is read at most: copies that vote share theirs."""
        runs = runs_of(self.flow.steps, copies=False)
        return {node.name: runs[node.name] * node.turns for node in self.nodes}

    @property
    def read(self) -> frozenset[str]:
        """All names that something reads: a node, or the flow to find its way."""
        return read_in(self.flow, {node.name: node for node in self.nodes})

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that the agent takes from the data, in the order in which they are read."""
        return outer_names(self.flow, {node.name: node for node in self.nodes})

    @property
    def given(self) -> tuple[str, ...]:
        """The names that have values before any node runs: columns, and what is picked of them."""
        return tuple(self.values_of(dict.fromkeys(self.columns, "")))

    def values_of(self, inputs: Mapping[str, str]) -> dict[str, str]:
        """Return what a row gives to the nodes: its inputs, and what is nearest of them.

        >>> # agent.values_of({"question": "Who sang?", "context": "Rain fell. He sang."})["near"]
        """
        values = dict(inputs)
        for part in parts_of(self.flow.steps):
            if isinstance(part, Nearest) and {part.over, part.to} <= {*values}:
                values[part.into] = nearest(values[part.over], values[part.to], part.keep)
        return values

    @property
    def tools(self) -> tuple[Tool, ...]:
        """All tools, those that no node has too, each once."""
        everyone = [*self.spare, *(tool for node in self.nodes for tool in node.tools)]
        return tuple(dict.fromkeys(everyone))

    def with_node(self, node: Node) -> Agent:
        """Return the agent with one node replaced."""
        nodes = tuple(node if old.name == node.name else old for old in self.nodes)
        return replace(self, nodes=nodes)

    def sources(self) -> frozenset[str]:
        """Return the ids of the examples that the agent's demos were made from.

        Those of a node that shows the nearest are left out: it never shows an example its own.
        """
        nodes = [node for node in self.nodes if not node.nearest]
        return frozenset(demo.source for node in nodes for demo in node.demos if demo.source)
