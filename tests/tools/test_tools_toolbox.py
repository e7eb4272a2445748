"""The toolbox: whatever a tool does, a model gets one text to read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.engine import GenerateRequest, Message, ScoreRequest, ToolRequest, ToolResult
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import EngineError, InputError, SandboxError
from slearn.sandbox import Limits
from slearn.tools import Toolbox, ToolEngine, function_tool, tool_from_code
from slearn.tools.results import MOST, failure, result_of
from slearn.tools.toolbox import guarded
from slearn.values import Tool

DOUBLE = tool_from_code("def double(n: int) -> int:\n    return 2 * n\n")
MINE = """
import sys

def add(a: int, b: int = 1) -> int:
    '''Adds two numbers.'''
    return a + b

def same(value):
    return value

def broken(why: str):
    raise ValueError(why)

def leave(status=None):
    sys.exit(status)

class Thing:
    def __repr__(self):
        return "a thing"

def thing():
    return Thing()

def pair():
    return (1, {2: "two"})

def loop():
    found = []
    found.append(found)
    return found

def unseen():
    '''Reads its neighbour when it is called.'''
    import NEIGHBOUR
    return NEIGHBOUR.WORD

class Box:
    @staticmethod
    def size(n: int = 2):
        return n
"""
NUMBERS = count()
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def box() -> Iterator[Toolbox]:
    with Toolbox(limits=Limits(seconds=0.5)) as opened:
        yield opened


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Tool]:
    """Write the user's module into the working directory; return a tool of one of its functions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    name, neighbour = f"mine{next(NUMBERS)}", f"neighbour{next(NUMBERS)}"
    Path(f"{name}.py").write_text(MINE.replace("NEIGHBOUR", neighbour), encoding="utf-8")
    Path(f"{neighbour}.py").write_text("WORD = 'hello'", encoding="utf-8")
    return lambda function: function_tool(f"{name}:{function}")


def ask(box: Toolbox, tool: Tool, **arguments: object) -> ToolResult:
    (found,) = box.run([ToolRequest(tool, json.dumps(arguments))])
    return found


def test_code_runs_in_the_sandbox(box: Toolbox) -> None:
    assert ask(box, DOUBLE, n=4) == ToolResult("8")
    assert ask(box, DOUBLE, n="ab") == ToolResult("abab")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def f(): return 1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(): raise ValueError('two\\n  lines')", "ValueError: two lines"),
        ("def f():\n    while True: pass", "0.5 s"),
        ("def f(a): ...", "TypeError"),
        ("def f(): return f", "error: "),
        ("x = 1\ndef f(): return nothing_there", "NameError"),
        ("import sys\ndef f(): sys.exit(0)", "error: "),
    ],
)
def test_what_code_does_wrong_is_one_line_to_read(box: Toolbox, code: str, message: str) -> None:
    found = ask(box, tool_from_code(code))
    assert not found.ok and found.text.startswith("error: ") and message in found.text
    assert "\n" not in found.text
    assert ask(box, DOUBLE, n=1) == ToolResult("2")


def test_calls_run_in_their_order(box: Toolbox) -> None:
    requests = [ToolRequest(DOUBLE, json.dumps({"n": number})) for number in range(5)]
    assert [found.text for found in box.run(requests)] == ["0", "2", "4", "6", "8"]
    assert box.run([]) == []


@given(JSONS)
def test_data_passes_through_a_function_unharmed(value: Any) -> None:
    found = guarded(lambda: value)
    assert found.ok and found.value == value
    text = result_of(value).text
    assert text == value if isinstance(value, str) else json.loads(text) == value


