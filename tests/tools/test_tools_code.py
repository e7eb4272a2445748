"""The grammar of code: what models write is accepted, and what it accepts is Python that runs."""

from __future__ import annotations

import ast
import keyword
import random
import warnings
from collections.abc import Iterator
from textwrap import dedent, indent

import numpy as np
import pytest

from slearn.engine.scripted import _compiled, _mask, accepts
from slearn.metrics import code_of
from slearn.sandbox import Limits, Sandbox, open_sandbox
from slearn.tools import code_grammar, tool_from_code

HEAD = "solve(text: str) -> str:"
GRAMMAR = code_grammar(HEAD)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with open_sandbox("monty", Limits(seconds=0.5)) as opened:
        yield opened


def written(body: str, head: str = HEAD) -> str:
    """The answer of a model that writes this body."""
    lines = indent(dedent(body).strip("\n"), "    ")
    return f"```python\ndef {head}\n{lines}\n```"


GOOD = {
    "one line": ("return text[::-1]", "tac"),
    "names and numbers": ("a, b = 1, 2.5\nreturn a + b - 0.5 * 2 // 1", 2.5),
    "comments": ("# Turn it.\nfound = text\n# Done.\nreturn found.upper()", "CAT"),
    "comprehension": ("return ' '.join([letter for letter in text if letter != 'a'])", "c t"),
    "comprehensions of other kinds": (
        "a = {x: x + 'x' for x in text}\nb = {len(x) for x in text}\n"
        "c = sorted((x for x in text), reverse=True)\nreturn [a['c'], b, c]",
        ["cx", [1], ["t", "c", "a"]],
    ),
    "generator as the only argument": ("return sum(ord(x) - 96 for x in text)", 24),
    "lambda": ("return sorted(text, key=lambda letter: -ord(letter))", ["t", "c", "a"]),
    "lambda of two": ("return list(map(lambda x, y: x + y, text, 'abc'))", ["ca", "ab", "tc"]),
    "f-string": ("n = len(text)\nreturn f'{text}: {n:.1f}'", "cat: 3.0"),
    "slices": ("return [text[1:], text[:-1], text[-1], text[::2], text[0:2:1], text[:]]",
               ["at", "ca", "t", "ct", "ca", "cat"]),
    "try": ("try:\n    return int(text)\nexcept ValueError:\n    return -1", -1),
    "try in a loop": (
        "for x in text:\n    try:\n        n = int(x)\n    except Exception:\n        continue\n"
        "    break\nreturn 'none'",
        "none",
    ),
    "regular expressions": (
        "import re\nfound = re.findall(r'[aeiou]\\w*', text)\nreturn re.sub('^(.)', '', found[0])",
        "t",
    ),
    "chain": (
        """
        if len(text) == 1:
            return 'one'
        elif len(text) == 2:
            return 'two'
        elif text == 'cat' and not text in ('dog', 'cow') or text is None:
            return 'cat'
        else:
            return 'more'
        """,
        "cat",
    ),
    "conditional": ("return 'cat' if text == 'cat' else 'dog' if text == 'dog' else ''", "cat"),
    "four deep": (
        """
        n = 0
        for x in range(3):
            for y in range(3):
                if x != y:
                    while n < 4:
                        n += 1
                else:
                    pass
        return n
        """,
        4,
    ),
    "loops": (
        """
        found = []
        place = 0
        while True:
            if place >= len(text):
                break
            place += 1
            if text[place - 1] == 'a':
                continue
            found.append(text[place - 1])
        return found
        """,
        ["c", "t"],
    ),
    "counting": (
        "seen = {}\nfor x in text:\n    seen[x] = seen.get(x, 0) + 1\nseen['c'] *= 3\nreturn seen",
        {"c": 3, "a": 1, "t": 1},
    ),
    "pairs": ("found = ''\nfor i, x in enumerate(text):\n    found += x * i\nreturn found", "att"),
    "literals": ("return [[], {}, [1, 2], {'a': 1, 'b': (2, 3)}, True, None, (text)]",
                 [[], {}, [1, 2], {"a": 1, "b": [2, 3]}, True, None, "cat"]),
    "calls": ("print(text, *text, sep='', end='')\nreturn dict(a=max(1, 2, key=abs), b=len(text))",
              {"a": 2, "b": 3}),
    "imports": ("import math\nfrom collections import Counter\nreturn math.sqrt(4)", 2.0),
    "attributes": ("return text.upper().replace('A', 'o').split('o')[0].lower()", "c"),
    "unicode": ("# größer\nreturn 'é 日本 😀 \\'' + \"it's\\n\"", "é 日本 😀 'it's\n"),
    "nothing": ("pass", None),
    "bare return": ("return", None),
}  # fmt: skip

