"""Using tools: what a node may write in one turn, a call or its output, and reading calls back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from slearn.agent.contract import Contract, Functions
from slearn.agent.model import Node, ToolCall
from slearn.agent.render import CALL
from slearn.engine import Grammar, ToolRequest, call_grammar, grammar_of
from slearn.values import Example, Tool


def offered(node: Node, made: Sequence[ToolCall]) -> tuple[Tool, ...]:
    """Return the tools that a node may call next: none after its last call.

    A call that was made before could only give the same again: after one, none is offered.
    """
    asked = [(call.name, call.arguments) for call in made]
    return node.tools if len(made) < node.max_calls and len(set(asked)) == len(asked) else ()


def room(node: Node, window: int) -> int:
    """Return how many tokens of each result a node reads: together a quarter of the window.

    >>> room(Node("answer", (), max_calls=4), 8192)
    512
    """
    return window // (4 * max(1, node.max_calls))


def turn(
    node: Node, contract: Contract, example: Example, made: Sequence[ToolCall]
) -> tuple[Grammar, int]:
    """Return the grammar of a turn, and a limit in tokens inside which it ends.

    >>> turn(Node("answer", ()), Contract(), Example("1", {"input": "hi"}), ())[1]
    66
    """
    only = node.tool_choice == "required" and not made
    return _turn(offered(node, made), contract, example.choices, example.functions, only)


@lru_cache(maxsize=256)
def _turn(
    tools: tuple[Tool, ...],
    contract: Contract,
    choices: tuple[str, ...] | None,
    functions: Functions,
    only: bool,
) -> tuple[Grammar, int]:
    from outlines.types import dsl

    if not tools:
        return contract.grammar(choices, functions), contract.max_tokens(choices, functions)
    call = call_grammar(tools)
    calling = dsl.Sequence([dsl.String(CALL), call.grammar])
    bound = call.max_tokens + len(CALL)
    if only:
        return grammar_of(calling), bound
    either = dsl.Alternatives([calling, contract.term(choices, functions)])
    return grammar_of(either), max(bound, contract.max_tokens(choices, functions))


def called(node: Node, made: Sequence[ToolCall], text: str, where: str = "") -> ToolRequest | None:
    """Return the call that a turn is, or None where it is the output.

    The two can't be taken for each other: where tools are offered, outputs begin with a field's
    name.

    >>> node = Node("answer", (), tools=(Tool("now"),))
    >>> called(node, (), 'call: {"name": "now", "arguments": {}}').tool.name
    'now'
    """
    tools = {tool.name: tool for tool in offered(node, made)}
    if not tools or not text.startswith(CALL):
        return None
    body = json.loads(text.removeprefix(CALL))
    arguments = json.dumps(body["arguments"], ensure_ascii=False)  # as it was written
    return ToolRequest(tools[body["name"]], arguments, where)
