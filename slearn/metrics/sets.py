"""The metric for answers that are lists whose order does not matter."""

from __future__ import annotations

import json
import re
from typing import final

from slearn.metrics.base import TargetMetric
from slearn.metrics.text import bare
from slearn.values import as_text

_SEPARATOR = re.compile(r"[,;\n、，；]")
_BULLET = re.compile(r"\s*(?:[-*•]|\d{1,3}[.)])\s+")


@final
class Set(TargetMetric):
    """Scores the F1 over the items of answer and target; 1 only where the sets are equal.

    Items stand in a JSON list, or between commas, semicolons or line breaks (bullets are
    ignored), and compare as `choice` does. Repeated items count once.

    >>> Set().compare("pear, Apple", '["apple", "pear"]'), Set().compare("apple", "apple; pear")
    (1.0, 0.6666666666666666)
    """

    name = "set"

    def compare(self, answer: str, target: str) -> float:
        """Compare the two sets of items."""
        given, wanted = _items(answer), _items(target)
        if not given and not wanted:
            return 1.0
        return 2 * len(given & wanted) / (len(given) + len(wanted))


def _items(text: str) -> frozenset[str]:
    text = text.strip()
    parts = _json_list(text)
    if parts is None:
        if text[:1] + text[-1:] in ("[]", "{}"):  # a list as Python or mathematics writes it
            text = text[1:-1]
        parts = [_BULLET.sub("", part, count=1) for part in _SEPARATOR.split(text)]
    return frozenset(item for item in map(bare, parts) if item)


def _json_list(text: str) -> list[str] | None:
    if not text.startswith("["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return [as_text(item) for item in value] if isinstance(value, list) else None
