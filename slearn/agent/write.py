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
) -> list[Step]:
    """Write a node's whole output for every example, in one round.

    >>> # write(node, examples, inputs, engine)[0].output["answer"]
    """
    return _write(node, node.output, examples, inputs, engine, sampling, seed, watch)


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
    return _write(node, contract.opening(), examples, inputs, engine, sampling, seed, watch)


def _write(
    node: Node,
    contract: Contract,
    examples: Sequence[Example],
    inputs: Sequence[Mapping[str, str]],
    engine: Engine,
    sampling: Sampling,
    seed: int,
    watch: Watcher | None,
) -> list[Step]:
    requests = [
        GenerateRequest(
            render(node, values, example.choices),
            contract.grammar(example.choices),
            sampling,
            seed,
            contract.max_tokens(example.choices),
            where=f"node {node.name!r}, example {example.id}",
        )
        for example, values in zip(examples, inputs, strict=True)
    ]
    return [
        Step(node.name, values, contract.parse(found.text), found.text, found.valid, found.usage)
        for values, found in zip(inputs, engine.generate(requests, watch), strict=True)
    ]
