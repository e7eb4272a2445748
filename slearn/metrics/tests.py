"""The metric `tests`: an answer is code, and a row brings the unit tests that it must pass.

Code runs as a tool does, in the sandbox behind an engine with tools, never in this process.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from slearn.engine import Engine, ToolRequest
from slearn.errors import DataError
from slearn.values import Example, Tool

TEST_COLUMNS = ("tests", "test_list", "test")  # where a row may bring its tests
_SETUP = ("test_setup", "test_setup_code", "test_imports")
_FENCE = re.compile(r"```[^`\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
_CHECK = re.compile(r"(?m)^def check\(")
_PASSED = "slearn_tests_passed"


def run_tests(answers: Sequence[str], examples: Sequence[Example], engine: Engine) -> list[float]:
    """Return 1.0 for each answer that passes all tests of its row, else 0.0.

    >>> # run_tests(["def double(n): return 2 * n"], [example], engine)

    Raises DataError where a row has no tests, InputError where the engine runs no tools.
    """
    requests = [
        ToolRequest(Tool(_PASSED, code=program(answer, example)), "{}", f"example {example.id}")
        for answer, example in zip(answers, examples, strict=True)
    ]
    return [float(found.ok) for found in engine.run_tools(requests)]


def program(answer: str, example: Example) -> str:
    """Return the program that passes where the answer does: its code, then the row's tests.

    >>> row = {"tests": ["assert double(2) == 4"]}
    >>> print(program("def double(n): return 2 * n", Example("1", {}, row=row)).splitlines()[1])
    assert double(2) == 4
    """
    tests = tests_of(example)
    if not tests:
        hint = f"a list of asserts in a column {TEST_COLUMNS[0]}"
        raise DataError("has no tests", where=f"example {example.id}", hint=hint)
    setup = [line for name in _SETUP for line in _lines(example.row.get(name))]
    entry = example.row.get("entry_point")
    if isinstance(entry, str) and entry.isidentifier() and _CHECK.search("\n".join(tests)):
        tests = [*tests, f"check({entry})"]
    parts = [code_of(answer), *setup, *tests, f"def {_PASSED}():\n    return True\n"]
    return "\n".join(parts)


def tests_of(example: Example) -> list[str]:
    """Return a row's tests, [] where it has none.

    >>> tests_of(Example("1", {}, row={"tests": "assert True"}))
    ['assert True']
    """
    return next(filter(None, (_lines(example.row.get(name)) for name in TEST_COLUMNS)), [])


def _lines(found: Any) -> list[str]:
    if isinstance(found, str) and found.strip():
        return [found]
    lines = found if isinstance(found, list | tuple) else ()
    return [line for line in lines if isinstance(line, str)]


def code_of(answer: str) -> str:
    """Return the code in an answer: what stands between fences, where there are any.

    >>> code_of("Here it is:\\n```python\\nx = 1\\n```")
    'x = 1\\n'
    """
    found = _FENCE.findall(answer)
    return "\n".join(found) if found else answer
