"""Rationales that the data brings: demonstrations of how a right answer is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from slearn.agent import Demo, Field, Node
from slearn.optim.demos import demo_of, within
from slearn.values import RATIONALES, Example

_SHOWN = 8


def rationale(example: Example) -> str:
    """Return why an example's target is right, where a column of its row says it; '' if none does.

    >>> rationale(Example("1", {}, ("5",), row={"equation": "( 7 - 2 )", "input": "…"}))
    '( 7 - 2 )'
    """
    for column in RATIONALES:
        value: Any = example.row.get(column)
        if not isinstance(value, str) or value.strip() in (example.targets or ()):
            continue  # the target itself says nothing of why
        if value.strip() and column not in example.inputs:
            lines = (" ".join(line.split()) for line in value.splitlines())
            return "\n".join(line for line in lines if line)
    return ""


def taught(
    examples: Iterable[Example], node: Node, count: Callable[[str], int]
) -> tuple[Demo, ...]:
    """Return demonstrations of a node that writes two fields, the first of them the rationale.

    Those that the first field could not hold are left out.
    """
    if node.tools:  # no row says what to call
        return ()
    first, answer = node.output.fields
    demos: list[Demo] = []
    for example in examples:
        why, plain = rationale(example), demo_of(example, node)
        if why and plain is not None and fits(why, first, answer.name, count):
            demos.append(replace(plain, output={first.name: why, **plain.output}))
        if len(demos) >= _SHOWN:
            break
    return within(demos, node, count) if demos else ()


def fits(text: str, field: Field, after: str, count: Callable[[str], int]) -> bool:
    """Say whether a field of several lines that a field named `after` follows can hold a text.

    >>> fits("1 + 2\\n= 3", Field(multiline=True), "answer", len)
    True
    """
    lines, most = text.split("\n"), field.most_lines
    chars, tokens = field.max_chars // most, field.max_tokens // most
    return (
        len(lines) <= most
        and all(len(line) <= chars and count(line) <= tokens for line in lines)
        and not any(line[:1].lower() == after[:1].lower() for line in lines[1:])
    )
