"""Writing: outputs of nodes, token by token under the grammar of their contracts.

A node with tools writes calls first, a turn each, and reads what they gave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from slearn.agent.abstain import given_up
from slearn.agent.ask import Ask
from slearn.agent.contract import Contract
from slearn.agent.model import Node, ToolCall
from slearn.agent.render import render
from slearn.agent.trajectory import Step
from slearn.agent.use import called, room, turn
from slearn.engine import (
    Engine,
    GenerateRequest,
    Generation,
    Score,
    ScoreRequest,
    ToolRequest,
    Watcher,
    clip,
)
from slearn.values import Usage

Weigh = Callable[[Ask, Step], ScoreRequest | None]  # what is to be scored behind an output
Weighed = tuple[Step, Score | None]


def write(asks: Sequence[Ask], engine: Engine, watch: Watcher | None = None) -> list[Step]:
    """Write the outputs that are asked.

    >>> # write([Ask(node, example, example.inputs)], engine)[0].output["answer"]
    """
    return [step for step, _ in write_then_weigh(asks, engine, watch)]


def write_then_weigh(
    asks: Sequence[Ask],
    engine: Engine,
    watch: Watcher | None = None,
    *,
    weigh: Weigh | None = None,
    contract: Callable[[Node], Contract] = lambda node: node.output,
) -> list[Weighed]:
    """Write what is asked, whole outputs or a part of them by another contract.

    All take a turn together, in one round, and the calls of a turn are run in another. With each
    comes the score of what `weigh` asks for behind it, which costs no reading of the prompt.

    >>> # write_then_weigh(asks, engine, weigh=weighing)[0][1].logprobs
    """
    wanted = [contract(ask.node) for ask in asks]
    made: list[tuple[ToolCall, ...]] = [() for _ in asks]
    spent = [Usage() for _ in asks]
    steps: dict[int, Weighed] = {}
    while len(steps) < len(asks):
        going = [place for place in range(len(asks)) if place not in steps]
        requests = [_request(asks[place], wanted[place], made[place]) for place in going]
        reads = [
            partial(_read, asks[place], wanted[place], made[place], engine.count_tokens)
            for place in going
        ]
        then = [
            partial(_behind, asks[i], read, weigh) for i, read in zip(going, reads, strict=True)
        ]
        calls: dict[int, ToolRequest] = {}
        found = engine.generate_then_score(requests, then, watch)
        for i, read, (got, score) in zip(going, reads, found, strict=True):
            spent[i] += got.usage
            taken = read(got)
            if isinstance(taken, Step):
                steps[i] = (replace(taken, usage=spent[i]), score)
            else:
                calls[i] = taken
        results = engine.run_tools(list(calls.values()))
        for (i, asked), result in zip(calls.items(), results, strict=True):
            text = clip(result.text, room(asks[i].node, engine.window), engine.count_tokens)
            done = ToolCall(asked.tool.name, asked.arguments, text, result.ok)
            made[i] = (*made[i], done)
    return [steps[place] for place in range(len(asks))]


def _read(
    ask: Ask,
    wanted: Contract,
    made: tuple[ToolCall, ...],
    count: Callable[[str], int],
    got: Generation,
) -> Step | ToolRequest:
    """Return the output that a turn is, or the call of a tool."""
    call = called(ask.node, made, got.text, ask.where) if got.valid else None
    if call is not None:
        return call
    written = wanted.parse(got.text, whole=got.valid)
    output = given_up(wanted, written, got, count)
    gave_up = output != written
    text = wanted.render(output) if gave_up else got.text
    return ask.step(output, text, got.valid, got.usage, made, given_up=gave_up)


def _behind(
    ask: Ask, read: Callable[[Generation], Step | ToolRequest], weigh: Weigh | None, got: Generation
) -> ScoreRequest | None:
    """Return what is to be scored behind a turn: nothing behind a call."""
    taken = read(got) if weigh else None
    return weigh(ask, taken) if weigh and isinstance(taken, Step) else None


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
    asks: Sequence[Ask],
    engine: Engine,
    watch: Watcher | None = None,
    *,
    weigh: Weigh | None = None,
) -> list[Weighed]:
    """Write only the fields that stand before the answer, after all calls of tools.

    Nothing is asked where there are neither, and nothing weighed.

    >>> # write_before_answer([ask], engine)[0][0].output["reasoning"]
    """
    writes = [
        ask.node.output.fields[0] != ask.node.output.answer or bool(ask.node.tools) for ask in asks
    ]
    some = [ask for ask, one in zip(asks, writes, strict=True) if one]
    opening = write_then_weigh(
        some, engine, watch, weigh=weigh, contract=lambda node: node.output.opening()
    )
    begun = iter(opening)
    return [
        next(begun) if one else (ask.step({}, "", True, Usage()), None)
        for ask, one in zip(asks, writes, strict=True)
    ]
