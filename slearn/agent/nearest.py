"""The pieces of a text that are most like another one: what a flow lets through of a long input.

Cosine of tf-idf over words and all runs of four letters, so that endings matter little and no
language is needed. Nothing is read by a model. On the paragraphs of hotpotqa it finds as much as
the likelihood of the question given each paragraph does, and more than BM25 (docs/lab.md).
Source: Salton and Buckley 1988, "Term-weighting approaches in automatic text retrieval".
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from slearn.values import as_text

Join = Callable[[Sequence[Any]], str]
_GRAM = 4  # letters


def nearest(text: str, to: str, keep: int) -> str:
    """Return the pieces of a text that are most like another, as many as `keep`, in their order.

    Pieces are the items of a JSON array, else lines, else sentences; what comes back is of the
    same form.

    >>> nearest('["a cat sat", "prices fell", "a dog"]', "What did the cats do?", 1)
    '["a cat sat"]'
    >>> nearest("Rain fell. A cat sat. Prices fell.", "the price, the rain", 2)
    'Rain fell. Prices fell.'
    """
    parts, join = pieces(text)
    if len(parts) <= keep:
        return text
    kept = _places(_likener([as_text(part) for part in parts])(to))[:keep]
    return join([parts[place] for place in sorted(kept)])


def rank(texts: tuple[str, ...], to: str) -> list[int]:
    """Return the places of texts, those that are most like another first.

    What is known of texts is kept: a node's demonstrations are ranked for each of its rows.

    >>> rank(("the cat sat", "stock prices fell"), "prices rose")
    [1, 0]
    """
    return _places(likeness(texts, to))


def likeness(texts: tuple[str, ...], to: str) -> list[float]:
    """Return how much each of some texts is like another, from 0 to 1.

    >>> [round(alike, 2) for alike in likeness(("the cat sat", "prices fell"), "the cat sat")]
    [1.0, 0.0]
    """
    return _known_likener(texts)(to)


@lru_cache(maxsize=8)
def _known_likener(texts: tuple[str, ...]) -> Callable[[str], list[float]]:
    return _likener(texts)


def _places(alike: Sequence[float]) -> list[int]:
    """Return the places of texts by how much each is alike, the most first."""
    return sorted(range(len(alike)), key=lambda place: -alike[place])


def _likener(texts: Sequence[str]) -> Callable[[str], list[float]]:
    """Return a function from a text to how much each of all texts is like it."""
    grams = [_grams(text) for text in texts]
    known = Counter(gram for own in grams for gram in own)

    def vector(own: Counter[str]) -> dict[str, float]:
        rare = {gram: math.log((1 + len(texts)) / (1 + known[gram])) + 1 for gram in own}
        raw = {gram: (1 + math.log(count)) * rare[gram] for gram, count in own.items()}
        length = math.hypot(*raw.values()) or 1.0
        return {gram: value / length for gram, value in raw.items()}

    vectors = [vector(own) for own in grams]

    def alike(text: str) -> list[float]:
        asked = vector(_grams(text))
        return [math.fsum(v * own.get(g, 0.0) for g, v in asked.items()) for own in vectors]

    return alike


def pieces(text: str) -> tuple[list[Any], Join]:
    """Return what a text consists of, and what makes a text of some of it again.

    >>> pieces("Rain. Sun.")[0], pieces("a\\nb. c")[0], pieces("[1, 2]")[0], pieces("a b")[0]
    (['Rain.', 'Sun.'], ['a', 'b. c'], [1, 2], ['a b'])
    """
    if text.lstrip()[:1] in ("[", "{"):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, list) and found:
            return found, lambda some: as_text(list(some))
        if isinstance(found, dict) and found:
            return [found], lambda some: as_text(some[0])
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1:
        return lines, "\n".join
    sentences = re.split(r"(?<=[.!?])\s+", text.strip())
    return (sentences if len(sentences) > 1 else [text]), " ".join


def _grams(text: str) -> Counter[str]:
    words = re.findall(r"\w+", text.casefold())
    plain = f" {' '.join(words)} "
    return Counter([*words, *(plain[i : i + _GRAM] for i in range(len(plain) - _GRAM + 1))])
