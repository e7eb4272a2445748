"""JSON Schemas whose answers always end: every string and list is bounded, in tokens.

A JSON Schema can cap characters, but no cap in characters ends inside a limit in tokens. So the
trainer's contracts (and agents' JSON contracts that stay inside the subset) become rules of our
own: compact JSON, properties in their order, strings without escapes, each with `x-max-tokens`
(and `x-start`, the words it begins with).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from os.path import commonprefix
from typing import Any

from slearn.engine.grammar import Grammar, literal, regex
from slearn.errors import InputError

_STRING = r'[^"\\\x00-\x1f\x7f]'
DEFAULT_CHARS = 200
DEFAULT_TOKENS = 60
DEFAULT_ITEMS = 8
_KNOWN = {
    "object": {
        "properties", "required", "additionalProperties", "x-optional", "x-values", "x-max-items",
    },
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "x-max-tokens", "x-start"},
    "integer": set[str](),
    "number": set[str](),
    "boolean": set[str](),
}  # fmt: skip
_LIMITS = {"minItems", "maxItems", "minLength", "maxLength", "x-max-tokens", "x-max-items"}


@dataclass(frozen=True)
class BoundedJson:
    """A grammar and the most tokens that an answer under it can have."""

    grammar: Grammar
    max_tokens: int


def bounded_json(schema: Mapping[str, Any]) -> BoundedJson:
    """Compile a JSON Schema of the bounded subset.

    >>> bounded_json({"type": "object", "properties": {"score": {"enum": [1, 2]}}}).grammar.lark
    'start: "{\\\\"score\\\\": " ("1" | "2") "}"'

    Supported: object (all properties required, in their order), array, string, integer, number,
    boolean, enum, const, anyOf, title and description; `x-optional` names properties of an object
    that may be left out, and then stand last; with `x-values` one has names of any kind, at most
    `x-max-items`, and values of that schema. Anything else raises InputError.
    """
    rules: list[str] = []
    body, tokens = _compile(schema, rules)
    return BoundedJson(Grammar("\n".join([f"start: {body}", *rules])), tokens + 1)


def _compile(schema: Mapping[str, Any], rules: list[str]) -> tuple[str, int]:
    """Return the rule body of a schema and its bound in tokens (literals count by bytes)."""
    _check(schema)
    if "anyOf" in schema:
        parts = [_compile(option, rules) for option in schema["anyOf"]]
        _check_apart([start_of(option) for option in schema["anyOf"] if _has_text(option)])
        # plus one: where options begin alike, llguidance counts a field's tokens one late
        bound = 1 + max(tokens for _, tokens in parts)
        return "(" + " | ".join(f"({body})" for body, _ in parts) + ")", bound
    if "const" in schema or "enum" in schema:
        values = [_dump(v) for v in schema.get("enum", [schema.get("const")])]
        return "(" + " | ".join(map(literal, values)) + ")", max(map(_bytes, values))
    kind = schema["type"]
    if kind == "object":
        return _object(schema, rules)
    if kind == "array":
        return _array(schema, rules)
    if kind == "string":
        return _string(schema, rules)
    if kind == "boolean":
        return '("true" | "false")', 5
    digits = r"-?(0|[1-9][0-9]{0,11})"
    return (regex(digits), 13) if kind == "integer" else (regex(digits + r"(\.[0-9]{1,6})?"), 20)


def _check(schema: Any) -> None:
    """Raise InputError where a schema is not of the subset."""
    if not isinstance(schema, Mapping):
        raise InputError(f"a bounded JSON contract cannot say {schema!r}")
    for name in ("anyOf", "enum"):
        if name in schema:
            if not (isinstance(schema[name], list) and schema[name]):
                raise InputError(f"a bounded JSON contract needs a list of options in {name}")
            return
    if "const" in schema:
        return
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _KNOWN:
        raise InputError(f"a bounded JSON contract cannot say type {kind!r}")
    extra = set(schema) - _KNOWN[kind] - {"type", "title", "description"}
    extra |= {name for name in _LIMITS & set(schema) if not _is_size(schema[name])}
    if kind == "array" and "items" not in schema:
        raise InputError("a bounded JSON contract needs the items of an array")
    if kind == "object":
        known, needed = schema.get("properties", {}), schema.get("required", [])
        if not isinstance(known, Mapping) or not isinstance(needed, list):
            raise InputError("a bounded JSON contract needs properties by name")
        needed = [*needed, *schema.get("x-optional", [])]
        extra |= {str(name) for name in needed if name not in known}
    if extra:
        raise InputError(f"a bounded JSON contract cannot say {', '.join(sorted(extra))}")


def _check_apart(starts: list[str]) -> None:
    """Refuse options whose texts begin alike: llguidance fails on two that are ended by tokens."""
    for place, start in enumerate(starts):
        if any(start.startswith(o) or o.startswith(start) for o in starts[:place]):
            raise InputError("a bounded JSON contract cannot say options whose texts begin alike")


def _has_text(schema: Mapping[str, Any]) -> bool:
    parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    parts += [schema["items"]] if "items" in schema else []
    if "x-values" in schema:
        return True
    return schema.get("type") == "string" or any(map(_has_text, parts))


def start_of(schema: Mapping[str, Any]) -> str:
    """Return what every answer to a schema begins with.

    >>> start_of({"type": "object", "properties": {"op": {"const": "add"}}})
    '{"op": "add"'
    """
    if "anyOf" in schema:
        return commonprefix([start_of(option) for option in schema["anyOf"]])
    if "const" in schema or "enum" in schema:
        return commonprefix([_dump(v) for v in schema.get("enum", [schema.get("const")])])
    for name, value in schema.get("properties", {}).items():
        return f"{{{_dump(name)}: {start_of(value)}"
    if "x-values" in schema:
        return "{"
    starts = {"string": _dump(schema.get("x-start", ""))[:-1], "array": "[", "object": "{}"}
    return starts.get(schema["type"], "")


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _object(schema: Mapping[str, Any], rules: list[str]) -> tuple[str, int]:
    if "x-values" in schema:
        return _map(schema["x-values"], schema.get("x-max-items", DEFAULT_ITEMS), rules)
    needed: list[str] = []
    optional: list[str] = []
    tokens = 1
    for name, value in schema.get("properties", {}).items():
        left = name in schema.get("x-optional", ())
        label = ("" if left else ", " if needed else "{") + f"{_dump(name)}: "
        body, bound = _compile(value, rules)
        tokens += _bytes(label) + bound + 2 * left
        if left:
            optional.append(f"property{len(rules)}")
            rules.append(f"{optional[-1]}: {literal(label)} {body}")
        else:
            needed.append(f"{literal(label)} {body}")
    more = [f'(", " {name})?' for name in optional]
    if needed:
        return " ".join([*needed, *more, literal("}")]), tokens
    orders = [" ".join([name, *more[place + 1 :]]) for place, name in enumerate(optional)]
    return (f'"{{" ({" | ".join(orders)})? "}}"', tokens + 1) if orders else (literal("{}"), 2)


def _map(values: Mapping[str, Any], count: int, rules: list[str]) -> tuple[str, int]:
    if count == 0:
        return literal("{}"), 2
    key, most = _string({"minLength": 1, "maxLength": 40, "x-max-tokens": 16}, rules)
    body, bound = _compile(values, rules)
    name = f"pair{len(rules)}"
    rules.append(f'{name}: {key} ": " {body}')
    return f'"{{" ({_several(name, 0, count)})? "}}"', 2 + count * (most + bound + 4)


def _array(schema: Mapping[str, Any], rules: list[str]) -> tuple[str, int]:
    least = schema.get("minItems", 0)
    most = schema.get("maxItems", max(least, DEFAULT_ITEMS))
    body, bound = _compile(schema["items"], rules)
    name = f"list{len(rules)}"
    rules.append(f"{name}: {body}")
    if most == 0:
        return literal("[]"), 2
    several = _several(name, least, most)
    return f'"[" ({several}){"" if least else "?"} "]"', 2 + most * (bound + 2)


def _several(name: str, least: int, most: int) -> str:
    more = f' (", " {name}){{{max(0, least - 1)},{most - 1}}}'
    return name + more if most > 1 else name  # llguidance knows no {0,0}


def _string(schema: Mapping[str, Any], rules: list[str]) -> tuple[str, int]:
    least = schema.get("minLength", 0)
    most = schema.get("maxLength", max(least, DEFAULT_CHARS))
    tokens = schema.get("x-max-tokens", max(least + 1, DEFAULT_TOKENS))
    # `x-start` is how the text must begin: a small model goes on from a good start more surely
    # than it follows an order.
    opening = _dump(schema.get("x-start", ""))[:-1]
    if most == 0:
        return literal(opening + '"'), _bytes(opening) + 1
    name = f"text{len(rules)}"
    # The first character is no space: an answer that starts with one is the start of rambling.
    start = r'[^"\\\x00-\x20\x7f]'
    pattern = start + _STRING + f"{{{max(0, least - 1)},{most - 1}}}"
    if least == 0:
        pattern = f"({pattern})?"
    rules.append(f"{name}[max_tokens={tokens}]: {regex(pattern)}")
    return f'{literal(opening)} {name} "\\""', tokens + 1 + _bytes(opening)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _bytes(text: str) -> int:
    return len(text.encode())
