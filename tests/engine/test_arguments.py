"""Calls as grammars: whatever a tool's schema, a call is JSON with the right names and types."""

from __future__ import annotations

import json
from itertools import combinations, permutations
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from slearn.agent import signature
from slearn.engine import (
    Bounded,
    GenerateRequest,
    Grammar,
    Message,
    bounded_json,
    call_grammar,
    grammar_of,
    parameters_of,
)
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.errors import InputError
from slearn.values import Tool

INTEGER, STRING = {"type": "integer"}, {"type": "string"}
REF = {"$ref": "#/$defs/Node"}
ANY = {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]}


def tool(schema: Any, name: str = "f") -> Tool:
    return Tool(name, parameters=json.dumps(schema, ensure_ascii=False))


def listed(items: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


def of(properties: dict[str, Any], **more: Any) -> Tool:
    return tool({"type": "object", "properties": properties, **more})


def call(arguments: Any, name: str = "f") -> str:
    return json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)


def fine(made: Tool, arguments: Any) -> bool:
    return accepts(call_grammar([made]).grammar, call(arguments, made.name))


def one(kind: Any, value: Any) -> bool:
    """Tell whether a value is accepted as the one argument of a kind."""
    return fine(of({"x": kind}), {"x": value})


def write(tools: list[Tool], seed: int) -> dict[str, Any]:
    """One call by the scripted engine's walk, which ends inside the grammar's own limit."""
    found = call_grammar(tools)
    asked = (Message("user", str(seed)),)
    request = GenerateRequest(asked, found.grammar, max_tokens=found.max_tokens)
    result = ScriptedEngine().generate([request])[0]
    assert result.valid and len(result.text.encode()) < found.max_tokens
    made: dict[str, Any] = json.loads(result.text)
    assert list(made) == ["name", "arguments"]
    return made


def test_required_ones_first_and_then_any_of_the_others_in_their_order() -> None:
    made = of({"a": INTEGER, "b": INTEGER, "c": INTEGER, "d": INTEGER}, required=["b", "d"])
    assert parameters_of(made)["x-optional"] == ["a", "c"]
    for left in ([], ["a"], ["c"], ["a", "c"]):
        assert fine(made, dict.fromkeys(["b", "d", *left], 1))
    for wrong in (["b"], ["d", "b"], ["a", "b", "d"], ["b", "d", "c", "a"], ["b", "d", "e"], []):
        assert not fine(made, dict.fromkeys(wrong, 1))


@pytest.mark.parametrize("required", [[], ["x"]])
def test_with_nothing_required_any_subset_may_be_given(required: list[str]) -> None:
    names = ["a", "b", "c"]
    made = of(dict.fromkeys(names, INTEGER), required=required)
    for size in range(4):
        for chosen in permutations(names, size):
            assert fine(made, dict.fromkeys(chosen, 1)) is (list(chosen) == sorted(chosen))


def test_each_property_stands_once() -> None:
    made = of({"a": INTEGER}, required=[])
    grammar = call_grammar([made]).grammar
    assert not accepts(grammar, '{"name": "f", "arguments": {"a": 1, "a": 2}}')


@pytest.mark.parametrize("required", [{}, {"required": None}, {"required": "a"}])
def test_where_nothing_is_said_all_is_required_that_has_no_default(required: Any) -> None:
    kinds = {"a": INTEGER, "b": {**INTEGER, "default": 3}, "c": {**STRING, "optional": True}}
    made = of(kinds, **required)
    assert parameters_of(made)["x-optional"] == ["b", "c"]
    assert fine(made, {"a": 1}) and fine(made, {"a": 1, "c": "x"}) and not fine(made, {"b": 1})


def test_a_default_of_null_is_a_default() -> None:
    assert parameters_of(of({"a": {"default": None}}))["x-optional"] == ["a"]


def test_what_is_required_and_has_a_default_is_required() -> None:
    made = of({"a": {**INTEGER, "default": 3}}, required=["a"])
    assert "x-optional" not in parameters_of(made) and not fine(made, {})


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"properties": None}, {"type": "dict"}])
def test_a_tool_without_parameters_is_called_with_none(schema: Any) -> None:
    made = tool(schema)
    assert parameters_of(made) == {"type": "object", "properties": {}}
    assert fine(made, {}) and not fine(made, {"x": 1})
    assert write([made], 0) == {"name": "f", "arguments": {}}


