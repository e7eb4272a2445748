"""Calls of tools as a grammar: a call names a tool that there is, with arguments of its types.

Schemas of tools come from everywhere (hand-written ones, Python's types, servers) and say more than
a grammar needs. What the bounded subset of `schema.py` cannot say is read as the nearest that it
can: a call is always well formed, and what else a tool demands it says when it is called.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from slearn.engine.schema import BoundedJson, bounded_json
from slearn.errors import InputError
from slearn.values import Tool, canonical

_TYPES = {
    "dict": "object", "float": "number", "double": "number", "int": "integer", "long": "integer",
    "tuple": "array", "list": "array", "set": "array", "str": "string", "char": "string",
    "bool": "boolean",
}  # fmt: skip
_PLAIN = ("string", "number", "boolean")
_DEEPEST = 6


def call_grammar(tools: Sequence[Tool]) -> BoundedJson:
    """Return the grammar of a call of any of the tools, as JSON with `name` and `arguments`.

    >>> call_grammar([Tool("now")]).grammar.lark.count("now")
    1

    Raises InputError where there is no tool, or one's parameters are no JSON Schema of an object.
    """
    options = [
        {
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": parameters_of(tool)},
        }
        for tool in tools
    ]
    if not options:
        raise InputError("there is no tool to call")
    found = bounded_json({"anyOf": options})
    return BoundedJson(found.grammar.renamed("call_"), found.max_tokens)


def parameters_of(tool: Tool) -> dict[str, Any]:
    """Return a tool's parameters in the bounded subset.

    >>> parameters_of(Tool("f", parameters='{"type": "dict", "properties": {"x": {"type": "float"}}}'))
    {'type': 'object', 'properties': {'x': {'type': 'number'}}}
    """  # noqa: E501
    try:
        schema = json.loads(tool.parameters)
    except (ValueError, RecursionError):
        schema = None
    if not isinstance(schema, Mapping):
        raise InputError("its parameters are no JSON Schema", where=f"tool {tool.name!r}")
    try:
        (tool.name + canonical(schema)).encode()
    except UnicodeEncodeError:
        raise InputError("half of a surrogate pair stands in it", where="a tool") from None
    definitions = {**_named(schema, "definitions"), **_named(schema, "$defs")}
    kind = _TYPES.get(str(schema.get("type")), schema.get("type", "object"))
    if kind != "object":
        raise InputError("its parameters are no schema of an object", where=f"tool {tool.name!r}")
    return _object(schema, definitions, 0)


def _nearest(schema: Any, definitions: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Return what the bounded subset can say of a schema."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return _anything()
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        return _nearest(definitions.get(name), definitions, depth + 1)
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return _values(schema["enum"])
    if "const" in schema:
        return _values([schema["const"]])
    for name in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(name), list) and schema[name]:
            return _either([_nearest(o, definitions, depth + 1) for o in schema[name]])
    kind = schema.get("type")
    if isinstance(kind, list) and kind:
        return _either([_nearest({**schema, "type": k}, definitions, depth + 1) for k in kind])
    kind = _TYPES.get(str(kind).lower(), str(kind).lower())
    if kind == "object" and not _named(schema, "properties"):  # it may have any
        inner = schema.get("additionalProperties")
        return {"type": "object", "x-values": _nearest(inner, definitions, depth + 1)}
    if kind == "object":
        return _object(schema, definitions, depth)
    if kind == "array":
        items = _nearest(schema.get("items"), definitions, depth + 1)
        return {"type": "array", "items": items, **_sizes(schema, "minItems", "maxItems")}
    if kind == "null":
        return {"const": None}
    if kind == "string":
        return {"type": "string", **_sizes(schema, "minLength", "maxLength")}
    return {"type": kind} if kind in ("integer", "number", "boolean") else _anything()


def _object(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int
) -> dict[str, Any]:
    """Return an object; where it does not say what is required, all is that has no default."""
    given = _named(schema, "properties")
    properties = {
        str(name): _nearest(value, definitions, depth + 1) for name, value in given.items()
    }
    needed = schema.get("required")
    if not isinstance(needed, list):
        needed = [n for n, value in given.items() if not _has_default(value)]
    left = [name for name in properties if name not in needed]
    found: dict[str, Any] = {"type": "object", "properties": properties}
    return {**found, "x-optional": left} if left else found


def _has_default(schema: Any) -> bool:
    return isinstance(schema, Mapping) and ("default" in schema or schema.get("optional") is True)


def _either(options: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one of several; of options that begin alike, which no grammar can tell, the first."""
    kept: list[dict[str, Any]] = []
    flat = [one for option in options for one in option.get("anyOf", [option])]
    for option in flat:
        kinds = [other.get("type") for other in kept]
        if option not in kept and (option.get("type") is None or option["type"] not in kinds):
            kept.append(option)
    return kept[0] if len(kept) == 1 else {"anyOf": kept}


def _named(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = schema.get(name)
    return found if isinstance(found, Mapping) else {}


def _values(values: list[Any]) -> dict[str, Any]:
    return {"enum": values} if len(values) > 1 else {"const": values[0]}


def _anything() -> dict[str, Any]:
    return {"anyOf": [{"type": kind} for kind in _PLAIN]}


def _sizes(schema: Mapping[str, Any], least: str, most: str) -> dict[str, int]:
    """Return the bounds of a schema that are whole numbers and fit together."""
    sizes = {name: schema[name] for name in (least, most) if name in schema}
    fine = {n: v for n, v in sizes.items() if type(v) is int and 0 <= v <= 1000}
    if len(fine) == 2 and fine[least] > fine[most]:
        return {}
    return fine
