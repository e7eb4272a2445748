"""Changes of a flow as plain functions: each gives an agent anew, or says why it cannot be.

What an agent cannot be is refused by its own checks (`flowcheck`), so whatever comes back runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from slearn.agent.flow import (
    Among,
    Best,
    Block,
    Branch,
    Each,
    Flow,
    Loop,
    Nearest,
    Part,
    mapped,
    names_of,
    parts_of,
)
from slearn.agent.flowcheck import made_in
from slearn.agent.model import Agent, Node
from slearn.errors import InputError

Replacement = Callable[[str], Block]


def with_flow(agent: Agent, flow: Flow, *new: Node) -> Agent:
    """Return the agent with another flow: nodes that it names no more are left out.

    >>> # with_flow(agent, replace(agent.flow, steps=("draft", "answer")), draft)
    """
    nodes = {node.name: node for node in (*agent.nodes, *new)}
    kept = tuple(nodes[name] for name in flow.names() if name in nodes)
    return replace(agent, nodes=kept, flow=flow)


def fresh_name(agent: Agent, wanted: str) -> str:
    """Return a name that nothing has in an agent: the one that is wanted, or it with a number.

    >>> # fresh_name(agent, "check")
    """
    taken = {*agent.columns, *made_in(agent.flow, {node.name: node for node in agent.nodes})}
    names = (wanted if n == 1 else f"{wanted}{n}" for n in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def put(flow: Flow, name: str, change: Replacement) -> Flow:
    """Return the flow with a node's name exchanged for a block, wherever it stands.

    Where the node alone chooses among few it goes on to do so, and what is new stands outside.

    >>> put(Flow(("a", "b")), "b", lambda name: (name, "c")).steps
    ('a', 'b', 'c')
    >>> put(Flow((Among(("a",)),)), "a", lambda name: ("c", name)).steps
    ('c', Among(body=('a',), keep=20, lean=8.0))
    """
    new = change(name)

    def exchanged(block: Block) -> Block:
        parts: list[Part] = []
        for part in block:
            if isinstance(part, Among) and part.body == new:  # it was the node's: inner ones first
                parts += mapped(new, partial(_named, name, replace(part, body=(name,))))
            else:
                parts += new if part == name else (part,)
        return tuple(parts)

    return replace(flow, steps=mapped(flow.steps, exchanged))


def _named(name: str, part: Part, block: Block) -> Block:
    """Return a block with a part in the place of a node's name."""
    return tuple(part if own == name else own for own in block)


def before(agent: Agent, name: str, new: Node, *, read: bool = True) -> Agent:
    """Return the agent with a new node in front of another, which reads what it returns too.

    Not where `read` is False: what the new node says is for the flow then.

    >>> # before(agent, "answer", Node("notes", ("Note what matters.",))).node("answer").inputs
    """
    node = agent.node(name)
    if not read:
        return with_flow(agent, put(agent.flow, name, lambda name: (new.name, name)), new)
    if new.name in node.inputs:
        raise InputError(f"node {name!r} reads a {new.name!r} already")
    # What was shown without the new input would teach that it does not matter.
    reading = replace(node, inputs=(*node.inputs, new.name), demos=())
    flow = put(agent.flow, name, lambda name: (new.name, name))
    return with_flow(agent.with_node(reading), flow, new)


def after(agent: Agent, name: str, new: Node) -> Agent:
    """Return the agent with a new node behind another: those that read the old one read the new.

    >>> # after(agent, "answer", Node("check", ("Mend it.",), ("input", "answer"))).last.name
    """
    flow = put(agent.flow, name, lambda name: (name, new.name))
    if flow.answer == name:
        flow = replace(flow, answer=new.name)
    new = replace(new, writes=agent.node(name).writes or new.writes)  # so it is read by that name
    nodes = tuple(renamed(node, name, new.name) for node in agent.nodes)
    return with_flow(replace(agent, nodes=nodes), flow, new)


def removed(agent: Agent, name: str) -> Agent:
    """Return the agent without a node; who read its answer reads what it read, where that is one.

    A loop that waits for it runs once, a branch on it goes the other way, and of what it grades the
    first stays.

    >>> # removed(agent, "notes").flow.steps
    """
    node = agent.node(name)
    if len(agent.nodes) == 1:
        raise InputError(f"node {name!r} is the only one")
    behind = [other for other in agent.nodes if other != node and _reads(other, name)]
    rest: list[Node] = []
    for other in agent.nodes:
        if other == node:
            continue
        if other in behind and len(other.inputs) > 1:
            other = _without_input(other, name)
        elif other in behind:
            if len(node.inputs) != 1:
                raise InputError(f"node {other.name!r} reads nothing but {name!r}")
            # What it was shown are words of the node that goes, and no inputs of that name.
            other = replace(renamed(other, name, node.inputs[0]), demos=())
        rest.append(other)
    start = tuple((own, text) for own, text in agent.flow.start if own.partition(".")[0] != name)
    flow = replace(agent.flow, steps=_pruned(agent.flow.steps, name), start=start)
    if flow.answer == name:
        flow = replace(flow, answer="")
    left = {*flow.names()}  # a branch that goes has nodes that go with it
    kept = tuple(node for node in rest if node.name in left)
    return replace(agent, nodes=kept, flow=flow)