def test_a_call_names_one_of_the_tools_with_its_own_arguments() -> None:
    tools = [of({"a": INTEGER}), tool({"properties": {"b": STRING}}, "get"), tool({}, "get_all")]
    grammar = call_grammar(tools).grammar
    assert accepts(grammar, call({"a": 1}))
    assert accepts(grammar, call({"b": "x"}, "get")) and accepts(grammar, call({}, "get_all"))
    for wrong in (call({"b": "x"}), call({}, "get"), call({"a": 1}, "g"), "none", ""):
        assert not accepts(grammar, wrong)


def test_there_must_be_a_tool() -> None:
    with pytest.raises(InputError, match="there is no tool to call"):
        call_grammar([])


@pytest.mark.parametrize("name", ["get.weather", "a b", "größe", 'q"uote', "back\\slash", "ns/f"])
def test_names_of_tools_and_properties_are_written_as_json(name: str) -> None:
    made = tool({"properties": {name: INTEGER, f"{name}2": STRING}}, name)
    assert fine(made, {name: 1, f"{name}2": "x"})
    assert write([made], 1)["name"] == name


@pytest.mark.parametrize(
    "name", ["", "new\nline", "{}", "$ref", "a,b", "😀", "start", "text0", "'"]
)
def test_property_names_of_any_kind(name: str) -> None:
    made = of({name: INTEGER})
    assert fine(made, {name: 1}) and list(write([made], 0)["arguments"]) == [name]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (INTEGER, [0, -5, 10**11], [1.5, "1", True, None, [1]]),
        ({"type": "number"}, [0, -1.5, 2.125], ["1", True, None]),
        ({"type": "boolean"}, [True, False], [1, "true", None]),
        (STRING, ["x", "two words", "é😀", ""], [1, None, True]),
        ({"type": "null"}, [None], [0, "null"]),
        ({"enum": ["a", "ü", 1, None, True]}, ["a", "ü", 1, None, True], ["b", 2, False]),
        ({"const": "q"}, ["q"], ["r", 1]),
        ({"const": None}, [None], [1]),
        ({"enum": ["a"], "type": "integer"}, ["a"], [1]),
        ({"enum": []}, ["x", 1, True], [[1]]),
        ({}, ["x", 1.5, True], [None, [1], {"a": 1}]),
        ({"type": "any"}, ["x", 1.5, True], [[1]]),
        ({"type": "array", "items": INTEGER}, [[], [1], [1, 2, 3]], [["x"], 1, [1.5]]),
        ({"type": "array"}, [[], ["x", 1, True]], [[[1]], [None]]),
        (
            {"type": "array", "items": {"type": "array", "items": STRING}},
            [[], [[]], [["a"], ["b", "c"]]],
            [["a"]],
        ),
        ({"type": "object", "properties": {"y": INTEGER}}, [{"y": 1}], [{}, {"z": 1}, 1]),
        ({"type": "object", "properties": {"y": INTEGER}, "required": []}, [{}, {"y": 1}], [[]]),
        ({"type": ["string", "null"]}, ["x", None], [1]),
        ({"type": ["integer", "number"]}, [1, 1.5], ["x"]),
        ({"anyOf": [STRING, {"type": "null"}]}, ["x", None], [1]),
        ({"oneOf": [INTEGER, {"type": "array", "items": INTEGER}]}, [1, [1]], ["x"]),
        ({"allOf": [INTEGER]}, [1], ["x"]),
        ({"anyOf": [{"enum": ["auto"]}, INTEGER]}, ["auto", 3], ["other"]),
        ({"anyOf": [STRING, STRING]}, ["x"], [1]),
        ({"anyOf": []}, ["x", 1], [None]),
        ({"title": "T", "description": "d", "examples": [1], **INTEGER}, [1], ["x"]),
    ],
)
def test_values(kind: Any, good: list[Any], bad: list[Any]) -> None:
    assert [one(kind, value) for value in good] == [True] * len(good)
    assert [one(kind, value) for value in bad] == [False] * len(bad)
    assert any(one(kind, write([of({"x": kind})], seed)["arguments"]["x"]) for seed in range(2))


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("dict", "object"), ("float", "number"), ("double", "number"), ("int", "integer"),
        ("long", "integer"), ("tuple", "array"), ("list", "array"), ("set", "array"),
        ("str", "string"), ("char", "string"), ("bool", "boolean"), ("Boolean", "boolean"),
        ("String", "string"), ("ARRAY", "array"), ("HashMap", None), ("any", None),
    ],
)  # fmt: skip
def test_other_words_for_types(given: str, known: str | None) -> None:
    inner: dict[str, Any] = {"items": INTEGER, "properties": {"y": INTEGER}, "required": ["y"]}
    wanted = ANY if known is None else parameters_of(of({"x": {"type": known, **inner}}))
    wanted = wanted if known is None else wanted["properties"]["x"]
    assert parameters_of(of({"x": {"type": given, **inner}}))["properties"]["x"] == wanted


