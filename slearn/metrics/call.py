"""The metric `call`: the right function with acceptable arguments, and none where none fits."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, final

from slearn.metrics.base import Metric, targets_of, unreadable
from slearn.values import Example

_LIGHT = re.compile(r"[ ,./\-_*^]")
# Among the values of an argument: it may be left out. The empty text cannot say it, since a call
# may be meant to give just that; no value is written so, since what stands in an object is a list.
OPTIONAL = {"optional": True}


@final
class Call(Metric):
    """Scores calls of functions, as the Berkeley Function Calling Leaderboard does.

    Names must be the same, and every argument one of its acceptable values; with
    `{"optional": true}` among these it may be left out. Strings are compared without case, spaces
    and light punctuation, numbers by value. Several calls may come in any order.

    >>> spec = '[{"sum": {"a": [3], "b": [4, {"optional": true}]}}]'
    >>> Call().score('{"name": "sum", "arguments": {"a": 3.0}}', Example("1", {}, calls=spec))
    1.0
    """

    name = "call"

    def score(self, answer: str, example: Example) -> float:
        """Return 1.0 for acceptable calls and 0.0 for others; DataError where no target is one."""
        made = calls_in(answer)
        if made is None:
            return 0.0
        if example.calls is not None:
            return float(_same(made, json.loads(example.calls)))
        texts = targets_of(example, self.name)
        wanted = [one for one in map(calls_in, texts) if one is not None]
        if not wanted:
            raise unreadable(example, texts[0], "no call", self.name)
        return float(any(_same(made, _exactly(one)) for one in wanted))


def calls_in(answer: str) -> list[tuple[str, Mapping[str, Any]]] | None:
    """Return the calls that an answer makes, [] where it says `none`, None where it is no call.

    >>> calls_in("none"), calls_in("so be it")
    ([], None)
    """
    if answer.strip() in ("none", ""):
        return []
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    calls: list[tuple[str, Mapping[str, Any]]] = []
    for call in found if isinstance(found, list) else [found]:
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            return None
        arguments = call.get("arguments", {})
        if not isinstance(arguments, dict):
            return None
        calls.append((call["name"], arguments))
    return calls


def _exactly(calls: list[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {name: {key: [exactly(value)] for key, value in given.items()}} for name, given in calls
    ]


def exactly(value: Any) -> Any:
    """Return a value as the only acceptable one: what stands in an object has alternatives.

    >>> exactly({"ids": [1, 2]})
    {'ids': [[1, 2]]}
    """
    if isinstance(value, Mapping):
        return {key: [exactly(inner)] for key, inner in value.items()}
    return [exactly(one) for one in value] if isinstance(value, list) else value


def _same(
    made: Sequence[tuple[str, Mapping[str, Any]]], wanted: Sequence[Mapping[str, Any]]
) -> bool:
    if len(made) != len(wanted):
        return False
    owner: dict[int, int] = {}  # which call has which of the wanted ones: a matching, by Kuhn

    def place(call: int, seen: set[int]) -> bool:
        for other in range(len(wanted)):
            if other in seen or not _fits(made[call], wanted[other]):
                continue
            seen.add(other)
            if other not in owner or place(owner[other], seen):
                owner[other] = call
                return True
        return False

    return all(place(call, set()) for call in range(len(made)))


def _fits(call: tuple[str, Mapping[str, Any]], wanted: Mapping[str, Any]) -> bool:
    name, arguments = call
    if name not in wanted:
        return False
    return _given(arguments, wanted[name])


def _given(arguments: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Say whether every argument is acceptable, and none is missing that may not be."""
    if any(name not in wanted for name in arguments):
        return False
    for name, values in wanted.items():
        values = values if isinstance(values, list) else [values]
        if name not in arguments:
            if OPTIONAL not in values:
                return False
        elif not any(_equal(arguments[name], one) for one in values if one != OPTIONAL):
            return False
    return True


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(value, int | float) and isinstance(wanted, int | float):
        try:
            return math.isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-12)
        except OverflowError:  # an integer that no float can hold
            return value == wanted
    if isinstance(value, str) and isinstance(wanted, str):
        return _light(value) == _light(wanted)
    if isinstance(value, list) and isinstance(wanted, list):
        return len(value) == len(wanted) and all(map(_equal, value, wanted))
    if isinstance(value, Mapping) and isinstance(wanted, Mapping):
        return _given(value, wanted)
    return bool(value == wanted)


def _light(text: str) -> str:
    return _LIGHT.sub("", text).casefold().replace("'", '"')
