"""Rows that bring functions: how targets are written, and that an agent can say and be right."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import Contract, Field
from slearn.datasets import Columns, Wishes, prepare, propose, to_examples
from slearn.datasets.calls import calls_of, functions_of
from slearn.datasets.contracts import describe, fit
from slearn.datasets.detect import find_columns
from slearn.engine import parameters_of
from slearn.engine.scripted import accepts
from slearn.errors import DataError, InputError
from slearn.metrics import metric_named
from slearn.values import Example, Tool

AREA = {
    "name": "area",
    "description": "The area of a triangle.",
    "parameters": {
        "type": "dict",
        "properties": {
            "unit": {"type": "string", "default": "cm", "description": "of length"},
            "base": {"type": "integer"},
            "round": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "at": {
                "type": "dict",
                "properties": {"y": {"type": "float"}, "x": {"type": "float"}},
                "required": ["x"],
            },
        },
        "required": ["base"],
    },
}
NOW = {"name": "now"}
FUNCTIONS = [AREA, NOW]


def example(target: Any, text: str = "A base of 3?", functions: Any = FUNCTIONS) -> Example:
    """Turn a row into its example."""
    row = {"input": text, "functions": functions, "target": target}
    (found,) = to_examples([row], Columns(functions="functions"), "a.jsonl")
    return found


def call(name: str, **arguments: Any) -> str:
    return json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)


def said(found: Example) -> list[str]:
    """Return the targets, which the row's grammar accepts and the metric calls right."""
    grammar = Contract((Field(type="call"),)).grammar(None, found.functions)
    for text in found.targets or ():
        assert accepts(grammar, text), text
        assert metric_named("call").score(text, found) == 1.0, text
    return [*(found.targets or ())]


@pytest.mark.parametrize(
    ("target", "texts"),
    [
        ([{"area": {"base": [3]}}], [call("area", base=3)]),
        ([{"area": {"base": [3, 4]}}], [call("area", base=3), call("area", base=4)]),
        ([{"area": {"base": [3.0]}}], [call("area", base=3)]),
        ([{"area": {"base": 3}}], [call("area", base=3)]),
        ([{"area": {"base": [3], "unit": ["m"]}}], [call("area", base=3, unit="m")]),
        ([{"area": {"unit": ["m"], "base": [3]}}], [call("area", base=3, unit="m")]),
        ([{"area": {"base": [3], "unit": [""]}}], [call("area", base=3)]),
        (
            [{"area": {"base": [3], "unit": ["cm", ""]}}],
            [call("area", base=3), call("area", base=3, unit="cm")],
        ),
        (
            [{"area": {"base": [3], "unit": ["", "M.", "m"]}}],
            [call("area", base=3), call("area", base=3, unit="M."), call("area", base=3, unit="m")],
        ),
        (
            [{"area": {"base": [3], "round": [True, ""]}}],
            [call("area", base=3), call("area", base=3, round=True)],
        ),
        (
            [{"area": {"base": [3], "tags": [["a", "ü"], []]}}],
            [call("area", base=3, tags=["a", "ü"]), call("area", base=3, tags=[])],
        ),
        (
            [{"area": {"base": [3], "at": [{"y": [2, ""], "x": [1.5]}]}}],
            [call("area", base=3, at={"x": 1.5, "y": 2})],
        ),
        (
            [{"area": {"base": [3], "at": [{"x": [1.5], "y": ["", 2]}]}}],
            [call("area", base=3, at={"x": 1.5})],
        ),
        ([{"area": {"base": [3], "at": [{"x": 1}]}}], [call("area", base=3, at={"x": 1})]),
        ([{"now": {}}], [call("now")]),
        ([{"name": "area", "arguments": {"base": 3}}], [call("area", base=3)]),
        ([{"name": "area", "arguments": '{"base": 3}'}], [call("area", base=3)]),
        ({"name": "area", "arguments": {"base": 3}}, [call("area", base=3)]),
        (
            [{"name": "area", "arguments": {"tags": ["a", "b"], "base": 3, "at": {"x": 1}}}],
            [call("area", base=3, tags=["a", "b"], at={"x": 1})],
        ),
        ([{"name": "now", "arguments": {}}], [call("now")]),
        ([{"name": "now", "arguments": "{}"}], [call("now")]),
        (
            [{"type": "function", "function": {"name": "area", "arguments": '{"base": 3}'}}],
            [call("area", base=3)],
        ),
        (
            [{"id": "c1", "type": "function", "function": {"name": "now", "arguments": {}}}],
            [call("now")],
        ),
        ('[{"area": {"base": [3]}}]', [call("area", base=3)]),
        ('{"name": "area", "arguments": {"base": 3}}', [call("area", base=3)]),
        (' [{"now": {}}] ', [call("now")]),
        ([], ["none"]),
        ("[]", ["none"]),
        (None, ["none"]),
        ("null", ["none"]),
        ("none", ["none"]),
        (" none ", ["none"]),
        ("", ["none"]),
    ],
)  # fmt: skip
def test_forms_of_targets(target: Any, texts: list[str]) -> None:
    assert said(example(target)) == texts


