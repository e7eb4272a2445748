"""Agent files: one readable YAML file an agent, that round-trips without loss.

What training produces is the same file, and nothing else is needed to run it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from slearn.agent.contract import DECIDE, TYPES, Contract, Field
from slearn.agent.document import Place, read_document, write_document
from slearn.agent.flow import Flow
from slearn.agent.flowfile import read_flow, write_flow
from slearn.agent.model import LAYOUTS, Agent, Demo, Node, Role
from slearn.agent.toolfile import (
    SETTINGS,
    read_calls,
    read_settings,
    read_tools,
    write_calls,
    write_settings,
    write_tool,
)
from slearn.errors import AgentFileError, InputError
from slearn.values import Tool, digest

VERSION = 1
_FIELD = (
    "name", "type", "choices", "decide", "bias", "abstain", "pattern", "schema", "max_chars",
    "max_tokens", "multiline",
)  # fmt: skip
_NODE = (
    "name", "instructions", "inputs", "output", "writes", "roles", "rounds", "demos", "nearest",
    "layout",
    *SETTINGS,
)  # fmt: skip
_AGENT = ("slearn", "name", "metric", "nodes", "flow", "tools")


def load_agent(path: Path | str) -> Agent:
    """Read an agent file.

    >>> # load_agent("agent.yaml").node("answer").instructions

    Raises AgentFileError naming file, line and what was expected.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as problem:
        raise AgentFileError(f"cannot be read: {problem.strerror}", where=str(path)) from None
    except UnicodeDecodeError as problem:
        raise AgentFileError(f"not UTF-8 at byte {problem.start}", where=str(path)) from None
    return agent_from_text(text, str(path))


def save_agent(agent: Agent, path: Path | str) -> None:
    """Write an agent file, whole or not at all; a link stays one, and a pipe is written to."""
    target = Path(path)
    if target.exists() and not target.is_file() and not target.is_dir():  # never in its place
        target.write_text(agent_to_text(agent), encoding="utf-8")
        return
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + f".{os.getpid()}.tmp")
    try:
        partial.write_text(agent_to_text(agent), encoding="utf-8")
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def agent_from_text(text: str, file: str = "agent") -> Agent:
    """Read an agent from YAML text; the reverse of `agent_to_text`."""
    root = read_document(text, file)
    fields = root.fields(_AGENT)
    if "slearn" not in fields:
        raise root.fail("a line `slearn: 1`, the version of the format")
    if fields["slearn"].text() != str(VERSION):
        raise fields["slearn"].fail(f"{VERSION}, the only version this program knows")
    if "nodes" not in fields:
        raise root.fail("`nodes`")
    tools = read_tools(fields["tools"]) if "tools" in fields else {}
    places = fields["nodes"].items("a list of nodes")
    if not places:
        raise fields["nodes"].fail("at least one node")
    nodes = tuple(_read_node(place, tools) for place in places)
    used = {tool for node in nodes for tool in node.tools}
    flow = Flow(tuple(node.name for node in nodes))
    if "flow" in fields:
        flow = read_flow(fields["flow"])
    try:
        return Agent(
            name=fields["name"].text() if "name" in fields else "agent",
            nodes=nodes,
            flow=flow,
            metric=fields["metric"].text() if "metric" in fields else "exact",
            spare=tuple(tool for tool in tools.values() if tool not in used),
        )
    except AgentFileError:
        raise
    except InputError as problem:
        raise fields.get("flow", fields["nodes"]).fail(
            f"nodes and a flow that fit together: {problem.message}"
        ) from None


def agent_to_text(agent: Agent) -> str:
    """Write an agent as YAML text."""
    known = vars(agent)  # an agent never changes, so its text is written once and kept with it
    if "_text" not in known:
        known["_text"] = write_document(
            {
                "slearn": VERSION,
                "name": agent.name,
                "metric": agent.metric,
                "nodes": [_write_node(node) for node in agent.nodes],
                "flow": write_flow(agent.flow),
                **({"tools": [write_tool(tool) for tool in agent.tools]} if agent.tools else {}),
            }
        )
    return str(known["_text"])


