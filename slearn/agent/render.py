"""A node's prompt, with what many requests share in front.

Short inputs stand last: many examples share instructions and demos. Long inputs stand first: many
candidates share the document. The layout is a property of the node.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from slearn.agent.contract import NO_CALL, Contract
from slearn.agent.model import Demo, Node, ToolCall
from slearn.engine import Message, parameters_of
from slearn.values import Example, Tool, as_text

CALL = "call: "
RESULT = "result: "
_SHORT = 300  # characters of an input that is said again behind long ones and demonstrations
Shown = Example | Demo  # what brings choices and functions of its own


def render(
    node: Node,
    inputs: Mapping[str, str],
    example: Shown | None = None,
    calls: Sequence[ToolCall] = (),
) -> tuple[Message, ...]:
    """Return the messages that ask a node for its output, after the calls that it has made.

    >>> node = Node("answer", ("Repeat the input.",))
    >>> [m.role for m in render(node, {"input": "hi"})]
    ['system', 'user']
    """
    frame = instructions(node)
    done = _called(calls)
    demos = node.shown(inputs, example.id if isinstance(example, Example) else "")
    if node.layout == "inputs-first":
        shown = [_as_text(node, demo) for demo in demos]
        again = _again(node, inputs, example) if shown else ""
        parts = [inputs_text(node, inputs), _offered(node, example), *shown, frame, again]
        return (Message("user", "\n\n".join(part for part in parts if part)), *done)
    turns: list[Message] = []
    for demo in demos:
        turns += [Message("user", _question(node, demo.inputs, demo)), *_called(demo.calls)]
        turns.append(Message("assistant", node.output.render(demo.output)))
    system = (Message("system", frame),) if frame else ()
    return (*system, *turns, Message("user", _question(node, inputs, example)), *done)


def _as_text(node: Node, demo: Demo) -> str:
    """Return a demonstration as one text, for a prompt of one message."""
    said = [message.content for message in _called(demo.calls)]
    output = "\n".join([*said, node.output.render(demo.output)])
    return f"Input:\n{_question(node, demo.inputs, demo)}\nOutput:\n{output}"


def _again(node: Node, inputs: Mapping[str, str], example: Shown | None) -> str:
    """Return a row's inputs behind the demonstrations, which would else come last: short ones."""
    short = {
        name: text if len(inputs[name]) <= _SHORT else "(see above)"
        for name, text in inputs.items()
        if name in node.inputs
    }
    return f"Input:\n{_question(node, short, example)}\nOutput:"


def _called(calls: Sequence[ToolCall]) -> list[Message]:
    """Return calls and their results as turns."""
    turns: list[Message] = []
    for call in calls:
        turns.append(Message("assistant", f"{CALL}{call.text()}"))
        turns.append(Message("user", f"{RESULT}{call.result}"))
    return turns


def _question(node: Node, inputs: Mapping[str, str], example: Shown | None) -> str:
    asked, offered = inputs_text(node, inputs), _offered(node, example)
    return f"{asked}\n{offered}" if offered else asked


def _offered(node: Node, example: Shown | None) -> str:
    if example is None:
        return ""
    if node.output.answer.type == "call" and example.functions:
        return "\n".join(["Functions:", *map(signature, example.functions)])
    return choices_text(node.output, example.choices)


def instructions(node: Node) -> str:
    """Return the node's instruction lines and what its contract adds to them."""
    return "\n".join([*node.instructions, *_contract_lines(node.output), *_tool_lines(node)])


def inputs_text(node: Node, inputs: Mapping[str, str]) -> str:
    """Return a node's inputs as text: one plainly, several as `name: value`."""
    if len(node.inputs) == 1:
        return inputs[node.inputs[0]]
    return "\n".join(f"{name}: {inputs[name]}" for name in node.inputs)


def choices_text(contract: Contract, choices: tuple[str, ...] | None) -> str:
    """Return the example's own choices as a line, '' where the contract has them."""
    if contract.answer.type == "choice" and contract.answer.choices is None and choices:
        return "Choices: " + " | ".join(choices)
    return ""


def _contract_lines(contract: Contract) -> list[str]:
    lines = []
    answer = contract.answer
    if answer.type == "choice" and answer.choices:
        lines.append("Answer with one of: " + ", ".join(answer.choices) + ".")
    if answer.type == "call":
        call = '`{"name": …, "arguments": {…}}`'
        lines.append(f"Answer with a call, {call}, or with `{NO_CALL}` where no function fits.")
    names = ", then ".join(f"`{field.name}: …`" for field in contract.fields)
    if len(contract.fields) > 1:
        several = any(field.multiline for field in contract.fields[:-1])
        lines.append(f"Write {names}, each {'beginning a line' if several else 'on its own line'}.")
    elif not contract.plain:
        lines.append(f"Write {names}.")
    return lines


def _tool_lines(node: Node) -> list[str]:
    if not node.tools:
        return []
    call = f'`{CALL}{{"name": …, "arguments": {{…}}}}`'
    often = "first" if node.tool_choice == "required" else "where a tool helps"
    return [f"To call a tool, {often}, write {call}. The tools are:", *map(signature, node.tools)]


def signature(tool: Tool) -> str:
    """Return what a model is told of a tool: its parameters with their types, and what it does.

    >>> signature(Tool("now", "Tells the time."))
    'now(): Tells the time.'
    """
    schema = json.loads(tool.parameters)
    given = schema.get("properties") or {}
    nearest = parameters_of(tool)
    left = nearest.get("x-optional", ())
    parts, notes = [], []
    for name, kind in nearest["properties"].items():
        parts.append(f"{name}{'?' if name in left else ''}: {_type_name(kind)}")
        note = given[name].get("description") if isinstance(given[name], Mapping) else None
        notes += [f"  {name}: {note}"] if note else []
    head = f"{tool.name}({', '.join(parts)})"
    return "\n".join([f"{head}: {tool.description}" if tool.description else head, *notes])


def _type_name(kind: Mapping[str, Any]) -> str:
    if "enum" in kind:
        return " | ".join(as_text(value) for value in kind["enum"])
    if "const" in kind:
        return as_text(kind["const"])
    if "anyOf" in kind:
        return " or ".join(_type_name(option) for option in kind["anyOf"])
    if kind["type"] == "array":
        return f"list of {_type_name(kind['items'])}"
    return str(kind["type"])