def test_an_argument_that_may_be_left_out_comes_first_where_its_value_is_read() -> None:
    target = [{"area": {"base": [3], "unit": ["Inch", ""]}}]
    with_it, without = call("area", base=3, unit="Inch"), call("area", base=3)
    assert said(example(target, "a base of 3 inches")) == [with_it, without]
    assert said(example(target, "a base of 3")) == [without, with_it]


def test_of_many_ways_to_write_a_target_the_first_are_kept() -> None:
    target = [{"area": {"base": [1, 2, 3, 4], "unit": ["a", "b", "c"], "round": [True, False]}}]
    texts = said(example(target))
    assert len(texts) == 8 == len(set(texts))
    assert texts[0] == call("area", base=1, unit="a", round=True)


def test_all_acceptable_calls_are_kept_for_the_metric() -> None:
    found = example([{"area": {"base": [1, 2, 3, 4], "unit": ["a", "b", "c"], "round": [True]}}])
    metric = metric_named("call")
    assert metric.score(call("area", base=4, unit="c", round=True), found) == 1.0
    assert metric.score(call("area", base=5, unit="c", round=True), found) == 0.0
    assert json.loads(example([{"name": "now", "arguments": {}}]).calls or "") == [{"now": {}}]
    assert example([]).calls == "[]"


def test_all_acceptable_calls_name_what_may_be_left_out() -> None:
    made = example([{"area": {"base": [3], "unit": ["m", ""], "at": [{"x": [1], "y": ["", 2]}]}}])
    free = {"optional": True}
    assert json.loads(made.calls or "") == [
        {"area": {"base": [3], "unit": ["m", "", free], "at": [{"x": [1], "y": ["", 2, free]}]}}
    ]


def taking(kind: Any, target: Any, needed: tuple[str, ...] = ("x",)) -> Example:
    """Return an example of a function `f` that takes one argument `x`."""
    parameters = {"type": "object", "properties": {"x": kind}, "required": [*needed]}
    return example(target, functions=[{"name": "f", "parameters": parameters}])


TEXT = {"type": "string"}
HELD = {"type": "object", "properties": {"a": TEXT, "b": {"type": "integer"}}, "required": ["a"]}


@pytest.mark.parametrize("needed", [("x",), ()])
@pytest.mark.parametrize(
    "target",
    [
        [{"name": "f", "arguments": {"x": ""}}],
        [{"name": "f", "arguments": '{"x": ""}'}],
        [{"function": {"name": "f", "arguments": {"x": ""}}}],
        [{"f": {"x": ""}}],
    ],
)
def test_an_empty_text_that_a_call_gives_has_to_be_given(target: Any, needed: Any) -> None:
    found = taking(TEXT, target, needed)
    assert said(found) == [call("f", x="")]
    assert metric_named("call").score(call("f"), found) == 0.0


def test_an_empty_text_inside_an_object_has_to_be_given() -> None:
    found = taking(HELD, [{"name": "f", "arguments": {"x": {"a": ""}}}])
    assert said(found) == [call("f", x={"a": ""})]
    assert metric_named("call").score(call("f", x={}), found) == 0.0


