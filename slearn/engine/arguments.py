"""Calls of tools as a grammar: a call names a tool that there is, with arguments of its types.

Schemas of tools come from everywhere (hand-written ones, Python's types, servers) and say more than
a grammar needs. What the bounded subset of `schema.py` cannot say is read as the nearest that it
can: a call is always well formed, and what else a tool demands it says when it is called.

A call has to fit into a model's window beside the prompt, so it may take `MOST_TOKENS` at most.
Where a tool's could take more (lists of lists, types that refer to each other), its lists get fewer
items, then its strings fewer tokens, then what is deepest inside is read as a plain value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from slearn.engine.schema import DEFAULT_ITEMS, DEFAULT_TOKENS, BoundedJson, bounded_json
from slearn.errors import InputError
from slearn.values import Tool, canonical

TYPES = {
    "dict": "object", "float": "number", "double": "number", "int": "integer", "long": "integer",
    "tuple": "array", "list": "array", "set": "array", "str": "string", "char": "string",
    "bool": "boolean",
}  # fmt: skip
EITHER = ("anyOf", "oneOf", "allOf")
MOST_TOKENS = 2000
_DEEPEST = 6
_MOST_ITEMS = 1000
# The most items of a list and tokens of a string: first all that a schema asks for, each time less.
_ROOMS = (
    (_MOST_ITEMS, DEFAULT_TOKENS), (64, DEFAULT_TOKENS), (32, DEFAULT_TOKENS), (16, DEFAULT_TOKENS),
    (8, DEFAULT_TOKENS), (4, DEFAULT_TOKENS), (4, 30), (2, 30), (2, 15),
)  # fmt: skip
_MOST_SCHEMAS = 5000  # that are read of one tool: a call of so many parts never fits
_BYTES = 4  # of a character at most, and so its tokens


def call_grammar(tools: Sequence[Tool]) -> BoundedJson:
    """Return the grammar of a call of any of the tools, as JSON with `name` and `arguments`.

    >>> call_grammar([Tool("now")]).grammar.lark.count("now")
    1

    Raises InputError where there is no tool, where one's parameters are no JSON Schema of an
    object, and where a call of it could take more than `MOST_TOKENS`.
    """
    options = [_call(tool.name, parameters_of(tool)) for tool in tools]
    if not options:
        raise InputError("there is no tool to call")
    for tool, option in zip(tools, options, strict=True):
        if (size := _size(option)) > MOST_TOKENS:
            raise InputError(
                f"a call of it could take {size} tokens, more than {MOST_TOKENS}",
                where=f"tool {tool.name!r}",
                hint="give it fewer parameters, or a smaller minItems or minLength",
            )
    return bounded_json({"anyOf": options})


def parameters_of(tool: Tool) -> dict[str, Any]:
    """Return a tool's parameters in the bounded subset, with as much room as a call of it can have.

    >>> parameters_of(Tool("f", parameters='{"type": "dict", "properties": {"x": {"type": "float"}}}'))
    {'type': 'object', 'properties': {'x': {'type': 'number'}}}

    Raises InputError where they are no JSON Schema of an object.
    """  # noqa: E501
    found: dict[str, Any] = json.loads(_nearest_text(tool.name, tool.parameters))
    return found


@lru_cache(maxsize=1024)
def _nearest_text(name: str, parameters: str) -> str:
    """Return a tool's nearest parameters as JSON text: what is shared must not be changed."""
    try:
        schema = json.loads(parameters)
    except (ValueError, RecursionError):
        schema = None
    if not isinstance(schema, Mapping):
        raise InputError("its parameters are no JSON Schema", where=f"tool {name!r}")
    try:
        (name + canonical(schema)).encode()
    except UnicodeEncodeError:
        raise InputError("half of a surrogate pair stands in it", where="a tool") from None
    kind = TYPES.get(str(schema.get("type")), schema.get("type", "object"))
    if kind != "object":
        raise InputError("its parameters are no schema of an object", where=f"tool {name!r}")
    given = schema.get("properties")
    if not isinstance(given, Mapping) and given not in (None, []):  # [] is how PHP writes none
        raise InputError("its properties are no JSON object", where=f"tool {name!r}")
    return json.dumps(_fitting(name, schema))


