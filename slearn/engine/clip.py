"""Texts cut to a number of tokens."""

from __future__ import annotations

from collections.abc import Callable

Counter = Callable[[str], int]


def clip(value: str, tokens: int, count: Counter) -> str:
    """Cut a text in its middle so that it has at most so many tokens, and mark the cut.

    >>> clip("a b c d e f", 4, lambda text: len(text.split()))
    'a b … f'
    """
    # a token has a byte at least
    if len(value.encode("utf-8", "replace")) <= tokens or count(value) <= tokens:
        return value
    low, high = 0, min(len(value), tokens * 16)
    while low < high:  # the longest cut that fits
        size = (low + high + 1) // 2
        if count(_cut(value, size)) <= tokens:
            low = size
        else:
            high = size - 1
    return _cut(value, low)


def _cut(value: str, size: int) -> str:
    head = (size + 1) // 2
    tail = value[len(value) - (size - head) :] if size > head else ""
    return f"{value[:head].rstrip()} … {tail.lstrip()}".strip()
