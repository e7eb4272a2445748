"""Tools that are there: mended from calls that went wrong, described anew, handed to nodes."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from slearn.agent import (
    Agent,
    Contract,
    Demo,
    Field,
    ToolCall,
    Trajectory,
    agent_from_text,
    agent_to_text,
)
from slearn.engine import Engine
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.optim import (
    Candidate,
    DescribeTool,
    HandTools,
    MendTool,
    Proposal,
    RewriteTool,
    SetTools,
)
from slearn.optim.describe import described
from slearn.optim.mend import head_of_code, told
from slearn.tools import ToolEngine, tool_from_code
from slearn.values import Example, Tool
from tests.optim.proposals import fault, proposal
from tests.optim.writers import (
    BOX,
    WORDS,
    CutOff,
    Noted,
    Writer,
    called,
    caller,
    chained,
    solving,
    word_rows,
)

pytestmark = pytest.mark.usefixtures("shared_box")

# Kind of bug, what is right, and the same with the bug.
BUGS = {
    "off by one": ("return text[len(text) - 1]", "return text[len(text) - 2]"),
    "wrong operator": ("return str(len(text) * 2)", "return str(len(text) + 2)"),
    "wrong variable": ("a = text[0]\nreturn a.upper()", "a = text[0]\nreturn text.upper()"),
    "missing return": ("return text[::-1]", "found = text[::-1]"),
    "wrong index": ("return text[1]", "return text[0]"),
    "unknown name": ("n = len(text)\nreturn str(n)", "n = len(text)\nreturn str(m)"),
    "endless loop": (
        "return text.replace('u', '')",
        "found, i = '', 0\nwhile i < len(text):\n    if text[i] != 'u':\n        found += text[i]\n"
        "        i += 1\nreturn found",
    ),
    "wrong type": ("return text + str(len(text))", "return text + len(text)"),
    "wrong constant": ("return '-'.join(text)", "return '_'.join(text)"),
    "missing import": (
        "import re\nreturn re.sub('[aeiou]', '', text)",
        "return re.sub('[aeiou]', '', text)",
    ),
}


def shown(
    agent: Agent,
    rows: Sequence[Example],
    engine: Engine,
    answers: Sequence[str] | None = None,
    *,
    node: str = "",
) -> Proposal:
    """What an optimizer sees of an agent whose node calls its tool on every row."""
    taken = called(agent, rows, answers, node)
    scores = [float((one.answer,) == one.example.targets) for one in taken]
    return replace(proposal(agent, rows, engine=engine), trajectories=taken, scores=scores)


def rows_of(right: Tool, words: Sequence[str] = WORDS[:6]) -> list[Example]:
    """Rows whose targets are what a tool gives."""
    given = called(caller(right), word_rows(str, words))
    return [replace(one.example, targets=(one.answer,)) for one in given]


def mended(candidates: Sequence[Candidate]) -> Tool:
    """The tool of the one candidate, which changed nothing else."""
    (candidate,) = candidates
    (edit,) = candidate.edits
    assert isinstance(edit, RewriteTool) and candidate.operator == "mend tool"
    assert agent_from_text(agent_to_text(candidate.agent)) == candidate.agent
    return edit.tool


@pytest.mark.parametrize("kind", BUGS)
def test_a_bug_is_mended_from_the_calls_that_it_spoiled(kind: str) -> None:
    right, wrong = BUGS[kind]
    rows = rows_of(solving(right))
    writer = Writer({"solve": [[right]]})
    agent = caller(solving(wrong))
    proposed = shown(agent, rows, writer.engine)
    assert min(proposed.scores) == 0
    tool = mended(MendTool().propose(proposed))
    assert replace(tool, code="") == replace(agent.last.tools[0], code="")
    assert tool.code == solving(right).code
    assert rows_of(tool) == rows
    (prompt,) = writer.rounds["solve"]
    assert "Does it." in prompt and wrong.splitlines()[-1] in prompt
    bad = next(row for row, score in zip(rows, proposed.scores, strict=True) if not score)
    assert f"solve(text='{bad.id}') gives " in prompt
    assert f"right is {(bad.targets or ('',))[0]!r}" in prompt


LONG = "return text[::-1] if len(text) > 4 else text"  # right on long words


def test_a_draft_that_loses_what_was_right_is_refused() -> None:
    rows = rows_of(solving("return text[::-1]"))
    drafts = ["return text[::-1] if len(text) < 5 else text", "return text"]
    writer = Writer({"solve": [drafts, drafts]})
    assert MendTool().propose(shown(caller(solving(LONG)), rows, writer.engine)) == []
    (prompt,) = writer.rounds["solve"]
    assert len(writer.asked) == 8  # nothing was gained: the same is asked again
    assert "solve(text='house') gives esuoh" in prompt  # what was right is told


def test_a_draft_that_mends_a_part_is_the_ground_of_the_next_round() -> None:
    rows = rows_of(solving("return text[::-1]"))
    half = "return text if text == 'cat' else text[::-1]"
    writer = Writer({"solve": [[half, "return text"], ["return text[::-1]"]]})
    tool = mended(MendTool().propose(shown(caller(solving(LONG)), rows, writer.engine)))
    assert "return text[::-1]\n" in tool.code and "if" not in tool.code
    first, second = writer.rounds["solve"]
    assert "solve(text='tree') gives tree, right is 'eert'" in first
    assert half in second and "tree" not in second
    assert "solve(text='cat') gives cat, right is 'tac'" in second


def test_a_part_is_better_than_nothing() -> None:
    rows = rows_of(solving("return text[::-1]"))
    half = "return text if text == 'cat' else text[::-1]"
    writer = Writer({"solve": [[half], ["return text"]]})
    assert (
        "cat" in mended(MendTool().propose(shown(caller(solving(LONG)), rows, writer.engine))).code
    )


def test_where_no_call_went_wrong_nothing_is_asked() -> None:
    right = solving("return text.upper()")
    writer = Writer({"solve": [["return text"]]})
    assert MendTool().propose(shown(caller(right), rows_of(right), writer.engine)) == []
    assert writer.asked == []


def test_what_cannot_be_mended_is_left_alone() -> None:
    right, wrong = map(solving, BUGS["wrong operator"])
    rows, writer = rows_of(right), Writer({"solve": [[BUGS["wrong operator"][0]]]})
    plain = shown(caller(wrong), rows, ScriptedEngine(writer))
    assert MendTool().propose(plain) == []  # nothing runs tools
    code, agent = caller(wrong), caller(replace(wrong, code="", function="math:gcd"))
    theirs = replace(shown(code, rows, writer.engine), agent=agent)
    assert MendTool().propose(theirs) == []  # it has no code
    uncalled = replace(proposal(code, rows, engine=writer.engine), scores=[0.0] * len(rows))
    assert MendTool().propose(uncalled) == []
    assert writer.asked == []


def test_an_agent_that_does_not_give_results_is_mended_by_what_failed() -> None:
    right, wrong = BUGS["unknown name"]
    rows = [replace(row, targets=("yes",)) for row in rows_of(solving(right))]
    writer = Writer({"solve": [[right]]})
    agent = replace(caller(solving(wrong)), metric="judge")
    proposed = shown(agent, rows, writer.engine, ["no"] * len(rows))
    assert mended(MendTool().propose(proposed)).code.endswith("return str(n)\n")
    (prompt,) = writer.rounds["solve"]
    assert "error: NameError" in prompt and "right is" not in prompt


def test_what_a_tool_gives_another_node_stays_where_the_answer_was_right() -> None:
    wrong = solving("if len(text) > 4:\n    return text.upper() + 1\nreturn text.upper()")
    rows = word_rows(str.upper, WORDS[:6])
    for body, fine in (("return text.upper()", True), ("return text.lower()", False)):
        writer = Writer({"solve": [[body]] * 2})
        proposed = shown(chained(wrong), rows, writer.engine, node="first")
        assert 0 < sum(proposed.scores) < len(rows)
        assert bool(MendTool().propose(proposed)) is fine


def test_a_failed_call_before_a_right_answer_is_mended_too() -> None:
    right, wrong = BUGS["unknown name"]
    rows = word_rows(lambda _: "yes", WORDS[:4])
    writer = Writer({"solve": [[right]]})
    agent = replace(caller(solving(wrong)), metric="judge")
    proposed = shown(agent, rows, writer.engine, ["yes"] * len(rows))
    assert mended(MendTool().propose(proposed)).code.endswith("return str(n)\n")


def test_where_a_row_takes_two_calls_only_what_gave_the_answer_can_be_lost() -> None:
    wrong, right = solving(LONG), "return text[::-1]"
    rows = word_rows(lambda word: word[::-1], WORDS[:6])
    writer = Writer({"solve": [[right]]})
    proposed = shown(caller(wrong), rows, writer.engine)
    first = ToolCall("solve", '{"text": "letters"}', "srettel")  # of a row that was right
    place = proposed.scores.index(1)
    taken = list(proposed.trajectories)
    (step,) = taken[place].steps
    taken[place] = replace(taken[place], steps=(replace(step, calls=(first, *step.calls)),))
    tool = mended(MendTool().propose(replace(proposed, trajectories=taken)))
    assert right in tool.code


def test_every_node_that_has_the_tool_gets_it_mended() -> None:
    right, wrong = BUGS["wrong index"]
    tool = solving(wrong)
    agent = chained(tool)
    agent = agent.with_node(replace(agent.last, tools=(tool,)))
    rows = rows_of(solving(right))
    proposed = shown(agent, rows, Writer({"solve": [[right]]}).engine)
    (candidate,) = MendTool().propose(proposed)
    assert {node.tools for node in candidate.agent.nodes} == {(mended([candidate]),)}


@pytest.mark.parametrize(
    ("code", "head"),
    [
        ("def f(a, b=1): return a", "(a, b=1):"),
        (
            "def f(*, a: int = 2, b: 'str') -> list[str]: ...",
            "(*, a: int=2, b: 'str') -> list[str]:",
        ),
        ("def f(a: int | None = None, *rest, **more): ...", "(a: int | None=None, *rest, **more):"),
        ("K = 1\ndef g(x): ...\ndef f(a): return g(a)\ndef h(y): ...", "(a):"),
        ("def f(a): ...\ndef f(b='\"\\\\'): ...", "(b='\"\\\\'):"),
    ],
)
def test_the_signature_of_a_tool_is_that_of_its_function(code: str, head: str) -> None:
    tool = tool_from_code(code, "f")
    assert head_of_code(tool) == head
    ast.parse(f"def f{head} pass")


def test_a_tool_of_several_functions_is_mended_by_its_own() -> None:
    code = "def add(a):\n    return a + '?'\ndef solve(text: str, more: str = '') -> str:\n    "
    wrong = tool_from_code(code + "return add(text)\n")
    rows = word_rows(lambda word: word + "!", WORDS[:3])
    writer = Writer({"solve": [["return text + '!'"]]})
    tool = mended(MendTool().propose(shown(caller(wrong), rows, writer.engine)))
    assert tool.code == "def solve(text: str, more: str='') -> str:\n    return text + '!'\n"
    assert tool.parameters == wrong.parameters


def test_code_with_an_escape_that_python_warns_of_has_a_signature_without_a_word() -> None:
    tool = Tool("f", code="def f(a):\n    return '\\d'\n")
    assert head_of_code(tool) == "(a):"


def test_a_call_is_told_in_a_line_whatever_it_was() -> None:
    made = ToolCall("f", json.dumps({"a": "x" * 900, "b": [1, {"c": None}]}), "y" * 900)
    assert len(told(made)) < 320 and "\n" not in told(made)
    assert told(ToolCall("f", "{}", "")) == "f() gives "


def said(description: str, **arguments: str) -> str:
    return json.dumps({"description": description, "arguments": arguments})


def test_a_description_changes_what_is_said_and_nothing_else() -> None:
    tool = tool_from_code(
        "def cut(text: str, size: int = 3, *, deep: dict = None) -> str:\n"
        "    '''Cuts.\n\n    size: how long\n    '''\n    return text[:size]\n"
    )
    agent = caller(tool)
    text = said("Gives the first letters.", text="what is cut", size="how many", deep="not used")
    engine = Noted(text, text)
    found = DescribeTool().propose(proposal(agent, [], engine=ToolEngine(engine, BOX)))
    assert len(found) == 2
    (plain,), (edit,) = (one.edits for one in found)
    assert isinstance(plain, RewriteTool)  # the first says nothing of the arguments
    assert plain.tool == replace(tool, description="Gives the first letters.")
    assert isinstance(edit, RewriteTool) and found[1].operator == "describe tool"
    new, schema = edit.tool, json.loads(edit.tool.parameters)
    assert new.description == "Gives the first letters."
    assert {name: kind.pop("description") for name, kind in schema["properties"].items()} == {
        "text": "what is cut", "size": "how many", "deep": "not used",
    }  # fmt: skip
    before = json.loads(tool.parameters)
    del before["properties"]["size"]["description"]
    assert schema == before
    assert replace(new, description=tool.description, parameters=tool.parameters) == tool
    assert found[1].agent == agent.with_node(replace(agent.last, tools=(new,)))
    assert agent_from_text(agent_to_text(found[1].agent)) == found[1].agent
    assert engine.asked[0].seed != engine.asked[1].seed
    assert "return text[:size]" in engine.asked[0].messages[-1].content


def test_right_calls_are_what_a_description_is_made_from() -> None:
    rows = rows_of(solving("return text[::-1]"))
    text = said("Does something else.", text="a word")
    engine = Noted(text, text)
    proposed = shown(caller(solving(LONG)), rows, ToolEngine(engine, BOX))
    DescribeTool(drafts=1).propose(proposed)
    prompt = engine.asked[0].messages[-1].content
    assert "solve(text='house') gives esuoh" in prompt and "'cat'" not in prompt
    worst = replace(proposed, scores=[0.0] * len(rows))
    DescribeTool(drafts=1).propose(worst)
    assert "solve(text='cat') gives cat" in engine.asked[1].messages[-1].content


def test_what_a_call_was_given_is_no_description() -> None:
    """A small model that is shown calls says of an argument what was in it."""
    rows = rows_of(solving("return text[::-1]"))
    texts = [said("Turns it round.", text="hous"), said("Turns house round.", text="a word")]
    engine = ToolEngine(Noted(*texts), BOX)
    found = DescribeTool().propose(shown(caller(solving(LONG)), rows, engine))
    (edit,) = (edit for one in found for edit in one.edits)
    assert isinstance(edit, RewriteTool) and edit.tool.description == "Turns it round."
    assert "hous" not in edit.tool.parameters  # a piece of what a call was given


@pytest.mark.parametrize(
    "parameters",
    [
        "{}",
        '{"type": "object", "properties": {}}',
        '{"properties": {"a": {}, "b b": {"enum": [1, 2]}}}',
        '{"type": "object", "properties": {"é\\"": {"type": "string", "description": "x"}}, '
        '"required": [], "additionalProperties": false, "$defs": {"X": {"type": "null"}}}',
    ],
)
def test_tools_of_every_sort_are_described_by_chance(parameters: str) -> None:
    tool = Tool("the tool", "Old.", parameters, server="python -m server")
    found = DescribeTool().propose(proposal(caller(tool), [], engine=ScriptedEngine()))
    assert found
    for candidate in found:
        (new,) = candidate.agent.last.tools
        assert new.description and new.description != "Old."
        old, now = json.loads(parameters), json.loads(new.parameters)
        assert _unsaid(old) == _unsaid(now) and [*old] == [*now]
        assert (new.name, new.server, new.code) == (tool.name, tool.server, "")


def _unsaid(schema: Mapping[str, object]) -> dict[str, object]:
    properties = schema.get("properties", {})
    assert isinstance(properties, dict)
    kept = {
        name: {key: value for key, value in kind.items() if key != "description"}
        for name, kind in properties.items()
    }
    return {**schema, **({"properties": kept} if "properties" in schema else {})}


def test_all_arguments_are_described_and_no_others() -> None:
    tool = tool_from_code("def f(a: int, b: str): ...")
    engine = Noted()
    DescribeTool(drafts=1).propose(proposal(caller(tool), [], engine=engine))
    (asked,) = engine.asked
    assert accepts(asked.grammar, said("Says so.", a="one", b="two"))
    for text in (said("Says so.", a="one"), said("Says so.", a="one", b="two", c="three")):
        assert not accepts(asked.grammar, text)


def test_a_description_that_was_cut_off_is_none() -> None:
    tool = tool_from_code("def f(a: int, b: str): ...")
    assert DescribeTool().propose(proposal(caller(tool), [], engine=CutOff())) == []


def test_without_tools_nothing_is_described() -> None:
    engine = Noted()
    assert DescribeTool().propose(proposal(caller(), [], engine=engine)) == []
    assert engine.asked == []


def test_names_that_a_schema_lacks_are_not_described() -> None:
    tool = Tool("f", parameters='{"properties": {"a": true}}')
    assert described(tool, " D. ", {"a": "x", "b": "y"}) == replace(tool, description="D.")


UPPER = solving("return text.upper()")
LOWER, THIRD = (solving("return text.lower()", name=name) for name in ("lower", "third"))
DUMB = Tool("dumb", "Nothing runs it.")


def hand(agent: Agent, blamed: str = "answer", engine: Engine | None = None) -> list[Candidate]:
    gradients = [fault(blamed)]
    pool = [Example("e", {"input": "x"}, ("X",))]
    taken = [Trajectory(pool[0], (), "")]
    shown = proposal(
        agent, [], gradients=gradients, engine=engine or ToolEngine(ScriptedEngine(), BOX)
    )
    return HandTools().propose(replace(shown, trajectories=taken, scores=[0.0], pool=pool))


def test_the_node_to_blame_gets_a_tool_that_it_lacks() -> None:
    (candidate,) = hand(chained(UPPER))
    assert candidate.agent.last.tools == (UPPER,) and candidate.agent.last.output.labelled
    assert candidate.agent.node("first") == chained(UPPER).node("first")
    (edit,) = candidate.edits
    assert isinstance(edit, SetTools) and edit.node == "answer"
    assert agent_from_text(agent_to_text(candidate.agent)) == candidate.agent


def test_a_node_that_has_tools_is_made_to_call_one_and_let_go_again() -> None:
    (candidate,) = hand(chained(UPPER), "first")
    assert candidate.agent.node("first").tool_choice == "required"
    (back,) = hand(candidate.agent, "first")
    assert back.agent == chained(UPPER)


def test_tools_that_nobody_has_are_handed_out_but_for_those_that_do_not_run() -> None:
    found = hand(replace(chained(), spare=(UPPER, DUMB, LOWER)))
    assert [one.agent.last.tools for one in found] == [(UPPER,), (LOWER,)]
    assert len(hand(replace(chained(), spare=(UPPER, LOWER, THIRD)))) == 2
    assert [len(one.agent.last.tools) for one in hand(chained(UPPER, LOWER))] == [1, 1]


def test_demos_and_settings_stay_when_tools_are_handed_on() -> None:
    demo = Demo({"first": "x"}, {"answer": "X"}, "e")
    agent = chained(UPPER)
    agent = agent.with_node(replace(agent.last, demos=(demo,), max_calls=2))
    (candidate,) = hand(agent)
    assert (candidate.agent.last.demos, candidate.agent.last.max_calls) == ((demo,), 2)


def test_without_tools_or_who_runs_them_nothing_is_handed_out() -> None:
    assert hand(chained()) == []
    assert hand(chained(UPPER), engine=ScriptedEngine()) == []
    assert hand(chained(DUMB)) == []


def test_a_node_with_a_field_named_call_gets_no_tool() -> None:
    agent = chained(UPPER)
    agent = agent.with_node(replace(agent.last, output=Contract((Field("call"),))))
    assert hand(agent) == []
