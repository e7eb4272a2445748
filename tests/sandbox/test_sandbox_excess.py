"""Code that takes too much: time, memory, output. Each is stopped, in words that do not vary."""

from __future__ import annotations

import pytest

from slearn.sandbox import Limits, Outcome, Sandbox, open_sandbox

pytestmark = pytest.mark.usefixtures("unharmed")

TOO_LONG = "TimeoutError: ran for more than 0.4 s"
ENDLESS = {
    "while loop": "def f():\n    while True: pass",
    "while defining": "while True: pass\ndef f(): pass",
    "catches everything": """
def f():
    while True:
        try:
            while True: pass
        except:
            pass
""",
    "goes on at the end": """
def f():
    try:
        while True: pass
    finally:
        while True: pass
""",
    "sum of a long range": "def f(): return sum(range(10**12))",
    "one huge product": """
def f():
    x = 10 ** 100_000
    for i in range(20):
        x *= x
""",
    "permutations": """
import itertools
def f(): return sum(1 for _ in itertools.permutations(range(20)))
""",
}
CPYTHON_ENDLESS = {
    "sleep": "import time\ndef f(): time.sleep(1000)",
    "regular expression": "import re\ndef f(): return re.match(r'(a+)+$', 'a' * 60 + 'b')",
    "deaf to signals": """
import signal
for n in range(1, 65):
    try: signal.signal(n, signal.SIG_IGN)
    except (OSError, ValueError): pass
def f():
    while True: pass
""",
    "has closed all its files": "import os\nos.closerange(0, 99)\ndef f():\n    while True: pass",
    "a thread that stays": """
import threading
def f():
    def turn():
        while True: pass
    t = threading.Thread(target=turn)
    t.start()
    t.join()
""",
    "in C": "import ctypes\ndef f(): ctypes.CDLL(None).pause()",
    "in an error's text": """
class E(Exception):
    def __str__(self):
        while True: pass
def f(): raise E
""",
    "in a result": """
class L(list):
    def __iter__(self):
        while True: pass
def f(): return L()
""",
}


@pytest.mark.parametrize("code", ENDLESS.values(), ids=list(ENDLESS))
def test_endless_code_is_stopped(hasty: Sandbox, code: str) -> None:
    outcome = hasty.run(code, "f", {})
    assert outcome == Outcome(False, error=TOO_LONG)
    assert outcome.seconds < 10  # and a machine may be very busy


@pytest.mark.parametrize("code", CPYTHON_ENDLESS.values(), ids=list(CPYTHON_ENDLESS))
def test_endless_code_of_cpython_is_stopped(bwrap: str, code: str) -> None:
    with open_sandbox(bwrap, Limits(seconds=0.4)) as hasty:
        assert hasty.run(code, "f", {}) == Outcome(False, error=TOO_LONG)


def test_a_sleep_takes_no_time_in_monty() -> None:
    with open_sandbox("monty", Limits(seconds=0.4)) as monty:
        assert monty.run("import time\ndef f(): time.sleep(1000)", "f", {}).ok


def test_monty_gives_up_on_a_hard_regular_expression(hasty: Sandbox) -> None:
    code = "import re\ndef f(): return bool(re.match(r'(a*)*\\1b', 'a' * 40))"
    outcome = hasty.run(code, "f", {})
    assert not outcome.ok and outcome.seconds < 10


TOO_MUCH = "MemoryError: needed more than 64 MiB"
GREEDY = {
    "a long text": "def f(): return len('x' * 10**9)",
    "a huge text": "def f(): return len('x' * 10**14)",
    "a long list": "def f(): return len([0] * 10**9)",
    "doubling": "def f():\n    x = 'a'\n    while True: x = x + x",
    "many lists": "def f():\n    x = []\n    while True: x.append([0] * 1000)",
    "a sorted giant": "def f(): return sorted(range(10**8))[0]",
    "replace": "def f(): return len('abc' * 1000)\nx = ('a' * 10**5).replace('a', 'x' * 10**5)",
    "format": "def f(): return len('{:>2000000000}'.format(1))",
    "a huge number": "def f(): return (1 << 10**11) % 7",
}


