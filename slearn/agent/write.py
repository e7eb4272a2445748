"""Writing: outputs of nodes, token by token under the grammar of their contracts.

A node with tools writes calls first, a turn each, and reads what they gave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from slearn.agent.abstain import given_up
from slearn.agent.ask import Ask
from slearn.agent.contract import Contract
from slearn.agent.model import Node, ToolCall
from slearn.agent.render import render
from slearn.agent.trajectory import Step
from slearn.agent.use import called, room, turn
from slearn.engine import Engine, GenerateRequest, ToolRequest, Watcher, clip
from slearn.values import Usage


def write(
    asks: Sequence[Ask],
    engine: Engine,
    watch: Watcher | None = None,
    *,
    contract: Callable[[Node], Contract] = lambda node: node.output,
) -> list[Step]:
    """Write what is asked, whole outputs or a part of them by another contract.

    All take a turn together, in one round, and the calls of a turn are run in another.

    >>> # write([Ask(node, example, example.inputs)], engine)[0].output["answer"]
    """
    wanted = [contract(ask.node) for ask in asks]
    made: list[tuple[ToolCall, ...]] = [() for _ in asks]
    spent = [Usage() for _ in asks]
    steps: dict[int, Step] = {}
    while len(steps) < len(asks):
        going = [place for place in range(len(asks)) if place not in steps]
        requests = [_request(asks[place], wanted[place], made[place]) for place in going]
        calls: dict[int, ToolRequest] = {}
        found = engine.generate(requests, watch)
        for i, request, got in zip(going, requests, found, strict=True):
            spent[i] += got.usage
            node = asks[i].node
            call = called(node, made[i], got.text, request.where) if got.valid else None
            if call is not None:
                calls[i] = call
                continue
            written = wanted[i].parse(got.text, whole=got.valid)
            output = given_up(wanted[i], written, got, engine.count_tokens)
            gave_up = output != written
            text = wanted[i].render(output) if gave_up else got.text
            steps[i] = asks[i].step(output, text, got.valid, spent[i], made[i], given_up=gave_up)
        results = engine.run_tools(list(calls.values()))
        for (i, asked), result in zip(calls.items(), results, strict=True):
            text = clip(result.text, room(asks[i].node, engine.window), engine.count_tokens)
            done = ToolCall(asked.tool.name, asked.arguments, text, result.ok)
            made[i] = (*made[i], done)
    return [steps[place] for place in range(len(asks))]


def _request(ask: Ask, wanted: Contract, made: Sequence[ToolCall]) -> GenerateRequest:
    grammar, bound = turn(ask.node, wanted, ask.example, made)
    return GenerateRequest(
        render(ask.node, ask.inputs, ask.example, made),
        grammar,
        ask.sampling,
        ask.seed,
        bound,
        weigh=wanted.answer.abstain > 0,
        where=ask.where,
    )


def write_before_answer(
    asks: Sequence[Ask], engine: Engine, watch: Watcher | None = None
) -> list[Step]:
    """Write only the fields that stand before the answer, after all calls of tools.

    Nothing is asked where there are neither.

    >>> # write_before_answer([ask], engine)[0].output["reasoning"]
    """
    writes = [
        ask.node.output.fields[0] != ask.node.output.answer or bool(ask.node.tools) for ask in asks
    ]
    some = [ask for ask, one in zip(asks, writes, strict=True) if one]
    begun = iter(write(some, engine, watch, contract=lambda node: node.output.opening()))
    return [
        next(begun) if one else ask.step({}, "", True, Usage())
        for ask, one in zip(asks, writes, strict=True)
    ]
