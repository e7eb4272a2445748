"""What the targets of some examples look like: labels, numbers, lists, or text and how long.

Each question is answered with a reason in words, which a proposal hands on to the user.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from slearn.values import Example

Kind = Literal["choice", "number", "set", "text", "none"]

MOST_LABELS = 30
MOST_NUMBER_LABELS = 5
_ROWS_A_LABEL = 3
_MANY_LABELS = 200  # so many where nearly every one comes up again
_MANY_ROWS_A_LABEL = 2
_UNSEEN = 0.15  # of the rows may be alone: the chance that the next label is unseen (Good-Turing)
_ONCE = 0.35  # of the labels may come up once: of 70 used alike so many do in 160 rows
_PLAIN = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,8})?")
_DECORATED = re.compile(r"[-+−]?\s?[$£€¥₹]?\s?[0-9][0-9.,]*\s?[%$£€¥₹]?")
_ITEMS = re.compile(r"[,;\n]")


@dataclass(frozen=True)
class Answers:
    """What the targets are, why that was concluded, and the different ones, sorted.

    >>> look([Example(str(n), {}, ("yes" if n % 2 else "no",)) for n in range(8)]).kind
    'choice'
    """

    kind: Kind
    why: str
    labels: tuple[str, ...] = ()


def look(examples: Sequence[Example], more: Sequence[Example] = ()) -> Answers:
    """Say what the targets of the examples are; `more` may tell that many of them are labels.

    >>> look([Example("1", {}, ("12",)), Example("2", {}, ("-3.5",))]).kind
    'number'

    Numbers count as labels only where there are very few of them, since an unseen number is more
    likely than an unseen label.
    """
    rows = [example.targets for example in examples if example.targets]
    texts = [text for targets in rows for text in targets]
    if not rows:
        return Answers("none", "no row has a target")
    labels = tuple(sorted(set(texts)))
    numbers = all(map(is_number, texts))
    limit = MOST_NUMBER_LABELS if numbers else MOST_LABELS
    if _are_labels(labels, len(rows), limit):
        each = len(rows) / len(labels)
        return Answers("choice", f"{len(labels)} labels, about {each:.0f} rows each", labels)
    if numbers:
        return Answers("number", "every target is a number", labels)
    if _are_sets(texts):
        return Answers("set", "the targets are lists of a few recurring items", labels)
    every = Counter(text for example in (*examples, *more) for text in example.targets or ())
    if _are_many_labels(every):
        why = f"{len(every)} labels, most of them in several rows"
        return Answers("choice", why, tuple(sorted(every)))
    return Answers("text", f"{len(labels)} different targets in {len(rows)} rows", labels)


def is_number(text: str) -> bool:
    """Tell whether a target is one number and nothing else, however it is written.

    >>> is_number("$1,200.50"), is_number("3 apples")
    (True, False)
    """
    return bool(_PLAIN.fullmatch(text) or _DECORATED.fullmatch(text))


def is_plain_number(text: str) -> bool:
    """Tell whether a target is written as the `number` contract writes numbers.

    >>> is_plain_number("-3.5"), is_plain_number("1,200")
    (True, False)
    """
    return bool(_PLAIN.fullmatch(text))


def are_label_like(texts: Sequence[str]) -> bool:
    """Tell whether texts could be the labels of a classification: few, short, of one line.

    >>> are_label_like(["yes", "no"]), are_label_like(["a sentence is not like a label"])
    (True, False)
    """
    short = all(text and len(text) <= 60 and words(text) <= 5 for text in texts)
    return short and len(texts) <= 200 and not any("\n" in text or "\r" in text for text in texts)


def words(text: str) -> int:
    """Count words; where scripts without spaces are written, count by length.

    >>> words("two words"), words("東京タワー")
    (2, 2)
    """
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return max(len(text.split()), wide // 2, len(text) // 12)


def _are_labels(labels: Sequence[str], rows: int, limit: int) -> bool:
    if not 2 <= len(labels) <= limit:
        return False
    enough = rows >= _ROWS_A_LABEL * len(labels) or (len(labels) == 2 and rows >= 4)
    return enough and are_label_like(labels)


def _are_many_labels(found: Counter[str]) -> bool:
    """Say whether targets are labels of which there are many: of open answers most come up once."""
    if not MOST_LABELS < len(found) <= _MANY_LABELS:
        return False
    rows = found.total()
    once = sum(count == 1 for count in found.values())
    enough = rows >= _MANY_ROWS_A_LABEL * len(found)
    again = once <= _ONCE * len(found) and once <= _UNSEEN * rows
    return enough and again and are_label_like(tuple(found))


def _are_sets(texts: Sequence[str]) -> bool:
    split = [[item.strip() for item in _ITEMS.split(text)] for text in texts]
    items = [item for row in split for item in row]
    several = sum(len(row) > 1 for row in split)
    recurring = len(set(items)) <= min(50, len(items) / 2)
    short = all(item and words(item) <= 3 for item in items)
    return several >= 0.6 * len(texts) and short and recurring
