"""Using tools: a node writes calls, reads their results, and then writes its output.

Each turn is a call or the output, by one grammar: a call names a tool that the node has, with
arguments of its types. All examples take a turn together, and their calls are run together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache

from slearn.agent.contract import Contract, Functions
from slearn.agent.model import Node, ToolCall
from slearn.agent.render import CALL, render
from slearn.agent.trajectory import Step
from slearn.engine import (
    GREEDY,
    Engine,
    GenerateRequest,
    Grammar,
    Sampling,
    ToolRequest,
    Watcher,
    call_grammar,
    grammar_of,
)
from slearn.values import Example, Tool, Usage, canonical


def write_with_tools(
    node: Node,
    contract: Contract,
    examples: Sequence[Example],
    inputs: Sequence[Mapping[str, str]],
    engine: Engine,
    sampling: Sampling = GREEDY,
    seed: int = 0,
    watch: Watcher | None = None,
) -> list[Step]:
    """Write what the contract says for every example, after the calls that the node makes.

    A call that was made before could only give the same again: after one, no other is offered.

    >>> # write_with_tools(node, node.output, examples, inputs, engine)[0].calls
    """
    made: list[tuple[ToolCall, ...]] = [() for _ in examples]
    spent = [Usage() for _ in examples]
    steps: dict[int, Step] = {}
    while len(steps) < len(examples):
        going = [place for place in range(len(examples)) if place not in steps]
        requests = [
            _request(node, contract, examples[i], inputs[i], made[i], sampling, seed) for i in going
        ]
        calls: dict[int, ToolRequest] = {}
        for i, request, found in zip(
            going, requests, engine.generate(requests, watch), strict=True
        ):
            spent[i] += found.usage
            if found.valid and found.text.startswith(CALL):
                calls[i] = _asked(node, found.text, request.where)
                continue
            output = contract.parse(found.text)
            steps[i] = Step(
                node.name, inputs[i], output, found.text, found.valid, spent[i], made[i]
            )
        results = engine.run_tools(list(calls.values()))
        for (i, asked), got in zip(calls.items(), results, strict=True):
            call = ToolCall(asked.tool.name, asked.arguments, got.text, got.ok)
            made[i] = (*made[i], call)
    return [steps[place] for place in range(len(examples))]


def _request(
    node: Node,
    contract: Contract,
    example: Example,
    inputs: Mapping[str, str],
    made: tuple[ToolCall, ...],
    sampling: Sampling,
    seed: int,
) -> GenerateRequest:
    asked = [(call.name, call.arguments) for call in made]
    more = len(made) < node.max_calls and len(set(asked)) == len(asked)
    only = more and not made and node.tool_choice == "required"
    grammar, bound = _turn(
        node.tools if more else (), contract, example.choices, example.functions, only
    )
    where = f"node {node.name!r}, example {example.id}"
    messages = render(node, inputs, example, made)
    return GenerateRequest(messages, grammar, sampling, seed, bound, where=where)


@lru_cache(maxsize=256)
def _turn(
    tools: tuple[Tool, ...],
    contract: Contract,
    choices: tuple[str, ...] | None,
    functions: Functions,
    only: bool,
) -> tuple[Grammar, int]:
    """Return the grammar of a turn, a call or the output, and a limit inside which it ends."""
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


def _asked(node: Node, text: str, where: str) -> ToolRequest:
    body = json.loads(text.removeprefix(CALL))
    tool = next(tool for tool in node.tools if tool.name == body["name"])
    return ToolRequest(tool, canonical(body["arguments"]), where)