@pytest.mark.parametrize("value", [{"optional": True}, {"optional": [True]}, [{"optional": True}]])
def test_no_value_means_that_an_argument_may_be_left_out(value: Any) -> None:
    kind = {"type": "object"} if isinstance(value, dict) else {"type": "array"}
    for target in ([{"name": "f", "arguments": {"x": value}}], [{"f": {"x": [value]}}]):
        found = taking(kind, target)
        (text,) = found.targets or ()
        assert metric_named("call").score(text, found) == 1.0
        assert metric_named("call").score(call("f"), found) == 0.0


OPEN = {"type": "object"}
CARDS = {"type": "object", "additionalProperties": {"type": "array", "items": TEXT}}


@pytest.mark.parametrize(
    ("kind", "values", "text"),
    [
        (OPEN, [{"A": ["x"]}], {"A": "x"}),
        (OPEN, [{"A": ["x", "y"], "B": [2.5]}], {"A": "x", "B": 2.5}),
        (OPEN, [{"A": ["x"], "B": ["", "y"]}], {"A": "x"}),
        (OPEN, [{"A": ["x"], "B": ["y", ""]}], {"A": "x", "B": "y"}),
        (OPEN, [{}], {}),
        (CARDS, [{"A": [["x", "y"]], "B": [["z"], []]}], {"A": ["x", "y"], "B": ["z"]}),
        ({**OPEN, "additionalProperties": OPEN}, [{"A": [{"B": ["x"]}]}], {"A": {"B": "x"}}),
        ({"type": "array", "items": OPEN}, [[{"A": ["x"]}, {"A": [1]}]], [{"A": "x"}, {"A": 1}]),
        ({"anyOf": [{"type": "null"}, HELD]}, [{"b": [1, ""], "a": ["x"]}], {"a": "x", "b": 1}),
        ({"anyOf": [TEXT, {"type": "array", "items": OPEN}]}, [[{"A": ["x"]}]], [{"A": "x"}]),
    ],
)
def test_acceptable_values_inside_an_open_object_are_settled(
    kind: Any, values: Any, text: Any
) -> None:
    assert said(taking(kind, [{"f": {"x": values}}])) == [call("f", x=text)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (OPEN, {"A": "x", "B": ""}),
        (CARDS, {"A": ["x", "y"], "B": []}),
        ({"anyOf": [{"type": "null"}, HELD]}, {"a": "x", "b": 1}),
        ({"type": "object", "properties": {"a": {"type": ["string", "null"]}}}, {"a": None}),
    ],
)
def test_a_plain_call_with_an_object_is_written_as_it_is(kind: Any, value: Any) -> None:
    assert said(taking(kind, [{"name": "f", "arguments": {"x": value}}])) == [call("f", x=value)]


@pytest.mark.parametrize(
    ("kind", "value"), [(HELD, {"a": "x", "c": 1}), ({"type": "array"}, [{"A": {"B": [1]}}])]
)
def test_what_the_schema_does_not_tell_is_right_though_no_grammar_allows_it(
    kind: Any, value: Any
) -> None:
    found = taking(kind, [{"name": "f", "arguments": {"x": value}}])
    assert found.targets == (call("f", x=value),)
    assert metric_named("call").score(call("f", x=value), found) == 1.0


SEVERAL = [{"area": {"base": [3, 4]}}, {"name": "now", "arguments": {}}]


def test_several_calls_are_a_target_that_no_agent_can_say_but_the_metric_knows() -> None:
    found = example(SEVERAL)
    (target,) = found.targets or ()
    assert not accepts(Contract((Field(type="call"),)).grammar(None, found.functions), target)
    answer = f"[{call('now')}, {call('area', base=4)}]"
    assert metric_named("call").score(answer, found) == 1.0
    fitting, others = fit(Field(type="call"), [found, example([])])
    assert [one.targets for one in fitting] == [("none",)] and others == [found]


