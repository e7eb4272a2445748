"""Random Python programs, most of them broken: what a fuzz test feeds to a sandbox.

A program is built from a grammar, or is a working tool that was mutated, or is built to hurt a
parser. Every one may define `f`, which is called with `a` and `b`. Equal seeds give equal programs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

WORKING = [
    "def f(a, b):\n    return {'sum': a + len(b), 'list': [a, b, None, True, 1.5]}\n",
    "import re\ndef f(a, b):\n    return [m.group() for m in re.finditer(r'\\w+', b * a)]\n",
    "import json\ndef f(a, b):\n    return json.loads(json.dumps({b: list(range(a))}))\n",
    "def f(a, b):\n    t = 0\n    for i in range(a * 10):\n        t += i\n    return t\n",
    "class P:\n    def __init__(self, x):\n        self.x = x\n    def double(self):\n"
    "        return self.x * 2\ndef f(a, b):\n    return P(a).double()\n",
    "from collections import Counter\ndef f(a, b):\n    return dict(Counter(b * a))\n",
    "def f(a, b):\n    try:\n        return a / 0\n    except ZeroDivisionError as e:\n"
    "        return str(e)\n    finally:\n        print(b)\n",
    "import math\ndef f(a, b):\n    return math.sqrt(a) if b else math.factorial(a)\n",
    "def g(n):\n    return 1 if n < 2 else n * g(n - 1)\ndef f(a, b):\n    return g(a)\n",
    "def f(a, b):\n    match [a, b]:\n        case [int(x), str(y)]:\n            return y * x\n"
    "        case _:\n            return None\n",
    "import asyncio\nasync def w(x):\n    return x\ndef f(a, b):\n    return asyncio.run(w(a))\n",
    "def f(a, b):\n    return f'{a:>5}|{b!r:<8}|{a / 3:.2f}' + '{0}'.format(b)\n",
    "x = 1\ndef f(a, b):\n    global x\n    x += a\n    return sorted({a, x}, key=lambda v: -v)\n",
    "def f(a, b):\n    return (lambda *c, **d: [c, d])(1, *[a, b], k=b)\n",
    "from dataclasses import dataclass\n@dataclass\nclass D:\n    x: int = 1\n"
    "def f(a, b):\n    return D(a).x\n",
]  # fmt: skip

ATOMS = [
    "a", "b", "f", "x", "0", "1", "-1", "2.5", "1e308", "1j", "''", "'é'", "b'q'", "None", "True",
    "...", "[]", "{}", "()", "set()", "float('nan')", "float('inf')", "10**30", "print",
    "int", "str", "len", "range(3)", "object", "type", "lambda: a", "[1, 2, 3]", "{'k': 1}",
    "__name__", "Exception", "'x' * 1000", "[0] * 1000", "(1,)", "{1, 2}", "'\\x00'", "'\\ud800'",
]  # fmt: skip
FORMS = [
    "({0} + {1})", "({0} * {1})", "({0} - {1})", "({0} / {1})", "({0} // {1})", "({0} % {1})",
    "({0} ** 3)", "(not {0})", "(-{0})", "(~{0})", "({0} if {1} else {0})", "({0} == {1})",
    "({0} < {1})", "({0} in {1})", "({0} is {1})", "({0} and {1})", "({0} or {1})", "[{0}, {1}]",
    "({0}, {1})", "{{{0}: {1}}}", "{{{0}, {1}}}", "{0}[{1}]", "{0}[1:{1}]", "len({0})", "str({0})",
    "repr({0})", "list({0})", "sorted({0})", "sum({0})", "type({0})", "dict({0})", "set({0})",
    "{0}({1})", "{0}.upper()", "{0}.x", "{0}.append({1})", "[v for v in {0}]", "f'{{{0}}}'",
    "'%s' % {0}", "'{{}}'.format({0})", "hash({0})", "isinstance({0}, {1})", "(lambda y: {0})({1})",
    "{{v: {1} for v in {0}}}", "max({0}, {1})", "abs({0})", "bytes({0})", "zip({0}, {1})",
    "getattr({0}, '__class__')", "({0} << 5)", "({0} @ {1})", "int({0})", "(x := {0})", "iter({0})",
]  # fmt: skip
SHAPES = [
    "x = {0}", "x += {0}", "a, b = {0}", "print({0})", "assert {0}", "raise {0}", "return {0}",
    "pass", "import {2}", "{0}", "x[{0}] = {1}", "x.{2} = {0}", "exec({0})", "eval({0})",
    "b = [{0}, a]", "return [x, {0}]",
]  # fmt: skip
RARE = [
    "del x", "global x", "from {2} import *", "yield {0}", "await {0}", "break", "continue",
    "nonlocal a", "else: {0}", "except {0} as e: pass", "except* {0}: pass", "finally: {1}",
    "elif {0}: x", "case {0}: x", "@f", "return", "async with {0}: x",
]  # fmt: skip
BLOCKS = [
    "if {0}:", "for v in {0}:", "for i in range(20):", "try:", "with {0} as v:", "def g(v={0}):",
    "class C({0}):", "class C:", "async def h():", "while x:", "match {0}:", "def f(*a, **b):",
]  # fmt: skip
NAMES = ["os", "sys", "re", "json", "math", "x", "_x", "ctypes", "socket", "asyncio", "é", "time"]
ODD = [
    "\x00", "\ud800", "\ufeff", "\u202e", "\r", "\x0c", "\t", "  ", "\\", "'''", '"', "#", ";", ":",
    "(", ")", "[", "]", "{", "}", "9" * 5000, "0x" + "f" * 3000, "1" + "_1" * 500, "é" * 50, "🦀",
    "1e99999", "lambda", "async", "...", "->", ":=", "**", "@", "\n\n", "\n    ", "if", "\\N{BEL}",
]  # fmt: skip


def programs(count: int, seed: int) -> Iterator[str]:
    """Return `count` random programs.

    >>> len(set(programs(20, seed=1)))
    20
    """
    rng = random.Random(seed)
    for _ in range(count):
        kind = rng.choice([_grown, _grown, _mutated, _spliced, _harsh])
        yield kind(rng)


def _grown(rng: random.Random) -> str:
    lines = _block(rng, 1, rng.randint(1, 6))
    return "x = 1\ndef f(a, b):\n" + "\n".join(lines) + "\n"


def _block(rng: random.Random, depth: int, length: int) -> list[str]:
    lines = []
    for _ in range(length):
        words = _expression(rng), _expression(rng), rng.choice(NAMES)
        if depth < 5 and rng.random() < 0.3:
            head = rng.choice(BLOCKS).format(*words)
            lines.append("    " * depth + head)
            lines += _block(rng, depth + 1, rng.randint(1, 3))
            if head == "try:":
                lines += ["    " * depth + "except Exception as e:", "    " * depth + "    x = e"]
        else:
            shapes = RARE if rng.random() < 0.05 else SHAPES
            lines.append("    " * depth + rng.choice(shapes).format(*words))
    return lines


def _expression(rng: random.Random, depth: int = 0) -> str:
    if depth > 3 or rng.random() < 0.4:
        return rng.choice(ATOMS)
    form = rng.choice(FORMS)
    return form.format(_expression(rng, depth + 1), _expression(rng, depth + 1))


def _mutated(rng: random.Random) -> str:
    text = rng.choice(WORKING)
    for _ in range(rng.randint(1, 4)):
        text = _edited(text, rng)
    return text


def _edited(text: str, rng: random.Random) -> str:
    at, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
    end = min(end, at + 12)
    before, part, after = text[:at], text[at:end], text[end:]
    new = [
        "",
        part * rng.randint(2, 5),
        rng.choice(ODD) + part,
        _expression(rng),
        chr(rng.randrange(0x110000)),
        part[::-1],
    ]
    return before + rng.choice(new) + after


def _spliced(rng: random.Random) -> str:
    first, second = rng.sample(WORKING, 2)
    lines = first.splitlines() + second.splitlines()
    rng.shuffle(lines)
    return "\n".join(lines) if rng.random() < 0.5 else first + second.replace("f(", "g(")


def _harsh(rng: random.Random) -> str:
    deep = rng.choice([50, 150, 1000, 20_000])
    start, end = rng.choice(
        [("(", ")"), ("[", "]"), ("{1:", "}"), ("f(", ")"), ("-", ""), ("not ", "")]
    )
    odd = rng.choice(ODD)
    kinds = [
        "def f(a, b): return " + start * deep + "1" + end * deep,
        "def f(a, b):\n    v = []\n" + f"    for i in range({deep}): v = [v]\n    return v",
        "def f(a, b):\n    v = {}\n    v['k'] = [v]\n    return v",
        "def f(a, b): return a" + " + a" * deep,
        "def f(a, b): return f(a, b)",
        f"def f(a, b): return {odd!r} * {deep}",
        "\n".join("if 1:" if i == 0 else " " * i + "if 1:" for i in range(min(deep, 150))),
        "x = " + odd * rng.randint(1, 30),
        "def f(a, b): return '" + "é" * deep + "'",
        "def f(a, b): return 10 ** " + str(deep),
        "class C:\n    def __getattr__(self, n): return self\n    def __iter__(self): return self\n"
        "    def __next__(self): return 1\n    def __repr__(self): return 1\n"
        f"def f(a, b): return {rng.choice(FORMS).format('C()', 'C()')}",
        "def f(a, b):\n    v = [1] * 10\n    for i in range(7): v = [v] * 10\n    return v",
        "".join(chr(rng.randrange(1, 0x3000)) for _ in range(rng.randint(1, 200))),
        "def f(a, b):\n"
        + "".join(f"    v{i} = {i}\n" for i in range(min(deep, 5000)))
        + "    return v0",
        f"def f({', '.join(f'p{i}=0' for i in range(min(deep, 2000)))}, **k): return len(k)",
    ]
    return rng.choice(kinds)
