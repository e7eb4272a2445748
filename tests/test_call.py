"""The trainer's calls: every file under grammars/ is whole, bounded and readable."""

from __future__ import annotations

import json
import re
from typing import Any

import jinja2
import jinja2.meta
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.call import Call, call, clip, fill, trainer_phrases
from slearn.engine import Generation, Message, open_engine
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.resources import list_resources, read_resource
from slearn.values import Usage

CALLS = [name[:-5] for name in list_resources("grammars") if name.endswith(".yaml")]
CONTRACTS = [name for name in CALLS if call(name).schema]  # the others answer in code
LISTS: dict[str, list[Any] | str] = {
    "lines": [1, 2, 3],
    "after": [0, 1, 2, 3],
    "droppable": [1, 2, 3],
    "nodes": ["read", "answer"],
    "ends": ["answer"],
    "removable": ["read"],
    "joined": ["read"],
    "split": ["read", "answer"],
    "apart": ["answer"],
    "reviewed": ["answer"],
    "graded": ["answer"],
    "voted": ["answer"],
    "undone": ["answer"],
    "moves": ["answer right after read", "answer reads input in place of read"],
    "movable": [1, 2, 3],
    "examples": [1, 2, 3, 4],
    "demos": [1, 2],
    "kinds": ["instruction", "missing tool"],
}
SCHEMAS: dict[str, Any] = {
    "arguments": {"type": "object", "properties": {"n": {"type": "string", "x-max-tokens": 9}}}
}
# Every other name is a text that an answer begins with.
NAMES = (
    dict.fromkeys(
        (
            word[1:]
            for name in CALLS
            for word in re.findall(r"\$\w+", json.dumps(call(name).schema))
        ),
        'A "start" ',
    )
    | LISTS
    | SCHEMAS
)
# Values that are no text, or that no data can make long.
SHORT: dict[str, Any] = {
    "node": "answer", "count": 4, "outcome": "not right", "demos": 3,
    "name": "solve", "head": "(text: str) -> str:",
}  # fmt: skip
count = open_engine(None).count_tokens


def values(kind: Call, text: str) -> dict[str, Any]:
    """A value for each variable of the prompt: `text` where the file promises a bound."""
    used = jinja2.meta.find_undeclared_variables(jinja2.Environment().parse(kind.user))
    found = {name: SHORT.get(name, text) for name in used}
    return {**found, **dict.fromkeys(kind.clip, text)}


def test_all_calls_are_there() -> None:
    assert {"loss", "gradient", "judge", "edit_lines", "edit_demos", "induce"} <= set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_a_file_begins_with_why_it_has_its_shape(name: str) -> None:
    text = read_resource("grammars", f"{name}.yaml")
    header = re.match(r"(#.*\n)+", text)
    assert header and len(header[0].split()) > 20
    assert "Shape:" in header[0]


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_compiles_and_its_answers_satisfy_it(name: str) -> None:
    kind = call(name)
    contract = kind.contract(NAMES)
    assert contract.max_tokens < 600
    engine = ScriptedEngine()
    for seed in range(3):
        request = kind.request(values(kind, f"text {seed}"), count, names=NAMES, seed=seed)
        assert request.where == f"trainer call {name!r}"
        result = engine.generate([request])[0]
        assert result.valid and accepts(contract.grammar, result.text)
        assert len(result.text.encode()) <= contract.max_tokens
        answer = json.loads(result.text)
        jsonschema.validate(answer, relaxed(fill(kind.schema, NAMES)))
        if isinstance(answer, dict):
            assert kind.read(result) == answer
            assert list(answer) == list(kind.schema["properties"])


def relaxed(schema: Any) -> Any:
    """The schema with `maxLength` counting what follows `x-start`, as the grammar counts."""
    if isinstance(schema, list):
        return [relaxed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: relaxed(value) for key, value in schema.items()}
    if "x-start" in found:
        found["maxLength"] += len(found["x-start"])
        found["pattern"] = "^" + re.escape(found["x-start"])
    return found


@pytest.mark.parametrize("name", CALLS)
def test_a_prompt_has_all_its_variables_and_a_bound(name: str) -> None:
    kind = call(name)
    system, *turns, user = kind.messages(values(kind, "Some text."), count)
    assert (system.role, user.role) == ("system", "user")
    assert [turn.role for turn in turns] == ["user", "assistant"] * len(kind.shots)
    assert "{{" not in "".join(turn.content for turn in turns)
    for turn in turns[1::2]:  # an example is an answer that the grammar allows
        assert accepts(kind.contract(NAMES).grammar, turn.content)
    assert "{{" not in user.content + system.content
    for variable in kind.clip:
        assert "Some text." in user.content, variable
    bound = sum(kind.clip.values()) + count(kind.user) + count(kind.system)
    bound += sum(count(turn.content) for turn in turns)
    for huge in (
        "word " * 20_000,
        "x" * 50_000,
        "é😀\n" * 20_000,
        "1. line\n" * 9_000,
        "a" + " " * 9999,
    ):
        asked = kind.messages(values(kind, huge), count)
        assert sum(count(message.content) for message in asked) <= bound
        assert bound < 1600


@pytest.mark.parametrize("name", CALLS)
def test_every_value_of_the_prompt_is_clipped_or_short(name: str) -> None:
    kind = call(name)
    assert set(values(kind, "")) - set(kind.clip) <= set(SHORT)


