"""The grammar of a tool's code: the sandbox's Python, so that what a model writes always parses."""

from __future__ import annotations

from functools import lru_cache

from slearn.engine import Grammar
from slearn.resources import read_resource

DEPTH = 4  # blocks inside blocks
_INDENT = 4
_LINES = (10, 6, 5, 4)  # of a block, by its depth
_LOOP = "_loop"


@lru_cache(maxsize=64)
def code_grammar(head: str, *, one_line: bool = False) -> Grammar:
    """Return the grammar of a function that begins with a head: its name and its signature.

    With `one_line` it returns one expression.

    >>> code_grammar("double(n: int) -> int:").lark.startswith("start:")
    True
    """
    lines: list[str] = []
    repeated: list[str] = []
    for line in read_resource("grammars", "tool_code.lark").splitlines():
        if line.startswith("@"):
            repeated.append(line[1:])
            continue
        if repeated:
            lines += _depths("\n".join(repeated))
            repeated = []
        if not line.startswith("//"):
            lines.append(line)
    text = "\n".join(lines).strip()
    deep = {
        "body": "line" if one_line else "block",
        "deepest": str(DEPTH),
        "in_deepest": " " * _INDENT * (DEPTH + 1),
        "head": _literal(head),
    }
    return Grammar(_filled(text, deep))


def _depths(rules: str) -> list[str]:
    """Return the rules once for each depth, outside of loops and inside."""
    found = []
    for depth in range(DEPTH):
        for loop in ("", _LOOP):
            jump = '| "break\\n" | "continue\\n"' if loop else ""
            values = {
                "d": str(depth),
                "up": str(depth + 1),
                "in": " " * _INDENT * (depth + 1),
                "most": str(_LINES[depth]),
                "loop": loop,
                "jump": jump,
            }
            found.append(_filled(rules, values))
    return found


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