@pytest.mark.parametrize("code", GREEDY.values(), ids=list(GREEDY))
def test_greedy_code_is_stopped(sandbox: Sandbox, code: str) -> None:
    outcome = sandbox.run(code, "f", {})
    assert not outcome.ok
    # A text that no machine could hold is an error of its own in CPython.
    assert outcome.error.startswith((TOO_MUCH, "OverflowError", "ValueError")), outcome


def test_memory_can_be_used_up_to_the_limit(sandbox: Sandbox) -> None:
    half = "def f(): return len('x' * (32 * 2**20))"
    assert sandbox.run(half, "f", {}).value == 32 * 2**20


PRINTS = {
    "at once": "def f(): print('x' * 70_000)",
    "bit by bit": "def f():\n    for i in range(70_000): print('x', end='')",
    "without end": "def f():\n    while True: print('x' * 1000)",
    "behind a catch": """
def f():
    while True:
        try: print('é' * 1000)
        except: pass
""",
}


@pytest.mark.parametrize("code", PRINTS.values(), ids=list(PRINTS))
def test_a_flood_of_output_is_stopped(hasty: Sandbox, code: str) -> None:
    outcome = hasty.run(code, "f", {})
    assert outcome == Outcome(False, error="printed more than 65,536 bytes")
    assert len(outcome.printed.encode()) <= 65_536 + 3  # a letter may be cut


def test_as_much_as_is_allowed_can_be_printed(sandbox: Sandbox) -> None:
    assert len(sandbox.run("def f(): print('x' * 60_000)", "f", {}).printed) == 60_001


def test_floods_below_python_are_stopped(bwrap: str) -> None:
    with open_sandbox(bwrap, Limits(seconds=10)) as opened:
        for number in (1, 2):
            code = f"import os\ndef f():\n    while True: os.write({number}, b'x' * 1000)"
            error = "printed more than 65,536 bytes"
            assert opened.run(code, "f", {}) == Outcome(False, error=error)
        code = "import os\ndef f():\n    while True: os.write(3, b'x' * 1000)"
        assert not opened.run(code, "f", {}).ok


DEEP = {
    "calls": "def f(): return f()",
    "repr": "class C:\n    def __repr__(self): return repr(self)\ndef f(): return repr(C())",
    "comparison": """
def f():
    a, b = [], []
    for i in range(100_000):
        a, b = [a], [b]
    return a == b
""",
    "text of a list": """
def f():
    a = []
    for i in range(100_000):
        a = [a]
    return str(a)
""",
    "json": "import json\ndef f(): return json.loads('[' * 100_000)",
    "source": "def f(): return eval('(' * 10_000 + ')' * 10_000)",
    "a chain": "def f(): return eval('1' + '+1' * 50_000)",
    "unlimited": """
import sys
def g(n): return g(n + 1)
def f():
    sys.setrecursionlimit(10**9)
    return g(0)
""",
}


@pytest.mark.parametrize("code", DEEP.values(), ids=list(DEEP))
def test_deep_recursion_harms_nobody(sandbox: Sandbox, code: str) -> None:
    outcome = sandbox.run(code, "f", {})
    assert outcome.ok or outcome.error


def test_smaller_limits_hold(name: str) -> None:
    with open_sandbox(name, Limits(seconds=10, memory=2**20, output=100)) as small:
        assert small.run("def f(): return 'x' * 98", "f", {}).ok
        assert not small.run("def f(): return 'x' * 99", "f", {}).ok
        assert small.run("def f(): print('x' * 99)", "f", {}).ok
        assert (
            small.run("def f(): print('x' * 100)", "f", {}).error == "printed more than 100 bytes"
        )
        greedy = small.run("def f(): return len([0] * 10**8)", "f", {})
        assert greedy.error == "MemoryError: needed more than 1 MiB"
