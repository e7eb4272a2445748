"""Parameters of tools as people write them: what is mistyped is told, and types get standard names.

A grammar takes the nearest that it can say (`arguments.py`). Who wrote a schema by hand wants to
know of a type that there is not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from slearn.engine.arguments import EITHER, TYPES, parameters_of
from slearn.errors import InputError
from slearn.values import Tool

_STANDARD = (*sorted(set(TYPES.values())), "null")
_VALUES = ("enum", "const", "default", "examples")  # what they hold is no schema


def check_parameters(tool: Tool) -> None:
    """Refuse parameters of a type that there is not, and required ones that stand nowhere.

    >>> check_parameters(Tool("f", parameters='{"properties": {"n": {"type": "int"}}}'))

    Raises InputError naming the parameter.
    """
    parameters_of(tool)  # it is a schema of an object
    schema = json.loads(tool.parameters)
    properties, where = schema.get("properties") or {}, f"tool {tool.name!r}"
    for name, value in properties.items():
        try:
            fault = _mistyped(value)
        except RecursionError:
            fault = "is nested too deeply"
        if fault:
            raise InputError(f"parameter {name!r} {fault}", where=where)
    needed = schema.get("required") or []
    if not isinstance(needed, list):
        raise InputError("`required` is no list of names", where=where)
    for name in needed:
        if not isinstance(name, str) or name not in properties:
            hint = f"the parameters are: {', '.join(properties) or 'none'}"
            raise InputError(f"{name!r} is required and no parameter", where=where, hint=hint)


def standard_schema(schema: Any) -> Any:
    """Return a JSON Schema with its types named as the standard does, where it names others.

    >>> standard_schema({"type": "dict", "properties": {"n": {"type": "Float"}}})
    {'type': 'object', 'properties': {'n': {'type': 'number'}}}
    """
    if isinstance(schema, list):
        return list(map(standard_schema, schema))
    if not isinstance(schema, Mapping):
        return schema
    found = {name: v if name in _VALUES else standard_schema(v) for name, v in schema.items()}
    kind = found.get("type")
    if isinstance(kind, str):
        found["type"] = _named(kind)
    elif isinstance(kind, list):
        found["type"] = [_named(one) if isinstance(one, str) else one for one in kind]
    return found


def _named(kind: str) -> str:
    return TYPES.get(kind.lower(), kind.lower())


def _mistyped(schema: Any) -> str:
    """Return what is wrong with the types of a schema and of those inside it; '' where nothing."""
    if isinstance(schema, bool):  # anything, or nothing
        return ""
    if not isinstance(schema, Mapping):
        return "is no JSON Schema, as {type: string} is"
    kinds = schema.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if not isinstance(kind, str) or _named(kind) not in _STANDARD:
            shown = f"{', '.join(_STANDARD[:-1])}, 'null'"  # to YAML null is no text
            return f"has the type {kind!r}, which is none of {shown}"
    return next((fault for one in _inside(schema) if (fault := _mistyped(one))), "")


def _inside(schema: Mapping[str, Any]) -> list[Any]:
    """Return the schemas that stand in a schema."""
    properties = schema.get("properties")
    found = [*properties.values()] if isinstance(properties, Mapping) else []
    for name in ("items", "additionalProperties", *EITHER):
        value = schema.get(name, [])
        found += value if isinstance(value, list) else [value]
    return found
