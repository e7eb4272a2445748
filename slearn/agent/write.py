"""Writing: a node's output, token by token under the grammar of its contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slearn.agent.contract import Contract
from slearn.agent.model import Node
from slearn.agent.render import render
from slearn.agent.trajectory import Step
from slearn.agent.use import write_with_tools
from slearn.engine import GREEDY, Engine, GenerateRequest, Sampling, Watcher
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

    One round, and where the node has tools one for each turn.

    >>> # write(node, examples, inputs, engine)[0].output["answer"]
    """
    wanted = contract or node.output
    if node.tools:
        return write_with_tools(node, wanted, examples, inputs, engine, sampling, seed, watch)
    requests = [
        GenerateRequest(
            render(node, values, example),
            wanted.grammar(example.choices, example.functions),
            sampling,
            seed,
            wanted.max_tokens(example.choices, example.functions),
            where=f"node {node.name!r}, example {example.id}",
        )
        for example, values in zip(examples, inputs, strict=True)
    ]
    return [
        Step(node.name, values, wanted.parse(found.text), found.text, found.valid, found.usage)
        for values, found in zip(inputs, engine.generate(requests, watch), strict=True)
    ]


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
