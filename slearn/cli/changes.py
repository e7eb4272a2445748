"""What differs between two agents, node by node, as lines marked - and +."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from slearn.agent import Agent, Field, Node, flow_lines, signature
from slearn.cli.output import visible
from slearn.values import Tool

NOTHING = "no differences"


def compare(before: Agent, after: Agent) -> list[dict[str, Any]]:
    """Return the parts that differ: where, which part, and its lines marked "-", "+" or " ".

    >>> from dataclasses import replace
    >>> from slearn.agent import Flow
    >>> one = Agent("a", (Node("answer", ("Say it.",)),), Flow(("answer",)))
    >>> compare(one, replace(one, metric="f1"))
    [{'node': None, 'part': 'metric', 'lines': ['- exact', '+ f1']}]
    """
    found = [
        _part(None, "metric", [before.metric], [after.metric]),
        _part(None, "flow", flow_lines(before.flow), flow_lines(after.flow)),
    ]
    tools = [{tool.name: _tool(tool) for tool in agent.tools} for agent in (before, after)]
    for name in dict.fromkeys([*tools[0], *tools[1]]):
        sides = (own.get(name, []) for own in tools)
        found.append(_part(None, f"tool {name}", next(sides), next(sides)))
    old = {node.name: _describe(node) for node in before.nodes}
    new = {node.name: _describe(node) for node in after.nodes}
    for name in dict.fromkeys([*old, *new]):
        for part in dict.fromkeys([*old.get(name, {}), *new.get(name, {})]):
            lines = old.get(name, {}).get(part, []), new.get(name, {}).get(part, [])
            found.append(_part(name, part, *lines))
    return [part for part in found if part is not None]


def changes_text(parts: Sequence[dict[str, Any]]) -> str:
    """Return the differences for a person to read.

    >>> print(changes_text([{"node": "answer", "part": "demos", "lines": ["+ hot => cold"]}]))
    node answer
      demos
        + hot => cold
    """
    lines: list[str] = []
    node: Any = ""
    for part in parts:
        if part["node"] != node:
            node = part["node"]
            lines.append("agent" if node is None else f"node {node}")
        lines.append(f"  {part['part']}")
        lines += [f"    {line}" for line in part["lines"]]
    return "\n".join(lines) or NOTHING


def _describe(node: Node) -> dict[str, list[str]]:
    demos = []
    for demo in node.demos:
        given = " | ".join(demo.inputs[name] for name in node.inputs)
        fields = " | ".join(demo.output[field.name] for field in node.output.fields)
        called = "".join(f"{call.text()} gives {call.result} => " for call in demo.calls)
        demos.append(f"{given} => {called}{fields}")
    return {
        "inputs": list(node.inputs),
        "instructions": list(node.instructions),
        "demos": demos,
        "shown": [f"the {node.nearest} nearest demos"] if node.nearest else [],
        "output": [field_text(field) for field in node.output.fields],
        "layout": [node.layout],
        "writes": [node.writes] if node.writes else [],
        "roles": [f"{role.name}: {role.says}" for role in node.roles],
        "rounds": [f"{node.rounds} rounds"] if node.roles else [],
        "tools": _tools(node),
    }


def _tools(node: Node) -> list[str]:
    if not node.tools:
        return []
    often = "at least one" if node.tool_choice == "required" else "none where none helps"
    return [*(tool.name for tool in node.tools), f"{often}, {node.max_calls} calls at most"]


def _tool(tool: Tool) -> list[str]:
    return [
        *signature(tool).splitlines(),
        *(tool.code or tool.function or tool.server).splitlines(),
    ]


def field_text(field: Field) -> str:
    """Return a field of an output in words.

    >>> field_text(Field(type="choice", choices=("yes", "no")))
    'answer: choice, one of yes, no'
    """
    parts = [f"{field.name}: {field.type}"]
    if field.type == "choice":
        parts.append("one of " + ", ".join(field.choices or ("the row's own",)))
        parts += ["decided by likelihood"] * (field.decide == "likelihood")
        if field.bias:
            pairs = zip(field.choices or (), field.bias, strict=True)
            parts.append("bias " + ", ".join(f"{choice} {nats:+g}" for choice, nats in pairs))
    if field.abstain:
        parts.append(f"none where a token costs more than {field.abstain:g} nats")
    if field.type == "text":
        parts.append(f"up to {field.max_chars} characters and {field.max_tokens} tokens")
        parts.append("several lines" if field.multiline else "one line")
    return ", ".join([*parts, *(text for text in (field.pattern, field.schema) if text)])


def _part(
    node: str | None, part: str, before: Sequence[str], after: Sequence[str]
) -> dict[str, Any] | None:
    if list(before) == list(after):
        return None
    old, new = [list(map(visible, side)) for side in (before, after)]
    if old == new:  # they differ in what is not shown: a tab, say
        old, new = [[repr(line)[1:-1] for line in side] for side in (before, after)]
    lines = [line for line in difflib.ndiff(old, new) if not line.startswith("?")]
    return {"node": node, "part": part, "lines": lines}
