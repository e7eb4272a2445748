"""Gradients of nodes with tools: what they are told of tools and calls, and the kinds of faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from slearn.agent import Agent, Step, ToolCall
from slearn.engine import GenerateRequest
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.grad import Attribution
from slearn.grad.backward import KINDS, TOOL_KINDS, gradient_request, kinds_of
from slearn.values import Usage
from tests.optim.writers import DOUBLE, caller

WRONG = replace(DOUBLE, code=DOUBLE.code.replace("2 * n", "n + 2"))
MADE = ToolCall("double", '{"n": 3}', "5")


def asked(agent: Agent, *calls: ToolCall, measured: Sequence[Attribution] = ()) -> GenerateRequest:
    step = Step("answer", {"input": "Twice 3?"}, {"answer": "5"}, "answer: 5", True, Usage(), calls)
    return gradient_request(agent, step, "It must be 6.", ScriptedEngine(), measured)


def test_a_gradient_sees_the_tools_and_the_calls() -> None:
    text = asked(caller(WRONG), MADE).messages[-1].content
    assert "double(n: integer): Doubles a number." in text
    assert 'called {"name": "double", "arguments": {"n": 3}}, got 5\nanswer: 5' in text


def test_without_tools_nothing_is_said_of_them() -> None:
    text = asked(caller()).messages[-1].content
    assert "tool" not in text


@pytest.mark.parametrize(
    ("part", "nats", "kinds"),
    [
        ("line", -2.0, ["instruction"]),
        ("demo", -2.0, ["missing example"]),
        ("limit", -2.0, ["format"]),
        ("tool", -2.0, list(TOOL_KINDS)),
        ("node", -2.0, [kind for kind in KINDS if kind != "tool"] + list(TOOL_KINDS)),
        ("line", -0.01, [kind for kind in KINDS if kind != "tool"] + list(TOOL_KINDS)),
    ],
)
def test_what_was_measured_to_do_harm_says_which_kind_it_is(
    part: str, nats: float, kinds: list[str]
) -> None:
    agent = caller(WRONG)
    measured = [
        Attribution("answer", part, 0, nats, 8),
        Attribution("answer", "demos", 0, -0.05, 8),
        Attribution("other", "limit", 0, -9.0, 8),
    ]
    request = asked(agent, measured=measured)
    said = [
        f'{{"share": "all", "kind": "{kind}", "output_change": "The output should have been six.", '
        '"weight_change": "Add the rule: when the input asks twice."}'
        for kind in [*KINDS, *TOOL_KINDS]
    ]
    fine = [kind for kind, text in zip([*KINDS, *TOOL_KINDS], said, strict=True)
            if accepts(request.grammar, text)]  # fmt: skip
    assert fine == kinds


@pytest.mark.parametrize("kind", TOOL_KINDS)
def test_only_a_node_with_tools_has_their_kinds(kind: str) -> None:
    said = (
        f'{{"share": "all", "kind": "{kind}", "output_change": "The output should have been six.", '
        '"weight_change": "Add the rule: when the input asks twice."}'
    )
    grammars = [asked(agent).grammar for agent in (caller(WRONG), caller())]
    assert [accepts(grammar, said) for grammar in grammars] == [True, False]
    assert kinds_of(caller().last) == list(KINDS)
