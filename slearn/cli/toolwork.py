"""What `slearn tool` does: reads tools from agents and Python files, runs and writes them."""

from __future__ import annotations

import ast
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from slearn.agent import Agent, Node, check_tool, signature
from slearn.cli.history import check_out, write_agent
from slearn.cli.output import say
from slearn.cli.sources import Source
from slearn.engine import ToolRequest, parameters_of, standard_schema
from slearn.errors import InputError
from slearn.tools import Toolbox, function_tool, left_out, server_tools, tools_in
from slearn.values import Tool


def tools_of(file: Path) -> list[Tool]:
    """Return the tools of an agent file or directory, or the functions of a Python file.

    >>> [tool.name for tool in tools_of(Path("tools.py"))]  # doctest: +SKIP
    ['double']

    Raises InputError for a file that cannot be read or is no Python.
    """
    if file.suffix != ".py":
        return list(Source.open(file).agent.tools)
    code = _code(file)
    for name, why in left_out(code, str(file)).items():
        say(f"warning: {file}: {name!r} is left out, it {why}")
    return tools_in(code, str(file))


def find_tool(file: Path, name: str) -> Tool:
    """Return a tool of a file by its name; InputError with the names where there is none."""
    code = _code(file) if file.suffix == ".py" else ""
    tools = tools_in(code, str(file)) if code else tools_of(file)
    for tool in tools:
        if tool.name == name:
            return tool
    if why := left_out(code, str(file)).get(name):
        hint = "a plain def whose arguments are named is one"
        raise InputError(f"{name!r} can be no tool, it {why}", where=str(file), hint=hint)
    known = ", ".join(tool.name for tool in tools) or "none"
    raise InputError(f"no tool {name!r}", where=str(file), hint=f"the tools are: {known}")


def _code(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(file)) from None
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}", where=str(file)) from None


def run_tool(file: Path, name: str, arguments: str, sandbox: str) -> dict[str, Any]:
    """Run a tool by hand and return `ok`, `value`, `error` and `seconds`.

    >>> run_tool(Path("tools.py"), "double", '{"n": 4}', "monty")["value"]  # doctest: +SKIP
    8

    Raises InputError for arguments that are no JSON object or not the tool's, and where nothing
    here can run it.
    """
    tool = find_tool(file, name)
    given = _arguments(tool, arguments)
    with Toolbox(sandbox) as box:
        box.check([tool], str(file))
        return box.outcome(ToolRequest(tool, given)).as_json()


def _arguments(tool: Tool, text: str) -> str:
    """Return arguments as canonical JSON; refuse what is no object and what the tool lacks."""
    known = parameters_of(tool)
    shape = "{" + ", ".join(f'"{name}": …' for name in known["properties"]) + "}"
    hint = f"a JSON object: {shape}"
    value = _read(text, hint)
    unknown = [name for name in value if name not in known["properties"]]
    left = known.get("x-optional", ())
    missing = [n for n in known["properties"] if n not in value and n not in left]
    if unknown or missing:
        fault = f"takes no {unknown[0]!r}" if unknown else f"needs {missing[0]!r}"
        raise InputError(fault, where=f"tool {tool.name!r}", hint=hint)
    if fault := _misfit(tool, value):
        raise InputError(fault, where=f"tool {tool.name!r}", hint=hint)
    return json.dumps(value, ensure_ascii=False)


def _read(text: str, hint: str) -> dict[str, Any]:
    """Return the object that --args is; InputError with the hint where it is none."""

    def held(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        twice = [name for name, n in Counter(name for name, _ in pairs).items() if n > 1]
        if twice:
            raise InputError(f"--args names {twice[0]!r} twice", hint=hint)
        return dict(pairs)

    def odd(name: str) -> Any:
        raise InputError(f"--args holds {name}, which is no JSON", hint=hint)

    try:
        value = json.loads(text, object_pairs_hook=held, parse_constant=odd)
    except (json.JSONDecodeError, RecursionError):
        value = None
    except ValueError:  # Python reads no longer ones
        most = sys.get_int_max_str_digits()
        raise InputError(f"--args holds a number of more than {most:,} digits") from None
    if not isinstance(value, dict):
        raise InputError("--args is no JSON object", hint=hint)
    return value


def _misfit(tool: Tool, value: Mapping[str, Any]) -> str:
    """Return which argument is not of its type, as the tool's schema has it; '' where all are."""
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.exceptions import best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    schema = standard_schema(json.loads(tool.parameters))
    try:
        Draft202012Validator.check_schema(schema)
        checked = Draft202012Validator(schema, registry=Registry())  # one that fetches nothing
        fault = best_match(checked.iter_errors(dict(value)))
    except SchemaError as problem:  # a model calls it by what could be read of it
        return f"its parameters are no JSON Schema: {problem.message[:120]}"
    except Unresolvable as problem:
        return f"its parameters refer to what they lack: {problem.ref[:120]}"
    except RecursionError:
        return "its parameters refer to themselves without end"
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
        hint = f"it runs {tool.function or tool.server}"
        raise InputError(f"the tool {name!r} has no code", hint=hint)
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
    try:
        last = source.agent.node(node) if node else source.agent.last
        changed = _with_tools(source.agent, last, tools)
    except InputError as fault:
        raise InputError(fault.message, where=str(source.path), hint=fault.hint) from None
    write_agent(changed, source.path)
    return {"file": str(source.path), "node": last.name, "tools": [tool.name for tool in tools]}


def _with_tools(agent: Agent, to: Node, tools: Sequence[Tool]) -> Agent:
    """Return the agent with tools given to a node, in the place of its own of the same names."""
    mine = {tool.name: tool for tool in tools}
    for node in agent.nodes:
        for tool in node.tools:
            if node.name != to.name and mine.get(tool.name, tool) != tool:
                hint = f"rename one of the two, or take it from {node.name!r} in the file"
                raise InputError(f"node {node.name!r} has another tool {tool.name!r}", hint=hint)
    kept = tuple(tool for tool in to.tools if tool.name not in mine)
    spare = tuple(tool for tool in agent.spare if tool.name not in mine)
    changed = replace(agent, spare=spare)  # first, so that no name stands twice
    return changed.with_node(replace(to, tools=(*kept, *tools)))


def _given(
    file: Path | None, name: str | None, function: str | None, server: str | None
) -> Sequence[Tool]:
    """Return the tools that are to be added; InputError for what an agent file cannot hold."""
    if function is not None:
        tools = [function_tool(function)]
        tools = [replace(tools[0], name=name)] if name is not None else tools
    elif server is not None:
        tools = [tool for tool in server_tools(server) if name in (None, tool.name)]
    else:
        assert file is not None
        tools = tools_of(file) if name is None else [find_tool(file, name)]
    if not tools:
        raise InputError("there is no tool", where=str(file or server))
    for tool in tools:
        try:
            check_tool(tool)
        except InputError as fault:
            place = fault.where or f"tool {tool.name!r}"
            where = f"{file or function or server}: {place}"
            raise InputError(fault.message, where=where, hint=fault.hint) from None
    return tools
