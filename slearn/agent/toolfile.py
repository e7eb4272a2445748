"""The tools of an agent file: written once at the top, named by the nodes that have them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from slearn.agent.document import Place
from slearn.agent.model import TOOL_CHOICES, Node, ToolCall
from slearn.engine import call_grammar, check_parameters
from slearn.errors import InputError
from slearn.tools import function_tool, tool_from_code
from slearn.values import Tool

_TOOL = ("name", "description", "parameters", "code", "function", "server")
_CALL = ("name", "arguments", "result", "ok")
_RUNS = _TOOL[3:]
SETTINGS = ("tools", "tool_choice", "max_calls")


def read_tools(place: Place, *, runs: bool = True) -> dict[str, Tool]:
    """Read the tools of an agent by name; the reverse of `write_tool`.

    What code or a function tells of itself need not be written: description and parameters. Those
    that a row brought are called and not run: they are as they came, without `runs`.
    """
    found: dict[str, Tool] = {}
    for entry in place.items("a list of tools"):
        tool = _read_tool(entry, runs)
        if tool.name in found:
            raise entry.fail(f"tools with different names, not {tool.name!r} twice")
        found[tool.name] = tool
    return found


def write_tool(tool: Tool) -> dict[str, Any]:
    """Return a tool as it stands in a file."""
    written: dict[str, Any] = {"name": tool.name}
    if tool.description:
        written["description"] = tool.description
    written["parameters"] = tool.parameters
    return {**written, **{kind: getattr(tool, kind) for kind in _RUNS if getattr(tool, kind)}}


def read_settings(fields: Mapping[str, Place], tools: Mapping[str, Tool]) -> dict[str, Any]:
    """Read which tools a node has, and how it uses them, as fields of a `Node`."""
    found: dict[str, Any] = {}
    if "tools" in fields:
        places = fields["tools"].items("a list of names of tools")
        found["tools"] = tuple(_named(place, tools) for place in places)
        names = [tool.name for tool in found["tools"]]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise places[index].fail(f"tools with different names, not {name!r} twice")
    if "tool_choice" in fields:
        found["tool_choice"] = fields["tool_choice"].one_of(TOOL_CHOICES)
    if "max_calls" in fields:
        found["max_calls"] = fields["max_calls"].integer(1, 100)
    return found


def write_settings(node: Node) -> dict[str, Any]:
    """Return which tools a node has, and how it uses them, as they stand in a file."""
    usual = Node("", ())
    settings = {name: getattr(node, name) for name in SETTINGS[1:]}
    changed = {name: value for name, value in settings.items() if value != getattr(usual, name)}
    named = {"tools": [tool.name for tool in node.tools]} if node.tools else {}
    return {**named, **changed}


def read_calls(place: Place) -> tuple[ToolCall, ...]:
    """Read the calls that a demonstration shows."""
    return tuple(_read_call(entry) for entry in place.items("a list of calls"))


def write_calls(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    """Return calls as they stand in a file."""
    return [
        {
            "name": call.name,
            "arguments": call.arguments,
            "result": call.result,
            **({} if call.ok else {"ok": False}),
        }
        for call in calls
    ]


def check_tool(tool: Tool) -> None:
    """Refuse a tool that could not stand in an agent file.

    >>> check_tool(Tool("now", server="python -m clock"))

    Raises InputError where no call of it could be written, and where nothing runs it.
    """
    if not tool.name:
        raise InputError("a tool has no name")
    if not any(getattr(tool, kind).strip() for kind in _RUNS):
        raise InputError(f"one of {', '.join(_RUNS)} is missing: nothing runs {tool.name!r}")
    check_parameters(tool)
    _check_call(tool)


def _check_call(tool: Tool) -> None:
    if any(letter in tool.name for letter in '"\\\n\r'):
        raise InputError("quotes and line breaks cannot stand in a tool's name")
    call_grammar([tool])


def _read_tool(place: Place, runs: bool) -> Tool:
    fields = place.fields(_TOOL)
    kinds = [kind for kind in _RUNS if kind in fields]
    if len(kinds) > 1:
        raise fields[kinds[1]].fail(f"one of {', '.join(_RUNS)}, not {kinds[0]} too")
    name = fields["name"].text() if "name" in fields else ""
    description = fields["description"].text() if "description" in fields else ""
    given = _read_parameters(fields["parameters"]) if "parameters" in fields else ""
    if not name and kinds != ["function"]:
        raise place.fail("`name`")
    try:
        told = Tool(name)
        if kinds == ["code"]:
            told = tool_from_code(fields["code"].text(), name, description)
            _same_names(given, told)
        elif kinds == ["function"] and not (name and given):
            told = function_tool(fields["function"].text(), description)
        tool = Tool(
            name or told.name,
            description or told.description,
            given or told.parameters,
            **{kind: fields[kind].text() for kind in kinds},
        )
        (check_tool if runs else _check_call)(tool)
    except InputError as problem:
        hint = f" ({problem.hint})" if problem.hint else ""
        raise place.fail(f"a tool that can be called: {problem.message}{hint}") from None
    return tool


def _same_names(given: str, told: Tool) -> None:
    """Raise InputError where parameters are given that are not those of the code."""
    if _names(given or "{}") not in (set(), _names(told.parameters)):
        names = ", ".join(sorted(_names(told.parameters))) or "nothing"
        raise InputError(f"its parameters are not those of its code, which takes {names}")


def _names(parameters: str) -> set[str]:
    found = json.loads(parameters).get("properties")
    return set(found) if isinstance(found, dict) else set()


def _read_parameters(place: Place) -> str:
    text, value = place.plain(), place.object("a JSON Schema of an object")
    return text if isinstance(text, str) else json.dumps(value, ensure_ascii=False)


def _named(place: Place, tools: Mapping[str, Tool]) -> Tool:
    name = place.text("a tool's name")
    if name not in tools:
        known = f"one of {', '.join(tools)}" if tools else "a tool that stands under `tools`"
        raise place.fail(f"{known}, not {name!r}")
    return tools[name]


def _read_call(place: Place) -> ToolCall:
    fields = place.fields(_CALL)
    for name in _CALL[:3]:
        if name not in fields:
            raise place.fail(f"`{name}`")
    arguments = json.dumps(fields["arguments"].object("a JSON object"), ensure_ascii=False)
    ok = fields["ok"].boolean() if "ok" in fields else True
    return ToolCall(fields["name"].text(), arguments, fields["result"].text(), ok)