def _fitting(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a schema says with the most room of which a call fits, or the least there is.

    Types count more than sizes: what is deep inside is left out where no smaller size helps.
    """
    definitions = {**_named(schema, "definitions"), **_named(schema, "$defs")}

    def read(depth: int, room: tuple[int, int]) -> dict[str, Any]:
        return _Reader(definitions, depth, *room).object(schema)

    def fits(found: dict[str, Any]) -> bool:
        return _size(_call(name, found)) <= MOST_TOKENS

    for depth in range(_DEEPEST, 0, -1):
        if fits(read(depth, _ROOMS[-1])):
            return next(filter(fits, (read(depth, room) for room in _ROOMS)))
    return read(1, _ROOMS[-1])


def _call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"name": {"const": name}, "arguments": arguments}}


def _size(call: dict[str, Any]) -> int:
    return bounded_json({"anyOf": [call]}).max_tokens


@dataclass(frozen=True)
class _Place:
    """Where a schema stands in another: how deep, and inside which named types."""

    depth: int = 0
    path: frozenset[str] = frozenset()

    def inside(self, *name: str) -> _Place:
        return _Place(self.depth + 1, self.path.union(name))


_TOP = _Place()


class _Reader:
    """Reads schemas as the nearest that the bounded subset can say, in so much room."""

    def __init__(
        self, definitions: Mapping[str, Any], deepest: int, items: int, tokens: int
    ) -> None:
        self._definitions = definitions
        self._deepest = deepest
        self._items = items
        self._tokens = tokens
        self._left = _MOST_SCHEMAS

    def object(self, schema: Mapping[str, Any], at: _Place = _TOP) -> dict[str, Any]:
        """Return an object; where it does not say what is required, all is that has no default."""
        given = _named(schema, "properties")
        properties = {str(n): self._nearest(value, at.inside()) for n, value in given.items()}
        needed = schema.get("required")
        if not isinstance(needed, list):
            needed = [n for n, value in given.items() if not _has_default(value)]
        left = [name for name in properties if name not in needed]
        found: dict[str, Any] = {"type": "object", "properties": properties}
        return {**found, "x-optional": left} if left else found

    def _nearest(self, schema: Any, at: _Place) -> dict[str, Any]:
        self._left -= 1
        if not isinstance(schema, Mapping) or at.depth > self._deepest or self._left < 0:
            return self._anything()
        if "$ref" in schema:
            name = str(schema["$ref"]).rsplit("/", 1)[-1]
            # what holds itself several times would grow several times with every level
            found = None if name in at.path else self._definitions.get(name)
            return self._nearest(found, at.inside(name))
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return _values(schema["enum"])
        if "const" in schema:
            return _values([schema["const"]])
        for name in EITHER:
            if isinstance(schema.get(name), list) and schema[name]:
                return _either([self._nearest(one, at.inside()) for one in schema[name]])
        kind = schema.get("type")
        if isinstance(kind, list) and kind:
            return _either([self._nearest({**schema, "type": k}, at.inside()) for k in kind])
        kind = TYPES.get(str(kind).lower(), str(kind).lower())
        if kind == "object" and not _named(schema, "properties"):  # it may have any
            inner = self._nearest(schema.get("additionalProperties"), at.inside())
            most = {"x-max-items": self._items} if self._items < DEFAULT_ITEMS else {}
            return {"type": "object", "x-values": inner, **most}
        if kind == "object":
            return self.object(schema, at)
        if kind == "array":
            return self._array(schema, at)
        if kind == "null":
            return {"const": None}
        if kind == "string":
            return self._string(_sizes(schema, "minLength", "maxLength"))
        return {"type": kind} if kind in ("integer", "number", "boolean") else self._anything()

    def _array(self, schema: Mapping[str, Any], at: _Place) -> dict[str, Any]:
        sizes = _sizes(schema, "minItems", "maxItems")
        least = sizes.get("minItems", 0)
        most = sizes.get("maxItems", max(least, DEFAULT_ITEMS))
        if most > max(least, self._items):
            sizes["maxItems"] = max(least, self._items)
        return {"type": "array", "items": self._nearest(schema.get("items"), at.inside()), **sizes}

    def _string(self, sizes: dict[str, int]) -> dict[str, Any]:
        least = sizes.get("minLength", 0)
        usual = max(least + 1, DEFAULT_TOKENS)
        tokens = max(_BYTES * least + 1, self._tokens)
        return {"type": "string", **sizes, **({"x-max-tokens": tokens} if tokens < usual else {})}

    def _anything(self) -> dict[str, Any]:
        return {"anyOf": [self._string({}), {"type": "number"}, {"type": "boolean"}]}


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


def _sizes(schema: Mapping[str, Any], least: str, most: str) -> dict[str, int]:
    """Return the bounds of a schema that are whole numbers and fit together."""
    sizes = {name: schema[name] for name in (least, most) if name in schema}
    fine = {n: v for n, v in sizes.items() if type(v) is int and 0 <= v <= _MOST_ITEMS}
    if len(fine) == 2 and fine[least] > fine[most]:
        return {}
    return fine
