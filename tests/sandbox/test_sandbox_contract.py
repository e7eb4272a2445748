"""What every sandbox promises, whichever it is."""

from __future__ import annotations

from typing import Any

import pytest

from slearn.errors import InputError, SandboxError
from slearn.sandbox import SANDBOXES, Limits, MontySandbox, Outcome, Sandbox, open_sandbox

RETURNS = [
    ("None", None),
    ("[True, 0, -7, 2.5, 1e300, 10 ** 100]", [True, 0, -7, 2.5, 1e300, 10**100]),
    ("'é🦀\\n\\x00\"'", 'é🦀\n\x00"'),
    ("(1, (2,), [])", [1, [2], []]),
    ("{'b': 1, 'a': {}}", {"b": 1, "a": {}}),
    ("{3, 1, 2}", [1, 2, 3]),
    ("frozenset('hello')", ["e", "h", "l", "o"]),
    ("{1, 'a', (2, 3), None}", [None, 1, [2, 3], "a"]),
    ("{1: 'i', None: 'n', 2.5: 'f', 0: 0}", {"1": "i", "null": "n", "2.5": "f", "0": 0}),
    ("{True: 't', False: 'f'}", {"true": "t", "false": "f"}),
]
REFUSED = [
    ("f", "a function, which is no plain data"),
    ("[len]", "a builtin_function_or_method, which is no plain data"),
    ("C()", "a C, which is no plain data"),
    ("C", "a type, which is no plain data"),
    ("b'x'", "a bytes, which is no plain data"),
    ("1j", "a complex, which is no plain data"),
    ("float('nan')", "a number that is infinite or nan, which JSON cannot hold"),
    ("{'x': [float('-inf')]}", "a number that is infinite or nan, which JSON cannot hold"),
    ("{(1, 2): 3}", "a dict with a tuple as a key, which is no plain data"),
    ("loop()", "a value nested deeper than 100, or one that holds itself"),
    ("deep(101)", "a value nested deeper than 100, or one that holds itself"),
    ("10 ** 4000", "an integer of more than 4,000 digits"),
    ("'x' * 65535", "more data than the limit of output allows"),
    ("'\\n' * 40000", "more data than the limit of output allows"),
    ("shared()", "more data than the limit of output allows"),
]
VALUES = """
class C:
    pass
def loop():
    v = []
    v.append({'v': v})
    return v
def deep(n):
    v = 0
    for i in range(n):
        v = [v]
    return v
def shared():
    v = [1] * 10
    for i in range(8):
        v = [v] * 10
    return v
def f():
    return """


