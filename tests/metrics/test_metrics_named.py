"""Metrics by name, and the user's own function among them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from slearn.errors import InputError
from slearn.metrics import MEASURED, METRICS, Metric, metric_named
from slearn.values import Example

EXAMPLE = Example("7", {"input": "x"}, ("b", "c"), row={"input": "x", "weight": 0.25})

CODE = """
import own_metric_neighbour

class Space:
    @staticmethod
    def nested(answer): return 1

print("imported")
def loud(answer): return print("called") is None
def one(answer): return answer == "b"
def two(answer, target): return answer == target
def three(answer, target, row): return row["weight"]
def optional(answer, target=None): return float(target is None)
def rest(*args): return len(args) / 3
def lazy(answer):
    import own_metric_later
    return own_metric_later.VALUE
def none(answer): return None
def text(answer): return "1"
def nan(answer): return float("nan")
def big(answer): return 1.5
def boom(answer): raise KeyError("weight")
def leave(answer): raise SystemExit(3)
def no_arguments(): return 1
def keyword(answer, *, strict): return 1
def four(a, b, c, d): return 1
value = 5
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a module of metrics into a working directory and return its name."""
    (tmp_path / "own_metric.py").write_text(CODE)
    (tmp_path / "own_metric_neighbour.py").write_text("")
    (tmp_path / "own_metric_later.py").write_text("VALUE = 0.5")
    (tmp_path / "own_metric_broken.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in [name for name in sys.modules if name.startswith("own_metric")]:
        monkeypatch.delitem(sys.modules, name)
    return "own_metric"


def test_every_name_gives_its_metric() -> None:
    known = ("call", "choice", "contains", "exact", "f1", "judge", "number", "set", "tests")
    assert known == METRICS
    for name in set(METRICS) - set(MEASURED):
        metric = metric_named(name)
        assert isinstance(metric, Metric) and metric.name == name


@pytest.mark.parametrize("name", MEASURED)
def test_what_needs_an_engine_is_asked_elsewhere(name: str) -> None:
    with pytest.raises(InputError, match=r"slearn\.evaluate"):
        metric_named(name)


@pytest.mark.parametrize("name", ["", "exakt", "Exact", ":", "a:", ":b"])
def test_an_unknown_name_lists_the_known_in_one_line(name: str) -> None:
    with pytest.raises(InputError) as caught:
        metric_named(name)
    message = str(caught.value)
    assert all(known in message for known in METRICS) and "module:function" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("function", "score"),
    [
        ("one", 1.0),
        ("two", 1.0),
        ("three", 0.25),
        ("optional", 0.0),
        ("rest", 1.0),
        ("lazy", 0.5),
        ("Space.nested", 1.0),
    ],
)
def test_a_function_gets_what_it_takes(module: str, function: str, score: float) -> None:
    metric = metric_named(f"{module}:{function}")
    assert metric.name == f"{module}:{function}"
    assert metric.score("b", EXAMPLE) == score


def test_the_best_target_counts_and_none_stands_for_no_target(module: str) -> None:
    assert metric_named(f"{module}:two").score("c", EXAMPLE) == 1.0
    assert metric_named(f"{module}:optional").score("c", Example("1", {})) == 1.0


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        ("none", "returned None, not a number from 0 to 1"),
        ("text", "returned '1'"),
        ("nan", "returned nan"),
        ("big", "returned 1.5"),
        ("boom", "raised KeyError: 'weight'"),
        ("leave", "raised SystemExit: 3"),
    ],
)
def test_a_failing_function_is_named_with_the_example(
    module: str, function: str, fault: str
) -> None:
    metric = metric_named(f"{module}:{function}")
    with pytest.raises(InputError) as caught:
        metric.score("b", EXAMPLE)
    assert str(caught.value).startswith(f"{module}:{function}: {fault}")
    assert "(example 7)" in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "own_metric:missing",
        "own_metric:value",
        "own_metric:no_arguments",
        "own_metric:keyword",
        "own_metric:four",
        "own_metric_broken:score",
        "own_metric_absent:score",
        ".own_metric:one",
        "own_metric:one.",
    ],
)
def test_what_cannot_be_a_metric_is_refused_at_once(module: str, name: str) -> None:
    with pytest.raises(InputError) as caught:
        metric_named(name)
    assert str(caught.value).startswith(name)


def test_what_a_metric_prints_is_not_what_the_program_says(
    module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert metric_named(f"{module}:loud").score("b", EXAMPLE) == 1
    out, err = capsys.readouterr()
    assert out == "" and "called" in err


def test_the_working_directory_shadows_nothing_afterwards(module: str) -> None:
    before = list(sys.path)
    metric_named(f"{module}:one")
    metric_named(f"{module}:two")
    assert sys.path[: len(before)] == before and len(sys.path) == len(before) + 1
