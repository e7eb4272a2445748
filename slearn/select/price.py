"""What a race will cost: a small budget gets a small field, and not half of a large one."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TypeVar

from slearn.select.accept import LOOK
from slearn.select.race import FINALISTS, rungs
from slearn.values import Example

T = TypeVar("T")


def race_price(
    count: int, prompt: float, row: float, rows: Sequence[Example], validation: int
) -> float:
    """Return the tokens of a race of `count` candidates and of its final on validation rows.

    Each reads its `prompt` once a rung, and for every row so many tokens more.

    >>> rows = [Example(str(n), {}) for n in range(24)]
    >>> race_price(10, 100.0, 10.0, rows, 50)
    4620.0
    """
    price, running, finalists = 0.0, count, min(FINALISTS, count)
    for rung in rungs(rows):
        price += (running + 1) * (prompt + len(rung) * row)
        running = max(finalists, (running + 1) // 2)
    looks = (finalists - 1) * min(LOOK, validation)  # all but the best answer only a few rows
    return price + finalists * 2 * prompt + (validation + looks) * row


def affordable(
    left: float, costs: Sequence[tuple[float, float]], rows: Sequence[Example], validation: int
) -> int:
    """Return how many of the first candidates can be raced with the tokens left; two at least.

    `costs` has the tokens of each one's prompt, and those that a row takes.

    >>> rows = [Example(str(n), {}) for n in range(24)]
    >>> affordable(4500, [(100.0, 10.0)] * 20, rows, 50)
    9
    """
    count = len(costs)
    while count > FINALISTS:
        prompt, row = (fmean(column) for column in zip(*costs[:count], strict=True))
        if race_price(count, prompt, row, rows, validation) <= left:
            break
        count -= 1
    return count


def in_turn(groups: Sequence[Sequence[T]]) -> list[T]:
    """Return the first of each group, then the second of each, and so on.

    >>> in_turn([["a", "b", "c"], ["d"]])
    ['a', 'd', 'b', 'c']
    """
    longest = max(map(len, groups), default=0)
    return [group[place] for place in range(longest) for group in groups if place < len(group)]
