"""A node's prompt, with what many requests share in front.

Short inputs stand last: many examples share instructions and demos. Long inputs stand first: many
candidates share the document. The layout is a property of the node.
"""

from __future__ import annotations

from collections.abc import Mapping

from slearn.agent.contract import Contract
from slearn.agent.model import Node
from slearn.engine import Message


def render(
    node: Node, inputs: Mapping[str, str], choices: tuple[str, ...] | None = None
) -> tuple[Message, ...]:
    """Return the messages that ask a node for its output.

    >>> node = Node("answer", ("Repeat the input.",))
    >>> [m.role for m in render(node, {"input": "hi"})]
    ['system', 'user']
    """
    frame = instructions(node)
    turns: list[Message] = []
    for demo in node.demos:
        turns.append(Message("user", _question(node, demo.inputs, demo.choices)))
        turns.append(Message("assistant", node.output.render(demo.output)))
    asked = inputs_text(node, inputs)
    offered = choices_text(node.output, choices)
    if node.layout == "inputs-first":
        shown = [f"Input:\n{turns[i].content}\nOutput:\n{turns[i + 1].content}"
                 for i in range(0, len(turns), 2)]  # fmt: skip
        parts = [asked, offered, *shown, frame]
        return (Message("user", "\n\n".join(part for part in parts if part)),)
    question = _question(node, inputs, choices)
    system = (Message("system", frame),) if frame else ()
    return (*system, *turns, Message("user", question))


def _question(node: Node, inputs: Mapping[str, str], choices: tuple[str, ...] | None) -> str:
    asked, offered = inputs_text(node, inputs), choices_text(node.output, choices)
    return f"{asked}\n{offered}" if offered else asked


def instructions(node: Node) -> str:
    """Return the node's instruction lines and what its contract adds to them."""
    return "\n".join([*node.instructions, *_contract_lines(node.output)])


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
    if len(contract.fields) > 1:
        names = ", then ".join(f"`{field.name}: …`" for field in contract.fields)
        several = any(field.multiline for field in contract.fields[:-1])
        lines.append(f"Write {names}, each {'beginning a line' if several else 'on its own line'}.")
    return lines