def test_a_users_function_runs_in_this_process(box: Toolbox, mine: Callable[..., Tool]) -> None:
    add = mine("add")
    assert add.description == "Adds two numbers." and not add.code
    assert ask(box, add, a=2, b=40) == ToolResult("42")
    assert ask(box, add, a=2) == ToolResult("3")
    assert ask(box, mine("same"), value={"é": [1, None]}) == ToolResult('{"é": [1, null]}')
    assert ask(box, mine("unseen")) == ToolResult("hello")
    assert ask(box, mine("Box.size")) == ToolResult("2")


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        ("broken", {"why": "no\n  good"}, "error: ValueError: no good"),
        ("broken", {}, "error: TypeError: "),
        ("add", {"a": 1, "c": 2}, "error: TypeError: "),
        ("leave", {}, "error: SystemExit: "),
        ("leave", {"status": 3}, "error: SystemExit: 3"),
    ],
)
def test_what_a_users_function_does_wrong_is_a_result(
    box: Toolbox, mine: Callable[..., Tool], function: str, arguments: dict[str, Any], text: str
) -> None:
    found = ask(box, mine(function), **arguments)
    assert not found.ok and found.text.startswith(text.rstrip()) and "\n" not in found.text


@pytest.mark.parametrize(
    ("function", "text"),
    [("thing", "a thing"), ("pair", '[1, {"2": "two"}]'), ("loop", "[[...]]")],
)
def test_what_is_no_json_is_shown_as_text(
    box: Toolbox, mine: Callable[..., Tool], function: str, text: str
) -> None:
    assert ask(box, mine(function)) == ToolResult(text)


def test_ctrl_c_in_a_function_is_the_users() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded(stop)


class Mute:
    """A value that has no text."""

    def __repr__(self) -> str:
        raise ValueError("no text")


def test_a_value_that_cannot_be_shown_is_a_failure() -> None:
    assert not guarded(Mute).ok


def test_a_value_that_is_too_deep_is_a_failure() -> None:
    def deep() -> list[Any]:
        found: list[Any] = []
        for _ in range(100_000):
            found = [found]
        return found

    assert not guarded(deep).ok


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_a_coroutine_is_awaited_or_refused() -> None:
    async def later() -> int:
        return 3

    found = guarded(later)
    assert found.value == 3 or not found.ok


def test_a_function_that_is_not_there_is_the_users_mistake(box: Toolbox) -> None:
    try:
        found = ask(box, Tool("f", function="no_such_module:f"))
    except InputError as error:
        assert "no_such_module:f" in str(error)
    else:
        raise AssertionError(found)


def test_a_tool_that_nothing_runs_says_so(box: Toolbox) -> None:
    found = ask(box, Tool("idle"))
    assert found == ToolResult("error: nothing runs the tool 'idle'", ok=False)


def test_an_outcome_is_data_with_its_time(box: Toolbox, mine: Callable[..., Tool]) -> None:
    found = box.outcome(ToolRequest(mine("pair"), "{}"))
    assert found.value == [1, {"2": "two"}] and found.seconds > 0
    assert found.as_json().keys() == {"ok", "value", "error", "seconds"}
    assert box.outcome(ToolRequest(DOUBLE, '{"n": [1]}')).value == [1, 1]


def test_long_results_are_cut_and_say_how_long_they_were() -> None:
    assert result_of("x" * MOST).text == "x" * MOST
    long = result_of("ü" * (MOST + 1))
    assert long.ok and long.text == "ü" * MOST + f"… ({MOST + 1} characters)"
    assert result_of(list(range(3000))).text.startswith("[0, 1, 2")
    wrong = failure("y" * 9000)
    assert not wrong.ok and len(wrong.text) < MOST + 50


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("two\nlines 😀", "two\nlines 😀"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        (0.1, "0.1"),
        ("half a \ud83d", "half a ?"),
        (["half \ud83d"], '["half ?"]'),
    ],
)
def test_results_as_a_model_reads_them(value: Any, text: str) -> None:
    assert result_of(value) == ToolResult(text)
    result_of(value).text.encode()


def test_failures_stand_on_one_line() -> None:
    assert failure("a:\n\t b\ud83d") == ToolResult("error: a: b?", ok=False)


