"""From rows to examples."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from slearn.datasets import Columns, propose, to_examples
from slearn.errors import DataError, InputError
from slearn.values import Example


def one(row: dict[str, Any], columns: Columns | None = None) -> Example:
    """Turn one row into its example."""
    (example,) = to_examples([row], columns or Columns(), "a.jsonl")
    return example


def test_an_example_keeps_its_row_and_shows_only_named_columns() -> None:
    row = {"q": "hot", "context": ["a", 1], "answer": "cold", "secret": 1}
    example = one(row, Columns(("q", "context"), "answer"))
    assert example.inputs == {"q": "hot", "context": '["a", 1]'}
    assert example.targets == ("cold",)
    assert example.choices is None
    assert example.row == row


@pytest.mark.parametrize(
    ("value", "text"),
    [("", ""), (None, ""), (5, "5"), (0.5, "0.5"), (True, "true"), ({"a": "é"}, '{"a": "é"}')],
)
def test_inputs_are_text(value: Any, text: str) -> None:
    assert one({"input": value}).inputs == {"input": text}


@pytest.mark.parametrize(
    ("value", "targets"),
    [
        ("cold", ("cold",)),
        ("", ("",)),
        (5, ("5",)),
        (5.0, ("5.0",)),
        (0, ("0",)),
        (False, ("false",)),
        (True, ("true",)),
        (None, None),
        ([], None),
        ([None], None),
        (["a", 5, "a", None], ("a", "5")),
        ([["a", "b"]], ('["a", "b"]',)),
        ({"a": 1}, ('{"a": 1}',)),
    ],
)
def test_targets(value: Any, targets: tuple[str, ...] | None) -> None:
    assert one({"input": "x", "target": value}).targets == targets


def test_white_space_around_a_target_is_no_part_of_it() -> None:
    """An agent's answers have none either, so no contract could say such a target."""
    rows = [{"input": " kept ", "target": [" a b\n", "a b"]}, {"input": "x", "target": " y"}]
    first, second = to_examples(rows, Columns())
    assert first.inputs == {"input": " kept "} and first.targets == ("a b",)
    assert second.targets == ("y",) and second.row["target"] == " y"
    assert propose([first, second], []).agent.last.output.answer.type == "text"


def test_an_absent_or_unnamed_target_is_none() -> None:
    assert one({"input": "x"}).targets is None
    assert one({"input": "x", "target": "y"}, Columns(target=None)).targets is None


@pytest.mark.parametrize(
    ("value", "choices"),
    [
        (["a", "b"], ("a", "b")),
        ([1, 2, 1], ("1", "2")),
        ("a | b|c d|", ("a", "b", "c d")),
        ("a", ("a",)),
        (None, None),
        ([], None),
        ("", None),
    ],
)
def test_choices(value: Any, choices: tuple[str, ...] | None) -> None:
    assert one({"input": "x", "c": value}, Columns(choices="c")).choices == choices


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["x", "y"], ["x", "y"]),
        ([7, 9], ["7", "9"]),
        (["x", "x"], ["1", "2"]),
        (["x", None], ["1", "2"]),
        (["x", ""], ["1", "2"]),
        (["1", 1], ["1", "2"]),
        ([["x"], ["y"]], ["1", "2"]),
    ],
)
def test_ids(ids: list[Any], expected: list[str]) -> None:
    rows = [{"id": value, "input": "x"} for value in ids]
    assert [example.id for example in to_examples(rows, Columns())] == expected


def test_no_rows_are_no_examples() -> None:
    assert to_examples([], Columns()) == []


@pytest.mark.parametrize(
    ("row", "columns", "message"),
    [
        ({"q": 1, "a": 2}, Columns(), "a.csv:2: no column 'input' (the columns are: q, a)"),
        ({}, Columns(), "a.csv:2: no column 'input' (the columns are: none)"),
        ({"input": ""}, Columns(choices="c"), "a.csv:2: no column 'c' (the columns are: input)"),
        ({"input": "", "c": 5}, Columns(choices="c"), "a.csv:2: choices are a list or a text like"),
        ({"input": "a\ud83d"}, Columns(), "a.csv:2: half of a surrogate pair at character 1"),
        ({"input": "", "target": ["\ud83d"]}, Columns(), "a.csv:2: half of a surrogate pair"),
        ({"input": {"a": "\ud83d"}}, Columns(), "a.csv:2: half of a surrogate pair"),
        ({"input": datetime.date(2024, 1, 1)}, Columns(), "a.csv:2: a value of type date has no"),
    ],
)
def test_a_row_that_cannot_be_used(row: dict[str, Any], columns: Columns, message: str) -> None:
    good = {"input": "x", "c": None}
    with pytest.raises(DataError) as caught:
        to_examples([good, row], columns, "a.csv")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("arguments", [((),), (("a", "a"),), (("target",),), (("a", "b"), "b")])
def test_columns_that_make_no_example(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(InputError):
        Columns(*arguments)