def test_an_object_of_the_leaderboard() -> None:
    made = tool(
        {
            "type": "dict",
            "required": ["at"],
            "properties": {
                "at": {"type": "dict", "properties": {"x": {"type": "float"}}, "required": ["x"]},
                "box": {"type": "tuple", "items": {"type": "float"}},
                "any": {"type": "any"},
            },
        }
    )
    assert fine(made, {"at": {"x": 1.5}, "box": [1, 2.5], "any": "x"})
    assert fine(made, {"at": {"x": 1}}) and not fine(made, {"box": [1]})


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ({**STRING, "minLength": 2, "maxLength": 3}, ["ab", "abc"], ["a", "abcd"]),
        ({**STRING, "minLength": 300}, ["x" * 300], ["x" * 299]),
        ({**STRING, "maxLength": 0}, [""], ["a"]),
        ({**STRING, "minLength": 5, "maxLength": 3}, ["", "abcd"], []),
        ({**STRING, "minLength": -1, "maxLength": 2.5}, ["", "abcd"], []),
        ({**STRING, "minLength": True}, [""], []),
        ({**STRING, "maxLength": 10**6}, [""], []),
        ({"type": "array", "items": INTEGER, "minItems": 1, "maxItems": 2}, [[1], [1, 2]], [[]]),
        ({"type": "array", "items": INTEGER, "maxItems": 0}, [[]], [[1]]),
        ({"type": "array", "items": INTEGER, "minItems": "2"}, [[]], []),
    ],
)
def test_sizes_count_where_they_make_sense(kind: Any, good: list[Any], bad: list[Any]) -> None:
    assert [one(kind, value) for value in good] == [True] * len(good)
    assert [one(kind, value) for value in bad] == [False] * len(bad)
    write([of({"x": kind})], 0)


def test_definitions_are_looked_up() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/Point"}, "b": {"$ref": "#/definitions/Name"}},
        "$defs": {"Point": {"type": "object", "properties": {"x": {"$ref": "#/$defs/Number"}}},
                  "Number": {"type": "number"}},
        "definitions": {"Name": STRING},
    }  # fmt: skip
    assert fine(tool(schema), {"a": {"x": 1.5}, "b": "n"})
    assert not fine(tool(schema), {"a": {"x": "1"}, "b": "n"})


@pytest.mark.parametrize("reference", ["#/$defs/Nothing", "#", "", None, 3, "http://x/y#/z", []])
def test_a_reference_to_nothing_is_anything(reference: Any) -> None:
    assert parameters_of(of({"a": {"$ref": reference}}))["properties"]["a"] == ANY


@pytest.mark.parametrize(
    "node",
    [
        {"$ref": "#/$defs/Node"},
        {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}},
        {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
        {"type": "object", "properties": {"l": {"$ref": "#/$defs/Node"}}, "required": []},
    ],
)
def test_a_schema_that_refers_to_itself_ends(node: Any) -> None:
    made = of({"a": {"$ref": "#/$defs/Node"}}, **{"$defs": {"Node": node}})
    write([made], 0)
    assert signature(made).startswith("f(a: ")


def test_a_type_inside_itself_is_anything_and_beside_itself_is_not() -> None:
    point = {"type": "object", "properties": {"x": {"$ref": "#/$defs/N"}, "next": REF}}
    named = {"$defs": {"Node": point, "N": INTEGER}}
    found = parameters_of(of({"a": REF, "b": listed(REF)}, **named))["properties"]
    known = {"type": "object", "properties": {"x": INTEGER, "next": ANY}}
    assert found == {"a": known, "b": {"type": "array", "items": known}}


