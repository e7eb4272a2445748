"""Edits of tools: in any order an agent that runs or an InputError, and the old one stays."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import assume, given
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
)
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import InputError
from slearn.optim import (
    Candidate,
    Edit,
    RewriteTool,
    SetContract,
    SetDemos,
    SetTools,
    apply,
    apply_all,
    edit_as_json,
    still,
)
from slearn.optim.edits import apart
from slearn.tools import ToolEngine, tool_from_code
from slearn.values import Example, Tool
from tests.optim.writers import BOX, DOUBLE, chained

pytestmark = pytest.mark.usefixtures("shared_box")

TRIPLE = replace(DOUBLE, description="Triples a number.", code=DOUBLE.code.replace("2", "3"))
SAY = tool_from_code("def say(text: str, times: int = 1) -> str:\n    return text * times\n")
SHOUT = replace(SAY, code=SAY.code.replace("text * times", "text.upper()"))
FAIL = tool_from_code("def fail():\n    return 1 / 0\n")
BARE = Tool("bare", "Gives an empty object.", function="builtins:dict")
TOOLS = (DOUBLE, TRIPLE, SAY, SHOUT, FAIL, BARE)
CONTRACTS = (
    Contract(),
    Contract((Field("reasoning", max_chars=20), Field())),
    Contract((Field("answer", "choice", choices=("yes", "no")),)),
)
ROW = Example("e", {"input": "x"})
ENGINE = ToolEngine(ScriptedEngine(), BOX)


@st.composite
def demos(draw: st.DrawFn, node: Node, tools: Sequence[Tool]) -> tuple[Demo, ...]:
    """Up to two demonstrations, with calls that a node's tools may have given."""
    found = []
    names = st.sampled_from([tool.name for tool in tools] or [""])
    for number in range(draw(st.integers(0, 2))):
        called = draw(st.lists(names, max_size=2)) if tools else []
        calls = tuple(ToolCall(name, f'{{"n": {n}}}', "6", n > 0) for n, name in enumerate(called))
        inputs = {name: f"input {number}" for name in node.inputs}
        output = {field.name: "yes" for field in node.output.fields}
        found.append(Demo(inputs, output, f"d{number}", calls=calls))
    return tuple(found)


SOME = st.lists(st.sampled_from(TOOLS), max_size=3, unique=True).map(tuple)


@st.composite
def agents(draw: st.DrawFn) -> Agent:
    """One to three nodes, of which some have tools, and others are spare."""
    chosen = draw(st.tuples(*[st.sampled_from(pair) for pair in ((DOUBLE, TRIPLE), (SAY, SHOUT))]))
    known = (*chosen, FAIL, BARE)
    nodes: list[Node] = []
    for name in ("one", "two", "three")[: draw(st.integers(1, 3))]:
        tools = draw(st.lists(st.sampled_from(known), max_size=2, unique=True).map(tuple))
        inputs = ("input", *(node.name for node in nodes[-1:]))
        node = Node(name, ("Do it.",), inputs, draw(st.sampled_from(CONTRACTS)), tools=tools)
        nodes.append(replace(node, demos=draw(demos(node, tools))))
    spare = tuple(
        tool for tool in known[:2] if draw(st.booleans())
        and all(tool not in node.tools for node in nodes)
    )  # fmt: skip
    return Agent("a", tuple(nodes), Flow(tuple(node.name for node in nodes)), spare=spare)


@st.composite
def edits(draw: st.DrawFn, agent: Agent) -> Edit:
    """An edit of tools, contracts or demos: it may name what is not there, or clash."""
    node = draw(st.sampled_from(agent.nodes))
    kind = draw(st.sampled_from(["set", "set", "rewrite", "contract", "demos"]))
    if kind == "rewrite":
        return RewriteTool(node.name, draw(st.sampled_from(TOOLS)))
    if kind == "contract":
        contract = draw(st.sampled_from(CONTRACTS))
        switched = replace(node, output=contract)
        return SetContract(node.name, contract, draw(demos(switched, node.tools)))
    if kind == "demos":
        return SetDemos(node.name, draw(demos(node, node.tools)))
    tools = draw(SOME)
    choice = draw(st.sampled_from(["auto", "required"])) if tools else "auto"
    most = draw(st.integers(1, 4)) if tools else 4
    return SetTools(node.name, tools, draw(demos(node, tools)), choice, most)


