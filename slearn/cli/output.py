"""What commands write: JSON for programs, lines and tables for people, always on their streams.

Results go to stdout, everything else to stderr; control characters that came with data or names
never reach a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click


def say(text: str) -> None:
    """Write one line on stderr, whatever the text holds.

    >>> say("run r1")
    """
    click.echo(one_line(text), err=True)


def emit(value: Any) -> None:
    """Write a JSON value as one line on stdout.

    >>> emit({"score": 0.5})
    {"score": 0.5}
    """
    click.echo(json.dumps(value, ensure_ascii=False))


def one_line(text: str) -> str:
    r"""Return a text as one line without control characters.

    >>> one_line("two\nlines\x1b[2J")
    'two lines [2J'
    """
    return " ".join(visible(text).split())


def visible(text: str) -> str:
    r"""Return a text as one line without control characters, and with all its spaces.

    >>> visible("if x:\n    y")
    'if x:     y'
    """
    return "".join(char if char.isprintable() else " " for char in text)


def shorten(text: str, length: int = 100) -> str:
    """Return a text as one line of at most `length` characters.

    >>> shorten("a long story", 8)
    'a long …'
    """
    line = one_line(text)
    return line if len(line) <= length else line[: length - 1] + "…"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as an aligned table under their names; None shows as a dash.

    >>> print(table([{"run": "r1", "after": 0.5}, {"run": "r10", "after": None}]))
    run  after
    r1   0.500
    r10  -
    """
    if not rows:
        return ""
    cells = [list(rows[0]), *([cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)
    return "\n".join(lines)


def cell(value: Any) -> str:
    """Return a value as a table shows it.

    >>> cell(0.25), cell(None), cell("a")
    ('0.250', '-', 'a')
    """
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else one_line(str(value))


def figure(value: Any) -> str:
    """Return a score with its interval and n, as results hold them.

    >>> figure({"score": 0.5, "n": 24, "low": 0.31, "high": 0.69})
    '0.500 (n 24, 95% interval 0.310 to 0.690)'
    """
    if not isinstance(value, Mapping):
        return cell(value)
    low, high = cell(value.get("low")), cell(value.get("high"))
    return f"{cell(value.get('score'))} (n {value.get('n')}, 95% interval {low} to {high})"


def score_of(value: Any) -> float | None:
    """Return the number in a score, with an interval around it or not.

    >>> score_of({"score": 0.5, "n": 2}), score_of(None)
    (0.5, None)
    """
    return value.get("score") if isinstance(value, Mapping) else value