def test_deep_schemas_end_as_anything() -> None:
    kind: Any = INTEGER
    value: Any = 1
    for _ in range(40):
        kind = {"type": "object", "properties": {"x": kind}}
    for _ in range(6):
        value = {"x": value}
    assert one(kind, value) and not one(kind, {"x": value})


@pytest.mark.parametrize("text", ["", "nope", "3", "[]", "null", '"x"', "{", '{"type": "object"'])
def test_what_is_no_schema_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="tool 'f': its parameters are no JSON Schema"):
        call_grammar([Tool("f", parameters=text)])


@pytest.mark.parametrize("kind", ["array", "string", None, ["object"], 3])
def test_what_is_no_schema_of_an_object_is_refused(kind: Any) -> None:
    with pytest.raises(InputError, match="tool 'f': its parameters are no schema of an object"):
        parameters_of(tool({"type": kind}))


@pytest.mark.parametrize("kind", [None, 3, "string", [], True, [{"type": "string"}]])
def test_a_property_that_is_no_schema_is_anything(kind: Any) -> None:
    assert parameters_of(of({"a": kind}))["properties"]["a"] == ANY


@pytest.mark.parametrize("name", ["items", "anyOf", "minLength", "maxItems", "default", "title"])
@pytest.mark.parametrize("value", [None, 3, "x", [], {}, [1], {"x": 1}])
@pytest.mark.parametrize("kind", ["string", "array", "object"])
def test_a_word_of_another_kind_than_it_should_be(kind: str, name: str, value: Any) -> None:
    write([of({"a": {"type": kind, name: value}})], 0)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"type": "object", "properties": "abc"}}},
        {"properties": {"a": {"type": "object", "properties": [1]}}},
        {"$defs": [1]},
        {"$defs": None},
        {"definitions": "x"},
        {"properties": []},
    ],
)
def test_an_absurd_object_is_read_as_the_nearest(schema: Any) -> None:
    made = tool(schema)
    assert list(write([made], 0)["arguments"]) == list(schema.get("properties", ()))


@pytest.mark.parametrize("given", [[1], "abc", "", 3, 0, True, False])
def test_properties_that_are_no_object_are_refused(given: Any) -> None:
    with pytest.raises(InputError, match="tool 'f': its properties are no JSON object"):
        parameters_of(tool({"properties": given}))


def test_a_schema_that_no_parser_reads_is_refused() -> None:
    text = '{"properties": {"a": ' + "[" * 100_000 + "]" * 100_000 + "}}"
    with pytest.raises(InputError):
        parameters_of(Tool("f", parameters=text))


@pytest.mark.parametrize(
    "schema", [{"properties": {"\ud800": {}}}, {"properties": {"a": {"enum": ["\ud800"]}}}]
)
def test_half_a_character_is_refused_or_left_out(schema: Any) -> None:
    try:
        call_grammar([Tool("f", parameters=json.dumps(schema))])
    except InputError:
        pass


@pytest.mark.parametrize(
    "kind",
    [
        {"anyOf": [{}, STRING]},
        {"anyOf": [{"anyOf": [STRING, INTEGER]}, STRING]},
        {"anyOf": [{"type": ["string", "integer"]}, STRING, {"type": "null"}]},
        {"type": []},
        {"enum": "abc"},
        {"enum": None},
    ],
)
def test_kinds_that_the_subset_cannot_say_are_read_as_the_nearest(kind: Any) -> None:
    assert one(kind, "abc")


@pytest.mark.parametrize("value", [[1, 2], {"b": 1, "a": 2}])
def test_lists_and_objects_in_an_enum_are_written_as_all_others(value: Any) -> None:
    assert one({"enum": [value]}, value)


def test_an_object_of_any_properties_can_have_some() -> None:
    assert one({"type": "object"}, {"x": 1})
    assert one({"type": "object", "additionalProperties": INTEGER}, {"x": 1})


def test_many_optional_properties_make_a_small_grammar() -> None:
    names = [f"p{number}" for number in range(60)]
    made = of(dict.fromkeys(names, INTEGER), required=[])
    assert fine(made, {"p0": 1, "p59": 2}) and not fine(made, {"p59": 1, "p0": 2})
    assert len(call_grammar([made]).grammar.lark) < 60_000


WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=5)
PLAIN = st.text("abc é😀'/-._", min_size=1, max_size=8).map(str.strip).filter(bool)
LEAVES = st.sampled_from(
    [
        (INTEGER, st.integers(-999, 999)),
        ({"type": "float"}, st.integers(-4000, 4000).map(lambda n: n / 8)),
        (STRING, PLAIN),
        ({"type": "bool"}, st.booleans()),
        ({"enum": ["a", "b", 3, None]}, st.sampled_from(["a", "b", 3, None])),
        ({"const": "c"}, st.just("c")),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, st.none() | st.integers(0, 9)),
        ({"type": ["string", "null"]}, PLAIN | st.none()),
        ({"$ref": "#/$defs/Short"}, st.text("xy", min_size=1, max_size=3)),
        ({}, PLAIN | st.booleans() | st.integers(0, 9)),
    ]
)


@st.composite
def objects(draw: st.DrawFn, inner: Any) -> Any:
    """A schema of an object, and values for it: the required properties first."""
    parts = draw(st.dictionaries(WORDS, inner, max_size=4))
    needed = draw(st.lists(st.sampled_from(list(parts)), unique=True)) if parts else []
    schema = {"type": "object", "properties": {name: kind for name, (kind, _) in parts.items()}}
    order = [name for name in parts if name in needed] + [n for n in parts if n not in needed]
    given = {name: parts[name][1] for name in order}

    @st.composite
    def values(draw: st.DrawFn) -> Any:
        return {
            name: draw(value)
            for name, value in given.items()
            if name in needed or draw(st.booleans())
        }

    return {**schema, "required": needed}, values()


@st.composite
def arrays(draw: st.DrawFn, inner: Any) -> Any:
    kind, value = draw(inner)
    least, more = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    schema = {"type": "list", "items": kind, "minItems": least, "maxItems": least + more}
    return schema, st.lists(value, min_size=least, max_size=least + more)


KINDS = st.recursive(LEAVES, lambda inner: objects(inner) | arrays(inner), max_leaves=6)
SHORT = {"$defs": {"Short": {"type": "string", "minLength": 1, "maxLength": 3}}}


def longest(schema: Any) -> int:
    """Return about how many tokens a value may take."""
    if schema.get("properties") == {}:
        return 1000  # read as an object that may have any
    if "properties" in schema:
        parts = schema["properties"].items()
        return sum(len(json.dumps(name)) + 8 + longest(kind) for name, kind in parts)
    return int(schema["maxItems"] * (longest(schema["items"]) + 2)) if "items" in schema else 64


@given(objects(KINDS), st.data())
def test_what_a_schema_allows_is_accepted_in_the_grammars_order(
    made: Any, data: st.DataObject
) -> None:
    schema, values = made
    assume(longest(schema) < 1500)  # lists of a call that could be longer have fewer items
    assert fine(tool({**schema, **SHORT}), data.draw(values))


def plain(schema: Any) -> Any:
    """Return a schema in the words of JSON Schema, closed, for an independent validator."""
    if isinstance(schema, list):
        return [plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "enum" in schema or "const" in schema:
        return schema
    words = {"float": "number", "bool": "boolean", "list": "array"}
    found = {name: plain(value) for name, value in schema.items() if name != "properties"}
    if "properties" in schema:
        found["properties"] = {n: plain(value) for n, value in schema["properties"].items()}
        if found["properties"]:  # one without may have any
            found["additionalProperties"] = False
    kind = found.get("type")
    return {**found, "type": words.get(kind, kind)} if isinstance(kind, str) else found


def closed(nearest: Any) -> Any:
    """Return the nearest form in the words of JSON Schema, for an independent validator."""
    if "anyOf" in nearest:
        return {"anyOf": [closed(option) for option in nearest["anyOf"]]}
    if nearest.get("type") == "array":
        return {**nearest, "items": closed(nearest["items"])}
    if "x-values" in nearest:
        most = nearest.get("x-max-items", 8)
        kind = closed(nearest["x-values"])
        return {"type": "object", "additionalProperties": kind, "maxProperties": most}
    if nearest.get("type") != "object":
        return nearest
    inner = {name: closed(kind) for name, kind in nearest["properties"].items()}
    needed = [name for name in inner if name not in nearest.get("x-optional", ())]
    return {"type": "object", "properties": inner, "required": needed,
            "additionalProperties": False}  # fmt: skip


@given(objects(KINDS), st.integers(0, 3))
def test_whatever_is_written_satisfies_the_schema(made: Any, seed: int) -> None:
    schema = {**made[0], **SHORT}
    written = write([tool(schema)], seed)
    assert written["name"] == "f"
    jsonschema.validate(written["arguments"], plain(schema))
    jsonschema.validate(written["arguments"], closed(parameters_of(tool(schema))))
    assert fine(tool(schema), written["arguments"])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-3, 9) | st.sampled_from(["string", "object", "x"]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["type", "items", "minItems", "maxLength", "title", "default"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    )
)
def test_whatever_a_property_is_called_it_can_be_called(kind: Any) -> None:
    try:
        write([of({"a": kind})], 0)
    except InputError as refused:  # a list of no types
        assert "list of options" in str(refused)


