"""Edits: typed changes to named weights. An edit makes a new agent and leaves the old one as it is.

>>> # apply(agent, ReplaceLine("answer", 0, "Name the queue."))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from slearn.agent import Agent, Contract, Demo, Node
from slearn.errors import InputError
from slearn.optim.structure import StructureEdit, restructure
from slearn.values import Tool


@dataclass(frozen=True)
class ReplaceLine:
    """Write an instruction line anew."""

    node: str
    line: int
    text: str


@dataclass(frozen=True)
class InsertLine:
    """Add an instruction line after so many lines."""

    node: str
    after: int
    text: str


@dataclass(frozen=True)
class DropLine:
    """Take an instruction line away."""

    node: str
    line: int


@dataclass(frozen=True)
class MoveLine:
    """Move an instruction line to another place."""

    node: str
    line: int
    to: int


@dataclass(frozen=True)
class AddDemo:
    """Append a demonstration."""

    node: str
    demo: Demo


@dataclass(frozen=True)
class DropDemo:
    """Take a demonstration away."""

    node: str
    index: int


@dataclass(frozen=True)
class ReplaceDemo:
    """Put one demonstration in another's place."""

    node: str
    index: int
    demo: Demo


@dataclass(frozen=True)
class MoveDemo:
    """Move a demonstration to another place."""

    node: str
    index: int
    to: int


@dataclass(frozen=True)
class SetDemos:
    """Replace all demonstrations at once; `nearest` says how many are shown, 0 all (see Node)."""

    node: str
    demos: tuple[Demo, ...]
    nearest: int = 0


@dataclass(frozen=True)
class SetContract:
    """Switch the output contract; the demos go with it, since they are written in it."""

    node: str
    contract: Contract
    demos: tuple[Demo, ...] = ()


@dataclass(frozen=True)
class SetTools:
    """Give a node tools, or take them away; its demos go with it, since they show its calls."""

    node: str
    tools: tuple[Tool, ...]
    demos: tuple[Demo, ...] = ()
    tool_choice: str = "auto"
    max_calls: int = 4


@dataclass(frozen=True)
class RewriteTool:
    """Write a tool anew, in all nodes that have it: its description, its parameters or its code."""

    node: str
    tool: Tool


LineEdit = ReplaceLine | InsertLine | DropLine | MoveLine
DemoEdit = AddDemo | DropDemo | ReplaceDemo | MoveDemo | SetDemos
Edit = LineEdit | DemoEdit | SetContract | SetTools | RewriteTool | StructureEdit


def apply(agent: Agent, edit: Edit) -> Agent:
    """Return the agent with one edit made; InputError if it names what is not there."""
    node = agent.node(edit.node)
    if isinstance(edit, StructureEdit):
        return restructure(agent, edit)
    if isinstance(edit, SetContract):
        return agent.with_node(replace(node, output=edit.contract, demos=edit.demos))
    if isinstance(edit, SetTools):
        return agent.with_node(_with_tools(node, edit))
    if isinstance(edit, RewriteTool):
        return _rewritten(agent, edit)
    if isinstance(edit, LineEdit):
        return agent.with_node(replace(node, instructions=_lines(node, edit)))
    shown = edit.nearest if isinstance(edit, SetDemos) else node.nearest
    return agent.with_node(replace(node, demos=_demos(node, edit), nearest=shown))


def apply_all(agent: Agent, edits: Iterable[Edit]) -> Agent:
    """Return the agent with edits made one after the other."""
    for edit in edits:
        agent = apply(agent, edit)
    return agent


def _with_tools(node: Node, edit: SetTools) -> Node:
    return replace(
        node,
        tools=edit.tools,
        demos=edit.demos,
        tool_choice=edit.tool_choice,
        max_calls=edit.max_calls,
        output=replace(node.output, labelled=bool(edit.tools)),
    )