@pytest.mark.parametrize("name", CALLS)
def test_a_missing_value_is_an_error_and_not_a_hole(name: str) -> None:
    kind = call(name)
    with pytest.raises(jinja2.UndefinedError):
        kind.messages({}, count)


def test_optional_parts_come_and_go() -> None:
    told: dict[str, Any] = {"task": "t", "input": "i", "answer": "a", "target": "TRUTH"}
    kind = call("loss")
    whole = text_of(kind, {**told, "outcome": "not right"})
    assert "TRUTH" in whole
    assert text_of(kind, {**told, "outcome": "right"}) != whole
    untold = {**told, "target": ""}
    bare = text_of(kind, {**untold, "outcome": None})
    assert len(bare) < len(text_of(kind, {**untold, "outcome": "not right"})) < len(whole)
    assert len(bare) < len(text_of(kind, {**told, "outcome": None})) < len(whole)


def text_of(kind: Call, told: dict[str, Any]) -> str:
    return "\n".join(message.content for message in kind.messages(told, count))


def test_braces_in_a_value_are_only_text() -> None:
    told = {"task": "{{ 7 * 6 }}", "input": "{% raw %}", "answer": "{# x #}"}
    text = text_of(call("judge"), told)
    assert all(value in text for value in told.values()) and "42" not in text


def test_an_alternative_with_nothing_to_name_is_left_out() -> None:
    lines = call("edit_lines")
    names = {**NAMES, "lines": [1], "after": [0, 1], "droppable": [], "movable": [], "start": ""}
    one = lines.contract(names).grammar
    assert '"drop' not in one.lark.replace("\\", "") and '"move' not in one.lark.replace("\\", "")
    edit = '{"edits": [{"op": "replace", "line": %d, "text": "A better line."}]}'
    assert accepts(one, edit % 1) and not accepts(one, edit % 2)
    none = lines.contract({**names, "lines": [], "after": [0]}).grammar
    assert accepts(none, '{"edits": [{"op": "insert", "after": 0, "text": "A first line."}]}')
    assert not accepts(none, edit % 1)
    demos = call("edit_demos").contract({"examples": [1], "demos": [], "movable": []}).grammar
    assert accepts(demos, '{"edits": [{"op": "add", "example": 1}]}')
    assert not accepts(demos, '{"edits": [{"op": "drop", "demo": 1}]}')


def test_fill_reaches_every_depth() -> None:
    named = {"properties": {"a": {"enum": "$x"}}}
    schema = {"items": {"anyOf": [named, {"enum": "$y"}, {"enum": [0]}]}, "x-start": "$z"}
    assert fill(schema, {"x": [1], "y": ["q"], "z": "So "}) == {
        "items": {"anyOf": [{"properties": {"a": {"enum": [1]}}}, {"enum": ["q"]}, {"enum": [0]}]},
        "x-start": "So ",
    }
    nothing = fill(schema, {"x": [], "y": [], "z": ""})
    assert nothing == {"items": {"anyOf": [{"enum": [0]}]}, "x-start": ""}


def test_a_call_is_read_once() -> None:
    assert call("loss") is call("loss")


def test_an_answer_that_was_cut_off_is_none() -> None:
    cut = Generation('{"share": "all", "ki', "length", False, Usage())
    assert call("gradient").read(cut) is None


def test_trainer_phrases_hold_every_prompt() -> None:
    phrases = trainer_phrases()
    assert len(phrases) == len(CALLS)
    for name in CALLS:
        assert any(call(name).system[:40] in phrase for phrase in phrases)


LETTERS = st.characters(exclude_categories=("Cs",))
TEXTS = st.text(LETTERS, max_size=200) | st.text("ab  \n\u2028é😀.", max_size=400)


@given(TEXTS, st.integers(1, 60), st.sampled_from(["words", "letters", "bytes"]))
def test_a_clipped_text_fits_and_keeps_head_and_tail(text: str, most: int, unit: str) -> None:
    counter = {"words": count, "letters": len, "bytes": lambda t: len(t.encode())}[unit]
    cut = clip(text, most, counter)
    if counter(text) <= most:
        assert cut == text
        return
    assert counter(cut) <= max(most, counter("…"))
    assert "…" in cut
    head, _, tail = cut.partition("…") if "…" not in text else ("", "", "")
    assert text.strip().startswith(head.strip()) and text.strip().endswith(tail.strip())
    if unit == "letters" and most >= 12 and not any(letter.isspace() for letter in text):
        assert len(cut) == most
        assert abs(len(head.strip()) - len(tail.strip())) <= 1


def test_a_long_text_is_cut_in_its_middle() -> None:
    text = "begin " + "middle " * 5000 + "end"
    cut = clip(text, 20, count)
    assert cut.startswith("begin middle") and cut.endswith("middle end") and " … " in cut
    assert 15 <= count(cut) <= 20


def test_messages_clip_texts_and_leave_other_values() -> None:
    kind = Call("x", "Say.", "{{ a }}|{{ b }}|{{ n }}", {"a": 3, "n": 1}, {})
    said = kind.messages({"a": "one two three four five", "b": "x " * 9, "n": 0}, count)
    assert said == (Message("system", "Say."), Message("user", f"one … five|{'x ' * 9}|0"))
