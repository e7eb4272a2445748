"""Plain values that every folder shares: JSON, content digests, examples and token usage.

Values are frozen and know nothing of databases, clocks or models.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

JSON = None | bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"]


def canonical(value: Any) -> str:
    """Write a JSON value in one canonical way: sorted keys, compact, unicode kept.

    >>> canonical({"b": 1, "a": ["é"]})
    '{"a":["é"],"b":1}'
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(value: Any, length: int = 32) -> str:
    """Return the content address of a JSON value: `length` hex digits of its sha256.

    >>> digest({"a": 1}) == digest({"a": 1})
    True
    """
    raw = canonical(value).encode("utf-8", "surrogatepass")
    return hashlib.sha256(raw).hexdigest()[:length]


def as_text(value: Any) -> str:
    """Return the text by which a JSON value is shown to a model: strings as they are.

    >>> as_text("5"), as_text(5), as_text(["a", 1])
    ('5', '5', '["a", 1]')
    """
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def plain(value: Any) -> Any:
    """Return frozen values as JSON: what `asdict` gives, without its deep copies.

    >>> plain((Usage(prompt=3),))[0]["prompt"]
    3
    """
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


@dataclass(frozen=True)
class Tool:
    """What an agent can call: a name, what it does, its parameters, and what runs it, if anything.

    `parameters` is a JSON Schema as text. It runs as `code` (Python, in the sandbox), as
    `function` (the user's own, `module:function`), or on `server` (a command that speaks MCP); a
    tool without any of them can be called, and is not run.

    >>> Tool("double", "Doubles a number.", code="def double(n: int): return 2 * n").runs
    True
    """

    name: str
    description: str = ""
    parameters: str = '{"type": "object", "properties": {}}'
    code: str = ""
    function: str = ""
    server: str = ""

    @property
    def runs(self) -> bool:
        """Whether there is anything to run."""
        return bool(self.code or self.function or self.server)


# Columns that are taken for a rationale, the first that a row has.
RATIONALES = ("rationale", "reasoning", "explanation", "solution", "chain_of_thought", "equation")


@dataclass(frozen=True)
class Example:
    """One row of data: named inputs, acceptable targets, and the choices where they differ by row.

    `targets` is None where the row has no target, else every entry is an acceptable answer.
    `functions` are tools that the row brings, to be called and not run; `calls` is JSON of all
    calls that are acceptable then, with the values that each argument may have.
    `row` is the row as it was read: a user's own metric may look at it, an agent never does.

    >>> Example("1", {"input": "hot"}, ("cold",)).inputs["input"]
    'hot'
    """

    id: str
    inputs: Mapping[str, str]
    targets: tuple[str, ...] | None = None
    choices: tuple[str, ...] | None = None
    row: Mapping[str, Any] = field(default_factory=dict, compare=False)
    functions: tuple[Tool, ...] | None = None
    calls: str | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens that work has cost: computed prompt tokens, shared (free) ones, generated, scored.

    >>> (Usage(prompt=3) + Usage(prompt=2, generated=1)).computed
    6
    """

    prompt: int = 0
    shared: int = 0
    generated: int = 0
    scored: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __sub__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))

    @property
    def computed(self) -> int:
        """Tokens that the model really computed: what a budget counts."""
        return self.prompt + self.generated + self.scored

    def as_json(self) -> dict[str, int]:
        """Return the four counts as a JSON object."""
        return {f.name: getattr(self, f.name) for f in fields(self)}