def _rewritten(agent: Agent, edit: RewriteTool) -> Agent:
    name = edit.tool.name
    if all(tool.name != name for tool in agent.node(edit.node).tools):
        raise InputError(f"RewriteTool of {edit.node!r} names {name!r}, which it does not have")

    def anew(tools: tuple[Tool, ...]) -> tuple[Tool, ...]:
        return tuple(edit.tool if tool.name == name else tool for tool in tools)

    nodes = tuple(replace(node, tools=anew(node.tools)) for node in agent.nodes)
    return replace(agent, nodes=nodes, spare=anew(agent.spare))


def _lines(node: Node, edit: LineEdit) -> tuple[str, ...]:
    lines = list(node.instructions)
    match edit:
        case ReplaceLine(_, line, text):
            lines[_within(line, lines, edit)] = text
        case InsertLine(_, after, text):
            lines.insert(_within(after, [*lines, ""], edit), text)
        case DropLine(_, line):
            del lines[_within(line, lines, edit)]
        case MoveLine(_, line, to):
            moved = lines.pop(_within(line, lines, edit))
            lines.insert(_within(to, [*lines, ""], edit), moved)
    return tuple(lines)


def _demos(node: Node, edit: DemoEdit) -> tuple[Demo, ...]:
    demos = list(node.demos)
    match edit:
        case AddDemo(_, demo):
            demos.append(demo)
        case DropDemo(_, index):
            del demos[_within(index, demos, edit)]
        case ReplaceDemo(_, index, demo):
            demos[_within(index, demos, edit)] = demo
        case MoveDemo(_, index, to):
            moved = demos.pop(_within(index, demos, edit))
            demos.insert(_within(to, [*demos, moved], edit), moved)
        case SetDemos(_, chosen):
            demos = list(chosen)
    return tuple(demos)


def _within(index: int, items: Sequence[object], edit: Edit) -> int:
    if not 0 <= index < len(items):
        raise InputError(f"{type(edit).__name__} of {edit.node!r} names number {index + 1}, "
                         f"there are {len(items)}")  # fmt: skip
    return index


def apart(some: Iterable[Edit], others: Iterable[Edit]) -> bool:
    """Say whether edits touch other parts than others do: then both can be made, in any order.

    >>> apart([DropLine("n", 0)], [SetDemos("n", ())]), apart([DropLine("n", 0)], [MoveLine("n", 1, 0)])
    (True, False)
    """  # noqa: E501
    first, second = list(some), list(others)
    if any(isinstance(edit, StructureEdit) for edit in (*first, *second)):
        return False  # what it names may be gone
    if _rewrites(first, second) or _rewrites(second, first):
        return False
    return not {part for edit in first for part in _touched(edit)} & {
        part for edit in second for part in _touched(edit)
    }


def _rewrites(some: Sequence[Edit], others: Sequence[Edit]) -> bool:
    """Say whether edits write a tool anew that others may hand on as it was."""
    anew = {edit.tool.name for edit in some if isinstance(edit, RewriteTool)}
    given = {tool.name for edit in others if isinstance(edit, SetTools) for tool in edit.tools}
    return bool(anew & given)


def _touched(edit: Edit) -> list[tuple[str, str]]:
    """Return the parts that an edit changes: a contract's demos are written in it."""
    if isinstance(edit, SetContract):
        return [(edit.node, "contract"), (edit.node, "demos")]
    if isinstance(edit, SetTools):
        return [(edit.node, part) for part in ("contract", "demos", "tools")]
    if isinstance(edit, StructureEdit):
        return [(edit.node, "flow")]
    if isinstance(edit, RewriteTool):  # other nodes may have it too
        return [("", "tools"), (edit.node, "tools")]
    return [(edit.node, "lines" if isinstance(edit, LineEdit) else "demos")]


def edit_as_json(edit: Edit) -> dict[str, Any]:
    """Return an edit as the store keeps it; `op` is its type."""
    return {"op": type(edit).__name__, **asdict(edit)}
