"""The metric `number`."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slearn.errors import DataError
from slearn.metrics import metric_named
from slearn.metrics.number import last_number
from slearn.values import Example


def right(answer: str, *targets: str) -> bool:
    """Tell whether the metric takes the answer for right."""
    return metric_named("number").score(answer, Example("7", {"input": "x"}, targets)) == 1.0


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", "5"),
        ("5.", "5"),
        ("5.0", "5"),
        ("-5", "-5"),
        ("−5", "-5"),
        ("+5", "5"),
        ("$1,234.50", "1234.5"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("£ 12", "12"),
        ("3,50 €", "3.5"),
        ("0,125", "0.125"),
        ("50%", "50"),
        (".5", "0.5"),
        ("1.5e3", "1500"),
        ("1.5E+03 m", "1500"),
        ("2e-2", "0.02"),
        ("1.5 × 10^3", "1500"),
        ("1.5 x 10^{-3}", "0.0015"),
        ("1,5·10⁻³", "0.0015"),
        ("6.02 \\times 10^23", "6.02e23"),
        ("1,00,000", "100000"),
        ("1.234.567,8", "1234567.8"),
        ("1\u00a0234\u202f567", "1234567"),
        ("page 5\u00a020", "20"),
        ("1,234,567.", "1234567"),
        ("1,2,3", "3"),
        ("(1, 2)", "2"),
        ("10-5", "5"),
        ("10 - 5", "5"),
        ("10 to -5", "-5"),
        ("5%-10%", "10"),
        ("2024-01-15", "15"),
        ("COVID-19", "19"),
        ("The area is 12 m2.", "12"),
        ("12 m^2", "12"),
        ("5 kg of H2O", "5"),
        ("H2O", "2"),
        ("USD100", "100"),
        ("答案是5。", "5"),
        ("٤٢", "42"),
        ("version 1.2.3", "1.2"),
        ("#### 72\n", "72"),
        ("x = 3...", "3"),
        ("5e", "5"),
        ("1e5000", "1e5000"),
    ],
)
def test_last_number(text: str, number: str) -> None:
    assert last_number(text) == Decimal(number)


@pytest.mark.parametrize(
    "text", ["", "none", "inf", "NaN", "²", "½", "-", ".", "$", "1e99999999999999999999"]
)
def test_no_number(text: str) -> None:
    assert last_number(text) is None


def test_whole_numbers_are_exact_and_others_have_a_tolerance() -> None:
    assert not right("7006653", "7006652")
    assert not right("7006653.0", "7006652")
    assert right("0.3333333", "0.33333333")
    assert not right("0.3333", "0.33333333")
    assert right("3.1415927", "3.14159265358979")
    assert not right("0.000001", "0")
    assert not right("1e999999999", "0.5")
    assert right(
        "12345678901234567890123456789012345678901", "1.2345678901234567890123456789012345678901e40"
    )
    assert not right(
        "12345678901234567890123456789012345678902", "12345678901234567890123456789012345678901"
    )
    assert not right("5", "-5")


def test_alternatives_that_are_no_numbers_are_passed_over() -> None:
    assert right("it is 5", "five", "5")
    assert not right("five", "5")


def test_a_target_that_is_no_number_names_the_example() -> None:
    with pytest.raises(DataError, match="example 7: its target 'five' is not a number"):
        right("5", "five")


@settings(deadline=None)
@given(st.integers(-(10**30), 10**30))
def test_any_way_to_write_a_whole_number(value: int) -> None:
    for text in (
        f"{value}",
        f"{value:,}",
        f"{value}.0",
        f"so {value}.",
        f"x={value}%",
        f"{value}e0",
    ):
        assert right(text, str(value))
    assert not right(str(value + 1), str(value))


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_decimal_reads_back(value: Decimal) -> None:
    assert last_number(str(value)) == value


@settings(deadline=None)
@given(st.text())
def test_any_text_is_safe(text: str) -> None:
    last_number(text)