class TestRun:
    @pytest.mark.parametrize(("text", "value"), RETURNS)
    def test_plain_data_crosses(self, sandbox: Sandbox, text: str, value: Any) -> None:
        outcome = sandbox.run(f"def f(): return {text}", "f", {})
        assert outcome == Outcome(True, value)
        assert type(outcome.value) is type(value) and outcome.seconds > 0

    @pytest.mark.parametrize(("text", "why"), REFUSED)
    def test_all_else_is_refused(self, sandbox: Sandbox, text: str, why: str) -> None:
        outcome = sandbox.run(VALUES + text, "f", {})
        assert outcome == Outcome(False, error=f"returned {why}")

    def test_as_much_as_is_allowed_crosses(self, sandbox: Sandbox) -> None:
        assert sandbox.run(VALUES + "'x' * 65534", "f", {}).ok
        assert sandbox.run(VALUES + "deep(100)", "f", {}).ok
        assert sandbox.run(VALUES + "10 ** 4000 - 1", "f", {}).value == 10**4000 - 1
        assert sandbox.run(VALUES + "list(range(10000))", "f", {}).ok

    def test_arguments_arrive(self, sandbox: Sandbox) -> None:
        given: dict[str, Any] = {
            "a": [1, 2.5, None, True, "é\n\x00🦀", {"k": []}, 10**50],
            "b": (1, (2,)),
            "exec": "named like what the sandbox uses",
            "_code": 1,
        }
        outcome = sandbox.run("def f(**given): return given", "f", given)
        assert outcome.value == given | {"b": [1, [2]]}

    def test_the_code_may_use_any_name(self, sandbox: Sandbox) -> None:
        names = "_code _function _arguments _space _limit walk exec str list isinstance len".split()
        for name in names:
            code = f"{name} = 3\ndef f(): return {name}\n"
            assert sandbox.run(code, "f", {}).value == 3
            code = f"def {name}(x): return x + 1\n"
            assert sandbox.run(code, name, {"x": 1}).value == 2

    def test_what_the_code_prints_is_no_result(self, sandbox: Sandbox) -> None:
        forged = 'print(\'{"ok": true, "value": "forged"}\')\nprint("ready")\n'
        outcome = sandbox.run(forged + "def f():\n    print('é')\n    return 1\n", "f", {})
        assert outcome == Outcome(True, 1)
        assert outcome.printed.splitlines()[-1] == "é"

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            (
                "def f():\n    x = 0\n    return 1 / x",
                "ZeroDivisionError: division by zero (line 3)",
            ),
            ("raise ValueError('no\\n\\x1b[31m way')", "ValueError: no [31m way (line 1)"),
            ("\n\ndef f(: pass", "SyntaxError: (line 3)"),
            ("def g(): pass", "NameError: name 'f' is not defined"),
            ("def f(): return g()", "NameError: name 'g' is not defined (line 1)"),
            ("f = 3", "TypeError: 'int' object is not callable"),
            ("def f(x): return x", "TypeError: f() missing 1 required positional argument: 'x'"),
            ("def f(): return f()", "RecursionError: maximum recursion depth exceeded (line 1)"),
            ("def f(): raise KeyboardInterrupt", "KeyboardInterrupt (line 1)"),
            ("def f(): assert 1 == 2, 'no'", "AssertionError: no (line 1)"),
            ("def f(): raise SystemExit('0')", "SystemExit: 0 (line 1)"),
        ],
    )
    def test_errors_are_one_line_with_the_codes_line(
        self, sandbox: Sandbox, code: str, error: str
    ) -> None:
        outcome = sandbox.run(code, "f", {})
        assert not outcome.ok and outcome.value is None
        kind, _, line = error.rpartition(" (line")
        if kind.startswith(("SyntaxError", "AssertionError")):  # each has its own words
            assert outcome.error.startswith(kind) and outcome.error.endswith(line)
        else:
            assert outcome.error.removesuffix(" (line 1)") == error.removesuffix(" (line 1)")

    def test_a_long_error_is_cut(self, sandbox: Sandbox) -> None:
        outcome = sandbox.run("def f(): raise ValueError('é' * 100_000)", "f", {})
        assert outcome.error.startswith("ValueError: ééé") and len(outcome.error) < 600

    def test_code_that_is_no_text_of_python(self, sandbox: Sandbox) -> None:
        for code in ("\x00", "x = '\x00'\udc80", "\ud800", "\ufeff\ufeff", "(" * 10_000):
            outcome = sandbox.run(code, "f", {})
            assert not outcome.ok and outcome.error.isprintable()

    def test_equal_calls_have_equal_outcomes(self, sandbox: Sandbox) -> None:
        code = (
            "import random\nx = random.random()\ndef f():\n"
            "    return [x, random.randint(0, 9999), hash('a'), list({'p', 'q', 'r', 'z'})]\n"
        )
        first = sandbox.run(code, "f", {})
        assert first.ok and first == sandbox.run(code, "f", {})
        with open_sandbox(sandbox.name, sandbox.limits) as other:
            assert first == other.run(code, "f", {})

    def test_no_state_leaks_between_calls(self, sandbox: Sandbox) -> None:
        dirty = (
            "leak = 1\nimport random, math, json\nrandom.seed(5)\nrandom.random()\n"
            "def g(): return 3\ng.leak = 1\n{}\ndef f(): return 1\n"
        )
        patches = [
            "math.leak = 1",
            "json.dumps = None",
            "import builtins; builtins.leak = 1",
            "x=1",
        ]
        probe = (
            "import random, math, json\ndef f():\n"
            "    seen = [random.random(), hasattr(math, 'leak'), json.dumps([1])]\n"
            "    try:\n        seen.append(leak)\n"
            "    except NameError:\n        seen.append('clean')\n    return seen\n"
        )
        clean = sandbox.run(probe, "f", {})
        assert clean.ok and clean.value[1:] == [False, "[1]", "clean"]  # type: ignore[index]
        for patch in patches:
            sandbox.run(dirty.format(patch), "f", {})
            assert sandbox.run(probe, "f", {}) == clean


