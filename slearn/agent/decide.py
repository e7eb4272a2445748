"""Deciding by likelihood: the answer is the likeliest of whole choices, weighed and not written.

Written token by token, an answer is settled by its first tokens, before the rest of the choice is
seen. Here every choice is weighed with its last word, after the fields that the node writes first.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

from slearn.agent.model import Node
from slearn.agent.render import render
from slearn.agent.trajectory import Step
from slearn.agent.write import write_before_answer
from slearn.engine import GREEDY, Engine, Sampling, ScoreRequest, Watcher
from slearn.values import Example, digest


def decide(
    node: Node,
    examples: Sequence[Example],
    inputs: Sequence[Mapping[str, str]],
    engine: Engine,
    sampling: Sampling = GREEDY,
    seed: int = 0,
    watch: Watcher | None = None,
) -> list[Step]:
    """Return a node's output for every example: one round, and one before it to write fields first.

    >>> # decide(node, examples, inputs, engine)[0].output["answer"]
    """
    contract = node.output
    for example in examples:  # what cannot be offered fails before anything is paid for
        contract.answer.offered(example.choices)
    begun = write_before_answer(node, examples, inputs, engine, sampling, seed, watch)
    requests = [
        weighing(node, example, before) for example, before in zip(examples, begun, strict=True)
    ]
    steps = []
    scores = engine.score(requests, watch)
    for before, request, score in zip(begun, requests, scores, strict=True):
        # The request is part of the seed: one seed for all rows must not mean the same luck.
        luck = digest([seed, request.key()])
        weights = contract.answer.weighed(score.logprobs)
        choice = request.targets[choose(weights, sampling.temperature, luck)]
        text = contract.render({**before.output, contract.answer.name: choice})
        steps.append(
            Step(
                node.name,
                before.inputs,
                contract.parse(text),
                text,
                max(score.logprobs) > -math.inf,
                before.usage + score.usage,
                before.calls,
            )
        )
    return steps


def weighing(node: Node, example: Example, before: Step) -> ScoreRequest:
    """Return the request that weighs every choice after what the node wrote `before` its answer.

    >>> # engine.score([weighing(node, example, before)])[0].logprobs
    """
    contract = node.output
    return ScoreRequest(
        render(node, before.inputs, example, before.calls),
        contract.answer.offered(example.choices),
        contract.grammar(example.choices, example.functions),
        contract.prefix(before.output),
        where=f"node {node.name!r}, example {example.id}",
    )


def choose(logprobs: Sequence[float], temperature: float = 0.0, seed: str = "") -> int:
    """Return the place of the likeliest, the first among equals, or one drawn at a temperature.

    A draw is from the probabilities made to add up to 1: they may miss it, since a tokenizer can
    spell a choice in several ways and one is weighed. No tail is here for top-k or top-p to cut.

    >>> choose([-2.0, -0.5, -0.5])
    1
    """
    top = max(logprobs)
    if temperature == 0 or top == -math.inf:
        return logprobs.index(top)
    weights = [math.exp((logprob - top) / temperature) for logprob in logprobs]
    return random.Random(seed).choices(range(len(weights)), weights)[0]
