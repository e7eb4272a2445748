"""YAML documents read with their line numbers, so that an error can say where it is.

Scalars keep the text that stands in the file: a choice written `no` or `1.50` is the text "no" or
"1.50", whatever YAML would make of it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import yaml

from slearn.errors import AgentFileError

_ALIASED = 10_000  # values beyond those that are written
_DEEPEST = 100  # lists and mappings inside each other
_NAMED: dict[str, Any] = {"null": None, "~": None, "": None, "true": True, "false": False}
_WHOLE = re.compile(r"[-+]?[0-9]{1,300}")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Place:
    """A value in a YAML file: the composed node, the file's name, and what the value is called."""

    node: yaml.Node
    file: str
    name: str = "the file"

    def fail(self, expected: str) -> AgentFileError:
        """Return the error for this place; `expected` says what should stand here."""
        line = self.node.start_mark.line + 1
        return AgentFileError(f"{self.name}: expected {expected}", where=f"{self.file}:{line}")

    def text(self, what: str = "a text") -> str:
        """Return the scalar as it is written."""
        if isinstance(self.node, yaml.MappingNode):  # `- Name: the queue` is an entry to YAML
            raise self.fail(f"{what} (in quotes where it holds a colon)")
        if not isinstance(self.node, yaml.ScalarNode) or self.is_null:
            raise self.fail(what)
        value = str(self.node.value)
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise self.fail(f"{what} that is valid UTF-8")
        return value

    def integer(self, least: int, most: int) -> int:
        """Return the scalar as a whole number within bounds."""
        what = f"a whole number from {least} to {most}"
        try:
            value = int(self.text(what))
        except ValueError:
            raise self.fail(what) from None
        if not least <= value <= most:
            raise self.fail(what)
        return value

    def number(self) -> float:
        """Return the scalar as a finite number."""
        try:
            value = float(self.text("a number"))
        except ValueError:
            raise self.fail("a number") from None
        if not math.isfinite(value):
            raise self.fail("a finite number")
        return value

    def boolean(self) -> bool:
        """Return the scalar as true or false."""
        value = self.text("true or false")
        if value not in ("true", "false"):
            raise self.fail("true or false")
        return value == "true"

    def one_of(self, options: Collection[str]) -> str:
        """Return the scalar, which must be one of the options."""
        value = self.text("one of " + ", ".join(options))
        if value not in options:
            raise self.fail(f"one of {', '.join(options)}, not {value!r}")
        return value

    def items(self, what: str = "a list") -> list[Place]:
        """Return the places of a list's items."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.fail(what)
        return [
            Place(node, self.file, f"{self.name}[{index + 1}]")
            for index, node in enumerate(self.node.value)
        ]

    def texts(self, what: str = "a list of texts") -> tuple[str, ...]:
        """Return a list's items as texts."""
        return tuple(item.text() for item in self.items(what))

    def fields(self, known: Collection[str] | None = None) -> dict[str, Place]:
        """Return the places of a mapping's values by key; unknown and double keys are errors."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.fail("`name: value` entries")
        found: dict[str, Place] = {}
        for key_node, value_node in self.node.value:
            key = Place(key_node, self.file, f"a key of {self.name}").text()
            place = Place(key_node, self.file, self.name)
            if known is not None and key not in known:
                raise place.fail(f"one of {', '.join(known)}, not {key!r}")
            if key in found:
                raise place.fail(f"{key!r} once, not twice")
            found[key] = Place(value_node, self.file, key)
        return found

    def plain(self) -> Any:
        """Return the value as plain data, typed by YAML 1.2's core rules."""
        if isinstance(self.node, yaml.SequenceNode):
            return [item.plain() for item in self.items()]
        if isinstance(self.node, yaml.MappingNode):
            return {key: value.plain() for key, value in self.fields().items()}
        if not isinstance(self.node, yaml.ScalarNode) or self.node.style is not None:
            return self.text()
        value = str(self.node.value)
        if value in _NAMED:
            return _NAMED[value]
        if _WHOLE.fullmatch(value):
            return int(value)
        if _DECIMAL.fullmatch(value) and math.isfinite(number := float(value)):
            return number
        return self.text()

    def object(self, what: str) -> dict[str, Any]:
        """Return a mapping as plain data, written as YAML or as JSON text."""
        value = self.plain()
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                value = None
        if not isinstance(value, dict):
            raise self.fail(what)
        if _nested(value):
            raise self.fail(f"{what}, nested {_DEEPEST} levels at most")
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:  # JSON text can escape half of a pair
            raise self.fail(f"{what} that is valid UTF-8") from None
        return value

    @property
    def is_text(self) -> bool:
        """Whether a single value stands here, and no list or mapping."""
        return isinstance(self.node, yaml.ScalarNode)

    @property
    def is_null(self) -> bool:
        """Whether nothing is written here."""
        plain = isinstance(self.node, yaml.ScalarNode) and self.node.style is None
        return plain and self.node.value in ("", "~", "null")


