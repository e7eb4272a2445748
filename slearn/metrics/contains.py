"""The metric that asks whether the target occurs in the answer, as whole words."""

from __future__ import annotations

from typing import final

from slearn.metrics.base import TargetMetric
from slearn.metrics.text import fold, is_unspaced, is_wordlike


@final
class Contains(TargetMetric):
    """Scores 1 where the target stands in the answer and does not begin or end inside a word.

    Case and the amount of space do not count. Scripts written without spaces have no word
    borders to respect. An empty target is contained in an empty answer only.

    >>> contains = Contains()
    >>> contains.compare("It is New  York.", "new york"), contains.compare("carthage", "art")
    (1.0, 0.0)
    """

    name = "contains"

    def compare(self, answer: str, target: str) -> float:
        """Look for the folded target in the folded answer."""
        text, wanted = (" ".join(fold(part).split()) for part in (answer, target))
        if not wanted:
            return float(not text)
        start = text.find(wanted)
        while start >= 0:
            if _is_border(text, start) and _is_border(text, start + len(wanted)):
                return 1.0
            start = text.find(wanted, start + 1)
        return 0.0


def _is_border(text: str, place: int) -> bool:
    """Tell whether words (or numbers, with their points) are apart at `place` in the text."""
    if place in (0, len(text)):
        return True
    left, right = text[place - 1], text[place]
    if is_unspaced(left) or is_unspaced(right):
        return True
    if left in ".," and right.isdecimal():
        return place < 2 or not text[place - 2].isdecimal()
    if left.isdecimal() and right in ".,":
        return place + 1 == len(text) or not text[place + 1].isdecimal()
    return not (is_wordlike(left) and is_wordlike(right))