def wide(count: int, levels: int) -> Tool:
    """A tool whose types refer to each other: so many properties at each of so many levels."""
    named: dict[str, Any] = {f"D{levels}": STRING}
    for level in range(levels):
        parts = {f"p{n}": {"$ref": f"#/$defs/D{level + 1}"} for n in range(count)}
        named[f"D{level}"] = {"type": "object", "properties": parts}
    return of({"x": {"$ref": "#/$defs/D0"}}, **{"$defs": named})


def recursive(count: int) -> Tool:
    node: dict[str, Any] = {"type": "object", "properties": {f"p{n}": REF for n in range(count)}}
    return of(node["properties"], **{"$defs": {"Node": node}})


LARGE: dict[str, Tool] = {
    "lists of lists": of({"x": listed(listed(STRING))}),
    "lists of objects of any names": of({"x": listed({"type": "object"})}),
    "objects of objects": of({"x": {"type": "object", "additionalProperties": {"type": "object"}}}),
    "many items": of({"x": listed(STRING, maxItems=100)}),
    "many items at least": of({"x": listed(STRING, minItems=100)}),
    "long and many": of({"x": listed({**STRING, "minLength": 8}, minItems=40)}),
    "itself in 8 properties": recursive(8),
    "itself in 12 properties": recursive(12),
    "8 properties at 5 levels": wide(8, 4),
    "30 properties at 5 levels": wide(30, 4),
    "lists in six lists": of({"x": listed(listed(listed(listed(listed(listed(STRING))))))}),
    "60 texts": of({f"p{n}": STRING for n in range(60)}),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_could_be_too_long_has_less_room(name: str) -> None:
    found = call_grammar([LARGE[name]])
    assert found.max_tokens <= 2000 and len(found.grammar.lark) < 20_000
    nearest = closed(parameters_of(LARGE[name]))
    for seed in range(2):
        made = write([LARGE[name]], seed)["arguments"]
        jsonschema.validate(made, nearest)
        assert fine(LARGE[name], made)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("lists of lists", listed(listed(STRING, maxItems=4), maxItems=4)),
        ("many items", listed(STRING, maxItems=16)),
        ("many items at least", listed({**STRING, "x-max-tokens": 15}, minItems=100)),
        (
            "long and many",  # what the least length may take is left, at four bytes a character
            listed({**STRING, "minLength": 8, "x-max-tokens": 33}, minItems=40),
        ),
        (
            "objects of objects",
            {
                "type": "object",
                "x-values": {"type": "object", "x-values": ANY, "x-max-items": 4},
                "x-max-items": 4,
            },
        ),
    ],
)
def test_lists_get_fewer_items_before_texts_get_shorter(name: str, kind: Any) -> None:
    assert parameters_of(LARGE[name])["properties"]["x"] == kind


def test_what_is_deepest_is_left_out_where_no_size_helps() -> None:
    level = parameters_of(wide(30, 4))["properties"]["x"]
    assert level["properties"].keys() == {f"p{n}" for n in range(30)}
    assert all("anyOf" in kind for kind in level["properties"].values())


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        (STRING, 99),
        (INTEGER, 50),
        ({"type": "number"}, 57),
        ({"type": "boolean"}, 42),
        (listed(STRING), 551),
        (listed(INTEGER), 159),
        (listed(INTEGER, maxItems=100), 1539),
        ({"enum": ["a", "bcd"]}, 42),
        ({"type": "object", "properties": {"a": STRING, "b": INTEGER}}, 126),
        (listed({"type": "object", "properties": {"a": STRING, "b": STRING}}), 1159),
        ({"type": "object", "x-values": ANY}, 719),
    ],
)
def test_what_fits_has_all_the_room_it_asks_for(kind: Any, most: int) -> None:
    assert call_grammar([of({"x": kind})]).max_tokens == most
    assert parameters_of(of({"x": kind}))["properties"]["x"] == kind


