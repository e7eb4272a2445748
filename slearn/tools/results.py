"""Results of tools as the text that a model reads: cut where they are long."""

from __future__ import annotations

from typing import Any

from slearn.engine import ToolResult
from slearn.values import as_text

MOST = 2000  # characters of a result that a model gets to read


def result_of(value: Any) -> ToolResult:
    """Return a value, plain data, as a model reads it.

    >>> result_of(["a", 1]).text
    '["a", 1]'
    """
    return ToolResult(_cut(as_text(value)))


def failure(fault: str) -> ToolResult:
    """Return what went wrong as a model reads it, on one line.

    >>> failure("ZeroDivisionError: division by zero").text
    'error: ZeroDivisionError: division by zero'
    """
    return ToolResult(_cut("error: " + " ".join(fault.split())), ok=False)


def _cut(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= MOST else f"{text[:MOST]}… ({len(text)} characters)"
