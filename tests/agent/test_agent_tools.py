"""Nodes with tools: turns, grammars, demonstrations, and what a call may be."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import (
    Agent,
    Contract,
    Demo,
    Field,
    Flow,
    Node,
    ToolCall,
    agent_from_text,
    agent_to_text,
    forward,
    render,
    signature,
)
from slearn.engine import Engine, Message, ToolRequest
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.errors import EngineError, InputError
from slearn.loss import measured_loss
from slearn.tools import ToolEngine, tool_from_code
from slearn.values import Example, Tool
from tests.optim.writers import BOX, DOUBLE, CutOff, Noted, call, caller

pytestmark = pytest.mark.usefixtures("shared_box")

HALVE = tool_from_code("def halve(n: float, digits: int = 2):\n    return round(n / 2, digits)\n")
ROW = Example("1", {"input": "Twice 21?"}, ("42",))


def agent(*tools: Tool, **settings: Any) -> Agent:
    """An agent with two tools, or with those that are given."""
    return caller(*(tools or (DOUBLE, HALVE)), **settings)


def test_a_node_calls_reads_the_result_and_answers() -> None:
    inner = Noted(call("double", n=21), "answer: 42")
    (found,) = forward(agent(), [ROW], ToolEngine(inner, BOX))
    (step,) = found.steps
    assert found.answer == "42" and step.valid
    assert step.calls == (ToolCall("double", '{"n": 21}', "42"),)
    assert inner.asked[1].messages[-2:] == (
        Message("assistant", 'call: {"name": "double", "arguments": {"n": 21}}'),
        Message("user", "result: 42"),
    )
    assert found.as_json()["steps"][0]["calls"][0]["result"] == "42"  # type: ignore[index]


def test_rows_take_turns_together_and_each_ends_when_it_answers() -> None:
    rows = [replace(ROW, id=str(number)) for number in range(3)]
    inner = Noted("answer: 1", call("double", n=2), call("halve", n=9), "answer: 4", "answer: 4.5")
    found = forward(agent(), rows, ToolEngine(inner, BOX))
    assert [one.answer for one in found] == ["1", "4", "4.5"]
    assert [len(one.steps[0].calls) for one in found] == [0, 1, 1]
    assert inner.rounds == 2


def test_a_failure_is_a_result_that_the_model_reads() -> None:
    broken = tool_from_code("def broken(n: int):\n    return 1 / 0\n")
    inner = Noted(call("broken", n=1), "answer: I cannot")
    (found,) = forward(agent(broken), [ROW], ToolEngine(inner, BOX))
    (made,) = found.steps[0].calls
    assert not made.ok and made.result.startswith("error: ZeroDivisionError")
    assert found.answer == "I cannot"


def test_calls_end_at_their_limit_and_where_one_is_repeated() -> None:
    calls = [call("double", n=number) for number in range(4)]
    inner = Noted(*calls[:2], "answer: 2")
    forward(agent(max_calls=2), [ROW], ToolEngine(inner, BOX))
    assert [accepts(asked.grammar, calls[3]) for asked in inner.asked] == [True, True, False]
    inner = Noted(calls[0], calls[0], "answer: 0")
    forward(agent(), [ROW], ToolEngine(inner, BOX))
    assert [accepts(asked.grammar, calls[3]) for asked in inner.asked] == [True, True, False]


def test_a_required_call_comes_first() -> None:
    inner = Noted(call("double", n=21), "answer: 42")
    forward(agent(tool_choice="required"), [ROW], ToolEngine(inner, BOX))
    assert [accepts(asked.grammar, "answer: 42") for asked in inner.asked] == [False, True]
    assert "call a tool, first" in inner.asked[0].messages[0].content


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        (call("double", n=21), True),
        (call("halve", n=1.5), True),
        (call("halve", n=1.5, digits=1), True),
        (call("double", n=1.5), False),
        (call("double", n="21"), False),
        (call("double"), False),
        (call("double", n=1, m=2), False),
        (call("triple", n=1), False),
        (call("halve", digits=1, n=1.5), False),
        ("answer: call: anything", True),
        ("anything", False),
        ("", False),
    ],
)
def test_a_call_names_a_tool_that_exists_with_arguments_of_its_types(text: str, fine: bool) -> None:
    inner = Noted("answer: x")
    forward(agent(), [ROW], ToolEngine(inner, BOX))
    assert accepts(inner.asked[0].grammar, text) is fine


@given(st.integers(0, 10_000))
def test_whatever_is_written_is_a_call_that_runs_or_an_answer(seed: int) -> None:
    row = replace(ROW, inputs={"input": f"row {seed}"})
    (found,) = forward(agent(), [row], ToolEngine(ScriptedEngine(), BOX))  # writes by chance
    (step,) = found.steps
    assert step.valid and len(step.calls) <= 4
    for made in step.calls:
        assert made.name in ("double", "halve")
        assert isinstance(json.loads(made.arguments)["n"], int | float)


def test_with_a_json_answer_the_rules_of_both_grammars_stay_apart() -> None:
    schema = '{"type": "object", "properties": {"a": {"type": "string"}}}'
    say = tool_from_code("def say(text: str, times: list[str]) -> str:\n    return text\n")
    inner = Noted(call("say", text="x", times=["y"]), 'answer: {"a": "x"}')
    contract = Contract((Field(type="json", schema=schema),))
    (found,) = forward(agent(say, output=contract), [ROW], ToolEngine(inner, BOX))
    assert found.answer == '{"a": "x"}'


SAY = tool_from_code("def say(text: str) -> str:\n    return text\n")
LOOK = Tool("look", parameters='{"properties": {"at": {"type": "string"}}}')
CALLS = (Field("draft", "call"), Field("answer", "call"))


@pytest.mark.parametrize("fields", [CALLS[1:], CALLS])
def test_tools_are_called_before_an_answer_that_is_a_call(fields: tuple[Field, ...]) -> None:
    row = replace(ROW, functions=(LOOK, Tool("see", parameters=LOOK.parameters)))
    said = {"draft": "none", "answer": call("look", at="x").removeprefix("call: ")}
    contract = Contract(fields, labelled=True)
    inner = Noted(call("say", text="y"), contract.render(said))
    (found,) = forward(agent(SAY, output=contract), [row], ToolEngine(inner, BOX))
    assert found.answer == said["answer"] and found.steps[0].calls[0].result == "y"
    assert not accepts(inner.asked[0].grammar, call("look", at="y"))


def test_a_contract_may_have_two_calls() -> None:
    row = replace(ROW, functions=(LOOK,))
    text = "\n".join(
        f'{field.name}: {{"name": "look", "arguments": {{"at": "x"}}}}' for field in CALLS
    )
    inner = Noted(text)
    (found,) = forward(caller(output=Contract(CALLS)), [row], ToolEngine(inner, BOX))
    assert list(found.steps[0].output) == ["draft", "answer"]
    assert not accepts(inner.asked[0].grammar, text.replace("look", "say"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('call: {"name": "say", "arguments": {"text": "x', ("", "")),
        ("call: ", ("", "")),
        ("", ("", "")),
        ("reason", ("", "")),
        ("reasoning: It", ("It", "")),
        ("reasoning: It is\nans", ("It is", "")),
        ("reasoning: It is\nanswer: 4", ("It is", "4")),
    ],
)
def test_an_output_that_was_cut_off_lacks_what_it_did_not_get_to(
    text: str, said: tuple[str, str]
) -> None:
    contract = Contract((Field("reasoning"), Field()))
    assert contract.parse(text, whole=False) == dict(
        zip(("reasoning", "answer"), said, strict=True)
    )
    if not said[1]:
        with pytest.raises(EngineError, match="lacks its field"):
            contract.parse(text)


def test_fields_before_the_answer_follow_the_calls() -> None:
    contract = Contract((Field("reasoning"), Field()))
    inner = Noted(call("double", n=21), "reasoning: twice 21 is 42\nanswer: 42")
    (found,) = forward(agent(output=contract), [ROW], ToolEngine(inner, BOX))
    assert found.steps[0].output == {"reasoning": "twice 21 is 42", "answer": "42"}


def test_a_decided_answer_is_weighed_after_the_calls() -> None:
    field = Field(type="choice", choices=("41", "42"), decide="likelihood")
    inner = Noted(call("double", n=21), "answer: ")
    (found,) = forward(agent(output=Contract((field,))), [ROW], ToolEngine(inner, BOX))
    (scored,) = inner.scored
    assert scored.messages[-1] == Message("user", "result: 42") and scored.prefix == "answer: "
    assert found.steps[0].calls[0].result == "42" and found.answer in ("41", "42")


def test_the_loss_is_that_of_the_target_after_the_calls() -> None:
    inner = Noted(call("double", n=21), "answer: 41")
    (loss,) = measured_loss(agent(), [ROW], ToolEngine(inner, BOX))
    (scored,) = inner.scored
    assert 0 < loss < 50 and scored.targets == ("42",)
    assert scored.prefix == "answer: " and scored.messages[-1].content == "result: 42"


def test_demonstrations_show_calls() -> None:
    shown = Demo(
        {"input": "Twice 2?"}, {"answer": "4"}, calls=(ToolCall("double", '{"n": 2}', "4"),)
    )
    node = replace(agent().last, demos=(shown,))
    contents = [message.content for message in render(node, {"input": "Twice 3?"})]
    assert contents[1:] == [
        "Twice 2?", 'call: {"name": "double", "arguments": {"n": 2}}', "result: 4", "answer: 4",
        "Twice 3?",
    ]  # fmt: skip
    (only,) = render(replace(node, layout="inputs-first"), {"input": "Twice 3?"})
    assert 'Output:\ncall: {"name": "double", "arguments": {"n": 2}}\nresult: 4\nanswer: 4' in (
        only.content
    )


def test_a_model_is_told_of_tools_by_their_signature() -> None:
    text = render(agent().last, {"input": "x"})[0].content
    assert "double(n: integer): Doubles a number." in text
    assert "halve(n: number, digits?: integer)" in text
    schema = {
        "type": "object",
        "properties": {
            "unit": {"enum": ["C", "F"], "description": "which scale"},
            "days": {"type": "array", "items": {"type": "string"}},
            "any": {},
        },
        "required": ["unit"],
    }
    assert signature(Tool("weather", "Tells it.", json.dumps(schema))) == (
        "weather(unit: C | F, days?: list of string, any?: string or number or boolean): "
        "Tells it.\n  unit: which scale"
    )


def test_tools_stand_once_in_a_file_and_come_back() -> None:
    one = agent()
    both = Agent(
        "two",
        (one.last, Node("check", ("Check.",), ("answer",), tools=(DOUBLE,))),
        Flow(("answer", "check")),
        spare=(Tool("idle", "Nobody has it.", server="python -m idle"),),
    )
    text = agent_to_text(both)
    assert text.count("def double") == 1 and "tools: [" not in text
    assert agent_from_text(text) == both
    assert [tool.name for tool in both.tools] == ["idle", "double", "halve"]


def test_what_code_tells_of_itself_need_not_be_written() -> None:
    text = """