def _read_node(place: Place, tools: Mapping[str, Tool]) -> Node:
    fields = place.fields(_NODE)
    if "name" not in fields:
        raise place.fail("`name`")
    name = fields["name"].text()
    if not name:
        raise fields["name"].fail("a name that is not empty")
    if "instructions" not in fields:
        raise place.fail(f"`instructions` of node {name!r}, a list of lines")
    inputs = fields["inputs"].texts() if "inputs" in fields else ("input",)
    if not inputs:
        raise fields["inputs"].fail("at least one input")
    if len(set(inputs)) < len(inputs):
        raise fields["inputs"].fail("different inputs")
    contract = _read_contract(fields["output"]) if "output" in fields else Contract()
    demos = fields["demos"].items("a list of demos") if "demos" in fields else []
    settings = read_settings(fields, tools)
    if settings.get("tools") and any(field.name == "call" for field in contract.fields):
        raise fields["output"].fail("no field named 'call' in a node with tools")
    return Node(
        name=name,
        instructions=fields["instructions"].texts("a list of lines"),
        inputs=inputs,
        output=contract,
        demos=tuple(_read_demo(demo, inputs, contract) for demo in demos),
        layout=fields["layout"].one_of(LAYOUTS) if "layout" in fields else LAYOUTS[0],
        writes=fields["writes"].text() if "writes" in fields else "",
        roles=_read_roles(fields["roles"]) if "roles" in fields else (),
        rounds=fields["rounds"].integer(1, 20) if "rounds" in fields else 1,
        nearest=fields["nearest"].integer(1, 100) if "nearest" in fields else 0,
        **settings,
    )


def _read_roles(place: Place) -> tuple[Role, ...]:
    roles = []
    for each in place.items("a list of roles"):
        fields = each.fields(("name", "says"))
        for name in ("name", "says"):
            if name not in fields:
                raise each.fail(f"`{name}`")
        roles.append(Role(fields["name"].text(), fields["says"].text()))
    if len({role.name for role in roles}) < len(roles):
        raise place.fail("roles with different names")
    return tuple(roles)


def _read_demo(place: Place, inputs: tuple[str, ...], contract: Contract) -> Demo:
    fields = place.fields(("inputs", "output", "source", "choices", "functions", "calls"))
    values: dict[str, dict[str, str]] = {}
    wanted = {"inputs": inputs, "output": tuple(field.name for field in contract.fields)}
    for part, names in wanted.items():
        if part not in fields:
            raise place.fail(f"`{part}` with {', '.join(names)}")
        given = fields[part].fields(names)
        for name in names:
            if name not in given:
                raise fields[part].fail(f"a value for {name!r}")
        values[part] = {name: given[name].text() for name in names}
    source = fields["source"].text() if "source" in fields else ""
    choices = fields["choices"].texts() if "choices" in fields else None
    for field, name in zip(contract.fields, names[1:], strict=False):  # names are the output's
        lines = values["output"][field.name].splitlines()
        if field.multiline and any(line.startswith(f"{name}:") for line in lines):
            raise fields["output"].fail(f"no line in {field.name!r} that begins with '{name}:'")
    calls = read_calls(fields["calls"]) if "calls" in fields else ()
    functions = None
    if "functions" in fields:
        functions = tuple(read_tools(fields["functions"], runs=False).values())
    return Demo(values["inputs"], values["output"], source, choices, functions, calls)


def _read_contract(place: Place) -> Contract:
    try:
        entries = place.items()
    except AgentFileError:
        entries = [place]
    if not entries:
        raise place.fail("at least one field")
    fields = tuple(_read_field(entry) for entry in entries)
    names = [field.name for field in fields]
    if len(set(names)) < len(names):
        raise place.fail("fields with different names")
    if any(field.type == "json" for field in fields[:-1]):
        raise place.fail("only the last field to be json")
    if any(field.multiline and field.name == "answer" for field in fields[:-1]):
        raise place.fail("an answer of several lines to be the last field")
    behind = [after.name for field, after in pairwise(fields) if field.multiline]
    if any(not name.strip() or name != name.lstrip() or "\n" in name for name in behind):
        raise place.fail("a name on one line for a field behind one of several lines")
    if any("\n" in choice for field in fields[:-1] for choice in field.choices or ()):
        raise place.fail("line breaks in the choices of the last field only")
    if any(field.abstain for field in fields) and len(fields) > 1:
        raise place.fail("`abstain` for the only field of an output")
    contract = Contract(fields)
    written = fields[:-1] if contract.decided else fields
    if any(field.decide != DECIDE[0] for field in written):
        raise place.fail("`decide: likelihood` for the answer only, and only as the last field")
    return contract


