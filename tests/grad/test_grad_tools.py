"""Gradients of nodes with tools: what they are told of tools and calls, and the kinds of faults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slearn.agent import Agent, Step, ToolCall
from slearn.engine import GenerateRequest
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.grad.backward import KINDS, TOOL_KINDS, gradient_request, kinds_of
from slearn.values import Usage
from tests.optim.writers import DOUBLE, caller

WRONG = replace(DOUBLE, code=DOUBLE.code.replace("2 * n", "n + 2"))
MADE = ToolCall("double", '{"n": 3}', "5")


def asked(agent: Agent, *calls: ToolCall) -> GenerateRequest:
    step = Step("answer", {"input": "Twice 3?"}, {"answer": "5"}, "answer: 5", True, Usage(), calls)
    return gradient_request(agent, step, "It must be 6.", ScriptedEngine())


def test_a_gradient_sees_the_tools_and_the_calls() -> None:
    text = asked(caller(WRONG), MADE).messages[-1].content
    assert "double(n: integer): Doubles a number." in text
    assert 'called {"name": "double", "arguments": {"n": 3}}, got 5\nanswer: 5' in text


def test_without_tools_nothing_is_said_of_them() -> None:
    text = asked(caller()).messages[-1].content
    assert "tool" not in text


@pytest.mark.parametrize("kind", TOOL_KINDS)
def test_only_a_node_with_tools_has_their_kinds(kind: str) -> None:
    said = (
        f'{{"share": "all", "kind": "{kind}", "output_change": "The output should have been six.", '
        '"weight_change": "Add the rule: when the input asks twice."}'
    )
    grammars = [asked(agent).grammar for agent in (caller(WRONG), caller())]
    assert [accepts(grammar, said) for grammar in grammars] == [True, False]
    assert kinds_of(caller().last) == list(KINDS)
