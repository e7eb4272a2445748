"""Gradients of nodes with tools: what they are told of tools and calls, and the kinds of faults."""

from __future__ import annotations

import pytest

from slearn.agent import Agent, Flow, Node, Step, ToolCall
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.grad.backward import KINDS, TOOL_KINDS, gradient_request, kinds_of
from slearn.tools import tool_from_code
from slearn.values import Usage

DOUBLE = tool_from_code(
    "def double(n: int) -> int:\n    '''Doubles a number.'''\n    return n + 2\n"
)
MADE = ToolCall("double", '{"n": 3}', "5")


def asked(node: Node, calls: tuple[ToolCall, ...] = ()):  # type: ignore[no-untyped-def]
    agent = Agent("a", (node,), Flow((node.name,)))
    step = Step(
        node.name, {"input": "Twice 3?"}, {"answer": "5"}, "answer: 5", True, Usage(), calls
    )
    return gradient_request(agent, step, "It must be 6.", ScriptedEngine())


def test_a_gradient_sees_the_tools_and_the_calls() -> None:
    text = asked(Node("answer", ("Calculate.",), tools=(DOUBLE,)), (MADE,)).messages[-1].content
    assert "double(n: integer): Doubles a number." in text
    assert 'called {"name": "double", "arguments": {"n": 3}}, got 5\nanswer: 5' in text


def test_without_tools_nothing_is_said_of_them() -> None:
    text = asked(Node("answer", ("Calculate.",))).messages[-1].content
    assert "tool" not in text


@pytest.mark.parametrize("kind", TOOL_KINDS)
def test_only_a_node_with_tools_has_their_kinds(kind: str) -> None:
    said = (
        f'{{"share": "all", "kind": "{kind}", "output_change": "The output should have been six.", '
        '"weight_change": "Add the rule: when the input asks twice."}'
    )
    grammars = [asked(Node("answer", (), tools=tools)).grammar for tools in ((DOUBLE,), ())]
    assert [accepts(grammar, said) for grammar in grammars] == [True, False]
    assert kinds_of(Node("answer", ())) == list(KINDS)