def bypassed(agent: Agent, name: str) -> Agent:
    """Return the agent without a node whose one input is handed on in the place of its answer.

    Unlike `removed` it keeps all demonstrations: it asks what the node is worth to the others as
    they are.

    >>> # bypassed(agent, "notes").node("answer").inputs
    """
    node = agent.node(name)
    if any(asks(part) == name for part in parts_of(agent.flow.steps)):
        raise InputError(f"the flow asks what node {name!r} says")
    (source,) = node.inputs
    known = (name, f"{name}.{node.output.answer.name}")
    rest = []
    for other in agent.nodes:
        reads = [own for own in other.inputs if own in known]
        if other == node:
            continue
        if reads and source in other.inputs:
            raise InputError(f"node {other.name!r} reads {source!r} already")
        for own in reads:
            other = renamed(other, own, source)
        rest.append(other)
    flow = replace(agent.flow, steps=_pruned(agent.flow.steps, name))
    found = replace(agent, nodes=tuple(rest), flow=flow)
    # A list that goes with its last node leaves its name to who reads it, as a column of the data.
    for own in found.columns:
        if own not in agent.columns:
            raise InputError(f"nothing gives {own!r} any more")
    return found


def split(agent: Agent, name: str, first: Node, second: Node) -> Agent:
    """Return the agent with a node exchanged for two; the second keeps its name.

    >>> # split(agent, "answer", read, replace(answer, inputs=("read",)))
    """
    if second.name != name:
        raise InputError(f"the second part of node {name!r} must keep its name")
    flow = put(agent.flow, name, lambda name: (first.name, name))
    return with_flow(agent.with_node(second), flow, first)


def merged(agent: Agent, name: str, following: str) -> Agent:
    """Return the agent with two nodes made one: told what both were, it returns what the second did.

    >>> # merged(agent, "read", "answer").node("answer").instructions
    """  # noqa: E501
    one, two = agent.node(name), agent.node(following)
    others = [n for n in agent.nodes if n not in (one, two) and _reads(n, name)]
    if not _reads(two, name) or others or one.writes or one.roles or two.roles:
        raise InputError(f"nodes {name!r} and {following!r} cannot be one")
    inputs = [own for own in two.inputs if own.split(".")[0] != name]
    whole = replace(
        two,
        instructions=(*one.instructions, *two.instructions),
        inputs=tuple(dict.fromkeys([*one.inputs, *inputs])),
        demos=(),
        tools=tuple(dict.fromkeys([*one.tools, *two.tools])),
    )
    flow = replace(agent.flow, steps=_pruned(agent.flow.steps, name))
    return with_flow(agent.with_node(whole), flow)


def moved(agent: Agent, name: str, behind: str) -> Agent:
    """Return the agent with a node run right after another one.

    >>> # moved(agent, "tone", "draft").flow.steps
    """
    if name == behind:
        raise InputError(f"node {name!r} cannot stand behind itself")
    steps = _pruned(agent.flow.steps, name)
    flow = put(replace(agent.flow, steps=steps), behind, lambda behind: (behind, name))
    return with_flow(agent, flow)


def rewired(agent: Agent, name: str, old: str, new: str) -> Agent:
    """Return the agent with one of a node's inputs exchanged.

    >>> # rewired(agent, "answer", "input", "notes").node("answer").inputs
    """
    node = agent.node(name)
    if old not in node.inputs or new in node.inputs:
        raise InputError(f"node {name!r} cannot read {new!r} in the place of {old!r}")
    # What it was shown are words of what it read before.
    return agent.with_node(replace(renamed(node, old, new), demos=()))


def wrapped(agent: Agent, name: str, wrap: Callable[[Block], Part], *new: Node) -> Agent:
    """Return the agent with a node inside a part of its own: a vote, or the best of some.

    >>> # wrapped(agent, "answer", lambda block: Vote(block, 5)).flow.steps
    """
    return with_flow(agent, put(agent.flow, name, lambda name: (wrap((name,)),)), *new)