def _read_field(place: Place) -> Field:
    fields = place.fields(_FIELD)
    kind = fields["type"].one_of(TYPES) if "type" in fields else "text"
    needed = {"regex": "pattern", "json": "schema"}.get(kind)
    if needed is not None and needed not in fields:
        raise place.fail(f"`{needed}` for a field of type {kind}")
    basis = Field()
    choices = fields["choices"].texts("a list of choices") if "choices" in fields else None
    if choices is not None and (not choices or kind != "choice"):
        raise fields["choices"].fail("a list of choices, for a field of type choice")
    if "decide" in fields and kind != "choice":
        raise fields["decide"].fail("a field of type choice, which alone can be decided")
    decide = fields["decide"].one_of(DECIDE) if "decide" in fields else DECIDE[0]
    bias: tuple[float, ...] = ()
    if "bias" in fields:
        bias = tuple(entry.number() for entry in fields["bias"].items("a number for every choice"))
        if decide == DECIDE[0] or len(bias) != len(choices or ()):
            raise fields["bias"].fail("a number for every choice, with `decide: likelihood`")
    abstain = fields["abstain"].number() if "abstain" in fields else 0.0
    if "abstain" in fields and (kind != "call" or abstain <= 0):
        raise fields["abstain"].fail("a number above 0, for a field of type call")
    return Field(
        name=fields["name"].text() if "name" in fields else basis.name,
        type=kind,
        choices=choices,
        pattern=fields["pattern"].text() if "pattern" in fields else "",
        schema=_read_schema(fields["schema"]) if "schema" in fields else "",
        max_chars=fields["max_chars"].integer(1, 100_000)
        if "max_chars" in fields
        else basis.max_chars,
        max_tokens=fields["max_tokens"].integer(1, 100_000)
        if "max_tokens" in fields
        else basis.max_tokens,
        multiline=fields["multiline"].boolean() if "multiline" in fields else False,
        decide=decide,
        bias=bias,
        abstain=abstain,
    )


def _read_schema(place: Place) -> str:
    return json.dumps(place.object("a JSON schema, `name: value` entries"), ensure_ascii=False)


def _write_node(node: Node) -> dict[str, Any]:
    written: dict[str, Any] = {
        "name": node.name,
        "instructions": list(node.instructions),
        "inputs": list(node.inputs),
        "output": [_write_field(field) for field in node.output.fields],
    }
    if node.writes:
        written["writes"] = node.writes
    if node.roles:
        written["roles"] = [{"name": role.name, "says": role.says} for role in node.roles]
    if node.roles or node.rounds != 1:
        written["rounds"] = node.rounds
    written |= write_settings(node)
    if node.layout != LAYOUTS[0]:
        written["layout"] = node.layout
    if node.nearest:
        written["nearest"] = node.nearest
    if node.demos:
        written["demos"] = [
            {
                "inputs": {name: demo.inputs[name] for name in node.inputs},
                "output": {field.name: demo.output[field.name] for field in node.output.fields},
                **({"source": demo.source} if demo.source else {}),
                **({"choices": list(demo.choices)} if demo.choices is not None else {}),
                **({"functions": list(map(write_tool, demo.functions))} if demo.functions else {}),
                **({"calls": write_calls(demo.calls)} if demo.calls else {}),
            }
            for demo in node.demos
        ]
    return written


def _write_field(field: Field) -> dict[str, Any]:
    basis = Field()
    written: dict[str, Any] = {"name": field.name, "type": field.type}
    if field.choices is not None:
        written["choices"] = list(field.choices)
    if field.schema:
        # As JSON text: the order of properties is the order of the answer, and stays so.
        written["schema"] = canonical_order(field.schema)
    if field.type == "regex":
        written["pattern"] = field.pattern  # an empty one too: reading asks for it
    for name in ("decide", "pattern", "max_chars", "max_tokens", "multiline"):
        if getattr(field, name) != getattr(basis, name):
            written[name] = getattr(field, name)
    if field.bias:
        written["bias"] = list(field.bias)
    if field.abstain:
        written["abstain"] = field.abstain
    return written


def canonical_order(schema: str) -> str:
    """Return a schema's JSON text with its own order of properties, spaced for reading."""
    return json.dumps(json.loads(schema), ensure_ascii=False)


def agent_digest(agent: Agent) -> str:
    """Return what identifies an agent: a digest of its file's text, as the store has it."""
    return digest(agent_to_text(agent))
