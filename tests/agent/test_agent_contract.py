"""Contracts: the grammar accepts what `render` writes and nothing else, and `parse` reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import Contract, Field
from slearn.engine import GenerateRequest, Message
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.errors import EngineError, InputError

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "b": {"enum": ["x", "é/\\", None, 3]},
        "a": {"type": "string", "minLength": 1, "maxLength": 6},
    },
}
PATTERNS = (r"[A-C]{1,3}", r"[0-9]{2}/[0-9]{2}", r"a\/b|c", r"é*ö", r"(x|yz){2}")
CHOICES = (
    "yes",
    "no",
    "1.50",
    "it's",
    'say "hi"',
    "back\\slash",
    "a/b",
    "😀",
    "x\x7fy",
    "%",
    "{a}",
)
NAMES = ("answer", "reasoning", "a b", "é", "no", 'q"q', "label")


@st.composite
def single(draw: st.DrawFn, name: str, last: bool) -> Field:
    kinds = ["text", "number", "choice", "regex"] + ["json"] * last
    kind = draw(st.sampled_from(kinds))
    return Field(
        name,
        kind,
        choices=tuple(draw(st.lists(st.sampled_from(CHOICES), min_size=1, max_size=3)))
        if kind == "choice"
        else None,
        pattern=draw(st.sampled_from(PATTERNS)) if kind == "regex" else "",
        schema=json.dumps(SCHEMA) if kind == "json" else "",
        max_chars=draw(st.integers(1, 20)),
        max_tokens=draw(st.sampled_from([64, 160])),
        multiline=kind == "text" and (last or name != "answer") and draw(st.booleans()),
    )


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    return Contract(tuple(draw(single(n, n == names[-1])) for n in names), draw(st.booleans()))


def pattern(field: Field, after: str = "") -> str:
    """The field's language, as Python's own regex engine says it; `after` is the next field."""
    if field.type == "choice":
        return "(" + "|".join(map(re.escape, field.choices or ())) + ")"
    if field.type == "number":
        return r"-?[0-9]{1,15}(\.[0-9]{1,8})?"
    if field.type == "regex":
        return f"({field.pattern})"
    if field.type == "json":
        first = "|".join(re.escape(json.dumps(v, ensure_ascii=False)) for v in ("x", "é/\\", None))
        return rf'\{{"b": ({first}|3), "a": "[^"\\\x00-\x20\x7f][^"\\\x00-\x1f\x7f]{{0,5}}"\}}'
    if field.multiline and after:
        count = 2 if field.max_tokens == 64 else 3
        rest = rf"[^\n\r]{{0,{max(1, field.max_chars // count) - 1}}}"
        letters = re.escape(after[0]) + re.escape(after[0].upper())
        other = rf"\n{{1,2}} {{0,4}}(?![\x1c-\x1f])[^\s{letters}]{rest}"
        return rf"(?![\x1c-\x1f])\S{rest}({other}){{0,{count - 1}}}"
    rest = r"[\s\S]" if field.multiline else r"[^\n\r]"
    return rf"(?![\x1c-\x1f])\S{rest}{{0,{field.max_chars - 1}}}"


def language(contract: Contract) -> re.Pattern[str]:
    if len(contract.fields) == 1 and not contract.labelled:
        return re.compile(pattern(contract.fields[0]))
    parts = [
        f"{re.escape(field.name)}: {pattern(field, after)}" for field, after in followed(contract)
    ]
    return re.compile("\n".join(parts))


def followed(contract: Contract) -> list[tuple[Field, str]]:
    """Each field with the name of the next one."""
    names = [field.name for field in contract.fields[1:]]
    return list(zip(contract.fields, [*names, ""], strict=True))


def values(field: Field, after: str) -> st.SearchStrategy[str]:
    if field.type == "choice":
        return st.sampled_from(field.choices or ())
    letters = st.characters(exclude_categories=("Cs",))
    found = st.from_regex(re.compile(pattern(field, after)), fullmatch=True, alphabet=letters)
    return found.filter(lambda value: value == value.strip())


def rendered(contract: Contract) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({f.name: values(f, after) for f, after in followed(contract)})


@given(st.data())
def test_what_is_rendered_is_accepted_and_parsed(data: st.DataObject) -> None:
    contract = data.draw(contracts())
    said = data.draw(rendered(contract))
    text = contract.render(said)
    assert accepts(contract.grammar(), text)
    assert contract.parse(text) == said
    assert contract.max_tokens() >= 1
    cut = contract.until_answer()
    before = contract.prefix(said)
    assert text.startswith(before)
    assert accepts(cut.grammar(), before + said[contract.answer.name])
    assert cut.prefix(said) == before and cut.answer == contract.answer
    opening = contract.opening().grammar()
    assert accepts(opening, before) and not accepts(opening, before + said[contract.answer.name])


@given(st.data())
def test_nothing_else_is_accepted(data: st.DataObject) -> None:
    contract = data.draw(contracts())
    text = contract.render(data.draw(rendered(contract)))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 3)))
    scrap = data.draw(
        st.sampled_from(["", " ", "\n", "\r", "x", "7", '"', "\n\n", ": ", "answer: "])
    )
    changed = text[:start] + scrap + text[end:]
    assert accepts(contract.grammar(), changed) == bool(language(contract).fullmatch(changed))


@given(contracts(), st.text("abc", max_size=3))
def test_whatever_an_engine_writes_parses_inside_the_limit(contract: Contract, asked: str) -> None:
    request = GenerateRequest(
        (Message("user", asked),), contract.grammar(), max_tokens=contract.max_tokens()
    )
    result = ScriptedEngine().generate([request])[0]
    assert result.valid
    assert len(result.text.encode()) <= contract.max_tokens()
    assert language(contract).fullmatch(result.text)
    said = contract.parse(result.text)
    assert list(said) == [field.name for field in contract.fields]
    spaces = r"[^\S\n]+(?=\n|$)"  # at the end of lines: they go around values
    assert re.sub(spaces, "", contract.render(said)) == re.sub(spaces, "", result.text)


ANSWER = Field("answer", "choice", choices=("yes", "no"))
REASONING = Field("reasoning", max_chars=30)
LATE = Field("note", max_chars=30)


@pytest.mark.parametrize(
    ("contract", "prefix", "cut"),
    [
        (Contract((ANSWER,)), "", "yes"),
        (Contract((REASONING, ANSWER)), "reasoning: why\nanswer: ", "reasoning: why\nanswer: yes"),
        (Contract((ANSWER, LATE)), "answer: ", "answer: yes"),
        (Contract((REASONING, ANSWER, LATE)), "reasoning: why\nanswer: ", None),
        (Contract((REASONING, Field("label", "choice", choices=("yes", "no")))), None, None),
    ],
)
def test_the_answer_stands_where_the_whole_output_has_it(
    contract: Contract, prefix: str | None, cut: str | None
) -> None:
    said = {"reasoning": "why", "answer": "yes", "note": "n", "label": "yes"}
    before = contract.prefix(said)
    assert prefix is None or before == prefix
    text = before + "yes"
    assert cut is None or text == cut
    assert contract.render(said).startswith(text)
    assert accepts(contract.until_answer().grammar(), text)
    assert not accepts(contract.until_answer().grammar(), before + "maybe")
    assert contract.answer.name in ("answer", "label")


def test_an_answer_has_the_name_answer_or_stands_last() -> None:
    assert Contract((ANSWER, LATE)).answer == ANSWER
    assert Contract((REASONING, LATE)).answer == LATE


def test_fields_and_only_the_last_may_have_several_lines() -> None:
    contract = Contract((REASONING, Field("answer", multiline=True)))
    text = "reasoning: a: b\nanswer: one\n\nanswer: two"
    assert accepts(contract.grammar(), text)
    assert contract.parse(text) == {"reasoning": "a: b", "answer": "one\n\nanswer: two"}
    assert not accepts(contract.grammar(), "reasoning: a\nb\nanswer: one")


@pytest.mark.parametrize("text", ["", "answer: yes", "reasoning: x", "answer: yes\nreasoning: x"])
def test_an_output_without_its_fields_is_an_error(text: str) -> None:
    with pytest.raises(EngineError, match="lacks its field"):
        Contract((REASONING, ANSWER)).parse(text)


def test_an_example_may_bring_its_own_choices() -> None:
    for contract in (
        Contract((Field("answer", "choice"),)),
        Contract((REASONING, Field("answer", "choice"))),
    ):
        before = contract.prefix({"reasoning": "x"})
        ours, theirs = contract.grammar(("red", "blue")), contract.grammar(("up",))
        assert accepts(ours, before + "red") and not accepts(ours, before + "up")
        assert accepts(theirs, before + "up") and not accepts(theirs, before + "red")
        with pytest.raises(InputError, match="'answer' has no choices and the example brings none"):
            contract.grammar()
    fixed = Contract((ANSWER,)).grammar(("up", "down"))
    assert accepts(fixed, "yes") and not accepts(fixed, "up")


def test_json_inside_the_subset_always_ends_and_outside_may_be_cut_off() -> None:
    inside = Contract((Field("answer", "json", schema=json.dumps(SCHEMA)),))
    assert accepts(inside.grammar(), '{"b": null, "a": "hi"}')
    assert not accepts(inside.grammar(), '{"a": "hi", "b": null}')
    assert not accepts(inside.grammar(), '{"b": null, "a": "much too long"}')
    anything = {"type": "object", "properties": {"a": {"type": "string", "format": "date"}}}
    outside = Contract((Field("answer", "json", schema=json.dumps(anything), max_tokens=9),))
    assert accepts(outside.grammar(), '{"a": "2024-01-31"}')
    assert not accepts(outside.grammar(), '{"a": "soon"}')
    assert outside.max_tokens() > 9


BROKEN: list[Mapping[str, Any]] = [
    {"enum": []},
    {"anyOf": []},
    {"$ref": "#/nowhere"},
    {"type": "string", "minLength": 5, "maxLength": 3},
    {"type": "strange"},
    {"type": "string", "minLength": "many"},
    {"type": "object", "properties": [1]},
]


@pytest.mark.parametrize("schema", BROKEN)
def test_a_schema_that_nothing_satisfies_is_the_users_error(schema: Mapping[str, Any]) -> None:
    contract = Contract((Field("answer", "json", schema=json.dumps(schema)),))
    with pytest.raises(InputError):
        accepts(contract.grammar(), "1")


@pytest.mark.parametrize("bad", ["(", "(?=a)", r"\bword", "[b-a]"])
def test_a_regex_that_cannot_be_used_is_the_users_error(bad: str) -> None:
    with pytest.raises(InputError, match="cannot be used"):
        accepts(Contract((Field("answer", "regex", pattern=bad),)).grammar(), "1")


@pytest.mark.parametrize(
    ("raw", "text"),
    [(r"a/b", "a/b"), (r"a\/b", "a/b"), (r"a\\/b", "a\\/b"), ("a\nb", "a\nb"), ("a\\\nb", "a\nb")],
)
def test_slashes_and_line_breaks_in_a_regex_are_themselves(raw: str, text: str) -> None:
    assert accepts(Contract((Field("answer", "regex", pattern=raw),)).grammar(), text)
