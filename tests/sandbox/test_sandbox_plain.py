"""Plain data: the one rule for what crosses, on the host's side."""

from __future__ import annotations

import enum
import json
from collections import Counter, OrderedDict, namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.sandbox import as_plain
from slearn.sandbox.messages import one_line
from slearn.values import canonical

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
plain = st.recursive(
    leaves,
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abé\n"), inner),
    max_leaves=20,
)


@given(plain)
def test_plain_data_passes_as_it_is(value: Any) -> None:
    passed = as_plain(value)
    assert canonical(passed) == canonical(value)
    assert json.loads(json.dumps(passed)) == value


@given(plain, st.integers(1, 200))
def test_the_limit_is_exact(value: Any, limit: int) -> None:
    size = len(canonical(value).encode())
    if size <= limit:
        assert as_plain(value, limit) == value
    else:
        with pytest.raises(ValueError, match="more data than the limit"):
            as_plain(value, limit)


@given(st.frozensets(st.integers() | st.text("abc") | st.tuples(st.integers()), max_size=6))
def test_sets_have_one_order(value: frozenset[Any]) -> None:
    passed: Any = as_plain(value)
    assert passed == as_plain(frozenset(reversed(list(value))))
    assert len(passed) == len(value)


def test_subclasses_become_what_they_are_of() -> None:
    class Text(str):
        def __str__(self) -> str:
            return "other"

    class Colour(enum.IntEnum):
        RED = 1

    point = namedtuple("point", "x y")
    given: list[Any] = [Text("a"), Colour.RED, True, point(1, 2), Counter("a"), OrderedDict(b=1)]
    passed: Any = as_plain(given)
    assert passed == ["a", 1, True, [1, 2], {"a": 1}, {"b": 1}]
    assert [type(item) for item in passed] == [str, int, bool, list, dict, dict]


def test_huge_values_are_refused_without_being_written() -> None:
    shared: list[Any] = [1]
    for _ in range(90):
        shared = [shared] * 10
    for value in ("x" * 10**8, [0] * 10**7, shared, {n: n for n in range(10**6)}, b"x" * 10**8):
        with pytest.raises(ValueError):
            as_plain(value)


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    line = one_line(text, 20)
    assert line.isprintable() and len(line) <= 20
