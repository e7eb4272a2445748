"""Bounded JSON: whatever the schema, an answer ends in time, is JSON, and satisfies the schema."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from slearn.engine import BoundedJson, GenerateRequest, Message, bounded_json
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.errors import InputError

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
SCALARS = (
    st.none() | st.booleans() | st.integers(-1000, 1000) | TEXTS | st.sampled_from([0.5, 1e-3])
)


@st.composite
def strings(draw: st.DrawFn) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    least = draw(st.integers(0, 6))
    if least or draw(st.booleans()):
        schema["minLength"] = least
    if draw(st.booleans()):
        schema["maxLength"] = draw(st.integers(least, 12))
    if draw(st.booleans()):
        schema["x-max-tokens"] = draw(st.integers(least + 1, 12))
    return schema


LEAVES = st.one_of(
    strings(),
    st.sampled_from([{"type": "integer"}, {"type": "number"}, {"type": "boolean", "title": "t"}]),
    st.lists(SCALARS, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    SCALARS.map(lambda value: {"const": value}),
)


@st.composite
def arrays(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "array", "items": draw(inner)}
    least = draw(st.integers(0, 3))
    if least or draw(st.booleans()):
        schema["minItems"] = least
    if draw(st.booleans()):
        schema["maxItems"] = draw(st.integers(least, 4))
    return schema


def branches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.dictionaries(TEXTS, inner, max_size=3).map(
            lambda found: {"type": "object", "properties": found, "required": list(found)}
        ),
        arrays(inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options}),
    )


SCHEMAS = st.recursive(LEAVES, branches, max_leaves=6)


def write(contract: BoundedJson, seed: int) -> str:
    """One answer by the scripted engine's walk: letters wherever it may, so fields run full."""
    messages = (Message("user", str(seed)),)
    request = GenerateRequest(messages, contract.grammar, max_tokens=contract.max_tokens)
    result = ScriptedEngine().generate([request])[0]
    assert result.valid
    return result.text


@given(SCHEMAS, st.integers(0, 3))
def test_every_answer_ends_in_time_and_satisfies_its_schema(schema: Any, seed: int) -> None:
    try:
        contract = bounded_json(schema)
    except InputError as refused:
        assume("begin alike" not in str(refused))
        raise
    text = write(contract, seed)
    # in the scripted engine a byte is a token, the most that any tokenizer needs
    assert len(text.encode()) < contract.max_tokens
    jsonschema.validate(json.loads(text), schema)
    assert "\n" not in text


@given(st.lists(TEXTS, unique=True, min_size=1, max_size=5))
def test_properties_keep_their_order_whatever_their_names(names: list[str]) -> None:
    properties = {name: {"enum": [place]} for place, name in enumerate(names)}
    contract = bounded_json({"type": "object", "properties": properties})
    wanted = {name: place for place, name in enumerate(names)}
    assert write(contract, 0) == json.dumps(wanted, ensure_ascii=False)
    turned = json.dumps(dict(reversed(wanted.items())), ensure_ascii=False)
    assert accepts(contract.grammar, turned) == (len(names) == 1)


@given(st.lists(SCALARS, min_size=1, max_size=4), SCALARS)
def test_an_enumeration_accepts_its_values_and_no_other(values: list[Any], other: Any) -> None:
    grammar = bounded_json({"enum": values}).grammar
    written = [json.dumps(value, ensure_ascii=False) for value in values]
    assert all(accepts(grammar, text) for text in written)
    text = json.dumps(other, ensure_ascii=False)
    assert accepts(grammar, text) == (text in written)