def retried(agent: Agent, name: str, check: Node, value: str, most: int) -> Agent:
    """Return the agent with a node and its check in a loop, until the check has a value.

    The node reads what the check said first of its last try, to begin with nothing; its answer
    stays the answer.

    >>> # retried(agent, "write", Node("check", ("Is it fine?",), ("input", "write")), "yes", 3)
    """
    node, ends = agent.node(name), agent.ends
    inside = [part for part in parts_of(agent.flow.steps) if isinstance(part, Each)]
    if (name in ends and ends != (name,)) or any(name in names_of(p.body) for p in inside):
        raise InputError(f"node {name!r} is one of several that answer: its check would answer too")
    said = f"{check.name}.{check.output.fields[0].name}"
    # What was shown without the new input would teach that it does not matter.
    reading = replace(node, inputs=(*node.inputs, said), demos=())

    def turns(name: str) -> Block:
        return (Loop((name, check.name), check.name, value, most),)

    flow = put(agent.flow, name, turns)
    flow = replace(flow, start=tuple({**dict(flow.start), said: ""}.items()))
    if ends == (name,) and not flow.answer:
        flow = replace(flow, answer=name)
    return with_flow(agent.with_node(reading), flow, check)


def branched(agent: Agent, name: str, on: str, value: str, new: Node) -> Agent:
    """Return the agent with another node in a node's place where a name has a value.

    Both are read by one name, so that those behind do not ask which one ran.

    >>> # branched(agent, "reply", "kind", "refund", Node("pay", ("Pay.",)))
    """
    node = agent.node(name)
    shared = node.writes or new.writes
    behind = [other for other in agent.nodes if _reads(other, name)]
    if behind and not shared:
        shared = fresh_name(agent, f"{name}_or_{new.name}")
    nodes = [renamed(other, name, shared) if other in behind else other for other in agent.nodes]
    base = replace(agent, nodes=tuple(nodes))
    flow = base.flow
    if shared:
        base = base.with_node(replace(base.node(name), writes=shared))
        new = replace(new, writes=shared)
        flow = replace(flow, answer=shared) if flow.answer == name else flow
    found: list[bool] = []

    def case(part: Part) -> Part:
        """Add the case to a branch on the same name that leads to the node otherwise."""
        if isinstance(part, Branch) and part.on == on and part.other == (name,):
            found.append(True)
            return replace(part, cases=(*part.cases, (value, (new.name,))))
        return part

    steps = mapped(flow.steps, lambda block: tuple(map(case, block)))
    if found:
        return with_flow(base, replace(flow, steps=steps), new)
    part = Branch(on, ((value, (new.name,)),), (name,))
    return with_flow(base, put(flow, name, lambda _: (part,)), new)


def renamed(node: Node, old: str, new: str) -> Node:
    """Return a node that reads another name; its demos go with it.

    >>> renamed(Node("n", (), ("a",)), "a", "b").inputs
    ('b',)
    """

    def name_of(name: str) -> str:
        return new if name == old else name

    if old not in node.inputs:
        return node
    inputs = tuple(dict.fromkeys(map(name_of, node.inputs)))
    demos = tuple(
        replace(demo, inputs={name_of(name): value for name, value in demo.inputs.items()})
        for demo in node.demos
    )
    return replace(node, inputs=inputs, demos=demos)


def asks(part: Part) -> str:
    """Return the node whose answer a part of a flow goes by; '' where there is none.

    >>> asks(Loop(("write",), "check.answer", "ok"))
    'check'
    """
    match part:
        case Branch():
            return part.on.partition(".")[0]
        case Loop():
            return part.until.partition(".")[0]
        case Best():
            return part.by
    return ""


def _reads(node: Node, name: str) -> bool:
    return any(own.split(".")[0] == name for own in node.inputs)


def _without_input(node: Node, name: str) -> Node:
    kept = tuple(own for own in node.inputs if own.split(".")[0] != name)
    if not kept:
        raise InputError(f"node {node.name!r} reads nothing but {name!r}")
    demos = tuple(
        replace(demo, inputs={own: demo.inputs[own] for own in kept}) for demo in node.demos
    )
    return replace(node, inputs=kept, demos=demos)


def _pruned(steps: Block, name: str) -> Block:
    """Return a flow's parts without a node, and without those that then hold nothing.

    What asks for the node's answer gives way to the block that runs without it.
    """

    def without(block: Block) -> Block:
        kept: list[Part] = []
        for part in block:
            if part == name:
                continue
            if isinstance(part, Branch):
                if asks(part) == name:
                    kept += part.other
                    continue
                if not any(part.blocks):
                    continue
            elif not isinstance(part, str | Nearest):
                if asks(part) == name:
                    kept += part.body
                    continue
                if not part.body:
                    continue
            kept.append(part)
        return tuple(kept)

    return mapped(steps, without)