def clashes(agent: Agent, edit: Edit) -> bool:
    """Whether an edit cannot be made."""
    match edit:
        case RewriteTool(name, tool):
            return tool.name not in [one.name for one in agent.node(name).tools]
        case SetTools(name, tools):
            others = [*agent.spare, *(t for n in agent.nodes if n.name != name for t in n.tools)]
            everyone = {*tools, *others}
            return len({tool.name for tool in everyone}) < len(everyone)
    return False


def whole(agent: Agent) -> None:
    """What holds of every agent."""
    assert len({tool.name for tool in agent.tools}) == len(agent.tools)
    for node in agent.nodes:
        assert node.output.labelled is bool(node.tools)
        assert not node.output.plain or not node.tools
    used = {tool for node in agent.nodes for tool in node.tools}
    spare = tuple(tool for tool in agent.spare if tool not in used)
    assert agent_from_text(agent_to_text(agent)) == replace(agent, spare=spare)


@given(st.data())
def test_any_sequence_of_edits_gives_an_agent_that_runs_or_is_refused(data: st.DataObject) -> None:
    agent = start = data.draw(agents())
    copied, made = copy.deepcopy(start), list[Edit]()
    for _ in range(data.draw(st.integers(1, 5))):
        edit = data.draw(edits(agent))
        before, kept = agent, copy.deepcopy(agent)
        if clashes(agent, edit):
            with pytest.raises(InputError):
                apply(agent, edit)
        else:
            agent = apply(agent, edit)
            made.append(edit)
            assert json.loads(json.dumps(edit_as_json(edit)))["op"] == type(edit).__name__
        assert before == kept
        whole(agent)
    assert start == copied and apply_all(start, made) == agent
    (found,) = forward(agent, [ROW], ENGINE)
    assert all(step.valid for step in found.steps)
    for step in found.steps:
        node = agent.node(step.node)
        names = [tool.name for tool in node.tools]
        assert len(step.calls) <= node.max_calls * bool(names)
        assert all(call.name in names for call in step.calls)
        assert step.calls or not names or node.tool_choice == "auto"


@given(st.data())
def test_what_is_rewritten_is_rewritten_wherever_it_stands(data: st.DataObject) -> None:
    agent = data.draw(agents())
    places = [(node.name, tool) for node in agent.nodes for tool in node.tools]
    assume(places)
    name, tool = data.draw(st.sampled_from(places))
    new = replace(tool, description="Something else.", code=tool.code + "\n# anew")
    found = apply(agent, RewriteTool(name, new))
    for old, now in zip(agent.nodes, found.nodes, strict=True):
        assert [t.name for t in old.tools] == [t.name for t in now.tools]
        assert (tool in old.tools) is (new in now.tools) and tool not in now.tools
        assert replace(old, tools=()) == replace(now, tools=())
    assert found.spare == agent.spare
    assert apply(found, RewriteTool(name, tool)) == agent


def test_a_spare_tool_that_a_node_has_too_is_rewritten_with_it() -> None:
    agent = apply(replace(chained(DOUBLE), spare=(DOUBLE,)), RewriteTool("first", TRIPLE))
    assert (agent.node("first").tools, agent.spare) == ((TRIPLE,), (TRIPLE,))


def all_edits(agent: Agent) -> Iterator[Edit]:
    """Edits of the sort that optimizers make: tools of the agent, handed on or written anew."""
    for node in agent.nodes:
        for count in range(3):
            for tools in combinations(agent.tools, count):
                yield SetTools(node.name, tools)
        for tool in node.tools:
            yield RewriteTool(node.name, replace(tool, description="Another one."))
            yield RewriteTool(node.name, replace(tool, description="A third one."))
        yield SetContract(node.name, CONTRACTS[1])
        yield SetDemos(node.name, (Demo({"input": "x"}, {"answer": "y"}),))


