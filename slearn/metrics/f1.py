"""The metric that counts shared words: token F1 as SQuAD defines it, for every script.

Source: the SQuAD 1.1 evaluation script; here it keeps the letters of all languages, drops their
punctuation too, and takes scripts written without spaces character by character.
"""

from __future__ import annotations

import string
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from typing import final

from slearn.metrics.base import TargetMetric
from slearn.metrics.text import caseless, fold, is_unspaced

_ARTICLES = frozenset(("a", "an", "the"))


@final
class F1(TargetMetric):
    """Scores the harmonic mean of precision and recall over the words of answer and target.

    Case, punctuation and English articles do not count. Where nothing else is left of both,
    they are compared as `exact` does.

    >>> F1().compare("the big cat", "a cat, black"), F1().compare("Été!", "été")
    (0.5, 1.0)
    """

    name = "f1"

    def compare(self, answer: str, target: str) -> float:
        """Compare the words as bags."""
        given, wanted = Counter(_words(answer)), Counter(_words(target))
        total = given.total() + wanted.total()
        if not total:
            return float(fold(answer) == fold(target))
        return 2 * (given & wanted).total() / total


def _words(text: str) -> Iterable[str]:
    kept = "".join(char for char in caseless(text) if not _is_punctuation(char))
    for word in kept.split():
        if word in _ARTICLES:
            continue
        if word.isascii():
            yield word
            continue
        for unspaced, run in groupby(word, is_unspaced):
            if unspaced:
                yield from run
            else:
                yield "".join(run)


def _is_punctuation(char: str) -> bool:
    if char.isascii():
        return char in string.punctuation
    return unicodedata.category(char).startswith("P")
