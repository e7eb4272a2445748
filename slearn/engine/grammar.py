"""Grammars: what a completion may look like, in llguidance's dialect of Lark.

Outlines is the type layer: `grammar_of` takes its terms and every Python type it understands
(choices, regexes, pydantic models, JSON schemas, context-free grammars). What Outlines has no word
for, a bound in tokens, is `Bounded`: it lets the grammar itself end a field, so that a rambling
model still finishes inside its limit.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from slearn.errors import InputError

_CAP = re.compile(r"(?m)^(\w+)\[max_tokens=\d+\]:")
_RULE = re.compile(r"(?m)^(\w+)(?:\[[^]]*\])?:")
_WORD = re.compile(r'"(?:\\.|[^"\\])*"|/(?:\\.|[^/\\])+/|\w+')  # literals are words of their own
_COMPACT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


@dataclass(frozen=True)
class Grammar:
    """A Lark grammar; the empty one allows any text.

    >>> Grammar('start: "yes" | "no"').constrained
    True
    """

    lark: str = ""

    @property
    def constrained(self) -> bool:
        """Whether the grammar forbids anything."""
        return bool(self.lark)

    def renamed(self, prefix: str) -> Grammar:
        """Return the grammar with a prefix to the names of its rules, to stand beside another.

        >>> Grammar('start: text0 "text0"\\ntext0: /text0/').renamed("a_").lark
        'start: a_text0 "text0"\\na_text0: /text0/'
        """
        names = set(_RULE.findall(self.lark)) - {"start"}

        def other(match: re.Match[str]) -> str:
            return prefix + match[0] if match[0] in names else match[0]

        return Grammar(_WORD.sub(other, self.lark))

    def uncapped(self) -> Grammar:
        """Return the grammar without its bounds in tokens, for texts that are there already.

        >>> Grammar("start: r0\\nr0[max_tokens=3]: /[a-z]+/").uncapped().lark
        'start: r0\\nr0: /[a-z]+/'
        """
        return Grammar(_CAP.sub(r"\1:", self.lark))


TEXT = Grammar()


@dataclass(frozen=True)
class Bounded:
    """A regex that must end after so many tokens.

    >>> grammar_of(Bounded("[a-z ]{1,80}", 20)).lark
    'start: r0\\nr0[max_tokens=20]: /[a-z ]{1,80}/'
    """

    pattern: str
    max_tokens: int


def grammar_of(kind: Any) -> Grammar:
    """Return the grammar of an Outlines term, a Python type Outlines knows, or a Bounded.

    >>> from typing import Literal
    >>> grammar_of(Literal["yes", "no"]).lark
    'start: ("yes" | "no")'

    Raises InputError for a type that has no grammar.
    """
    if isinstance(kind, Grammar):
        return kind
    rules: list[str] = []
    body = _expression(kind, rules)
    return Grammar("\n".join([f"start: {body}", *rules]))


def literal(text: str) -> str:
    """Return a string literal in Lark; a lone surrogate, which is no UTF-8, becomes "?"."""
    text = text.encode("utf-8", "replace").decode()
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def regex(pattern: str) -> str:
    """Return a regex literal in Lark: slashes and line breaks escaped, if they are not yet.

    >>> print(regex("a/b"))
    /a\\/b/
    """
    return "/" + re.sub(r"\\?([/\n])|\\.", _escaped, pattern) + "/"


def _escaped(match: re.Match[str]) -> str:
    return {"/": "\\/", "\n": "\\n"}.get(match[1], match[0])


def _expression(kind: Any, rules: list[str]) -> str:
    from outlines.types import dsl

    if isinstance(kind, Bounded):
        name = f"r{len(rules)}"
        rules.append(f"{name}[max_tokens={kind.max_tokens}]: {regex(kind.pattern)}")
        return name
    if isinstance(kind, Grammar) and kind.constrained:
        name = f"r{len(rules)}"  # no other rule has it, so none has it before its own names
        rules.append(kind.renamed(f"{name}_").lark.replace("start:", f"{name}:", 1))
        return name
    if not isinstance(kind, dsl.Term):
        try:
            kind = dsl.python_types_to_terms(kind)
        except (TypeError, ValueError, RecursionError) as problem:
            raise InputError(f"no grammar for {kind!r}: {problem}") from None

    def inner(term: Any) -> str:
        return _expression(term, rules)

    match kind:
        case dsl.String():
            return literal(kind.value)
        case dsl.Regex():
            return regex(kind.pattern)
        case dsl.Choice():
            return "(" + " | ".join(literal(str(item)) for item in kind.items) + ")"
        case dsl.Alternatives():
            return "(" + " | ".join(map(inner, kind.terms)) + ")"
        case dsl.Sequence():
            return " ".join(map(inner, kind.terms))
        case dsl.Optional():
            return f"({inner(kind.term)})?"
        case dsl.KleeneStar():
            return f"({inner(kind.term)})*"
        case dsl.KleenePlus():
            return f"({inner(kind.term)})+"
        case dsl.QuantifyExact():
            return f"({inner(kind.term)}){{{kind.count}}}"
        case dsl.QuantifyMinimum():
            return f"({inner(kind.term)}){{{kind.min_count},}}"
        case dsl.QuantifyMaximum():
            return f"({inner(kind.term)}){{0,{kind.max_count}}}"
        case dsl.QuantifyBetween():
            return f"({inner(kind.term)}){{{kind.min_count},{kind.max_count}}}"
        case dsl.JsonSchema():
            schema = {**json.loads(kind.schema), "x-guidance": _COMPACT}
            name = f"r{len(rules)}"
            rules.append(f"{name}: %json {json.dumps(schema, ensure_ascii=False)}")
            return name
    raise InputError(f"no grammar for {type(kind).__name__}")