def test_several_calls_are_right_as_they_are_written() -> None:
    found = example(SEVERAL)
    (target,) = found.targets or ()
    assert metric_named("call").score(target, found) == 1.0


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("area(3)", r"a target is a list of calls, found area\(3\)"),
        (5, "a target is a list of calls, found 5"),
        (True, "found true"),
        ([5], r"found \[5\]"),
        ([[]], "a list of calls"),
        ([None], "a list of calls"),
        ([{}], "a list of calls"),
        ({}, "a list of calls"),
        ([{"area": 3}], "a list of calls"),
        ([{"area": {"base": [3]}, "now": {}}], "a list of calls"),
        ([{"name": "area", "arguments": "{"}], "a list of calls"),
        ([{"name": "area", "arguments": [1]}], "a list of calls"),
        ([{"name": 3, "arguments": {}}], "a list of calls"),
        ([{"nothing": {}}], "its target calls 'nothing', which the row does not bring"),
        ([{"name": "AREA", "arguments": {"base": 3}}], "its target calls 'AREA'"),
        ("x" * 500, "found x{60}$"),
    ],
)
def test_what_is_no_target_is_told_in_one_line_with_its_row(target: Any, message: str) -> None:
    rows = [{"input": "", "functions": FUNCTIONS, "target": one} for one in ([], target)]
    with pytest.raises(DataError, match=message) as told:
        to_examples(rows, Columns(functions="functions"), "a.jsonl")
    assert told.value.where == "a.jsonl:2" and "\n" not in str(told.value)


@pytest.mark.parametrize(
    "target",
    [
        [{"area": {"base": [3], "nothing": [3]}}],
        [{"area": {"base": [3], "tags": [[]], "nothing": [3, ""]}}],
        [{"area": {"base": []}}],
    ],
)
def test_a_target_with_arguments_that_its_function_does_not_take_is_refused(target: Any) -> None:
    try:
        said(example(target))
    except DataError:
        return
    raise AssertionError("it can be said")


def test_a_list_inside_an_object_of_a_plain_call_is_one_value() -> None:
    inner = {
        "type": "object",
        "properties": {"ids": {"type": "array", "items": {"type": "integer"}}},
    }
    functions = [{"name": "f", "parameters": {"properties": {"x": inner}}}]
    found = example([{"name": "f", "arguments": {"x": {"ids": [1, 2]}}}], functions=functions)
    assert said(found) == [call("f", x={"ids": [1, 2]})]


@pytest.mark.parametrize("call_of_now", [{"name": "now"}, {"name": "now", "arguments": None}])
def test_a_plain_call_may_leave_out_its_arguments(call_of_now: Any) -> None:
    assert said(example([call_of_now])) == [call("now")]


@pytest.mark.parametrize(
    "target",
    [
        [{"area": {"base": [3.5]}}],
        [{"area": {"unit": ["m"]}}],
        [{"area": {"base": ["3"]}}],
        [{"area": {"base": [3], "unit": ['a "quote"']}}],
        [{"area": {"base": [3], "unit": ["two\nlines"]}}],
        [{"area": {"base": [3], "unit": ["x" * 201]}}],
        [{"area": {"base": [10**13]}}],
    ],
)
def test_a_target_that_no_grammar_allows_is_left_to_the_metric(target: Any) -> None:
    found = example(target)
    grammar = Contract((Field(type="call"),)).grammar(None, found.functions)
    assert not any(accepts(grammar, text) for text in found.targets or ())
    assert all(metric_named("call").score(text, found) == 1.0 for text in found.targets or ())
    assert fit(Field(type="call"), [found])[1] == [found]


def test_a_target_keeps_only_the_ways_that_can_be_said() -> None:
    found = example([{"area": {"base": [3], "unit": ['5"', "5 inch"]}}])
    (fitting,), others = fit(Field(type="call"), [found])
    assert fitting.targets == (call("area", base=3, unit="5 inch"),) and not others


