"""The metric `tests`: code is right where it passes its row's tests, and can do no harm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slearn.agent import Agent, Contract, Field, Flow, Node
from slearn.engine import Engine
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import DataError, InputError
from slearn.evaluate import evaluate
from slearn.metrics import METRICS, metric_named, run_tests
from slearn.metrics import tests_of as found_in  # pytest takes tests_of for a test
from slearn.metrics.tests import code_of, program
from slearn.sandbox import Limits
from slearn.tools import Toolbox, ToolEngine
from slearn.values import Example

GOOD = "def double(n):\n    return 2 * n\n"
BAD = "def double(n):\n    return 3 * n\n"
TESTS = ["assert double(2) == 4", "assert double(-1) == -2"]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with ToolEngine(ScriptedEngine(), Toolbox(limits=Limits(seconds=0.3))) as opened:
        yield opened


def row(**columns: Any) -> Example:
    return Example("7", {"input": "Write double."}, row=columns)


def passes(engine: Engine, answer: str, **columns: Any) -> bool:
    """Tell whether the answer passes the tests of a row, by default those of `double`."""
    (score,) = run_tests([answer], [row(**columns or {"tests": TESTS})], engine)
    assert score in (0.0, 1.0)
    return score == 1.0


@pytest.mark.parametrize(
    ("answer", "fine"),
    [
        (GOOD, True),
        (BAD, False),
        ("double = lambda n: n + n", True),
        ("", False),
        ("def double(n: return", False),
        ("def double(n):\nreturn 2 * n", False),
        ("I would write a function.", False),
        ("def triple(n):\n    return 3 * n", False),
        (f"{GOOD}\nassert double(3) == 6", True),
        (f"{GOOD}\nassert double(3) == 7", False),
        (f"{GOOD}\nprint('done')", True),
        (f"```python\n{GOOD}```", True),
        (f"Here it is:\n```\n{GOOD}\n```\nIt doubles.", True),
        (f"```py\n{GOOD}", True),
        ("```python\nhalf = 1\n```\nand\n```python\ndouble = lambda n: n + n\n```", True),
        (f"```python\n{BAD}```", False),
    ],
)
def test_answers_that_pass_and_fail(engine: Engine, answer: str, fine: bool) -> None:
    assert passes(engine, answer) is fine


@pytest.mark.parametrize(
    "answer",
    [
        "import sys\nsys.exit(0)",
        "import sys\nsys.exit()",
        "raise SystemExit",
        "raise SystemExit(0)",
        "exit()",
        "quit(0)",
        "import os\nos._exit(0)",
        f"{GOOD}\nraise SystemExit(0)",
        "def slearn_tests_passed(): return True\nraise SystemExit(0)",
        "def double(n):\n    raise SystemExit(0)",
        "while True: pass",
        "def double(n):\n    while True: pass",
        "def double(n):\n    return double(n)",
        "x = 'x' * 10**11",
        f"{GOOD}\nprint('x' * 10**7)",
        "'''",
        '"""',
        "x = 1 \\",
        "if False:",
        "def double(n):\n    return 2 * n\n    if True:",
        "return 4",
        "\0",
        "half \ud83d",
        "#",
        "(" * 1000,
        "```",
    ],
)
def test_answers_that_try_something_else_fail(engine: Engine, answer: str) -> None:
    assert not passes(engine, answer)
    assert passes(engine, GOOD)


def test_all_tests_of_a_row_count(engine: Engine) -> None:
    assert not passes(engine, GOOD, tests=[*TESTS, "assert double(1) == 3"])
    assert passes(engine, GOOD, tests="assert double(1) == 2\nassert double(2) == 4")


def test_answers_are_scored_in_their_order_and_apart(engine: Engine) -> None:
    rows = [row(tests=TESTS)] * 4
    leak = "def double(n):\n    return 2 * n\nleaked = double"
    answers = [leak, "double = leaked", BAD, GOOD]
    assert run_tests(answers, rows, engine) == [1.0, 0.0, 0.0, 1.0]
    assert run_tests([], [], engine) == []


@pytest.mark.parametrize("name", ["test_setup", "test_setup_code", "test_imports"])
def test_setup_runs_before_the_tests(engine: Engine, name: str) -> None:
    tests = ["assert double(math.floor(2.5)) == 4"]
    assert passes(engine, GOOD, tests=tests, **{name: "import math"})
    assert not passes(engine, GOOD, tests=tests)
    assert passes(engine, GOOD, tests=TESTS, **{name: None})


