"""Writing: a node's output, token by token under the grammar of its contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slearn.agent.contract import Contract
from slearn.agent.model import Node
from slearn.agent.render import render
from slearn.agent.trajectory import Step
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
    """Write a node's output for every example, in one round; of a part of it by another contract.

    >>> # write(node, examples, inputs, engine)[0].output["answer"]
    """
    wanted = contract or node.output
    requests = [
        GenerateRequest(
            render(node, values, example.choices),
            wanted.grammar(example.choices),
            sampling,
            seed,
            wanted.max_tokens(example.choices),
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
    """Write only the fields that stand before the answer; nothing is asked where there are none.

    >>> # write_before_answer(node, examples, inputs, engine)[0].output["reasoning"]
    """
    contract = node.output
    if contract.fields[0] == contract.answer:
        return [Step(node.name, values, {}, "", True, Usage()) for values in inputs]
    opening = contract.opening()
    return write(node, examples, inputs, engine, sampling, seed, watch, contract=opening)
