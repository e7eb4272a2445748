"""The metric `call`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.errors import DataError
from slearn.metrics import metric_named
from slearn.metrics.call import calls_in
from slearn.values import Example

Spec = list[dict[str, dict[str, Any]]]
OPTIONAL = {"optional": True}


def right(answer: str, *wanted: dict[str, dict[str, Any]]) -> bool:
    """Tell whether the metric takes the answer for the acceptable calls."""
    example = Example("7", {"input": "x"}, calls=json.dumps([*wanted]))
    score = metric_named("call").score(answer, example)
    assert score in (0.0, 1.0)
    return score == 1.0


def call(name: str, **arguments: Any) -> str:
    return json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)


def several(*calls: str) -> str:
    return f"[{', '.join(calls)}]"


AREA = {"area": {"base": [3, 4], "unit": ["cm", "", OPTIONAL], "round": [True]}}


@pytest.mark.parametrize(
    ("answer", "fine"),
    [
        (call("area", base=3, unit="cm", round=True), True),
        (call("area", base=4, unit="cm", round=True), True),
        (call("area", round=True, base=4), True),
        (call("area", base=3.0, round=True), True),
        (call("area", base=5, round=True), False),
        (call("area", base=3, unit="m", round=True), False),
        (call("area", base=3, unit="", round=True), True),
        (call("area", base=3), False),
        (call("area", round=True), False),
        (call("area", base=3, round=True, more=1), False),
        (call("areas", base=3, round=True), False),
        (call("Area", base=3, round=True), False),
        (several(call("area", base=3, round=True)), True),
        (several(call("area", base=3, round=True), call("area", base=3, round=True)), False),
        (f"  {call('area', base=3, round=True)}\n", True),
        ('{"arguments": {"round": true, "base": 3}, "name": "area"}', True),
        ('{"name": "area", "arguments": {"base": 3, "base": 9, "round": true}}', False),
        ('{"name": "area", "arguments": {"base": 9, "base": 3, "round": true}}', True),
        ("none", False),
        ("", False),
        ("[]", False),
    ],
)
def test_names_and_arguments(answer: str, fine: bool) -> None:
    assert right(answer, AREA) is fine


@pytest.mark.parametrize(
    "answer",
    [
        "area(3)",
        '{"name": "area", "arguments": {"base": 3',
        '{"name": "area", "arguments": [3]}',
        '{"name": "area", "arguments": "3"}',
        '{"name": "area", "arguments": null}',
        '{"name": 3, "arguments": {}}',
        '{"name": null}',
        '{"area": {"base": 3, "round": true}}',
        "{'name': 'area'}",
        "3",
        "null",
        "true",
        '"area"',
        "[3]",
        "[[]]",
        "NaN",
        "none none",
        "None",
        "\0",
        "half \ud83d",
        "[" * 100_000,
        '{"name": ' * 5000,
        '{"name": "area", "arguments": {"base": 1' + "0" * 5000 + "}}",
        '{"name": "area", "arguments": {"base": NaN, "round": true}}',
        '{"name": "area", "arguments": {"base": 1e999, "round": true}}',
    ],
)
def test_what_is_no_call_is_wrong_and_no_error(answer: str) -> None:
    assert not right(answer, AREA)
    assert metric_named("call").score(answer, Example("7", {}, calls="[]")) == 0.0


def test_a_number_too_large_for_a_float_is_wrong_and_no_error() -> None:
    assert not right('{"name": "f", "arguments": {"x": 1' + "0" * 400 + "}}", {"f": {"x": [3]}})


@pytest.mark.parametrize(
    ("value", "wanted", "fine"),
    [
        (3, 3.0, True),
        (3.0, 3, True),
        (0.1 + 0.2, 0.3, True),
        (1e-13, 0, True),
        (3, 3.001, False),
        (10**15, 10**15 + 1, True),
        (-3, 3, False),
        (3, "3", False),
        ("3", 3, False),
        (True, True, True),
        (True, 1, False),
        (1, True, False),
        (False, 0, False),
        (True, "true", False),
        (None, None, True),
        (None, "", False),
        (None, 0, False),
        ("New York, NY", "new york NY.", True),
        ("New-York", "newyork", True),
        ("2024-01-02", "2024/01/02", True),
        ("x^2 * y", "X^2*Y", True),
        ("it's", 'it"s', True),
        ("STRASSE", "straße", True),
        ("É", "é", True),
        ("(a)", "a", False),
        ("a:b", "ab", False),
        ("", "x", False),
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        ([1, 2], [1], False),
        ([], [], True),
        (["A."], ["a"], True),
        ([1, True], [1, 1], False),
        ([[1], []], [[1.0], []], True),
        (1, [1], False),
        ([1], 1, False),
        ({"x": 1}, {"x": [1]}, True),
        ({"x": 1}, {"x": 1}, True),
        ({"x": 1}, {"x": [2, 1]}, True),
        ({"x": 1}, {"x": [2]}, False),
        ({"x": 1}, {"x": [1], "y": [2, OPTIONAL]}, True),
        ({"x": 1}, {"x": [1], "y": [2, ""]}, False),
        ({"x": 1}, {"x": [1], "y": [2]}, False),
        ({"x": 1, "z": 3}, {"x": [1]}, False),
        ({}, {"x": [OPTIONAL]}, True),
        ({}, {"x": [""]}, False),
        ({"x": {"y": "Q"}}, {"x": [{"y": ["q"]}]}, True),
        ([{"x": 1}, {"x": 2}], [{"x": [1]}, {"x": [3, 2]}], True),
        ([{"x": 1}], [{"x": [2]}], False),
        ({"x": 1}, [["x", 1]], False),
        ("x", {"x": [1]}, False),
    ],
)
def test_values(value: Any, wanted: Any, fine: bool) -> None:
    assert right(call("f", x=value), {"f": {"x": [wanted]}}) is fine
    assert right(call("f", x=value), {"f": {"x": ["no", wanted]}}) is fine


def test_an_argument_without_alternatives_is_never_right() -> None:
    assert not right(call("f", x=None), {"f": {"x": []}})
    assert not right(call("f"), {"f": {"x": []}})


def test_an_empty_text_is_a_value_as_any_other() -> None:
    assert right(call("f", x=""), {"f": {"x": [""]}}) and not right(call("f"), {"f": {"x": [""]}})
    assert not right(call("f", x="a"), {"f": {"x": [""]}})
    metric, target = metric_named("call"), Example("1", {}, (call("f", x=""),))
    assert metric.score(call("f"), target) == 0.0 and metric.score(call("f", x=""), target) == 1.0


@pytest.mark.parametrize("value", [OPTIONAL, "", None, True, [], {}, {"optional": [True]}])
def test_leaving_out_is_no_value(value: Any) -> None:
    assert not right(call("f", x=value), {"f": {"x": [OPTIONAL]}})
    target = Example("1", {}, (call("f", x=value),))
    assert metric_named("call").score(call("f", x=value), target) == 1.0
    assert metric_named("call").score(call("f"), target) == 0.0


def test_one_value_that_is_no_list_is_the_only_one() -> None:
    assert right(call("f", x=3), {"f": {"x": 3}}) and not right(call("f", x=4), {"f": {"x": 3}})


@pytest.mark.parametrize("answer", ["none", " none\n", "", "[]"])
def test_no_call_is_right_where_no_function_fits(answer: str) -> None:
    assert right(answer)
    assert not right(answer, AREA) and not right(call("area", base=3))


def test_a_call_without_arguments_may_leave_them_out() -> None:
    assert right('{"name": "now"}', {"now": {}}) and right(call("now"), {"now": {}})
    assert not right(call("now", x=1), {"now": {}})


THREE = ({"f": {"x": [1]}}, {"f": {"x": [2, 3]}}, {"g": {}})
CALLS = (call("f", x=1), call("f", x=3), call("g"))


def test_several_calls_in_any_order() -> None:
    for order in permutations(CALLS):
        assert right(several(*order), *THREE)
    assert not right(several(*CALLS[:2]), *THREE)
    assert not right(several(*CALLS, CALLS[0]), *THREE)
    assert not right(several(CALLS[0], CALLS[0], CALLS[2]), *THREE)
    assert not right(CALLS[0], *THREE)


def test_a_call_that_fits_two_leaves_each_its_own() -> None:
    wide, narrow = {"f": {"x": [1, 2]}}, {"f": {"x": [1]}}
    for wanted in ((wide, narrow), (narrow, wide)):
        for made in permutations([call("f", x=1), call("f", x=2)]):
            assert right(several(*made), *wanted)
        assert not right(several(call("f", x=2), call("f", x=2)), *wanted)


@pytest.mark.parametrize("count", [6, 7])
def test_many_calls_in_their_order(count: int) -> None:
    wanted = [{"f": {"x": [number]}} for number in range(count)]
    assert right(several(*(call("f", x=number) for number in range(count))), *wanted)


def test_many_calls_in_any_order() -> None:
    wanted = [{"f": {"x": [number]}} for number in range(7)]
    assert right(several(*(call("f", x=number) for number in reversed(range(7)))), *wanted)


@pytest.mark.parametrize("depth", [50, 400])
def test_deep_values(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    wanted = json.dumps([{"f": {"x": [value]}}])
    assert metric_named("call").score(call("f", x=value), Example("1", {}, calls=wanted)) == 1.0


def test_without_acceptable_calls_the_targets_count() -> None:
    example = Example("1", {}, (call("f", x="A"), call("f", x="B")))
    metric = metric_named("call")
    for answer, score in [
        (call("f", x="b."), 1.0),
        (call("f", x="c"), 0.0),
        ("none", 0.0),
        (several(call("f", x="a")), 1.0),
    ]:
        assert metric.score(answer, example) == score
    assert metric.score("none", Example("1", {}, ("none",))) == 1.0
    assert metric.score("x", Example("1", {}, ("x",))) == 0.0


def test_without_any_target_it_is_an_error() -> None:
    with pytest.raises(DataError, match="example 9: has no target, and the metric 'call' needs"):
        metric_named("call").score(call("f"), Example("9", {}))


@pytest.mark.parametrize("value", [{"ids": [1, 2]}, [{"ids": [1, 2]}], {"a": {"b": []}}])
def test_a_call_is_the_same_as_itself_with_a_list_inside_an_object(value: Any) -> None:
    text = call("f", x=value)
    assert metric_named("call").score(text, Example("1", {}, (text,))) == 1.0


@pytest.mark.parametrize(
    ("answer", "calls"),
    [
        ("none", []),
        ("[]", []),
        ("so be it", None),
        ('{"name": "f"}', [("f", {})]),
        ('{"name": "f", "arguments": {"x": 1}, "id": "c1"}', [("f", {"x": 1})]),
        ('[{"name": "f"}, {"name": "g"}]', [("f", {}), ("g", {})]),
        ('[{"name": "f"}, 3]', None),
    ],
)
def test_the_calls_in_an_answer(answer: str, calls: Any) -> None:
    assert calls_in(answer) == calls


SCALARS = st.none() | st.booleans() | st.integers(-99, 99) | st.floats(-9, 9) | st.text(max_size=5)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
ARGUMENTS = st.dictionaries(st.text(max_size=4), VALUES, max_size=3)


@given(st.lists(st.tuples(st.sampled_from("fgh"), ARGUMENTS), max_size=3), st.randoms())
def test_a_call_is_the_same_as_itself(calls: list[Any], chance: Any) -> None:
    texts = [json.dumps({"name": n, "arguments": given}) for n, given in calls]
    wanted = [{n: {key: [value] for key, value in given.items()}} for n, given in calls]
    chance.shuffle(wanted)
    assert right(several(*texts), *wanted)
    target = Example("1", {}, (several(*texts),))
    assert metric_named("call").score(several(*texts), target) == 1.0


def mutations(arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in arguments:
        yield {key: value for key, value in arguments.items() if key != name}
        yield {**arguments, name: "something else"}
        yield {**arguments, name: [arguments[name]]}
    yield {**arguments, "another": 1}


@given(ARGUMENTS.filter(lambda given: "another" not in given))
def test_any_other_call_is_wrong(arguments: dict[str, Any]) -> None:
    wanted = {"f": {name: [value] for name, value in arguments.items()}}
    for other in mutations(arguments):
        assert not right(json.dumps({"name": "f", "arguments": other}), wanted)


@given(st.text(max_size=40) | st.text('{}[]":, nameargumts1', max_size=40))
def test_whatever_the_answer_it_has_a_score(answer: str) -> None:
    right(answer, AREA)
    right(answer)