def test_setup_can_be_a_list_of_lines(engine: Engine) -> None:
    tests = ["assert double(math.floor(2.5)) == 4"]
    assert passes(engine, GOOD, tests=tests, test_imports=["import math"])
    assert "import math\n" in program(GOOD, row(tests=tests, test_imports=["import math"]))


def test_a_check_of_a_candidate_is_called(engine: Engine) -> None:
    check = "def check(candidate):\n    assert candidate(2) == 4\n"
    assert passes(engine, GOOD, test=check, entry_point="double")
    assert not passes(engine, BAD, test=check, entry_point="double")


@pytest.mark.parametrize(
    ("columns", "tests"),
    [
        ({"tests": ["assert 1", "assert 2"]}, ["assert 1", "assert 2"]),
        ({"tests": ("assert 1",)}, ["assert 1"]),
        ({"tests": "assert 1"}, ["assert 1"]),
        ({"test_list": ["assert 1"]}, ["assert 1"]),
        ({"test": "assert 1"}, ["assert 1"]),
        ({"tests": [], "test_list": ["assert 1"]}, ["assert 1"]),
        ({"tests": ["a"], "test_list": ["b"]}, ["a"]),
        ({}, []),
        ({"tests": []}, []),
        ({"tests": None}, []),
        ({"tests": " \n"}, []),
        ({"tests": 3}, []),
        ({"tests": {"a": 1}}, []),
        ({"test": True}, []),
    ],
)
def test_the_tests_of_a_row(columns: dict[str, Any], tests: list[str]) -> None:
    assert found_in(row(**columns)) == tests


def test_a_row_without_tests_is_an_error(engine: Engine) -> None:
    with pytest.raises(DataError, match="example 7: has no tests") as told:
        run_tests([GOOD], [row(tests=[])], engine)
    assert "column tests" in told.value.hint


def test_without_anything_to_run_tests_it_is_an_error() -> None:
    with pytest.raises(InputError, match="example 7: this engine runs no tools"):
        run_tests([GOOD], [row(tests=TESTS)], ScriptedEngine())
    with pytest.raises(InputError, match="metric 'tests': needs an engine"):
        metric_named("tests")
    assert "tests" in METRICS


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("x = 1", "x = 1"),
        ("", ""),
        ("```\nx = 1\n```", "x = 1\n"),
        ("```python\nx = 1\n```", "x = 1\n"),
        ("```Python\nx = 1", "x = 1"),
        ("a\n```py\nx\n```\nb\n```\ny\n```", "x\n\ny\n"),
        ("```python\n\n```", "\n"),
        ("`x = 1`", "`x = 1`"),
        ("```x```", "```x```"),
    ],
)
def test_the_code_in_an_answer(answer: str, code: str) -> None:
    assert code_of(answer) == code


@pytest.mark.parametrize(
    "fence", ["```python3\n", "```python title=x\n", "```python\r\n", "``` \n"]
)
def test_fences_that_say_more_are_fences(fence: str) -> None:
    assert code_of(f"{fence}x = 1\n```") == "x = 1\n"


def test_the_program_is_the_answer_and_then_its_tests() -> None:
    made = program(GOOD, row(tests=TESTS, test_setup="two = 2"))
    places = [made.index(part) for part in ("def double", "two = 2", *TESTS, "return True")]
    assert places == sorted(places)
    compile(made, "program", "exec")


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=30) | st.text("def ():\n =1'\"\\#`", max_size=30))
def test_whatever_the_answer_a_false_test_fails(engine: Engine, answer: str) -> None:
    assert not passes(engine, answer, tests=["assert False"])


def test_an_agent_is_evaluated_by_tests() -> None:
    field = Field(max_chars=200, max_tokens=200, multiline=True)
    agent = Agent(
        "coder", (Node("answer", (), output=Contract((field,))),), Flow(("answer",)), "tests"
    )
    rows = [Example(str(n), {"input": f"{n}"}, row={"tests": TESTS}) for n in range(3)]
    with ToolEngine(ScriptedEngine([GOOD.strip(), BAD.strip(), "none"]), Toolbox()) as engine:
        found = evaluate(agent, rows, engine)
    assert found.metric == "tests" and found.scores == (1.0, 0.0, 0.0)
