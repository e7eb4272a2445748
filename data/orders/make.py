"""Make problems.jsonl: word problems from a shop's day, with answers computed by code.

`python data/orders/make.py` writes the file next to this one; `--check` says whether it is that.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

SEED, PER_TEMPLATE, LARGEST = 20250611, 12, 500
ASIDE_EVERY = 4  # one row in so many has a sentence whose number is irrelevant
GOODS = (
    "lamp kettle toaster speaker clock pillow mirror router radio blanket chair heater vase "
    "teapot fan keyboard headset stool basket blender"
).split()
PEOPLE = (
    "Aino Bilal Chiara Dmitri Esra Femi Greta Hugo Ines Jonas Kavya Lars Mei Noor Oskar Priya "
    "Ravi Sofia Tomas Yara"
).split()
TOWNS = "Easthaven Millford Stonebury Larkfield Oakmouth Brightwater Fernhill Saltmarsh".split()

T = TypeVar("T")
Steps = Callable[..., tuple[int | Fraction, ...]]


@dataclass(frozen=True)
class Template:
    """A problem with holes: every step of its solution is whole and from 1 to LARGEST."""

    text: str
    ask: str
    aside: str
    steps: Steps
    numbers: dict[str, Sequence[int]]
    most: int = LARGEST


def span(low: int, high: int, by: int = 1) -> range:
    """Return the numbers from low to high, both among them."""
    return range(low, high + 1, by)


TEMPLATES = (
    Template(
        "A pallet holds {a} boxes of {b} {x}s. {c} {x}s arrive broken.",
        "How many {x}s can be sold?",
        "One {x} sells for {n} euros.",
        lambda a, b, c: (boxed := a * b, boxed - c),
        {"a": span(3, 15), "b": span(4, 16), "c": span(2, 15)},
    ),
    Template(
        "{who} fills {a} large boxes with {b} {x}s each and {c} small boxes with {d} {x}s each.",
        "How many {x}s does {who} pack in total?",
        "The small boxes are {n} cm wide.",
        lambda a, b, c, d: (large := a * b, small := c * d, large + small),
        {"a": span(3, 12), "b": span(9, 20), "c": span(3, 12), "d": span(2, 8)},
    ),
    Template(
        "On Monday {a} {x}s are in stock at Norvik Home. During the week {b} of them are sold, "
        "customers return {c} unopened ones that go back on the shelf, and the factory sends {d}.",
        "How many {x}s are in stock at the end of the week?",
        "The factory is {n} km from the warehouse.",
        lambda a, b, c, d: (left := a - b, back := left + c, back + d),
        {"a": span(40, 180), "b": span(15, 120), "c": span(2, 14), "d": span(20, 90)},
    ),
    Template(
        "{who} buys a {x} for {a} euros, pays {b} euros at once and the rest in {c} equal "
        "monthly instalments.",
        "How many euros is one instalment?",
        "The guarantee lasts {n} months.",
        lambda a, b, c: (rest := a - b, rest / c),
        {"a": span(90, 480), "b": span(20, 80, 5), "c": span(3, 12)},
    ),
    Template(
        "A {x} costs {a} euros when it is paid at once. {who} chooses the payment plan instead: "
        "{b} euros today and then {c} instalments of {d} euros.",
        "How many euros more does {who} pay with the plan?",
        "{n} other customers chose the plan this month.",
        lambda a, b, c, d: (later := c * d, plan := later + b, plan - a),
        {"a": span(100, 400, 5), "b": span(20, 60, 5), "c": span(4, 10), "d": span(15, 38)},
        most=60,
    ),
    Template(
        "{who} delivers to {a} addresses today. Every stop takes {b} minutes, and driving takes "
        "{c} minutes altogether.",
        "How many minutes does the whole tour last?",
        "The van carries {n} parcels.",
        lambda a, b, c: (stops := a * b, stops + c),
        {"a": span(6, 24), "b": span(3, 12), "c": span(45, 190, 5)},
    ),
    Template(
        "From the depot the van drives {a} km to the first customer. It then visits {b} more "
        "customers, each {c} km from the one before, and the way back to the depot is {d} km.",
        "How long is the whole round trip in km?",
        "The van is {n} months old.",
        lambda a, b, c, d: (more := b * c, out := a + more, out + d),
        {"a": span(5, 40), "b": span(3, 14), "c": span(2, 9), "d": span(12, 60)},
    ),
    Template(
        "From Monday to Friday the shop in {town} is open from {a}:00 to {b}:00, on Saturday for "
        "{c} hours, and on Sunday it is closed.",
        "How many hours a week is it open?",
        "The shop employs {n} people.",
        lambda a, b, c: (day := b - a, week := 5 * day, week + c),
        {"a": span(7, 11), "b": span(16, 21), "c": span(3, 9)},
    ),
    Template(
        "The help desk answers the phone from {a}:00 to {b}:00 without a break, and {who} spends "
        "exactly {c} minutes on each call.",
        "How many calls can {who} take, one after the other?",
        "The help desk has {n} telephones.",
        lambda a, b, c: (hours := b - a, minutes := 60 * hours, minutes / c),
        {"a": span(7, 11), "b": span(12, 16), "c": (3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 20)},
    ),
    Template(
        "Customers have sent back {a} {x}s. Half of them still work and join the {b} {x}s on the "
        "shelf; then {who} takes {c} {x}s off the shelf for an order.",
        "How many {x}s are now on the shelf?",
        "Sending a {x} back costs {n} euros.",
        lambda a, b, c: (good := a / 2, shelf := good + b, shelf - c),
        {"a": span(8, 70), "b": span(10, 90), "c": span(5, 60)},
    ),
    Template(
        "{who} orders {a} {x}s at {b} euros each and a {y} for {c} euros, and uses a voucher worth "
        "{d} euros.",
        "How many euros are left to pay?",
        "The order was placed {n} minutes ago.",
        lambda a, b, c, d: (many := a * b, both := many + c, both - d),
        {"a": span(3, 9), "b": span(6, 38), "c": span(15, 120), "d": span(5, 40, 5)},
    ),
    Template(
        "At the till in {town}, {who} takes {a} {x}s for {b} euros each and hands over {c} "
        "banknotes of 50 euros.",
        "How many euros of change are due?",
        "The till was opened {n} minutes ago.",
        lambda a, b, c: (cost := a * b, paid := 50 * c, paid - cost),
        {"a": span(2, 9), "b": span(7, 48), "c": span(2, 7)},
        most=49,
    ),
    Template(
        "{a} boxes wait at the north gate and {b} at the south gate. The only van takes at most "
        "{c} boxes a trip, from both gates mixed.",
        "What is the smallest number of trips that moves them all?",
        "A trip takes {n} minutes.",
        lambda a, b, c: (boxes := a + b, -(-boxes // c)),
        {"a": span(25, 190), "b": span(25, 190), "c": span(7, 32)},
    ),
    Template(
        "{a} crates with {b} candles each are unpacked, and {who} bundles the candles into gift "
        "sets of {c} until no full set is left to make.",
        "How many candles are left over?",
        "A gift set sells for {n} euros.",
        lambda a, b, c: (candles := a * b, candles % c),
        {"a": span(3, 15), "b": span(10, 32), "c": span(7, 40)},
    ),
    Template(
        "Norvik Home shipped {a} {x}s in March, {b} times as many in April, and in May {c} fewer "
        "than in April.",
        "How many {x}s were shipped in May?",
        "In February {n} {y}s were shipped.",
        lambda a, b, c: (april := a * b, april - c),
        {"a": span(15, 110), "b": span(2, 5), "c": span(6, 80)},
    ),
    Template(
        "{who} packs {a} parcels an hour and {other} packs {b}. Both work for {c} hours.",
        "How many more parcels than {other} has {who} packed by then?",
        "The roll of tape is {n} metres long.",
        lambda a, b, c: (gap := a - b, gap * c),
        {"a": span(18, 48), "b": span(8, 32), "c": span(3, 8)},
    ),
    Template(
        "{c} {x}s have to be wrapped. {who} wraps {a} in an hour, {other} wraps {b}, and they "
        "start together.",
        "After how many hours are they done?",
        "The paper comes in {n} colours.",
        lambda a, b, c: (pace := a + b, c / pace),
        {"a": span(5, 26), "b": span(5, 26), "c": span(60, 400)},
    ),
    Template(
        "The warehouse shares {a} old and {b} new {x}s equally among {c} shops. The shop in {town} "
        "sells {d} of its share.",
        "How many {x}s from its share does that shop still have?",
        "The shop in {town} is {n} km from the warehouse.",
        lambda a, b, c, d: (both := a + b, share := both / c, share - d),
        {"a": span(20, 200), "b": span(30, 250), "c": span(3, 9), "d": span(4, 40)},
    ),
    Template(
        "A rack has {a} shelves with room for {b} boxes each. {c} boxes stand there already and "
        "{who} brings {d} more.",
        "For how many further boxes is there room afterwards?",
        "A shelf is {n} cm deep.",
        lambda a, b, c, d: (room := a * b, free := room - c, free - d),
        {"a": span(4, 14), "b": span(8, 32), "c": span(10, 120), "d": span(6, 60)},
    ),
    Template(
        "In the sale every {x} is {b} euros cheaper than the usual {a} euros. {who} orders {c} of "
        "them and pays {d} euros for delivery on top.",
        "How many euros does {who} pay altogether?",
        "The sale lasts {n} days.",
        lambda a, b, c, d: (price := a - b, goods := price * c, goods + d),
        {"a": span(22, 95), "b": span(3, 20), "c": span(2, 9), "d": span(4, 19)},
    ),
    Template(
        "{a} orders reach Norvik Home in one day. {b} percent of them are paid by invoice and all "
        "the others by card.",
        "How many orders are paid by card?",
        "The largest order is worth {n} euros.",
        lambda a, b: (invoice := a * b / 100, a - invoice),
        {"a": span(20, 480, 4), "b": (5, 10, 15, 20, 25, 30, 35, 40, 60, 75)},
    ),
    Template(
        "The shop in {town} wants {a} {x}s on display, has {b}, and can order them only in packs "
        "of {c}.",
        "How many packs bring it to exactly the number it wants?",
        "The display is lit by {n} spotlights.",
        lambda a, b, c: (gap := a - b, gap / c),
        {"a": span(40, 240), "b": span(5, 60), "c": span(3, 12)},
    ),
    Template(
        "An empty pallet weighs {a} kg. {who} stacks {b} cartons of {c} kg each on it, and the "
        "lift under it carries at most {d} kg.",
        "How many kg may still be added before the lift is at its limit?",
        "The lift was checked {n} days ago.",
        lambda a, b, c, d: (cartons := b * c, load := a + cartons, d - load),
        {"a": span(14, 26), "b": span(5, 24), "c": span(3, 18), "d": span(250, 500, 25)},
    ),
    Template(
        "Nobody counted the {x}s this morning. Since then {a} have been sold and {b} delivered, "
        "and in the evening {who} counts {c}.",
        "How many {x}s were there in the morning?",
        "{n} {y}s were sold as well.",
        lambda a, b, c: (unsold := c + a, unsold - b),
        {"a": span(8, 120), "b": span(6, 90), "c": span(15, 240)},
    ),
    Template(
        "{a} {x}s and one {y} cost {b} euros together; the {y} alone is {c} euros.",
        "At the same price for each {x}, how many euros do {d} {x}s cost without the {y}?",
        "Delivery takes {n} hours.",
        lambda a, b, c, d: (many := b - c, one := many / a, one * d),
        {"a": span(2, 7), "b": span(60, 330), "c": span(18, 90), "d": span(3, 11)},
    ),
)


class Draw:
    """Seeded choice from random() alone, the one method whose sequence Python promises to keep."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def one(self, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return choices[int(self._random() * len(choices))]

    def two(self, choices: Sequence[T]) -> tuple[T, T]:
        """Return two different ones of the choices."""
        first = self.one(choices)
        return first, self.one([other for other in choices if other != first])

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in a new order."""
        order = [(self._random(), place) for place in range(len(items))]
        return [items[place] for _, place in sorted(order)]


def numbers_in(text: str) -> list[str]:
    """Return the whole numbers a text shows."""
    return re.findall(r"[0-9]+", text)


def solve(template: Template, numbers: dict[str, int]) -> int | None:
    """Return the answer, or nothing where a step is fractional, too small or too large."""
    steps = [
        Fraction(step) for step in template.steps(**{k: Fraction(v) for k, v in numbers.items()})
    ]
    if any(step.denominator != 1 or not 1 <= step <= LARGEST for step in steps):
        return None
    return int(steps[-1]) if steps[-1] <= template.most else None


def problem(template: Template, draw: Draw, aside: bool) -> tuple[str, int]:
    """Return one problem's text and answer; the answer is never a number of the text."""
    while True:
        numbers = {name: draw.one(choices) for name, choices in template.numbers.items()}
        who, other = draw.two(PEOPLE)
        x, y = draw.two(GOODS)
        fill = {"who": who, "other": other, "x": x, "y": y, "town": draw.one(TOWNS)}
        parts = [template.text, template.ask]
        if aside:
            parts.insert(draw.one((0, 1)), template.aside)
        text = " ".join(parts).format(n=draw.one(span(11, 48)), **numbers, **fill)
        answer = solve(template, numbers)
        if answer is not None and str(answer) not in numbers_in(text):
            return text, answer


def make() -> str:
    """Return the file: as many rows of each template, no text twice, shuffled and numbered."""
    draw = Draw(SEED)
    found: dict[str, int] = {}
    for template in TEMPLATES:
        full = len(found) + PER_TEMPLATE
        while len(found) < full:
            text, answer = problem(template, draw, aside=len(found) % ASIDE_EVERY == 0)
            found.setdefault(text, answer)
    rows = (
        {"id": f"o{number:03}", "problem": text, "answer": str(answer)}
        for number, (text, answer) in enumerate(draw.shuffled(list(found.items())), 1)
    )
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def main(arguments: Sequence[str]) -> int:
    """Write the file, or with --check compare it; return the exit status."""
    target = Path(__file__).with_name("problems.jsonl")
    if list(arguments) not in ([], ["--check"]):
        print("usage: make.py [--check]", file=sys.stderr)
        return 2
    made = make().encode()
    if not arguments:
        target.write_bytes(made)
    elif not target.is_file() or target.read_bytes() != made:
        print(f"{target} is not what make.py makes; run make.py without --check")
        return 1
    print(f"{target.name}: {len(made.splitlines())} rows, {len(TEMPLATES)} templates")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