@pytest.mark.parametrize(
    ("functions", "tools"),
    [
        ([NOW], [Tool("now", parameters="{}")]),
        (NOW, [Tool("now", parameters="{}")]),
        ('[{"name": "now"}]', [Tool("now", parameters="{}")]),
        ('{"name": "now"}', [Tool("now", parameters="{}")]),
        ([{"name": "now", "description": "Tells it."}], [Tool("now", "Tells it.", "{}")]),
        ([{"name": "now", "description": None, "parameters": None}], [Tool("now", "", "{}")]),
        ([{"type": "function", "function": NOW}], [Tool("now", parameters="{}")]),
        (
            [{"name": "f", "input_schema": {"properties": {"ü": {"type": "integer"}}}}],
            [Tool("f", parameters='{"properties": {"ü": {"type": "integer"}}}')],
        ),
        ([NOW, {"name": "a.b"}], [Tool("now", parameters="{}"), Tool("a.b", parameters="{}")]),
    ],
)
def test_forms_of_functions(functions: Any, tools: list[Tool]) -> None:
    found = functions_of(functions, "row 1")
    assert found == tuple(tools) and not any(tool.runs for tool in found)


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        (None, "functions are a list of objects with a name"),
        ("now", "a list of objects with a name"),
        ("", "a list of objects with a name"),
        (3, "a list of objects with a name"),
        ([3], "a list of objects with a name"),
        ([{}], "a list of objects with a name"),
        ([{"name": 3}], "a list of objects with a name"),
        ([{"function": "now"}], "a list of objects with a name"),
        ([], "there is no tool to call"),
        ([{"name": "f", "parameters": "x"}], "its parameters are no JSON Schema"),
        ([{"name": "f", "parameters": [1]}], "its parameters are no JSON Schema"),
        ([{"name": "f", "parameters": {"type": "array"}}], "no schema of an object"),
    ],
)
def test_what_are_no_functions_is_told_with_its_row(functions: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as told:
        example([], functions=functions)
    assert told.value.where == "a.jsonl:1" and "\n" not in str(told.value)


@pytest.mark.parametrize(
    "functions",
    [
        [{"name": "f", "parameters": {"properties": [1]}}],
        [{"name": "f", "parameters": {"$defs": [1]}}],
        [{"name": "\ud800"}],
        [{"name": "f", "parameters": {"properties": {"\ud800": {}}}}],
        "[" * 100_000,
    ],
)
def test_absurd_functions_are_read_or_told_with_their_row(functions: Any) -> None:
    try:
        said(example([], functions=functions))
    except DataError as refused:
        assert refused.where == "a.jsonl:1"


def test_a_function_that_cannot_be_called_is_named() -> None:
    with pytest.raises(DataError) as told:
        functions_of([NOW, {"name": "get_weather", "parameters": [1]}], "row 1")
    assert "get_weather" in str(told.value)


def test_parameters_may_be_text() -> None:
    text = '{"properties": {"a": {"type": "integer"}}}'
    (found,) = functions_of([{"name": "f", "parameters": text}], "row 1")
    assert parameters_of(found)["properties"] == {"a": {"type": "integer"}}


def test_a_row_without_a_target_has_none() -> None:
    row = {"input": "x", "functions": FUNCTIONS}
    (found,) = to_examples([row], Columns(functions="functions"), "a.jsonl")
    assert found.targets is None and found.calls is None and len(found.functions or ()) == 2
    (found,) = to_examples([row], Columns(target=None, functions="functions"), "a.jsonl")
    assert found.targets is None


def test_a_column_of_functions_that_is_not_there() -> None:
    with pytest.raises(DataError, match="no column 'functions'.*the columns are: input, target"):
        to_examples([{"input": "x", "target": []}], Columns(functions="functions"), "a.jsonl")


def test_functions_are_no_input() -> None:
    assert example([]).inputs == {"input": "A base of 3?"}
    with pytest.raises(InputError):
        Columns(("functions", "functions"), functions="functions")


@pytest.mark.parametrize(
    ("functions", "found"),
    [
        ([NOW], "functions"),
        ([], "functions"),
        ([NOW, AREA], "functions"),
        ("[]", None),
        (None, None),
        ([{"title": "x"}], None),
        (["now"], None),
        ({"name": "now"}, None),
    ],
)
def test_a_column_of_that_name_is_taken_where_every_row_lists_functions(
    functions: Any, found: str | None
) -> None:
    rows = [
        {"input": "x", "target": [], "functions": [NOW]},
        {"input": "y", "target": [], "functions": functions},
    ]
    assert find_columns(rows, Wishes()).functions == found


def test_a_named_column_of_functions() -> None:
    rows = [{"input": "x", "target": [], "tools": json.dumps(FUNCTIONS)}]
    assert find_columns(rows, Wishes()).functions is None
    assert find_columns(rows, Wishes(functions="tools")).functions == "tools"
    with pytest.raises(DataError, match="no column 'tool'.*did you mean 'tools'"):
        find_columns(rows, Wishes(functions="tool"))
    assert find_columns(
        [{"input": [NOW], "functions": [NOW]}], Wishes(inputs=("functions",))
    ).functions is None  # fmt: skip


def rows_of(count: int) -> list[dict[str, Any]]:
    return [
        {
            "input": f"A base of {number}?",
            "functions": FUNCTIONS,
            "target": [{"area": {"base": [number]}}] if number % 3 else [],
        }
        for number in range(count)
    ]


def test_functions_make_the_metric_and_the_contract() -> None:
    prepared = prepare(rows_of(12), Wishes())
    agent = prepared.proposal.agent
    assert agent.metric == "call" and agent.last.output == Contract((Field(type="call"),))
    assert prepared.columns.functions == "functions"
    assert describe(Field(type="call")) == "a call of one of the row's functions, or none"
    assert ("metric call", "the rows bring functions") in prepared.decisions
    assert len(prepared.splits.train) + len(prepared.splits.val) + len(prepared.splits.test) == 12


def test_a_metric_that_the_user_named_stays() -> None:
    agent = prepare(rows_of(12), Wishes(metric="exact")).proposal.agent
    assert agent.metric == "exact" and agent.last.output.answer.type == "call"
    named = propose([example([])], [], metric="judge").agent
    assert named.metric == "judge"


def test_a_column_that_names_a_split_holds_no_unit_tests() -> None:
    rows = [{"input": f"{n}?", "target": f"{n % 2}", "test": "train"} for n in range(12)]
    assert prepare(rows, Wishes()).proposal.agent.metric != "tests"


PLAIN = st.text("abü -/.'", min_size=1, max_size=6).map(str.strip).filter(bool)
KINDS = st.sampled_from(
    [
        ({"type": "integer"}, st.integers(-99, 99)),
        ({"type": "float"}, st.integers(-99, 99).map(lambda n: n / 4)),
        ({"type": "string"}, PLAIN),
        ({"type": "boolean"}, st.booleans()),
        ({"enum": ["a", "b", 3]}, st.sampled_from(["a", "b", 3])),
        (
            {"type": "array", "items": {"type": "integer"}},
            st.lists(st.integers(0, 9), max_size=3),
        ),
        (
            {"type": "dict", "properties": {"y": {"type": "integer"}, "x": {"type": "string"}},
             "required": ["x"]},
            st.fixed_dictionaries({"x": st.just(["q", "r"])}, optional={"y": st.just([1, ""])}),
        ),
    ]
)  # fmt: skip


@st.composite
def targets(draw: st.DrawFn) -> Any:
    """A function, and a target that calls it: alternatives, "" where one may be left out."""
    names = draw(st.lists(st.text("abcü_", min_size=1, max_size=3), unique=True, max_size=4))
    kinds = {name: draw(KINDS) for name in names}
    needed = [name for name in names if draw(st.booleans())]
    chosen: dict[str, list[Any]] = {}
    for name in draw(st.permutations(names)):
        values = draw(st.lists(kinds[name][1], min_size=1, max_size=3))
        left_out = name not in needed and draw(st.booleans())
        if name in needed or draw(st.booleans()):
            chosen[name] = draw(st.permutations([*values, ""] if left_out else values))
    properties = {name: kinds[name][0] for name in names}
    parameters = {"type": "dict", "properties": properties, "required": needed}
    return {"name": "f", "parameters": parameters}, [{"f": chosen}]


@given(targets(), st.sampled_from(["", "a b 3 true [1, 2]"]))
def test_whatever_the_target_its_texts_can_be_said_and_are_right(made: Any, text: str) -> None:
    function, target = made
    found = example(target, text, [NOW, function])
    texts = said(found)
    assert 1 <= len(texts) <= 8
    again = example(json.dumps(target), text, json.dumps([NOW, function]))
    assert again.targets == found.targets and again.calls == found.calls


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", "none", "now", "{}"]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["name", "arguments", "function", "now", "area", "base"]),
                inner,
                max_size=2,
            )
        ),
        max_leaves=6,
    )
)
def test_whatever_stands_there_it_is_a_target_or_told(target: Any) -> None:
    tools = functions_of(FUNCTIONS, "row 1")
    try:
        texts, written = calls_of(target, tools, "", "row 1")
    except DataError as refused:
        assert refused.where == "row 1"
        return
    assert texts and isinstance(json.loads(written), list)
