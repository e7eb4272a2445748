"""Grammars: what Outlines understands becomes Lark that llguidance accepts."""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outlines.types import Choice, JsonSchema, Regex, dsl
from pydantic import BaseModel

from slearn.engine import TEXT, Bounded, Grammar, bounded_json, grammar_of
from slearn.engine.grammar import literal, regex
from slearn.engine.scripted import accepts
from slearn.errors import InputError

ANYTHING = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Person(BaseModel):
    name: str
    age: int
    tags: list[str] = []


KINDS: list[tuple[Any, list[str], list[str]]] = [
    (Literal["yes", "no"], ["yes", "no"], ["", "yes ", "maybe", "yesno"]),
    (Literal["a/b", 'say "hi"', "back\\"], ["a/b", 'say "hi"', "back\\"], ["a", "back"]),
    (Colour, ["red", "blue"], ["RED", "green"]),
    (Choice(["1", "10", 100]), ["1", "10", "100"], ["11", ""]),
    (Regex(r"[a-c]{2}/\d"), ["ab/7"], ["ab7", "ab/", "ad/7"]),
    (bool, ["True", "False"], ["true", "1"]),
    (int, ["0", "12", "-3"], ["1.5", "x", ""]),
    (dsl.String("exactly"), ["exactly"], ["exactl", "exactlyy"]),
    (dsl.Sequence([dsl.String("n: "), Regex("[0-9]+")]), ["n: 42"], ["n:42", "42", "n: "]),
    (dsl.Alternatives([dsl.String("a"), Regex("[xy]")]), ["a", "x"], ["ax", "b"]),
    (dsl.Optional(dsl.String("a")), ["", "a"], ["aa"]),
    (dsl.KleeneStar(dsl.String("ab")), ["", "ab", "abab"], ["a", "aba"]),
    (dsl.KleenePlus(dsl.String("ab")), ["ab", "abab"], ["", "aba"]),
    (dsl.QuantifyExact(dsl.String("a"), 2), ["aa"], ["a", "aaa"]),
    (dsl.QuantifyMinimum(dsl.String("a"), 2), ["aa", "aaaa"], ["a", ""]),
    (dsl.QuantifyMaximum(dsl.String("a"), 2), ["", "a", "aa"], ["aaa"]),
    (dsl.QuantifyBetween(dsl.String("a"), 2, 3), ["aa", "aaa"], ["a", "aaaa"]),
    (Optional[Literal["a"]], ["a"], ["b"]),  # noqa: UP045 - Outlines knows it by this name
    (
        JsonSchema(json.dumps({"type": "object", "properties": {"a": {"type": "integer"}},
                               "required": ["a"], "additionalProperties": False})),
        ['{"a": 1}'],
        ['{"a":1}', '{"a": "x"}', "{}", '{ "a": 1}'],
    ),
    (
        Person,
        ['{"name": "Å", "age": 3}', '{"name": "a", "age": 3, "tags": ["x", "y"]}'],
        ['{"name": "a"}', '{"age": 3, "name": "a"}', '{"name": "a", "age": "3"}'],
    ),
    (Bounded("[a-z ]{1,80}", 5), ["a", "some words"], ["", "A"]),
    (
        dsl.Sequence([dsl.String("say: "), Bounded("[a-z]+", 3), dsl.String("!")]),
        ["say: hi!"],
        ["say: !", "hi!"],
    ),
    (
        dsl.Sequence([dsl.String("j: "), bounded_json({"type": "integer"}).grammar]),
        ["j: 12"],
        ["12", "j: x", "j: "],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "good", "bad"), KINDS)
def test_a_type_becomes_its_grammar(kind: Any, good: list[str], bad: list[str]) -> None:
    grammar = grammar_of(kind)
    assert grammar.constrained
    assert [text for text in good if not accepts(grammar, text)] == []
    assert [text for text in bad if accepts(grammar, text)] == []


def test_a_grammar_is_its_own() -> None:
    made = Grammar('start: "a"')
    assert grammar_of(made) is made
    assert grammar_of(TEXT) is TEXT
    assert not TEXT.constrained and accepts(TEXT, "anything \n at all")


def test_grammars_in_one_keep_their_rules_apart() -> None:
    inner = bounded_json({"type": "array", "items": {"type": "string"}}).grammar
    word = grammar_of(Bounded("[a-z]+", 3))  # its rule is named as those of the whole are
    twice = grammar_of(dsl.Sequence([word, dsl.String(" "), inner, word, inner]))
    assert accepts(twice, 'a ["b"]c["d", "e"]') and not accepts(twice, 'a ["b"]c')
    assert accepts(grammar_of(dsl.Sequence([twice, twice])), 'a ["b"]c["d"]a []c[]')


@pytest.mark.parametrize("kind", [object(), dsl.Sequence([TEXT]), print])
def test_what_has_no_grammar_is_refused(kind: Any) -> None:
    with pytest.raises(InputError, match="no grammar for"):
        grammar_of(kind)


@given(ANYTHING, ANYTHING)
def test_a_literal_is_exactly_its_text(text: str, other: str) -> None:
    grammar = Grammar(f"start: {literal(text)}")
    assert accepts(grammar, text)
    assert accepts(grammar, other) == (other == text)


@given(ANYTHING)
def test_an_escaped_text_as_a_regex_is_exactly_its_text(text: str) -> None:
    grammar = Grammar(f"start: {regex(re.escape(text))}")
    assert accepts(grammar, text)
    assert not accepts(grammar, text + "x")


def test_every_letter_up_to_the_arrows_can_be_said() -> None:
    letters = "".join(map(chr, range(0x2200)))
    assert accepts(Grammar(f"start: {literal(letters)}"), letters)


def test_a_lone_surrogate_becomes_a_question_mark_as_the_tokenizer_has_it() -> None:
    assert accepts(grammar_of(Choice(["a\ud800b", "c"])), "a?b")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("a/b", "a/b"), (r"a\/b", "a/b"), (r"a\\/b", "a\\/b"), ("[/]", "/"), (r"a\\\/b", "a\\/b"),
     ("a\nb", "a\nb"), ("a\\\nb", "a\nb"), ("(?i)AbC", "aBc"), ("#", "#"), ("é+", "éé")],
)  # fmt: skip
def test_a_regex_keeps_its_meaning(pattern: str, text: str) -> None:
    assert accepts(Grammar(f"start: {regex(pattern)}"), text)
    assert not accepts(Grammar(f"start: {regex(pattern)}"), text + "\\")


def test_a_grammar_that_cannot_be_used_is_refused() -> None:
    for broken in ("start: nothing", 'start: "a', "start: /(/", "x"):
        with pytest.raises(InputError, match="cannot be used"):
            accepts(Grammar(broken), "a")
