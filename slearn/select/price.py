"""What a race will cost: a small budget gets a small field, and not half of a large one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean
from typing import TypeVar

from slearn.select.accept import LOOK
from slearn.select.race import FINALISTS, layouts, optional, rungs
from slearn.values import Usage

T = TypeVar("T")
_FEWEST = 8  # rows of a race: fewer tell nothing
_BESIDE = 1.15  # of the price of the first two: what a larger field may take whatever is left


@dataclass(frozen=True)
class Cost:
    """The tokens of a candidate's prompt, and those that a row takes with its answer.

    An answer takes several turns where tools are called before it. A race reads both once more
    where a judge grades what was written; a right answer is weighed where the text before it ends.
    `writes` says that something is written in a race, and `shared` is the part of a row that stands
    in front of every candidate's prompt there: it is read once for all of them, and by nobody here.
    """

    prompt: float
    row: float
    turns: float = 1.0
    judged: float = 0.0
    writes: bool = False
    shared: float = 0.0

    @classmethod
    def spent(cls, usage: Usage, rows: int) -> Cost:
        """Return what a prompt and a row have taken in a round that shared the prompt.

        >>> Cost.spent(Usage(prompt=100 + 300, shared=2900), 30)
        Cost(prompt=100.0, row=10.0, turns=1.0, judged=0.0, writes=False, shared=0.0)
        """
        prompt = usage.shared / max(1, rows - 1)
        return cls(prompt, max(0.0, usage.computed - prompt) / max(1, rows))

    def rows(self, left: float) -> int:
        """Return how many rows can be answered with the tokens left.

        >>> Cost(100.0, 10.0).rows(450)
        35
        """
        return max(0, int((left - self.prompt) // max(self.row, 1e-9)))

    def rung(self, rows: int) -> float:
        """Return the tokens of racing on so many rows.

        >>> Cost(100.0, 10.0, judged=1.0).rung(4)
        280.0
        """
        return (self.turns + self.judged) * (self.prompt + rows * (self.row - self.shared))

    def final(self, validation: int) -> float:
        """Return the tokens of answering so many validation rows.

        >>> Cost(100.0, 10.0).final(50)
        600.0
        """
        return self.turns * (self.prompt + validation * self.row)


def race_price(costs: Sequence[Cost], rows: Sequence[object], validation: int) -> float:
    """Return the tokens of the cheapest race and of its final on validation rows.

    >>> rows = range(24)
    >>> race_price([Cost(100.0, 10.0)] * 10, rows, 50)
    4520.0
    """
    return layout_price(costs, rows, validation, cheapest(costs, rows, validation))


def cheapest(costs: Sequence[Cost], rows: Sequence[object], validation: int = 0) -> tuple[int, ...]:
    """Return the rungs of the race that `race_price` is the price of; of equal ones the fewest.

    >>> rows = range(24)
    >>> cheapest([Cost(100.0, 10.0)] * 10, rows), cheapest([Cost(900.0, 10.0)] * 10, rows)
    ((4, 4, 16), (24,))
    """
    found = reversed(layouts(len(rows)))
    return min(found, key=lambda cuts: layout_price(costs, rows, validation, cuts))


def layout_price(
    costs: Sequence[Cost], rows: Sequence[object], validation: int, cuts: Sequence[int]
) -> float:
    """Return the tokens of a race in some rungs and of its final, if the dearest stay in it.

    Finalists answer a few rows of validation; the rest is for one, who is taken for the usual one.
    """
    running = sorted(costs, key=lambda cost: -cost.final(validation))
    finalists = min(FINALISTS, len(running))
    price, least = 0.0, min(costs, key=lambda cost: cost.final(validation))
    parts = rungs(rows, cuts)
    for number, rung in enumerate(parts):
        writes = any(cost.writes for cost in running)
        if optional(number, parts) and len(running) <= finalists + 1 and writes:
            break
        price += sum(cost.rung(len(rung)) for cost in [*running, least])  # the incumbent's too
        running = running[: max(finalists, (len(running) + 1) // 2)]
    look = min(LOOK, validation)
    price += sum(cost.final(look) for cost in running[:finalists])
    return price + fmean(cost.final(validation - look) for cost in costs)


def affordable(left: float, costs: Sequence[Cost], rows: Sequence[object], validation: int) -> int:
    """Return how many of the first candidates can be raced with the tokens left; two at least.

    Where the first two are dear and run anyway, others may come along for a little more.

    >>> rows = range(24)
    >>> affordable(4500, [Cost(100.0, 10.0)] * 20, rows, 50)
    9
    """
    count = len(costs)
    if count <= FINALISTS:
        return count
    most = max(left, _BESIDE * race_price(costs[:FINALISTS], rows, validation))
    while count > FINALISTS and race_price(costs[:count], rows, validation) > most:
        count -= 1
    return count


def shortened(left: float, costs: Sequence[Cost], rows: int, validation: int) -> tuple[int, int]:
    """Return on how many rows to race, and of validation to reckon with, with the tokens left.

    All, where that pays the race of the first two, who run anyway. Else fewer of validation, whose
    verdict may be that of fewer rows; then fewer to race on: eight tell more than a race that ends
    before anybody is heard.

    >>> shortened(3000, [Cost(100.0, 10.0)] * 20, 24, 50)
    (24, 50)
    >>> shortened(1600, [Cost(100.0, 10.0)] * 20, 24, 50), shortened(0, [Cost(100.0, 10.0)], 24, 50)
    ((12, 30), (8, 30))
    """
    first, least = costs[:FINALISTS], min(validation, LOOK)
    counts = [rows]
    while counts[-1] > _FEWEST:
        counts.append(max(_FEWEST, counts[-1] // 2))
    for count, reckoned in product(counts if first else (), (validation, least)):
        if race_price(first, range(count), reckoned) <= left:
            return count, reckoned
    return counts[-1], least


def in_turn(groups: Sequence[Sequence[T]]) -> list[T]:
    """Return the first of each group, then the second of each, and so on.

    >>> in_turn([["a", "b", "c"], ["d"]])
    ['a', 'd', 'b', 'c']
    """
    longest = max(map(len, groups), default=0)
    return [group[place] for place in range(longest) for group in groups if place < len(group)]