BAD = {
    "keyword as a name": "class = 1",
    "keyword as a loop variable": "for in in text:\n    pass",
    "keyword among targets": "a, if = 1, 2",
    "keyword as a keyword argument": "return dict(for=1)",
    "keyword as an attribute": "return text.import",
    "keyword of a lambda": "return sorted(text, key=lambda in: 1)",
    "keyword of a comprehension": "return [1 for is in text]",
    "constant as a target": "True = 1",
    "name with two underscores": "return __import__('os')",
    "attribute with two underscores": "return text.__class__",
    "break outside of a loop": "if text:\n    break",
    "continue outside of a loop": "continue",
    "unfinished expression": "return text +",
    "unfinished call": "return len(text",
    "unfinished index": "return text[",
    "unfinished string": "return 'text",
    "unfinished condition": "return 1 if text",
    "not behind an operator": "return 1 + not text",
    "missing colon": "if text\n    pass",
    "else without if": "else:\n    pass",
    "except without try": "except ValueError:\n    pass",
    "try without except": "try:\n    pass\nreturn 1",
    "deeper without a reason": "a = 1\n    return a",
    "leading zeros": "return 007",
    "attribute of a number": "return 1.real",
    "adding to several": "a, b += 1",
    "positional behind keyword": "return dict(a=1, 2)",
    "generator beside others": "return max(x for x in text, 1)",
    "statements on one line": "a = 1; return a",
    "class": "class A:\n    pass",
    "with": "with open('x') as file:\n    pass",
    "yield": "yield text",
    "await": "return await text",
    "global": "global text",
    "other imports": "import os",
    "imports of all": "from math import *",
}


@pytest.mark.parametrize("name", GOOD)
def test_functions_of_many_shapes_are_written_and_run(name: str, box: Sandbox) -> None:
    body, value = GOOD[name]
    text = written(body)
    assert accepts(GRAMMAR, text)
    tool = tool_from_code(code_of(text))
    assert (tool.name, box.run(tool.code, "solve", {"text": "cat"}).value) == ("solve", value)


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_python_or_has_no_place_is_refused(name: str) -> None:
    assert not accepts(GRAMMAR, written(BAD[name]))


@pytest.mark.parametrize(
    "text",
    [
        f"def {HEAD}\n    return text\n",
        f"```python\ndef {HEAD}\n    return text\n",
        f"def {HEAD}\n    return text\n```",
        f"```\ndef {HEAD}\n    return text\n```",
        f"Here it is:\n```python\ndef {HEAD}\n    return text\n```",
        f"```python\ndef {HEAD}\n    return text\n```\nIt works.",
        f"```python\ndef {HEAD}\n```",
        f"```python\ndef {HEAD}\n    # nothing\n```",
        f"```python\ndef {HEAD} return text\n```",
        "```python\ndef solve(text):\n    return text\n```",
        f"```python\ndef {HEAD}\n  return text\n```",
        f"```python\ndef {HEAD}\n\treturn text\n```",
        f"```python\ndef {HEAD}\n        return text\n```",
        f"```python\ndef {HEAD}\n    if text:\n    return text\n```",
        f"```python\ndef {HEAD}\n    if text:\n            return text\n```",
        f"```python\ndef {HEAD}\n    return text\nreturn text\n```",
        f"```python\ndef {HEAD}\n    return text\n\n```",
        "",
    ],
)
def test_an_answer_is_one_function_in_a_fence_indented_by_four(text: str) -> None:
    assert not accepts(GRAMMAR, text)


def test_blocks_are_short_and_not_too_deep() -> None:
    assert accepts(GRAMMAR, written("\n".join(["pass"] * 10)))
    assert not accepts(GRAMMAR, written("\n".join(["pass"] * 11)))
    deep = ["if text:\n" + "    " * (n + 1) for n in range(5)]
    assert accepts(GRAMMAR, written("".join(deep[:4]) + "pass"))
    assert not accepts(GRAMMAR, written("".join(deep) + "pass"))


@pytest.mark.parametrize(
    "head",
    [
        "f() -> int:",
        "f(a: str = \"it's\", *, b: list[str] = ['\\\\', '\"']) -> dict[str, int]:",
        "größe(länge: float):",
        "f(a='{head}{deepest}{in}'):",
    ],
)
def test_the_head_stands_as_it_was_given(head: str) -> None:
    text = written("return 1", head)
    assert accepts(code_grammar(head), text)
    assert not accepts(code_grammar(head), written("return 1", "g():"))
    assert tool_from_code(code_of(text)).name == head.partition("(")[0]