slearn: 1
nodes:
- name: answer
  instructions: [Calculate.]
  tools: [double]
tools:
- name: double
  code: |
    def double(n: int) -> int:
        '''Doubles a number.'''
        return 2 * n
"""
    assert agent_from_text(text).last.tools == (DOUBLE,)


def test_two_tools_of_one_name_are_refused() -> None:
    other = replace(DOUBLE, description="Another.")
    with pytest.raises(InputError, match="two tools of one name"):
        agent(DOUBLE, other)
    second = Node("second", (), ("answer",), tools=(other,))
    with pytest.raises(InputError, match="two different tools have one name"):
        Agent("two", (agent().last, second), Flow(("answer", "second")))
    with pytest.raises(InputError, match="a field named 'call'"):
        agent(output=Contract((Field("call"),)))


def test_a_model_alone_runs_no_tools() -> None:
    engine: Engine = ScriptedEngine([call("double", n=1)])
    with pytest.raises(InputError, match="runs no tools"):
        forward(agent(), [ROW], engine)
    assert engine.run_tools([]) == []
    with pytest.raises(InputError, match="double: this engine runs no tools"):
        engine.run_tools([ToolRequest(DOUBLE, "{}")])


def test_a_node_without_tools_may_write_what_looks_like_a_call() -> None:
    text = call("double", n=21)
    (found,) = forward(caller(), [ROW], ToolEngine(Noted(text), BOX))
    assert (found.answer, found.steps[0].calls) == (text, ())


def test_a_call_that_was_cut_off_is_an_invalid_output() -> None:
    engine = CutOff(lambda _: call("double", n=21))
    (found,) = forward(agent(), [ROW], ToolEngine(engine, BOX))
    assert (found.steps[0].valid, found.answer, found.steps[0].calls) == (False, "", ())
