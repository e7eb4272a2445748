"""Batches: which rows a step looks at. Drawn anew each step, from the seed and the step alone."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from slearn.agent import Agent
from slearn.values import Example, digest

POOL = 64  # rows that demos may be made of
FORWARD = 12  # rows of the pool that the agent answers
LOOKED_AT = 4  # answers that get a language loss and gradients
_LEAST = 24  # rows of validation: fewer decide nothing
_SURE = 8  # rows in a row that fit: so do those that are shorter
_ANSWER = 10  # tokens of an answer, about
RACE = 24  # rows that candidates race on


@dataclass(frozen=True)
class Batch:
    """The rows of one step: `pool` for demos, its first rows for the forward pass, `race` rows.

    The two never share a row, so a candidate is never judged on its own demonstrations.
    """

    pool: tuple[Example, ...]
    race: tuple[Example, ...]

    @property
    def forward(self) -> tuple[Example, ...]:
        """The rows that the agent answers in this step."""
        return self.pool[:FORWARD]


def draw(train: Sequence[Example], agent: Agent, seed: int, step: int) -> Batch:
    """Draw a step's rows; with few rows, half of them race and half teach.

    >>> rows = [Example(str(i), {"input": str(i)}) for i in range(10)]
    >>> from slearn.agent import Flow, Node
    >>> batch = draw(rows, Agent("a", (Node("n", ()),), Flow(("n",))), seed=0, step=1)
    >>> len(batch.pool), len(batch.race)
    (5, 5)
    """
    chance = random.Random(digest([seed, step, "batch"]))
    shown = agent.sources()
    rows = chance.sample(range(len(train)), min(len(train), 4 * (POOL + RACE)))
    half = (len(rows) + 1) // 2
    pool = [train[row] for row in rows[:half]][:POOL]
    race = [train[row] for row in rows[half:] if train[row].id not in shown][:RACE]
    return Batch(tuple(pool), tuple(race))


def sample(examples: Sequence[Example], limit: int | None) -> list[Example]:
    """Return at most `limit` examples, always the same ones, in their order.

    >>> len(sample([Example(str(i), {}) for i in range(9)], 4))
    4
    """
    if limit is None or len(examples) <= limit:
        return list(examples)
    chosen = sorted(random.Random(0).sample(range(len(examples)), limit))
    return [examples[index] for index in chosen]


def worst(scores: Sequence[float], count: int = LOOKED_AT) -> list[int]:
    """Return the places of the lowest scores, the first ones among equals.

    >>> worst([1.0, 0.0, 0.5], 2)
    [1, 2]
    """
    return sorted(sorted(range(len(scores)), key=lambda place: scores[place])[:count])


def shuffled(examples: Sequence[Example]) -> list[Example]:
    """Return the examples in an order of their own, always the same: files are often sorted."""
    return random.Random(0).sample(list(examples), len(examples))


def heard(examples: Sequence[Example], tokens: float, count: Callable[[str], int]) -> list[Example]:
    """Return the first examples, as many as may be read for so many tokens; some at least.

    >>> len(heard([Example(str(n), {"input": "x" * 90}) for n in range(100)], 5000, len))
    50
    """
    kept = 0
    for example in examples:
        tokens -= count("\n".join(texts(example))) + _ANSWER
        if tokens < 0 and kept >= _LEAST:
            break
        kept += 1
    return list(examples[:kept])


def longest(examples: Sequence[Example], count: Callable[[str], int]) -> int:
    """Return the tokens of the longest row, choices of its own included.

    Only the rows with the most characters are counted: tokenizing 100,000 rows would take long.
    """
    found = ("\n".join(texts(row)) for row in examples)
    return max(map(count, heapq.nlargest(3, found, key=len)), default=0)


def fitting(rows: Sequence[Example], most: int, count: Callable[[str], int]) -> list[Example]:
    """Return the rows that have no more than so many tokens; all, where none has.

    >>> [row.id for row in fitting([Example("1", {"a": "x y"}), Example("2", {"a": "x"})], 2, len)]
    ['2']
    """
    sizes = [sum(len(text.encode()) + 1 for text in texts(row)) for row in rows]
    left, in_a_row = set[int](), 0
    # The longest first, until many in a row fit: counting 100,000 rows would take long.
    for place in sorted(range(len(rows)), key=sizes.__getitem__, reverse=True):
        if sizes[place] <= most or in_a_row == _SURE:  # a token has a byte or more
            break
        fits = count("\n".join(texts(rows[place]))) <= most
        in_a_row = in_a_row + 1 if fits else 0
        if not fits:
            left.add(place)
    return [row for place, row in enumerate(rows) if place not in left] or list(rows)


def texts(row: Example) -> list[str]:
    """Return the texts of a row that stand in a prompt: inputs, choices of its own, functions.

    >>> texts(Example("1", {"input": "hot?"}, choices=("yes", "no")))
    ['hot?', 'yes', 'no']
    """
    return [*row.inputs.values(), *(row.choices or ()), *_told(row)]


def _told(row: Example) -> list[str]:
    """Return what a prompt says of a row's functions, about."""
    return [f"{tool.name} {tool.description} {tool.parameters}" for tool in row.functions or ()]
