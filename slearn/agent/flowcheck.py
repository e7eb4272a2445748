"""Checks of a flow before anything runs: each says what is wrong, or nothing is.

Every node can be reached, what is read was written before on every path, every path ends with a
node's answer, within the flow's limit of steps. The nodes are given by name, because an agent is
made of both and is not there yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from slearn.agent.flow import (
    Best,
    Block,
    Branch,
    Each,
    Flow,
    Loop,
    Part,
    Vote,
    names_of,
    parts_of,
)
from slearn.errors import InputError

if TYPE_CHECKING:
    from slearn.agent.model import Node

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
    listed = _made_by_parts(flow.steps)
    clash = [name for name in listed if name in nodes]
    clash += [node.writes for node in nodes.values() if node.writes in nodes]
    if clash:
        raise InputError(f"{clash[0]!r} is a node's name and cannot be written by others")
    both = [node.writes for node in nodes.values() if node.writes in listed]
    if both:
        raise InputError(f"{both[0]!r} is written by a node and by a list")
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
    most = most_steps(flow.steps, nodes)
    if most > flow.limit:
        raise InputError(f"the flow may take {most} steps, its limit is {flow.limit}")


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
    read += [part.over for part in parts_of(flow.steps) if isinstance(part, Each)]
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


def _results(node: Node) -> set[str]:
    fields = {f"{node.name}.{field.name}" for field in node.output.fields}
    return {node.name, *fields, *([node.writes] if node.writes else [])}


def _made_by_parts(block: Block) -> list[str]:
    each = [part for part in parts_of(block) if isinstance(part, Each)]
    return [name for part in each for name in (part.item, part.into)]


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
                _check_cases(part, nodes)
                after = [_after(inner, known, nodes, made) for inner in part.blocks]
                known = frozenset.intersection(*after)
            case Loop():
                _check_turns(part.most, part.body)
                known = _after(part.body, known, nodes, made)
                inside = set().union(*(_results(nodes[name]) for name in names_of(part.body)))
                if part.until not in inside:
                    raise InputError(f"a loop waits for {part.until!r}, which it does not write")
                need(part.until, "a loop")
                _check_values(part.until, [part.value], nodes)
            case Each():
                need(part.over, "a list")
                _check_turns(part.most, part.body)
                _after(part.body, known | {part.item}, nodes, made)
                if "" in _ends(part.body):
                    raise InputError("the block of a list must end with a node's answer")
                known |= {part.into}
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


def _check_cases(part: Branch, nodes: Nodes) -> None:
    cases = [value for value, _ in part.cases]
    if not cases or len(set(cases)) < len(cases):
        raise InputError("a branch needs cases, each with a value of its own")
    _check_values(part.on, cases, nodes)


def _check_values(on: str, values: Sequence[str], nodes: Nodes) -> None:
    """Refuse to wait for what a node's choice can never be."""
    name, _, field = on.partition(".")
    if name in nodes:
        output = nodes[name].output
        found = next((f for f in output.fields if f.name == field), output.answer)
        never = [value for value in values if found.choices and value not in found.choices]
        if never:
            raise InputError(f"{on!r} is never {never[0]!r}: {', '.join(found.choices or ())}")


def _check_turns(count: int, body: Block) -> None:
    if count < 1 or not body:
        raise InputError("a loop, list or vote needs a block and at least one turn")


def _ends(block: Block) -> list[str]:
    """Return the nodes that may be the last of a block to run: '' where none is, or a list."""
    if not block:
        return [""]
    last = block[-1]
    match last:
        case str():
            return [last]
        case Branch():
            return [name for inner in last.blocks for name in _ends((*block[:-1], *inner))]
        case Loop() | Vote() | Best():
            return _ends(last.body)
    return [""]


def _most(part: Part, nodes: Nodes) -> int:
    match part:
        case Branch():
            return max(most_steps(inner, nodes) for inner in part.blocks)
        case Loop() | Each():
            return part.most * most_steps(part.body, nodes)
        case Vote():
            return part.times * most_steps(part.body, nodes)
        case Best():
            return part.times * most_steps((*part.body, part.by), nodes)
    return nodes[part].turns if part in nodes else 1
