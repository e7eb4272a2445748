"""Writing: a node's output, token by token under the grammar of its contract.

A node with tools writes calls first, a turn each, and reads what they gave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slearn.agent.abstain import given_up
from slearn.agent.contract import Contract
from slearn.agent.model import Node, ToolCall
from slearn.agent.render import render
from slearn.agent.trajectory import Step
from slearn.agent.use import called, room, turn
from slearn.engine import GREEDY, Engine, GenerateRequest, Sampling, ToolRequest, Watcher, clip
from slearn.values import Example, Usage


def write(
    node: Node,
    examples: Sequence[Example],
    inputs: Sequence[Mapping[str, str]],
    engine: Engine,
    sampling: Sampling = GREEDY,
    seed: int = 0,
    watch: Watcher | None = None,
    *,
    contract: Contract | None = None,
) -> list[Step]:
    """Write a node's output for every example, or a part of it by another contract.

    All examples take a turn together, in one round, and the calls of a turn are run in another.

    >>> # write(node, examples, inputs, engine)[0].output["answer"]
    """
    wanted = contract or node.output
    made: list[tuple[ToolCall, ...]] = [() for _ in examples]
    spent = [Usage() for _ in examples]
    steps: dict[int, Step] = {}
    while len(steps) < len(examples):
        going = [place for place in range(len(examples)) if place not in steps]
        requests = []
        for i in going:
            grammar, bound = turn(node, wanted, examples[i], made[i])
            where = f"node {node.name!r}, example {examples[i].id}"
            messages = render(node, inputs[i], examples[i], made[i])
            weigh = wanted.answer.abstain > 0
            requests.append(
                GenerateRequest(messages, grammar, sampling, seed, bound, weigh=weigh, where=where)
            )
        calls: dict[int, ToolRequest] = {}
        found = engine.generate(requests, watch)
        for i, request, got in zip(going, requests, found, strict=True):
            spent[i] += got.usage
            call = called(node, made[i], got.text, request.where) if got.valid else None
            if call is not None:
                calls[i] = call
                continue
            written = wanted.parse(got.text, whole=got.valid)
            output = given_up(wanted, written, got, engine.count_tokens)
            gave_up = output != written
            text = wanted.render(output) if gave_up else got.text
            steps[i] = Step(
                node.name, inputs[i], output, text, got.valid, spent[i], made[i], gave_up
            )
        results = engine.run_tools(list(calls.values()))
        for (i, asked), result in zip(calls.items(), results, strict=True):
            text = clip(result.text, room(node, engine.window), engine.count_tokens)
            done = ToolCall(asked.tool.name, asked.arguments, text, result.ok)
            made[i] = (*made[i], done)
    return [steps[place] for place in range(len(examples))]


def write_before_answer(
    node: Node,
    examples: Sequence[Example],
    inputs: Sequence[Mapping[str, str]],
    engine: Engine,
    sampling: Sampling = GREEDY,
    seed: int = 0,
    watch: Watcher | None = None,
) -> list[Step]:
    """Write only the fields that stand before the answer, after all calls of tools.

    Nothing is asked where there are neither.

    >>> # write_before_answer(node, examples, inputs, engine)[0].output["reasoning"]
    """
    contract = node.output
    if contract.fields[0] == contract.answer and not node.tools:
        return [Step(node.name, values, {}, "", True, Usage()) for values in inputs]
    opening = contract.opening()
    return write(node, examples, inputs, engine, sampling, seed, watch, contract=opening)