def test_the_tools_of_a_call_have_room_of_their_own() -> None:
    short, long = of({"x": listed(STRING)}), LARGE["lists of lists"]
    both = [short, Tool("g", parameters=long.parameters)]
    assert call_grammar(both).max_tokens == call_grammar(both[1:]).max_tokens
    assert accepts(call_grammar(both).grammar, call({"x": ["a"] * 8}))


@pytest.mark.parametrize(
    "made",
    [
        of({f"p{n}": STRING for n in range(100)}),
        of({f"p{n}": {**STRING, "minLength": 900} for n in range(3)}),
        of({"x": listed(INTEGER, minItems=200)}),
    ],
)
def test_a_call_that_never_fits_is_refused(made: Tool) -> None:
    assert list(parameters_of(made)["properties"])  # it can be shown all the same
    with pytest.raises(InputError) as refused:
        call_grammar([tool({}, "g"), made])
    text = str(refused.value)
    assert text.startswith("tool 'f': a call of it could take ") and "\n" not in text
    assert text.endswith("more than 2000 (give it fewer parameters, or a smaller minItems or "
                         "minLength)")  # fmt: skip


def test_parameters_belong_to_who_asks_for_them() -> None:
    made = of({"a": INTEGER})
    parameters_of(made)["properties"].clear()
    assert list(parameters_of(made)["properties"]) == ["a"]


def test_a_renamed_grammar_keeps_its_literals() -> None:
    grammar = Grammar(
        'start: text0 "text0 \\" text0" list1\n'
        "text0[max_tokens=3]: /text0\\/text0/\n"
        'list1: text0 (", " text0){0,7} | "list1"'
    )
    assert grammar.renamed("a_").lark == (
        'start: a_text0 "text0 \\" text0" a_list1\n'
        "a_text0[max_tokens=3]: /text0\\/text0/\n"
        'a_list1: a_text0 (", " a_text0){0,7} | "list1"'
    )


def test_a_renamed_grammar_can_be_renamed_again_and_uncapped() -> None:
    grammar = grammar_of(Bounded("[a-z]{1,3}", 2))
    twice = grammar.renamed("a_").renamed("b_")
    assert twice.lark == "start: b_a_r0\nb_a_r0[max_tokens=2]: /[a-z]{1,3}/"
    assert twice.uncapped().renamed("c_").lark.endswith("c_b_a_r0: /[a-z]{1,3}/")
    assert Grammar().renamed("a_") == Grammar()


@settings(max_examples=25, deadline=None)
@given(KINDS, KINDS, st.integers(0, 3))
def test_two_renamed_grammars_can_stand_in_one(one: Any, other: Any, seed: int) -> None:
    from outlines.types import dsl

    tools = [tool({"properties": {"x": kind}, **SHORT}) for kind, _ in (one, other)]
    first, second = (call_grammar([made]).grammar for made in tools)
    parts = [first.renamed("a_"), dsl.String("\n"), second]
    both = grammar_of(dsl.Sequence(parts))
    texts = [json.dumps(write([made], seed), ensure_ascii=False) for made in tools]
    assert accepts(both, "\n".join(texts))
    assert not accepts(both, "\n".join([*texts, texts[0]]))
    assert accepts(first.renamed("z_"), texts[0]) and accepts(first, texts[0])


def test_calls_and_json_have_rules_of_their_own() -> None:
    from outlines.types import dsl

    schema = {
        "type": "object",
        "properties": {"text0": STRING, "l": {"type": "array", "items": STRING}},
    }
    made = of(schema["properties"])
    both = dsl.Sequence(
        [call_grammar([made]).grammar, dsl.String("|"), bounded_json(schema).grammar]
    )
    arguments = {"text0": "call_text0", "l": ["x"]}
    assert accepts(grammar_of(both), f"{call(arguments)}|{json.dumps(arguments)}")


def test_subsets_of_many_sizes() -> None:
    names = list("abcd")
    made = of(dict.fromkeys(names, {"type": "boolean"}), required=["c"])
    for size in range(4):
        for left in combinations(["a", "b", "d"], size):
            assert fine(made, dict.fromkeys(["c", *left], True))
