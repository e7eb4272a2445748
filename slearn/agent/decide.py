"""Deciding by likelihood: the answer is the likeliest of whole choices, weighed and not written.

Written token by token, an answer is settled by its first tokens, before the rest of the choice is
seen. Here every choice is weighed with its last word, after the fields that the node writes first.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import replace

from slearn.agent.ask import Ask
from slearn.agent.contract import NUMBER
from slearn.agent.render import render
from slearn.agent.trajectory import Step
from slearn.agent.write import write_before_answer
from slearn.engine import Engine, Score, ScoreRequest, Watcher
from slearn.values import digest

NUMERIC = re.compile(NUMBER)


def decide(asks: Sequence[Ask], engine: Engine, watch: Watcher | None = None) -> list[Step]:
    """Return the outputs asked: after what is written first, the likeliest of all choices.

    >>> # decide([Ask(node, example, example.inputs)], engine)[0].output["answer"]
    """
    for ask in asks:  # what cannot be offered fails before anything is paid for
        ask.node.output.answer.offered(ask.example.choices)
    steps = []
    weighed = weigh_all(asks, engine, watch)
    for ask, (before, score) in zip(asks, weighed, strict=True):
        contract, request = ask.node.output, weighing(ask, before)
        # The request is part of the seed: one seed for all rows must not mean the same luck.
        luck = digest([ask.seed, request.key()])
        weights = ask.weighed(score.logprobs)
        choice = request.targets[choose(weights, ask.sampling.temperature, luck)]
        text = contract.render({**before.output, contract.answer.name: choice})
        likely = max(score.logprobs) > -math.inf
        usage = before.usage + score.usage
        step = ask.step(contract.parse(text), text, likely, usage, before.calls)
        steps.append(replace(step, expected=expected(request.targets, weights)))
    return steps


def weigh_all(
    asks: Sequence[Ask], engine: Engine, watch: Watcher | None = None
) -> list[tuple[Step, Score]]:
    """Return what nodes write before their answers, and how likely each choice is after it.

    >>> # weigh_all([ask], engine)[0][1].logprobs
    """
    begun = write_before_answer(asks, engine, watch, weigh=weighing)
    pairs = zip(asks, begun, strict=True)
    left = [weighing(ask, step) for ask, (step, score) in pairs if score is None]
    scores = iter(engine.score(left, watch) if left else ())
    return [(step, next(scores) if score is None else score) for step, score in begun]


def expected(choices: Sequence[str], weights: Sequence[float]) -> float | None:
    """Return the mean of choices that are numbers by their likelihoods; None where one is none.

    >>> expected(("1", "5"), (0.0, 0.0)), expected(("low", "5"), (0.0, 0.0))
    (3.0, None)
    """
    top = max(weights)
    if top == -math.inf or not all(NUMERIC.fullmatch(choice.strip()) for choice in choices):
        return None
    shares = [math.exp(weight - top) for weight in weights]
    return math.fsum(s * float(c) for s, c in zip(shares, choices, strict=True)) / sum(shares)


def weighing(ask: Ask, before: Step) -> ScoreRequest:
    """Return the request that weighs every choice after what the node wrote `before` its answer.

    >>> # engine.score([weighing(ask, before)])[0].logprobs
    """
    contract = ask.node.output
    return ScoreRequest(
        render(ask.node, ask.inputs, ask.example, before.calls),
        ask.choices,
        contract.grammar(ask.example.choices, ask.example.functions),
        contract.prefix(before.output),
        where=ask.where,
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