def test_edits_apart_can_be_made_in_any_order() -> None:
    agent = replace(chained(DOUBLE), spare=(FAIL,))
    agent = agent.with_node(replace(agent.last, tools=(SAY, DOUBLE)))
    pairs = [pair for pair in combinations(all_edits(agent), 2) if apart(pair[:1], pair[1:])]
    assert len(pairs) > 100
    for one, other in pairs:
        assert apply_all(agent, [one, other]) == apply_all(agent, [other, one])


def test_what_a_front_hands_on_is_forgotten_when_the_tool_is_rewritten() -> None:
    hand = SetTools("answer", (DOUBLE,))
    front = (Candidate("hand tools", apply(chained(DOUBLE), hand), (hand,)),)
    assert still(front, [RewriteTool("first", TRIPLE)]) == ()
    assert still(front, [SetContract("first", CONTRACTS[1])]) == front


def test_edits_of_other_tools_and_parts_stay_apart() -> None:
    mend = [RewriteTool("first", TRIPLE)]
    assert apart(mend, [SetContract("answer", CONTRACTS[1])])
    assert apart(mend, [SetDemos("first", ())])
    assert apart([SetTools("first", ())], [SetTools("answer", (SAY,))])
    assert apart(mend, [SetTools("answer", (SAY,))])
    assert not apart(mend, [SetTools("first", ())])
    assert not apart(mend, [RewriteTool("answer", SHOUT)])
    assert not apart([SetTools("first", ())], [SetContract("first", CONTRACTS[1])])
    assert not apart([SetTools("first", ())], [SetDemos("first", ())])


def test_tools_label_an_answer_and_their_loss_unlabels_it() -> None:
    demo = Demo({"first": "x"}, {"answer": "yes"}, calls=(ToolCall("say", "{}", "x"),))
    with_tools = apply(chained(), SetTools("answer", (SAY,), (demo,), "required", 2))
    node = with_tools.last
    assert node.output.labelled and node.output.render({"answer": "yes"}) == "answer: yes"
    assert (node.demos, node.tool_choice, node.max_calls) == ((demo,), "required", 2)
    assert apply(with_tools, SetTools("answer", ())) == chained()
    switched = apply(with_tools, SetContract("answer", CONTRACTS[2]))
    assert switched.last.output.labelled and switched.last.tools == (SAY,)


def test_a_node_with_a_field_named_call_is_refused_tools() -> None:
    agent = chained()
    agent = agent.with_node(replace(agent.last, output=Contract((Field("call"),))))
    with pytest.raises(InputError, match="a field named 'call'"):
        apply(agent, SetTools("answer", (SAY,)))
    with pytest.raises(InputError, match="a field named 'call'"):
        apply(chained(SAY), SetContract("first", Contract((Field("call"),))))


def test_an_edit_of_a_tool_or_node_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="names 'say', which it does not have"):
        apply(chained(DOUBLE), RewriteTool("first", SAY))
    with pytest.raises(InputError, match="names 'double'"):
        apply(chained(DOUBLE), RewriteTool("answer", TRIPLE))
    for edit in (RewriteTool("third", DOUBLE), SetTools("third", ())):
        with pytest.raises(InputError, match="no node is named 'third'"):
            apply(chained(DOUBLE), edit)


@pytest.mark.parametrize(("choice", "most"), [("auto", 1), ("required", 4)])
def test_settings_outlive_the_tools_that_they_are_for(choice: str, most: int) -> None:
    agent = apply(chained(DOUBLE), SetTools("first", (), (), choice, most))
    node = agent.node("first")
    assert (node.tools, node.tool_choice, node.max_calls) == ((), choice, most)
    assert agent_from_text(agent_to_text(agent)) == agent


@pytest.mark.parametrize("text", ['{"n":3}', '{ "n": 3.0 }', '{"n": "\\u00e9"}'])
def test_calls_and_parameters_come_back_letter_by_letter(text: str) -> None:
    written = json.dumps(json.loads(text), ensure_ascii=False)  # as models write arguments
    demo = Demo({"input": "x"}, {"answer": "6"}, calls=(ToolCall("bare", written, "6"),))
    parameters = f'{{"properties":{{}},"default":{text}}}'
    tool = Tool("bare", parameters=parameters, server="python -m bare")
    agent = apply(chained(), SetTools("first", (tool,), (demo,)))
    assert agent_from_text(agent_to_text(agent)) == agent