@given(st.text(max_size=30), st.booleans())
def test_whatever_the_text_it_can_be_stored_and_shown(text: str, ok: bool) -> None:
    found = result_of(text) if ok else failure(text)
    found.text.encode()
    assert len(found.text) <= MOST + 40 and (ok or len(found.text.splitlines()) <= 1)


def test_a_box_can_be_closed_twice_and_used_again() -> None:
    box = Toolbox()
    assert ask(box, DOUBLE, n=1).text == "2"
    sandbox = box.sandbox
    assert box.sandbox is sandbox
    box.close()
    box.close()
    assert ask(box, DOUBLE, n=2).text == "4" and box.sandbox is not sandbox
    box.close()


def test_a_box_that_ran_nothing_starts_nothing() -> None:
    Toolbox("no such sandbox").close()


class Noted(ScriptedEngine):
    """A scripted engine that notes what reaches it."""

    def __init__(self) -> None:
        super().__init__(["hello"], window=777)
        self.noted: list[str] = []

    def generate(self, requests, watch=None):  # type: ignore[no-untyped-def]
        self.noted.append("generate")
        return super().generate(requests, watch)

    def score(self, requests, watch=None):  # type: ignore[no-untyped-def]
        self.noted.append("score")
        return super().score(requests, watch)

    def close(self) -> None:
        self.noted.append("close")
        super().close()


def test_a_sandbox_that_cannot_be_had_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def none(name: str, limits: Limits) -> Any:
        asked.append(name)
        raise SandboxError("no sandbox here")

    monkeypatch.setattr("slearn.tools.toolbox.open_sandbox", none)
    with Toolbox() as box:
        assert not box.ready and box.missing == "no sandbox here"
        with pytest.raises(SandboxError, match="no sandbox"):
            box.run([ToolRequest(DOUBLE, '{"n": 4}')])
        assert asked == ["monty"]


def test_what_nothing_here_can_run_is_refused_with_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(name: str, limits: Limits) -> Any:
        raise SandboxError("no sandbox here", hint="get one")

    monkeypatch.setattr("slearn.tools.toolbox.open_sandbox", none)
    with Toolbox() as box:
        box.check([Tool("gcd", function="math:gcd"), Tool("far", server="python -m far")])
        for tool, said in (
            (DOUBLE, "a.yaml: tool 'double': no sandbox here (get one)"),
            (Tool("f", function="nowhere:f"), "a.yaml: tool 'f': cannot import 'nowhere'"),
            (Tool("f", function="math:pi"), "a.yaml: tool 'f': math:pi is no function"),
            (Tool("f"), "a.yaml: tool 'f': nothing runs it (give it code, a function or a server)"),
        ):
            with pytest.raises(InputError) as caught:
                box.check([tool], "a.yaml")
            assert str(caught.value).startswith(said)


def test_an_engine_with_tools_is_the_engine_inside_for_all_else() -> None:
    inner, seen = Noted(), []
    hi = (Message("user", "hi"),)
    with ToolEngine(inner, Toolbox()) as engine:
        assert engine.runs_tools and not inner.runs_tools
        assert (engine.fingerprint, engine.window) == (inner.fingerprint, 777)
        assert engine.count_tokens("two words") == 2
        watch = lambda *numbers: seen.append(numbers[:2])  # noqa: E731
        assert engine.generate([GenerateRequest(hi)], watch)[0].text == "hello"
        assert len(engine.score([ScoreRequest(hi, ("a", "b"))], watch)[0].logprobs) == 2
        assert engine.run_tools([ToolRequest(DOUBLE, '{"n": 4}')]) == [ToolResult("8")]
        assert inner.noted == ["generate", "score"] and seen == [(1, 1), (1, 1)]
    assert inner.noted[-1] == "close"
    with pytest.raises(EngineError, match="closed"):
        engine.generate([GenerateRequest(hi)])
