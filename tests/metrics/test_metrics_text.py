"""The metrics that compare texts: exact, choice, contains, f1 and set."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slearn.errors import DataError
from slearn.metrics import metric_named
from slearn.values import Example

ALL = ("choice", "contains", "exact", "f1", "set")


def score(metric: str, answer: str, *targets: str) -> float:
    """Score an answer against targets."""
    return metric_named(metric).score(answer, Example("7", {"input": "x"}, targets))


@pytest.mark.parametrize(
    ("answer", "target", "right"),
    [
        ("cold", "cold", True),
        ("  Cold.\n", "cold", True),
        ("COLD", "cold.", True),
        ("Straße", "STRASSE", True),
        (unicodedata.normalize("NFD", "Café"), "café", True),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", True),
        ("cold!", "cold", False),
        ("ice cold", "cold", False),
        ('"cold"', "cold", False),
        ("", "cold", False),
        ("", "", True),
        (".", "", False),
        ("été", "ete", False),
        ("北京", "北京", True),
        ("a  b", "a b", False),
    ],
)
def test_exact(answer: str, target: str, right: bool) -> None:
    assert score("exact", answer, target) == right


@pytest.mark.parametrize(
    ("answer", "target", "right"),
    [
        ("A", "(A)", True),
        ("(A)", "A", True),
        (" (a). ", "A", True),
        ('"A."', "(A)", True),
        ("“yes”", "Yes", True),
        ("«Да»", "да", True),
        ("**B**", "B", True),
        ("`B`", "B", True),
        ("「猫」", "猫", True),
        ("A", "B", False),
        ("A or B", "A", False),
        ('"A" or "B"', 'A" or "B', False),
        ("()", "", False),
        ("AB", "(A)B", False),
    ],
)
def test_choice(answer: str, target: str, right: bool) -> None:
    assert score("choice", answer, target) == right


@pytest.mark.parametrize(
    ("answer", "target", "right"),
    [
        ("It is Paris, I think", "paris", True),
        ("parisian", "paris", False),
        ("carthage", "art", False),
        ("I like C++.", "C++", True),
        ("new\n  york", "New York.", True),
        ("pi is 3.14", "3", False),
        ("pi is 3.14", "14", False),
        ("pi is 3.14.", "3.14", True),
        ("it is 3, or 4", "3", True),
        ("首都是北京市", "北京", True),
        ("서울은 크다", "서울", True),
        ("हिन्दी भाषा", "हिन्दी", True),
        ("हिन्दी", "हिन्द", False),
        ("snake_case", "case", False),
        ("art, carthage and art", "art", True),
        ("artful art", "art", True),
        ("anything", "", False),
        ("", "", True),
        ("", "a", False),
    ],
)
def test_contains(answer: str, target: str, right: bool) -> None:
    assert score("contains", answer, target) == right


@pytest.mark.parametrize(
    ("answer", "target", "expected"),
    [
        ("The cat!", "cat", 1.0),
        ("big cat", "the black cat", 0.5),
        ("cat cat", "cat", 2 / 3),
        ("dog", "cat", 0.0),
        ("", "cat", 0.0),
        ("", "", 1.0),
        ("the", "A", 0.0),
        ("a", "A.", 1.0),
        ("well-known", "wellknown", 1.0),
        ("«Война и мир»", "война мир", 0.8),
        ("北京市", "北京", 0.8),
        ("!!!", "???", 0.0),
    ],
)
def test_f1(answer: str, target: str, expected: float) -> None:
    assert score("f1", answer, target) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "target", "expected"),
    [
        ("a, b, c", "c, a, b", 1.0),
        ("a; b\nc", "c,a,b", 1.0),
        ('["b", "a"]', "a, b", 1.0),
        ("['b', 'a']", "a, b", 1.0),
        ("{1, 2}", "[2, 1]", 1.0),
        ("- Apple\n- Pear.\n", "pear, apple", 1.0),
        ("1. apple\n2. pear", "pear, apple", 1.0),
        ("a, a, A", "a", 1.0),
        ("a", "a, b", 2 / 3),
        ("x", "a, b", 0.0),
        ("", "", 1.0),
        (" , ", "[]", 1.0),
        ("", "a", 0.0),
        ("[a, b", "[a, b", 1.0),
        ("梨、苹果", "苹果，梨", 1.0),
        ('[["a"], {"b": 1}, 2]', '[2, {"b": 1}, ["a"]]', 1.0),
    ],
)
def test_set(answer: str, target: str, expected: float) -> None:
    assert score("set", answer, target) == pytest.approx(expected)


@pytest.mark.parametrize("metric", [*ALL, "number"])
def test_a_metric_without_a_target_names_the_example(metric: str) -> None:
    for targets in (None, ()):
        with pytest.raises(DataError, match=r"example 7: has no target.*" + metric):
            metric_named(metric).score("x", Example("7", {"input": "x"}, targets))


@pytest.mark.parametrize("metric", ALL)
def test_the_best_alternative_counts(metric: str) -> None:
    assert score(metric, "cold", "hot", "cold", "warm") == 1.0


@pytest.mark.parametrize("metric", ALL)
@settings(deadline=None)
@given(answer=st.text(), target=st.text())
def test_scores_stay_in_bounds_and_a_target_answers_itself(
    metric: str, answer: str, target: str
) -> None:
    assert 0.0 <= score(metric, answer, target) <= 1.0
    assert score(metric, target, target) == 1.0


@pytest.mark.parametrize("metric", ["choice", "exact", "f1", "set"])
@settings(deadline=None)
@given(one=st.text("aB ,.()'é中"), other=st.text("aB ,.()'é中"))
def test_these_metrics_are_symmetric(metric: str, one: str, other: str) -> None:
    assert score(metric, one, other) == score(metric, other, one)


@pytest.mark.parametrize("metric", [*ALL, "number"])
def test_long_answers_are_quick(metric: str) -> None:
    assert score(metric, "1, word (of) 3.5 many. " * 5_000, "1") <= 1.0
    assert score(metric, "(" * 20_000 + "7" * 50_000, "7") <= 1.0
    assert score(metric, "1,234" * 20_000, "7") <= 1.0