def read_document(text: str, file: str) -> Place:
    """Compose a YAML text; raise AgentFileError with the line where it is no YAML."""
    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark else 1
        raise AgentFileError(
            f"not valid YAML: {problem.problem or problem.context}", where=f"{file}:{line}"
        ) from None
    except yaml.YAMLError as problem:
        words = " ".join(str(problem).split())
        raise AgentFileError(f"not valid YAML: {words}", where=f"{file}:1") from None
    except RecursionError:
        raise AgentFileError("nested too deeply", where=f"{file}:1") from None
    if node is None:
        raise AgentFileError("the file is empty", where=f"{file}:1", hint="it needs `slearn: 1`")
    _check_shape(node, file)
    return Place(node, file)


def _check_shape(root: yaml.Node, file: str) -> None:
    """Refuse what contains itself, is nested too deeply, or stands for more than a file can hold.

    Whoever reads the file goes down into it, so that its depth is bounded here.
    """
    sizes: dict[int, int] = {}  # of what was seen whole, with all that it holds
    depths: dict[int, int] = {}
    inside: set[int] = set()
    stack = [root]

    def fault(node: yaml.Node, message: str, hint: str) -> AgentFileError:
        return AgentFileError(message, where=f"{file}:{node.start_mark.line + 1}", hint=hint)

    while stack:
        node = stack[-1]
        held = _held(node)
        if id(node) not in sizes and id(node) not in inside:
            inside.add(id(node))
            for one in held:
                if id(one) in inside:
                    raise fault(one, "a value that contains itself", "write it out")
            stack += [one for one in held if id(one) not in sizes]
            continue
        stack.pop()
        inside.discard(id(node))
        sizes[id(node)] = 1 + sum(sizes[id(one)] for one in held)
        depths[id(node)] = 1 + max((depths[id(one)] for one in held), default=0)
        if depths[id(node)] > _DEEPEST:
            raise fault(node, "nested too deeply", f"{_DEEPEST} levels are the most")
    if sizes[id(root)] - len(sizes) > _ALIASED:
        message = f"aliases that stand for more than {_ALIASED:,} values"
        raise fault(root, message, "name fewer of them")


def _nested(value: Any) -> bool:
    """Say whether plain data is nested more deeply than a file may be."""
    level = [value]
    for _ in range(_DEEPEST):
        held = [one.values() if isinstance(one, dict) else one for one in level]
        level = [one for inner in held for one in inner if isinstance(one, dict | list)]
    return bool(level)


def _held(node: yaml.Node) -> list[yaml.Node]:
    """Return the nodes that a node holds."""
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


class _Dumper(yaml.SafeDumper):
    """Writes texts with line breaks as blocks, where a block can hold them."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value out: people don't read anchors."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = None
    if not value.isprintable():
        lines = value.split("\n")
        tidy = all(line.isprintable() and line == line.rstrip() for line in lines)
        style = "|" if tidy and lines[0] and not lines[0][0].isspace() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def write_document(value: Any) -> str:
    """Write plain data as YAML, keys in their order."""
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return str(text)
