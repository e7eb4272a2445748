"""Helpers: jobs that a small model does badly, and that a function of a line or two does well.

The model writes the code to a job's name, signature and purpose; the checks decide whether it may
run at all. Whether a job helps with a task is measured, never guessed: an agent has to read the
arguments out of its input, and what it cannot read no function mends.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from slearn.engine import ToolRequest
from slearn.optim.author import written
from slearn.optim.base import Proposal
from slearn.values import Tool, as_text

_DRAFTS = 2


@dataclass(frozen=True)
class Helper:
    """A job for a function: its name, signature, purpose, and checks of arguments and values.

    >>> HELPERS[0].examples()
    '>>> total([3, 1, 2])\\n6\\n>>> total([])\\n0'
    """

    name: str
    head: str
    purpose: str
    checks: tuple[tuple[dict[str, Any], Any], ...]

    def examples(self) -> str:
        """Return the checks as a model reads them."""
        return "\n".join(
            f">>> {self.name}({', '.join(map(repr, given.values()))})\n{value!r}"
            for given, value in self.checks
        )

    def requests(self, tool: Tool) -> list[ToolRequest]:
        """Return the calls that the checks make."""
        return [ToolRequest(tool, json.dumps(given)) for given, _ in self.checks]


HELPERS = (
    Helper(
        "total",
        "(counts: list[int]) -> int:",
        "Adds the counts.",
        (({"counts": [3, 1, 2]}, 6), ({"counts": []}, 0)),
    ),
    Helper(
        "evaluate",
        "(expression: str) -> float:",
        "Gives the value of an arithmetic expression, with eval.",
        (({"expression": "2 + 3 * 4"}, 14), ({"expression": "(10 - 4) / 4"}, 1.5)),
    ),
    Helper(
        "letters",
        "(word: str) -> list[str]:",
        "Gives the letters of a word, one by one.",
        (({"word": "Cat"}, ["C", "a", "t"]), ({"word": "a-b"}, ["a", "-", "b"])),
    ),
    Helper(
        "count",
        "(items: list[str]) -> int:",
        "Counts the items.",
        (({"items": ["a", "b", "a"]}, 3), ({"items": []}, 0)),
    ),
    Helper(
        "ordered",
        "(words: list[str]) -> list[str]:",
        "Sorts the words by the alphabet.",
        (({"words": ["pear", "fig", "apple"]}, ["apple", "fig", "pear"]),),
    ),
    Helper(
        "add_days",
        "(date: str, days: int) -> str:",
        "Gives the date so many days after a date, both as MM/DD/YYYY, with datetime.",
        (
            ({"date": "12/31/2020", "days": 1}, "01/01/2021"),
            ({"date": "03/01/2021", "days": -1}, "02/28/2021"),
        ),
    ),
)


def made(proposal: Proposal, job: Helper) -> Tool | None:
    """Return the tool that the model writes for a job, where it passes the job's checks.

    >>> # made(proposal, HELPERS[0]).name
    """
    values = {
        "task": job.purpose,
        "examples": job.examples(),
        "name": job.name,
        "head": job.head,
        "code": "",
        "failures": "",
    }
    tools = written(proposal, values, _DRAFTS)
    told = [replace(tool, description=job.purpose) for tool in tools]
    for tool in told:
        found = proposal.runner.run_tools(job.requests(tool))
        wanted = [as_text(value) for _, value in job.checks]
        if all(got.ok and same(got.text, want) for got, want in zip(found, wanted, strict=True)):
            return tool
    return None


def same(text: str, wanted: str) -> bool:
    """Say whether a result is the one that a check wants; 14.0 is 14.

    >>> same("14.0", "14"), same("a", "b")
    (True, False)
    """
    try:
        return text == wanted or float(text) == float(wanted)
    except ValueError:
        return False
