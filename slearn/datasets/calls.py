"""Rows that bring functions, and targets that are calls of them.

Functions are described as everywhere (name, description, parameters; OpenAI's wrapping too). A
target is a list of calls: `{"name": …, "arguments": {…}}`, or as the Berkeley Function Calling
Leaderboard writes them, `{name: {argument: [acceptable values]}}`, "" in that list meaning that it
may be left out. An empty list means that no function fits, and the answer is `none`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import Any

from slearn.agent import NO_CALL
from slearn.engine import call_grammar, parameters_of
from slearn.errors import DataError, InputError
from slearn.metrics import OPTIONAL, exactly
from slearn.values import Tool, as_text

_MOST = 8  # ways to write a target
Spec = list[dict[str, dict[str, list[Any]]]]


def functions_of(value: Any, where: str) -> tuple[Tool, ...]:
    """Return the functions that a row brings.

    >>> functions_of([{"name": "now", "description": "Tells the time."}], "row 1")[0].name
    'now'

    Raises DataError, with `where`, for anything else than a list of described functions.
    """
    found = _parsed(value)
    entries = found if isinstance(found, list) else [found]
    tools = []
    for entry in entries:
        entry = entry.get("function", entry) if isinstance(entry, Mapping) else entry
        if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
            raise DataError("functions are a list of objects with a name", where=where)
        parameters = entry.get("parameters") or entry.get("input_schema") or {}
        told = as_text(parameters)
        tools.append(Tool(entry["name"], as_text(entry.get("description") or ""), told))
    try:
        call_grammar(tools)
    except InputError as error:
        fault = f"{error.where}: {error.message}" if error.where else error.message
        raise DataError(fault, where=where) from None
    return tuple(tools)


def calls_of(value: Any, tools: tuple[Tool, ...], read: str, where: str) -> tuple[list[str], str]:
    """Return a target as the texts that an agent may write, and all acceptable calls as JSON.

    >>> tools = (Tool("sum", parameters='{"properties": {"a": {"type": "integer"}}}'),)
    >>> calls_of([{"sum": {"a": [3, 4]}}], tools, "3?", "row 1")
    (['{"name": "sum", "arguments": {"a": 3}}', '{"name": "sum", "arguments": {"a": 4}}'], '[{"sum": {"a": [3, 4]}}]')

    `read` is what the agent reads: an argument that may be left out is first written where its
    value stands there. Raises DataError for a target that is no list of calls.
    """  # noqa: E501
    spec = [_spec(call, where) for call in _calls(value, where)]
    written = json.dumps(spec, ensure_ascii=False)
    if not spec:
        return [NO_CALL], written
    ways = [list(islice(_texts(*_called(call, tools, where), read), _MOST)) for call in spec]
    if len(ways) > 1:  # no grammar lets an agent say it, but the row has a target
        return [f"[{', '.join(texts[0] for texts in ways)}]"], written
    return ways[0], written


def _called(
    call: dict[str, dict[str, list[Any]]], tools: tuple[Tool, ...], where: str
) -> tuple[Tool, dict[str, list[Any]]]:
    """Return the tool that a call calls, and its arguments; DataError where they do not fit."""
    ((name, arguments),) = call.items()
    tool = next((tool for tool in tools if tool.name == name), None)
    if tool is None:
        raise DataError(f"its target calls {name!r}, which the row does not bring", where=where)
    known = parameters_of(tool)["properties"]
    for argument, values in arguments.items():
        if argument not in known:
            fault = f"its target gives {argument!r}, which {name!r} does not take"
            raise DataError(fault, where=where)
        if not values:
            raise DataError(f"its target allows {argument!r} no value", where=where)
    return tool, arguments


def _calls(value: Any, where: str) -> list[Mapping[str, Any]]:
    found = _parsed(value)
    if found is None or found == NO_CALL:
        found = []
    found = found if isinstance(found, list) else [found]
    if not all(isinstance(call, Mapping) and call for call in found):
        raise DataError(f"a target is a list of calls, found {as_text(value)[:60]}", where=where)
    return found


def _spec(call: Mapping[str, Any], where: str) -> dict[str, dict[str, list[Any]]]:
    """Return a call with the acceptable values of each argument."""
    call = call.get("function", call) if isinstance(call.get("function"), Mapping) else call
    if isinstance(call.get("name"), str) and ("arguments" in call or len(call) == 1):
        arguments = _parsed(call.get("arguments") or {})
        if isinstance(arguments, Mapping):
            return {call["name"]: {str(key): [exactly(one)] for key, one in arguments.items()}}
    if len(call) == 1:
        ((name, arguments),) = call.items()
        if isinstance(arguments, Mapping):
            return {str(name): {str(key): _values(given) for key, given in arguments.items()}}
    raise DataError(f"a target is a list of calls, found {as_text(call)[:60]}", where=where)


def _values(given: Any) -> list[Any]:
    """Return the acceptable values of an argument; one that is no list is the only one."""
    if not isinstance(given, list):
        return [_inside(given)]
    values = [_inside(one) for one in given]
    return [*values, OPTIONAL] if "" in values else values


def _inside(value: Any) -> Any:
    """Return an acceptable value in which all that stands in an object has a list of values."""
    if isinstance(value, Mapping):
        return {str(key): _values(given) for key, given in value.items()}
    return [_inside(one) for one in value] if isinstance(value, list) else value


def _texts(tool: Tool, arguments: Mapping[str, list[Any]], read: str) -> Iterator[str]:
    """Yield the ways to write a call, the likeliest first, as the grammar orders arguments."""
    known = parameters_of(tool)
    left = known.get("x-optional", ())
    names = [name for name in known["properties"] if name in arguments]
    names.sort(key=lambda name: name in left)
    ways = [_ways(arguments[name], known["properties"][name], read, name in left) for name in names]
    seen = set()
    for chosen in product(*ways):
        given = {name: one[0] for name, one in zip(names, chosen, strict=True) if one}
        inner = json.dumps(given, ensure_ascii=False)
        text = f'{{"name": {json.dumps(tool.name, ensure_ascii=False)}, "arguments": {inner}}}'
        if text not in seen:
            seen.add(text)
            yield text


def _ways(
    values: list[Any], kind: Mapping[str, Any], read: str, optional: bool
) -> list[tuple[Any, ...]]:
    """Return the ways to give one argument: a value, or () for leaving it out."""
    free = OPTIONAL in values
    given = [one for one in values if not (free and one in ("", OPTIONAL))]
    ways: list[tuple[Any, ...]] = [(_plain(one, kind),) for one in given]
    if not (free and optional):
        return ways or [("",)]
    said = bool(ways) and as_text(ways[0][0]).lower() in read.lower()
    return [*ways, ()] if said else [(), *ways]


def _plain(value: Any, kind: Mapping[str, Any]) -> Any:
    """Return an acceptable value with the acceptable values inside it settled: the first counts."""
    if isinstance(value, Mapping):
        kind = _option(kind, "object")
        known, left = kind.get("properties", {}), kind.get("x-optional", ())
        names = [*filter(value.__contains__, known), *(name for name in value if name not in known)]
        first = {name: value[name][0] for name in names if value[name]}
        return {
            name: _plain(first[name], known.get(name, kind.get("x-values", {})))
            for name in sorted(first, key=lambda name: name in left)
            if first[name] != "" or OPTIONAL not in value[name]
        }
    if isinstance(value, list):
        inner = _option(kind, "array").get("items", {})
        return [_plain(one, inner) for one in value]
    whole = isinstance(value, float) and value.is_integer() and kind.get("type") == "integer"
    return int(value) if whole else value


def _option(kind: Mapping[str, Any], wanted: str) -> Mapping[str, Any]:
    """Return the option of a schema that is of the wanted type, or the schema itself."""
    return next((one for one in kind.get("anyOf", ()) if one.get("type") == wanted), kind)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value.strip() or None
