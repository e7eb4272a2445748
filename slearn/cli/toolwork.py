"""What `slearn tool` does: reads tools from agents and Python files, runs and writes them."""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from slearn.agent import signature
from slearn.cli.history import check_out, write_agent
from slearn.cli.output import say
from slearn.cli.sources import Source
from slearn.engine import ToolRequest, parameters_of
from slearn.errors import InputError
from slearn.tools import Toolbox, function_tool, server_tools, tools_in
from slearn.values import Tool


def tools_of(file: Path) -> list[Tool]:
    """Return the tools of an agent file or directory, or the functions of a Python file.

    >>> [tool.name for tool in tools_of(Path("tools.py"))]  # doctest: +SKIP
    ['double']

    Raises InputError for a file that cannot be read or is no Python.
    """
    if file.suffix != ".py":
        return list(Source.open(file).agent.tools)
    try:
        code = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(file)) from None
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}", where=str(file)) from None
    return tools_in(code, str(file))


def find_tool(file: Path, name: str) -> Tool:
    """Return a tool of a file by its name; InputError with the names where there is none."""
    tools = tools_of(file)
    for tool in tools:
        if tool.name == name:
            return tool
    known = ", ".join(tool.name for tool in tools) or "none"
    raise InputError(f"no tool {name!r}", where=str(file), hint=f"the tools are: {known}")


def run_tool(file: Path, name: str, arguments: str, sandbox: str) -> dict[str, Any]:
    """Run a tool by hand and return `ok`, `value`, `error` and `seconds`.

    >>> run_tool(Path("tools.py"), "double", '{"n": 4}', "monty")["value"]  # doctest: +SKIP
    8

    Raises InputError for arguments that are no JSON object or not the tool's.
    """
    tool = find_tool(file, name)
    with Toolbox(sandbox) as box:
        return box.outcome(ToolRequest(tool, _arguments(tool, arguments))).as_json()


def _arguments(tool: Tool, text: str) -> str:
    """Return arguments as canonical JSON; refuse what is no object and what the tool lacks."""
    shape = "{" + ", ".join(f'"{name}": …' for name in parameters_of(tool)["properties"]) + "}"
    hint = f"a JSON object: {shape}"
    twice: list[str] = []

    def held(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        twice.extend(name for name, n in Counter(name for name, _ in pairs).items() if n > 1)
        return dict(pairs)

    try:
        value = json.loads(text, object_pairs_hook=held)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InputError("--args is no JSON object", hint=hint)
    if twice:
        raise InputError(f"--args names {twice[0]!r} twice", hint=hint)
    known = parameters_of(tool)
    unknown = [name for name in value if name not in known["properties"]]
    left = known.get("x-optional", ())
    missing = [n for n in known["properties"] if n not in value and n not in left]
    if unknown or missing:
        fault = f"takes no {unknown[0]!r}" if unknown else f"needs {missing[0]!r}"
        raise InputError(fault, where=f"tool {tool.name!r}", hint=hint)
    if fault := _misfit(tool, value):
        raise InputError(fault, where=f"tool {tool.name!r}", hint=hint)
    return json.dumps(value, ensure_ascii=False)


def _misfit(tool: Tool, value: Mapping[str, Any]) -> str:
    """Return which argument is not of its type, as the tool's schema has it; '' where all are."""
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.exceptions import best_match

    schema = json.loads(tool.parameters)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as problem:  # a model calls it by what could be read of it
        return f"its parameters are no JSON Schema: {problem.message[:120]}"
    fault = best_match(Draft202012Validator(schema).iter_errors(dict(value)))
    return f"argument {fault.json_path.removeprefix('$.')}: {fault.message[:160]}" if fault else ""


def tool_rows(file: Path) -> list[dict[str, Any]]:
    """Return a line for each tool of a file, with the nodes that have it."""
    nodes = Source.open(file).agent.nodes if file.suffix != ".py" else ()
    return [
        {
            "name": tool.name,
            "runs": next((k for k in ("code", "function", "server") if getattr(tool, k)), None),
            "nodes": ", ".join(node.name for node in nodes if tool in node.tools) or None,
            "description": tool.description,
        }
        for tool in tools_of(file)
    ]


def tool_body(file: Path, name: str) -> dict[str, Any]:
    """Return all that a tool is, and how a model reads it."""
    tool = find_tool(file, name)
    body = asdict(tool) | {"parameters": json.loads(tool.parameters)}
    return {**body, "signature": signature(tool)}


def export_tool(file: Path, name: str, out: Path) -> None:
    """Write a tool's code to a Python file; InputError where it has none."""
    tool = find_tool(file, name)
    if not tool.code:
        runs = tool.function or tool.server
        raise InputError(f"the tool {name!r} has no code", hint=f"it runs {runs}" if runs else "")
    check_out(out)
    documented = ast.get_docstring(ast.parse(tool.code)) is not None  # exported once before
    said = signature(tool).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    head = f'"""{said[:-1]}\\""""\n\n' if said.endswith('"') else f'"""{said}"""\n\n'
    try:
        out.write_text(("" if documented else head) + tool.code.rstrip() + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(out)) from None
    say(f"wrote {out}")


def add_tools(
    agent: Path,
    file: Path | None,
    name: str | None,
    function: str | None,
    server: str | None,
    node: str | None,
) -> dict[str, Any]:
    """Give tools to a node of an agent and write its file anew; return what was given to whom."""
    if sum(given is not None for given in (file, function, server)) != 1:
        raise InputError("give one of --file, --function and --server")
    source = Source.open(agent)
    tools = _given(file, name, function, server)
    last = source.agent.node(node) if node else source.agent.last
    mine = {tool.name for tool in tools}
    kept = tuple(tool for tool in last.tools if tool.name not in mine)
    spare = tuple(tool for tool in source.agent.spare if tool.name not in mine)
    changed = replace(source.agent, spare=spare)  # first, so that no name stands twice
    write_agent(changed.with_node(replace(last, tools=(*kept, *tools))), source.path)
    return {"file": str(source.path), "node": last.name, "tools": [tool.name for tool in tools]}


def _given(
    file: Path | None, name: str | None, function: str | None, server: str | None
) -> Sequence[Tool]:
    if function is not None:
        return [function_tool(function)]
    if server is not None:
        tools = server_tools(server)
    else:
        assert file is not None
        tools = [find_tool(file, name)] if name else tools_of(file)
    if name is not None:
        tools = [tool for tool in tools if tool.name == name]
    if not tools:
        raise InputError("there is no tool", where=str(file or server))
    return tools