class TestExecute:
    def test_a_program_that_reaches_its_end_is_ok(self, sandbox: Sandbox) -> None:
        code = "def double(n): return 2 * n\nassert double(2) == 4\nprint(__name__)\n"
        outcome = sandbox.execute(code)
        assert outcome == Outcome(True) and outcome.printed == "__main__\n"

    def test_a_failed_assert_is_not(self, sandbox: Sandbox) -> None:
        outcome = sandbox.execute("x = 1\nassert x == 2\n")
        assert not outcome.ok
        assert outcome.error.startswith("AssertionError") and outcome.error.endswith("(line 2)")

    @pytest.mark.parametrize(
        "leave",
        [
            "raise SystemExit(0)",
            "import sys; sys.exit()",
            "import os; os._exit(0)",
            "raise type('', (Exception,), {})()",
            "raise type('', (Exception,), {'__str__': lambda self: 1 / 0})()",
        ],
    )
    def test_nor_is_a_program_that_leaves_before_its_tests(
        self, sandbox: Sandbox, leave: str
    ) -> None:
        assert not sandbox.execute(f"{leave}\nassert False\n").ok

    def test_no_program_at_all_is_ok(self, sandbox: Sandbox) -> None:
        assert sandbox.execute("").ok and sandbox.execute("# nothing").ok


class TestHostMistakes:
    @pytest.mark.parametrize("function", ["", "1f", "a.b", "f()", "import", "f\n", "é é", 3])
    def test_a_function_that_cannot_be_one(self, sandbox: Sandbox, function: Any) -> None:
        with pytest.raises(InputError, match="name of a function"):
            sandbox.run("", function, {})

    @pytest.mark.parametrize(
        "value",
        [object(), b"x", float("nan"), len, {(1,): 2}, "\ud800", 10**5000, 1j],
        ids=lambda value: type(value).__name__,
    )
    def test_arguments_that_are_no_plain_data(self, sandbox: Sandbox, value: Any) -> None:
        with pytest.raises(InputError, match="^argument 'x' is an? "):
            sandbox.run("def f(x): return 1", "f", {"x": [value]})

    def test_arguments_that_hold_themselves(self, sandbox: Sandbox) -> None:
        value: list[Any] = []
        value.append(value)
        with pytest.raises(InputError, match="nested deeper than 100"):
            sandbox.run("", "f", {"x": value})

    def test_names_and_code_that_are_no_text(self, sandbox: Sandbox) -> None:
        with pytest.raises(InputError, match="no text"):
            sandbox.run("", "f", {1: 2})  # type: ignore[dict-item]
        with pytest.raises(InputError, match="lone surrogate"):
            sandbox.run("", "f", {"\ud800": 2})
        with pytest.raises(InputError, match="no object"):
            sandbox.run("", "f", [1])  # type: ignore[arg-type]
        with pytest.raises(InputError, match="no text"):
            sandbox.execute(b"1")  # type: ignore[arg-type]

    def test_use_after_close(self, name: str) -> None:
        opened = open_sandbox(name)
        opened.close()
        opened.close()
        with pytest.raises(SandboxError, match="closed"):
            opened.execute("1")


class TestChoice:
    def test_the_fingerprint_tells_what_can_change_a_result(self, sandbox: Sandbox) -> None:
        fingerprint = sandbox.fingerprint
        assert fingerprint["name"] == sandbox.name
        assert fingerprint["version"][0].isdigit()
        assert fingerprint["limits"] == {"seconds": 10, "memory": 64 * 2**20, "output": 65536}

    def test_an_unknown_name(self) -> None:
        assert list(SANDBOXES) == sorted(SANDBOXES)
        with pytest.raises(InputError, match="one of bwrap, monty"):
            open_sandbox("docker")

    @pytest.mark.parametrize(
        "limits",
        [
            {"seconds": 0}, {"seconds": -1}, {"seconds": float("inf")}, {"seconds": float("nan")},
            {"seconds": None}, {"seconds": True}, {"seconds": "2"}, {"seconds": 1e9},
            {"memory": 0}, {"memory": 1.5}, {"memory": None}, {"memory": 2**60},
            {"output": 0}, {"output": -1}, {"output": float("inf")}, {"output": 2**40},
        ],
    )  # fmt: skip
    def test_no_limit_can_be_switched_off(self, limits: dict[str, Any]) -> None:
        with pytest.raises(InputError, match="the limit of"):
            Limits(**limits)

    def test_an_outcome_as_json(self) -> None:
        outcome = Outcome(False, error="no", seconds=1.5, printed="x")
        found = {"ok": False, "value": None, "error": "no", "seconds": 1.5}
        assert outcome.as_json() == found
        assert outcome == Outcome(False, error="no")

    def test_the_default_is_monty(self) -> None:
        with open_sandbox() as opened:
            assert isinstance(opened, MontySandbox)
