"""Checks of a flow before anything runs: each says what is wrong, or nothing is.

Every node can be reached, what is read was written before on every path, every path ends with a
node's answer, within the flow's limit of steps. The nodes are given by name, because an agent is
made of both and is not there yet.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from itertools import takewhile
from typing import TYPE_CHECKING

from slearn.agent.contract import NUMBER, Field
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
    Vote,
    names_of,
    parts_of,
)
from slearn.errors import InputError

if TYPE_CHECKING:
    from slearn.agent.model import Node

MOST_CHOICES = 1000  # that a node may choose among, where they are few
TALK = "talk"  # what the roles of a node have said so far
Nodes = Mapping[str, "Node"]
Names = frozenset[str]


def check_flow(flow: Flow, nodes: Nodes) -> None:
    """Raise InputError where a flow does not fit its nodes.

    >>> # check_flow(Flow(("answer",)), {"answer": node})
    """
    used = list(names_of(flow.steps))
    unknown = [name for name in used if name not in nodes]
    if unknown:
        raise InputError(f"the flow names {unknown[0]!r}, which is no node")
    idle = [name for name in nodes if name not in used]
    if idle:
        raise InputError(f"the flow never visits node {idle[0]!r}")
    _check_names(flow, nodes)
    deaf = [node.name for node in nodes.values() if node.roles and TALK in node.inputs]
    if deaf:
        raise InputError(f"node {deaf[0]!r} has roles, which talk: it cannot read a {TALK!r}")
    known = _after(flow.steps, frozenset(dict(flow.start)), nodes, made_in(flow, nodes))
    if flow.answer in dict(flow.start):  # that value is no node's answer
        first = frozenset(dict(flow.start)) - {flow.answer}
        known = _after(flow.steps, first, nodes, made_in(flow, nodes) - {flow.answer})
    if flow.answer and flow.answer not in known:
        raise InputError(f"the answer {flow.answer!r} is not written on every path")
    if flow.answer and not ends_of(flow, nodes):
        raise InputError(f"the answer {flow.answer!r} is no node's answer")
    if not flow.answer and "" in _ends(flow.steps):
        raise InputError("the flow must end with a node's answer on every path")
    _check_values(flow, nodes)
    most = most_steps(flow.steps, nodes)
    if most > flow.limit:
        raise InputError(
            f"the flow may take {most} steps, its limit is {flow.limit}: "
            f"`limit` in `flow` raises it ({Flow.limit} unless given)"
        )


def made_in(flow: Flow, nodes: Nodes) -> Names:
    """Return all names that a flow gives values to; whatever else is read is a column of the data.

    >>> sorted(made_in(Flow((), start=(("draft", ""),)), {}))
    ['draft']
    """
    made = {*dict(flow.start), *_made_by_parts(flow.steps)}
    for node in nodes.values():
        made |= _results(node)
    return frozenset(made)


def outer_names(flow: Flow, nodes: Nodes) -> tuple[str, ...]:
    """Return the names that a flow takes from the data, in the order in which they are read.

    >>> # outer_names(agent.flow, {node.name: node for node in agent.nodes})
    """
    made = made_in(flow, nodes)
    read = [name for step in flow.names() for name in nodes[step].inputs]
    read += [part.over for part in parts_of(flow.steps) if isinstance(part, Each | Nearest)]
    read += [part.to for part in parts_of(flow.steps) if isinstance(part, Nearest)]
    read += [part.on for part in parts_of(flow.steps) if isinstance(part, Branch)]
    return tuple(dict.fromkeys(name for name in read if name not in made))


def read_in(flow: Flow, nodes: Nodes) -> Names:
    """Return all names that something reads: a node, or the flow to find its way.

    >>> sorted(read_in(Flow((Loop(("a",), "a.ok", "yes"),)), {}))
    ['a.ok']
    """
    read = {flow.answer, *(name for node in nodes.values() for name in node.inputs)}
    for part in parts_of(flow.steps):
        match part:
            case Branch():
                read.add(part.on)
            case Loop():
                read.add(part.until)
            case Each():
                read.add(part.over)
            case Nearest():
                read |= {part.over, part.to}
    return frozenset(read - {""})


def ends_of(flow: Flow, nodes: Nodes) -> tuple[str, ...]:
    """Return the nodes whose answer may be the agent's, in the order in which they stand.

    >>> ends_of(Flow(("draft", Branch("draft", (("yes", ("a",)),), ("b",)))), {})
    ('a', 'b')
    """
    if flow.answer:
        return tuple(n for n in flow.names() if flow.answer in (n, nodes[n].writes))
    return tuple(dict.fromkeys(_ends(flow.steps)))


def most_steps(block: Block, nodes: Nodes) -> int:
    """Return the most steps that a block can take; a node with roles takes one for each that talks.

    >>> most_steps((Loop(("a", "b"), "b", "ok", 3),), {})
    6
    """
    return sum(_most(part, nodes) for part in block)


def runs_of(block: Block, *, copies: bool = True) -> Counter[str]:
    """Return how often each node of a block can run at most in one forward pass.

    Without `copies` those of a vote and of the best of some count once: they share what they read.

    >>> runs_of(("a", Vote(("b",), 5)))
    Counter({'b': 5, 'a': 1})
    """
    runs: Counter[str] = Counter()
    for part in block:
        match part:
            case str():
                runs[part] += 1
            case Branch():
                taken: Counter[str] = Counter()
                for inner in part.blocks:  # of the blocks one is taken
                    taken |= runs_of(inner, copies=copies)
                runs += taken
            case _:
                tries = part.times if isinstance(part, Vote | Best) and copies else 1
                turns = part.most if isinstance(part, Loop | Each) else tries
                for inner in part.blocks:
                    once = runs_of(inner, copies=copies)
                    runs += Counter({name: turns * n for name, n in once.items()})
    return runs


def independent(block: Block, place: int, nodes: Nodes) -> int:
    """Return how many nodes from a place on may run at the same time: none reads another's result.

    >>> # independent(("a", "b"), 0, nodes)
    """
    group: list[str] = []
    made: set[str] = set()
    for part in takewhile(lambda part: isinstance(part, str), block[place:]):
        name = str(part)
        node = nodes[name]
        if name in group or made & {node.writes, *node.inputs}:
            break
        group.append(name)
        made |= _results(node)
    return len(group)


def _fields(node: Node) -> list[str]:
    return [f"{node.name}.{field.name}" for field in node.output.fields]


def _results(node: Node) -> set[str]:
    return {node.name, *_fields(node), *([node.writes] if node.writes else [])}


def _made_by_parts(block: Block) -> list[str]:
    parts = parts_of(block)
    items = [part.item for part in parts if isinstance(part, Each)]
    return [*items, *(part.into for part in parts if isinstance(part, Each | Nearest))]


def _after(block: Block, known: Names, nodes: Nodes, made: Names) -> Names:
    """Return what is known after a block; raise InputError where it reads what is not known."""

    def need(name: str, who: str) -> None:
        if name in made and name not in known:
            raise InputError(f"{who} reads {name!r} before it is written on every path")
        node, dot, field = name.partition(".")
        if dot and node in nodes and name not in made:
            raise InputError(f"{who} reads {name!r}, but node {node!r} has no field {field!r}")

    for part in block:
        match part:
            case str():
                node = nodes[part]
                for name in node.inputs:
                    need(name, f"node {part!r}")
                known |= _results(node)
            case Branch():
                need(part.on, "a branch")
                cases = [value.strip() for value, _ in part.cases]  # spaces around do not count
                if not cases or len(set(cases)) < len(cases):
                    raise InputError("a branch needs cases, each with a value of its own")
                after = [_after(inner, known, nodes, made) for inner in part.blocks]
                known = frozenset.intersection(*after)
            case Loop():
                _check_turns(part.most, part.body)
                known = _after(part.body, known, nodes, made)
                inside = set().union(*(_results(nodes[name]) for name in names_of(part.body)))
                if part.until not in inside:
                    raise InputError(f"a loop waits for {part.until!r}, which it does not write")
                need(part.until, "a loop")
            case Each():
                need(part.over, "a list")
                _check_turns(part.most, part.body)
                if part.item == part.into:
                    raise InputError(f"a list calls its items and its answers {part.item!r}")
                _after(part.body, known | {part.item}, nodes, made)
                if "" in _ends(part.body):
                    raise InputError("the block of a list must end with a node's answer")
                known |= {part.into}
            case Nearest():
                if part.keep < 1 or part.into in (part.over, part.to):
                    raise InputError(
                        f"what is nearest keeps at least one piece, under a new name, "
                        f"not {part.keep} as {part.into!r}"
                    )
                need(part.over, "what is nearest")
                need(part.to, "what is nearest")
                known |= {part.into}
            case Among():
                _check_among(part, nodes)
                known = _after(part.body, known, nodes, made)
            case Vote():
                _check_turns(part.times, part.body)
                if "" in _ends(part.body):
                    raise InputError("the block of a vote must end with a node's answer")
                known = _after(part.body, known, nodes, made)
            case Best():
                _check_turns(part.times, part.body)
                if part.by in names_of(part.body):
                    raise InputError(f"node {part.by!r} cannot grade itself")
                if "" in _ends(part.body):
                    raise InputError("what is graded must end with a node's answer")
                known = _after((*part.body, part.by), known, nodes, made)
    return known


def _check_among(part: Among, nodes: Nodes) -> None:
    name = part.body[-1] if part.body else None
    if not isinstance(name, str):
        raise InputError("what chooses among few must end with the node that chooses")
    output = nodes[name].output
    if not output.decided or not output.answer.choices:
        raise InputError(
            f"node {name!r} chooses among few: it needs choices of its own, and "
            f"`decide: likelihood`"
        )
    if not 2 <= part.keep <= MOST_CHOICES or not 0 <= part.lean < math.inf:
        raise InputError(
            f"node {name!r} chooses among 2 to {MOST_CHOICES} choices, with a lean of 0 nats or "
            f"more, not among {part.keep} with {part.lean:g}"
        )


def _check_names(flow: Flow, nodes: Nodes) -> None:
    """Refuse a name that two give values to: a node, a field of one, a list."""
    owners: dict[str, str] = {}
    listed = _made_by_parts(flow.steps)
    taken = [*listed, *(node.writes for node in nodes.values())]
    for node in nodes.values():
        for name in _fields(node):
            if name in nodes or name in taken or name in owners:
                owner = owners.get(name, node.name)
                raise InputError(
                    f"{name!r} is a field of node {owner!r} and cannot be written by others"
                )
            owners[name] = node.name
    clash = [name for name in taken if name in nodes]
    if clash:
        raise InputError(f"{clash[0]!r} is a node's name and cannot be written by others")
    both = [node.writes for node in nodes.values() if node.writes in listed]
    if both:
        raise InputError(f"{both[0]!r} is written by a node and by a part of the flow")


def _check_values(flow: Flow, nodes: Nodes) -> None:
    """Refuse to wait for what a node's number or choice can never be."""
    start = dict(flow.start)
    for part in parts_of(flow.steps):
        match part:
            case Branch(on):  # it may come before the node, and read what the name is at first
                first = [start[on].strip()] if on in start else []
                values = [value for value, _ in part.cases if value.strip() not in first]
            case Loop(_, on, value):
                values = [value]
            case _:
                continue
        fields = _fields_named(on, nodes)
        for value in values:
            said = [_never(field, value.strip()) for field in fields]
            if said and all(said):
                raise InputError(f"{on!r} is never {value!r}: {said[0]}")