# What a walk writes where it fits: pieces of programs, with words where they have no business.
PIECES = (
    *keyword.kwlist, "text", "x", "found", "len", "str", "int", "range", "sorted", "join", "append",
    "re", "math", "n", "0", "1", "2.5", '"', "'", "r'", "f'{x}'", 'f"{n:.2f}"', "\\n", "\\\\", " ",
    ", ", ": ", " = ", " + ", " - ", " in ", " not in ", " is ", " and ", " or ", " == ", " < ",
    " if ", " else ", " for ", "()", "(", ")", "[", "]", "{", "}", "[]", "{}", ":", "-", "*", ".",
    "return ", "if ", "for ", "while ", "else:\n", "elif ", "except ", "try:\n", "# ", "import ",
    "lambda ", "break\n", "continue\n", "    ", "\n", "\t", "\x0c", "é", "😀", "\u2028", "\ufeff",
)  # fmt: skip
CLOSING = ("\n", "```", ")", "]", "}", '"', "'", " else ", "0", ":\n", " = ")
ODD = ("\r", "\x00", "from math import ", 'f"{', "}", "`", *keyword.kwlist)
LONG = 160  # bytes after which a walk does all to come to an end
NO_GRAMMAR_TELLS = ("keyword argument repeated", "duplicate argument")


def walks(count: int, pieces: tuple[str, ...]) -> Iterator[str]:
    """Texts written by chance under the grammar, byte by byte, that prefer to end their lines."""
    raw = [piece.encode() for piece in pieces]
    closing = [piece.encode() for piece in CLOSING]
    for seed in range(count):
        chance, matcher, text = random.Random(seed), _compiled(GRAMMAR).deep_copy(), b""
        while not matcher.is_stopped() and not matcher.is_accepting() and len(text) < 4 * LONG:
            ends = len(text) > LONG or chance.random() < 0.3
            for piece in closing if ends else chance.sample(raw, 12):
                if matcher.validate_tokens(list(piece)) == len(piece):
                    break
            else:
                mask = _mask(matcher)[:256].copy()
                mask[[0, 13]] = False
                options = np.flatnonzero(mask)
                piece = bytes([int(options[chance.randrange(len(options))])])
            assert matcher.consume_tokens(list(piece))
            text += piece
        if matcher.is_accepting():
            yield text.decode()


def check(pieces: tuple[str, ...], count: int, box: Sandbox) -> int:
    """Hold what walks write against Python and the sandbox; return how many there were."""
    found = 0
    for text in walks(count, pieces):
        found += 1
        code = text.removeprefix("```python\n").removesuffix("```")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an escape, or a call of a text
            (function,) = ast.parse(code).body
        assert isinstance(function, ast.FunctionDef) and function.name == "solve"
        outcome = box.run(code, "solve", {"text": "a cat"})
        wrong = outcome.error.partition(":")[0]
        known = any(words in outcome.error for words in NO_GRAMMAR_TELLS)
        assert known or wrong not in ("SyntaxError", "IndentationError", "NotImplementedError"), (
            outcome.error,
            code,
        )
    return found


def test_whatever_is_written_under_the_grammar_parses_and_is_run_or_refused(box: Sandbox) -> None:
    assert check(PIECES, 400, box) > 300


def test_so_does_what_is_written_with_odd_letters_and_words(box: Sandbox) -> None:
    assert check((*PIECES, *ODD), 200, box) > 100


@pytest.mark.parametrize(
    "body",
    ["return 'a\rb'", "return f'a\rb'", "# a\rb\nreturn 1", "return 'a\0b'", "# a\0b\nreturn 1"],
)
def test_no_letter_ends_a_line_or_the_code_where_none_is_seen(body: str) -> None:
    assert not accepts(GRAMMAR, written(body))


@pytest.mark.parametrize(
    "body",
    [
        "from math import in",
        "from math import lambda",
        "from collections import None",
        "return f'{if}'",
        "return f'{yield}'",
        'return f"{in:.2f}"',
        'return f"{text} {not}"',
    ],
)
def test_keywords_are_neither_imported_nor_filled_in(body: str) -> None:
    assert not accepts(GRAMMAR, written(body))


def test_names_that_begin_like_keywords_are_names() -> None:
    body = "iffy, inner = 1, 2\nreturn f'{iffy}{inner:.1f}' + str(notes) + text.format(order=1)"
    assert accepts(GRAMMAR, written(body))
    assert accepts(GRAMMAR, written("from itertools import islice\nfrom math import isqrt"))


def test_an_escape_that_python_warns_of_is_a_tool_without_a_word(box: Sandbox) -> None:
    text = written("import re\nreturn re.sub('\\d+', '', text)")
    assert accepts(GRAMMAR, text)
    tool = tool_from_code(code_of(text))
    assert box.run(tool.code, "solve", {"text": "c4t"}).value == "ct"


@pytest.mark.parametrize(
    ("body", "fine"),
    [
        ("    return ' '.join(text)", True),
        ("    return text[0] if text else ''", True),
        ("    word = text\n    return word", False),
        ("    return text\n    return text", False),
        ("    pass", False),
    ],
)
def test_one_line_is_one_expression(body: str, fine: bool) -> None:
    grammar = code_grammar("f(text: str) -> str:", one_line=True)
    assert accepts(grammar, f"```python\ndef f(text: str) -> str:\n{body}\n```") is fine