STRING = {"type": "string", "minLength": 2, "maxLength": 4}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (STRING, ['"ab"', '"a  b"', '"é😀"'],
         ['"a"', '"abcde"', '" ab"', '"a\\"b"', '"a\nb"', "ab", '"a\x7fb"']),
        ({"type": "string"}, ['""', '"x"', '"' + "x" * 200 + '"'], ['"' + "x" * 201 + '"', '" "']),
        ({"type": "string", "maxLength": 0}, ['""'], ['"a"']),
        ({"type": "string", "minLength": 300}, ['"' + "x" * 300 + '"'], ['"' + "x" * 299 + '"']),
        ({"type": "string", "x-start": 'The "', "maxLength": 3}, ['"The \\"abc"', '"The \\""'],
         ['"abc"', '"The \\"abcd"']),
        ({"type": "integer"}, ["0", "-5", "123456789012"], ["01", "1.0", "1234567890123", "+1"]),
        ({"type": "number"}, ["0", "-0.5", "3.141592"], [".5", "1.", "1e5", "3.1415926"]),
        ({"type": "boolean"}, ["true", "false"], ["True", "1"]),
        ({"type": "array", "items": {"enum": [1]}, "minItems": 1, "maxItems": 2}, ["[1]", "[1, 1]"],
         ["[]", "[1,1]", "[1, 1, 1]"]),
        ({"type": "array", "items": {"enum": [1]}}, ["[]", "[" + ", ".join("1" * 8) + "]"],
         ["[" + ", ".join("1" * 9) + "]"]),
        ({"type": "array", "items": {"enum": [1]}, "minItems": 9},
         ["[" + ", ".join("1" * 9) + "]"], ["[" + ", ".join("1" * 8) + "]"]),
        ({"type": "array", "items": {"enum": [1]}, "maxItems": 0}, ["[]"], ["[1]"]),
        ({"type": "object"}, ["{}"], ['{"a": 1}']),
        ({"type": "object", "x-values": {"enum": [1]}, "x-max-items": 2},
         ["{}", '{"a": 1}', '{"a": 1, "b": 1}'], ['{"a": 1, "b": 1, "c": 1}', '{"a": 2}']),
        ({"type": "object", "x-values": {"enum": [1]}, "x-max-items": 1},
         ["{}", '{"a": 1}'], ['{"a": 1, "b": 1}']),
        ({"type": "object", "x-values": {"enum": [1]}, "x-max-items": 0}, ["{}"], ['{"a": 1}']),
        ({"anyOf": [{"enum": ["a"]}, {"type": "integer"}]}, ['"a"', "7"], ["a", "7.5"]),
        ({"anyOf": [{"type": "object", "properties": {"op": {"const": op}, "text": STRING}}
                    for op in ("add", "drop")]},
         ['{"op": "add", "text": "abc"}', '{"op": "drop", "text": "abc"}'],
         ['{"op": "dr", "text": "abc"}', '{"op": "add", "text": "abcde"}']),
        ({"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"enum": [None]}},
          "additionalProperties": False, "title": "T", "description": "d"},
         ['{"a": true, "b": null}'],
         ['{"a": true}', '{"b": null, "a": true}', '{"a":true,"b":null}']),
    ],
)  # fmt: skip
def test_a_schema_says_exactly_this(schema: Any, good: list[str], bad: list[str]) -> None:
    grammar = bounded_json(schema).grammar
    assert [text for text in good if not accepts(grammar, text)] == []
    assert [text for text in bad if accepts(grammar, text)] == []


def test_a_field_is_ended_by_the_grammar_itself() -> None:
    contract = bounded_json(
        {
            "type": "object",
            "properties": {"a": {"type": "string", "maxLength": 90, "x-max-tokens": 7}},
        }
    )
    assert len(json.loads(write(contract, 1))["a"]) == 7
    assert contract.max_tokens <= len('{"a": "') + 7 + len('"}') + 1


@pytest.mark.parametrize(
    "schema",
    [
        True,
        [],
        {},
        {"type": "null"},
        {"type": ["string", "null"]},
        {"type": "string", "format": "date"},
        {"type": "string", "pattern": "a+"},
        {"type": "string", "minLength": -1},
        {"type": "string", "maxLength": "3"},
        {"type": "integer", "minimum": 3},
        {"type": "array"},
        {"type": "array", "items": True},
        {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": ["a"]},
        {"type": "object", "properties": {}, "required": ["a"]},
        {"type": "object", "patternProperties": {}},
        {"type": "object", "x-values": {"enum": [1]}, "x-max-items": -1},
        {"enum": []},
        {"enum": "abc"},
        {"anyOf": []},
        {"anyOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]},
        {"anyOf": [{"type": "object", "properties": {"a": {"type": "string"}}}] * 2},
        {"oneOf": [{"type": "integer"}]},
        {"$ref": "#/x"},
        {"anyOf": [{"type": "integer"}, {"type": "object", "properties": {"a": {"type": "date"}}}]},
    ],
)
def test_what_the_subset_cannot_say_is_refused(schema: Any) -> None:
    with pytest.raises(InputError, match="a bounded JSON contract"):
        bounded_json(schema)