def _fields_named(name: str, nodes: Nodes) -> list[Field]:
    """Return the fields whose values a name may have: several where several nodes write it."""
    return [
        field
        for node in nodes.values()
        for field in node.output.fields
        if name == f"{node.name}.{field.name}"
        or (field == node.output.answer and name in (node.name, node.writes))
    ]


def _never(field: Field, value: str) -> str:
    """Return what a field is instead, where it can never have a value; '' where it may."""
    if field.type == "number":
        return "" if re.fullmatch(NUMBER, value) else "it is a number"
    choices = field.choices or ()
    return "" if value in map(str.strip, choices) else ", ".join(choices)


def _check_turns(count: int, body: Block) -> None:
    if count < 1 or not body:
        raise InputError("a loop, list or vote needs a block and at least one turn")


def _ends(block: Block) -> list[str]:
    """Return the nodes that may be the last of a block to run: '' where none is, or a list."""
    return [name or "" for name in _lasts(block)]


def _lasts(block: Block) -> list[str | None]:
    """Return the same with None where nothing runs at all."""
    if not block:
        return [None]
    last = block[-1]
    match last:
        case str():
            return [last]
        case Branch():
            found = [name for inner in last.blocks for name in _lasts(inner)]
            if None not in found:
                return list(dict.fromkeys(found))
            # Looked at once: many branches in a row that may do nothing would take for ever.
            before = _lasts(block[:-1])
            each = [before if name is None else [name] for name in found]
            return list(dict.fromkeys(name for names in each for name in names))
        case Loop() | Among() | Vote() | Best():
            return [name or "" for name in _lasts(last.body)]
    return [""]


def _most(part: Part, nodes: Nodes) -> int:
    match part:
        case Branch():
            return max(most_steps(inner, nodes) for inner in part.blocks)
        case Loop() | Each():
            return part.most * most_steps(part.body, nodes)
        case Among():
            return most_steps(part.body, nodes)
        case Vote():
            return part.times * most_steps(part.body, nodes)
        case Best():
            return part.times * most_steps((*part.body, part.by), nodes)
        case Nearest():
            return 0
    return nodes[part].turns if part in nodes else 1
