"""Flows in agent files: every part comes back from its text, a bad one is told with its line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import (
    Agent,
    Best,
    Branch,
    Contract,
    Each,
    Field,
    Flow,
    Loop,
    Node,
    Part,
    Role,
    Vote,
    agent_digest,
    agent_from_text,
    agent_to_text,
    forward,
    parts_of,
)
from slearn.agent.document import read_document, write_document
from slearn.agent.flowfile import read_flow, write_flow
from slearn.errors import AgentFileError
from tests.agent.flows import ROWS, Rounds, agents_with_flows, by_chance, flows

VALUES = st.one_of(
    st.sampled_from(["no", "null", "~", "", " ", "1.50", "a: b", "# x", "- a", "&a", "עברית", "'"]),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=12),
)
NODES = (Node("a", ("x",)), Node("b", ("y",)))


@given(agents_with_flows(VALUES))
def test_any_agent_comes_back_from_its_text_and_runs_as_before(agent: Agent) -> None:
    text = agent_to_text(agent)
    back = agent_from_text(text)
    assert back == agent
    assert agent_to_text(back) == text and agent_digest(back) == agent_digest(agent)
    assert forward(back, ROWS, Rounds(by_chance)) == forward(agent, ROWS, Rounds(by_chance))


@given(flows(VALUES))
def test_any_flow_comes_back_from_its_text_alone(flow: Flow) -> None:
    assert read_flow(read_document(write_document(write_flow(flow)), "f")) == flow


BY_HAND: list[tuple[str, Part]] = [
    ("a", "a"),
    ("{branch: k, cases: {yes: [a], 1.50: []}}", Branch("k", (("yes", ("a",)), ("1.50", ())))),
    ("{branch: k, cases: {x: [a]}, else: [b]}", Branch("k", (("x", ("a",)),), ("b",))),
    ("{loop: [a], until: {a: no}}", Loop(("a",), "a", "no", 3)),
    ("{loop: [a, b], until: {b: ''}, most: 7}", Loop(("a", "b"), "b", "", 7)),
    ("{each: one, of: list, do: [a], as: all}", Each("list", "one", ("a",), "all", 8)),
    ("{each: i, of: a, do: [b], as: all, most: 2}", Each("a", "i", ("b",), "all", 2)),
    ("{vote: [a]}", Vote(("a",), 5)),
    ("{vote: [{vote: [a], times: 2}], times: 1}", Vote((Vote(("a",), 2),), 1)),
    ("{best: [a], by: b}", Best(("a",), "b", 3)),
    ("{best: [a], by: b, times: 9}", Best(("a",), "b", 9)),
]


@pytest.mark.parametrize(("text", "part"), BY_HAND)
def test_what_a_person_writes_by_hand(text: str, part: Part) -> None:
    flow = Flow((part,))
    assert read_flow(read_document(f"steps:\n- {text}\n", "f")) == flow
    assert read_flow(read_document(write_document(write_flow(flow)), "f")) == flow


def test_the_settings_of_a_flow_are_written_where_they_are_not_the_usual_ones() -> None:
    text = "{steps: [a], limit: 9, answer: a, start: {note: no, check: ''}, tokens: 70}"
    flow = read_flow(read_document(text, "f"))
    assert flow == Flow(("a",), 9, "a", (("note", "no"), ("check", "")), 70)
    assert read_flow(read_document(write_document(write_flow(flow)), "f")) == flow
    assert write_flow(Flow(("a",))) == {"steps": ["a"], "limit": 16}


def test_a_chain_is_written_as_it_always_was() -> None:
    """So that the digests of agents without parts stay what they were."""
    agent = Agent("c", NODES, Flow(("a", "b")))
    assert agent_to_text(agent).endswith("flow:\n  steps:\n  - a\n  - b\n  limit: 16\n")
    assert not {"writes", "roles", "rounds"} & set(agent_to_text(agent).replace(":", " ").split())


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("roles", [(), (Role("critic", "Be short."), Role("no", "~"))])
def test_what_a_node_writes_and_who_speaks_in_it(roles: tuple[Role, ...], rounds: int) -> None:
    node = replace(NODES[0], writes="draft", roles=roles, rounds=rounds)
    agent = Agent("a", (node,), Flow(("a",), 100))
    assert agent_from_text(agent_to_text(agent)) == agent


HEAD = (
    "slearn: 1\nnodes:\n- {name: a, instructions: [x]}\n- {name: b, instructions: [y]}\n"
    "- {name: k, instructions: [z], output: {type: choice, choices: [yes, no]}}\nflow:\n"
)
STEPS = HEAD + "  steps:\n  - a\n  - "  # the part stands in line 9
REST = "\n  - b\n  - k\n"
# text, line, what the message says
BAD: list[tuple[str, int, str]] = [
    (HEAD + "  limit: 3\n", 7, "flow: expected `steps`, the nodes' names in order"),
    (HEAD + "  steps: a\n", 7, "steps: expected the nodes' names in order"),
    (HEAD + "  steps: {a: b}\n", 7, "the nodes' names in order"),
    (HEAD + "  steps: [a, b, k]\n  answer: [a]\n", 8, "answer: expected a text"),
    (HEAD + "  steps: [a, b, k]\n  answer: c\n", 7, "the answer 'c' is not written on every path"),
    (HEAD + "  steps: [a, b, k]\n  start: [c]\n", 8, "`name: value` entries"),
    (HEAD + "  steps: [a, b, k]\n  start: {c: [d]}\n", 8, "c: expected a text"),
    (HEAD + "  steps: [a, b, k]\n  tokens: -1\n", 8, "a whole number from 0 to 1000000"),
    (STEPS + "~" + REST, 9, "a text"),
    (STEPS + "[b]" + REST, 9, "`name: value` entries"),
    (
        STEPS + "{}" + REST,
        9,
        "a node's name, or one of branch, loop, each, nearest, among, vote, best",
    ),
    (
        STEPS + "{times: 3}" + REST,
        9,
        "a node's name, or one of branch, loop, each, nearest, among, vote, best",
    ),
    (STEPS + "{fork: [b]}" + REST, 9, "a node's name, or one of branch"),
    (STEPS + "{vote: [b], most: 3}" + REST, 9, "one of vote, times, not 'most'"),
    (STEPS + "{vote: b}" + REST, 9, "the nodes' names in order"),
    (STEPS + "{vote: []}" + REST, 7, "needs a block and at least one turn"),
    (STEPS + "{vote: [b], times: 0}" + REST, 9, "a whole number from 1 to 100"),
    (STEPS + "{vote: [b], times: 101}" + REST, 9, "a whole number from 1 to 100"),
    (STEPS + "{vote: [b, c]}" + REST, 7, "the flow names 'c', which is no node"),
    (STEPS + "{best: [b]}" + REST, 9, "`by` beside `best`"),
    (STEPS + "{best: [b], by: [k]}" + REST, 9, "by: expected a text"),
    (STEPS + "{best: [b], by: b}" + REST, 7, "node 'b' cannot grade itself"),
    (STEPS + "{loop: [k]}" + REST, 9, "`until` beside `loop`"),
    (STEPS + "{loop: [k], until: k}" + REST, 9, "`name: value` entries"),
    (STEPS + "{loop: [k], until: {}}" + REST, 9, "until: expected one `name: value`"),
    (STEPS + "{loop: [k], until: {k: yes, b: no}}" + REST, 9, "one `name: value`"),
    (STEPS + "{loop: [k], until: {k: [yes]}}" + REST, 9, "k: expected a text"),
    (STEPS + "{loop: [k], until: {k: yes}, most: many}" + REST, 9, "a whole number from 1"),
    (STEPS + "{loop: [k], until: {a: yes}}" + REST, 7, "a loop waits for 'a', which it does not"),
    (STEPS + "{each: i, do: [b], as: all}" + REST, 9, "`of` beside `each`"),
    (STEPS + "{each: i, of: a, as: all}" + REST, 9, "`do` beside `each`"),
    (STEPS + "{each: i, of: a, do: [b]}" + REST, 9, "`as` beside `each`"),
    (STEPS + "{each: [i], of: a, do: [b], as: all}" + REST, 9, "each: expected a text"),
    (STEPS + "{each: i, of: a, do: [b], as: k}" + REST, 7, "'k' is a node's name and cannot"),
    (STEPS + "{branch: a}" + REST, 9, "`cases` beside `branch`"),
    (STEPS + "{branch: a, cases: [b]}" + REST, 9, "`name: value` entries"),
    (STEPS + "{branch: a, cases: {x: b}}" + REST, 9, "x: expected the nodes' names in order"),
    (STEPS + "{branch: a, cases: {x: [b], x: []}}" + REST, 9, "'x' once, not twice"),
    (STEPS + "{branch: a, cases: {}}" + REST, 7, "a branch needs cases"),
    (STEPS + "{branch: a, cases: {x: [b]}, other: []}" + REST, 9, "branch, cases, else, not"),
    (STEPS + "k\n  - branch: k\n    cases:\n      maybe: [b]\n", 7, "'k' is never 'maybe': yes"),
    (STEPS + "vote:\n    - b\n    - best: [k]\n" + REST, 11, "`by` beside `best`"),
    (
        HEAD.replace("[x]", "[x], writes: [d]") + "  steps: [a, b, k]\n",
        3,
        "writes: expected a text",
    ),
    (HEAD.replace("[x]", "[x], writes: b") + "  steps: [a, b, k]\n", 7, "'b' is a node's name"),
    (HEAD.replace("[x]", "[x], rounds: 0") + "  steps: [a, b, k]\n", 3, "a whole number from 1 to"),
    (HEAD.replace("[x]", "[x], roles: critic") + "  steps: [a, b, k]\n", 3, "a list of roles"),
    (HEAD.replace("[x]", "[x], roles: [{name: c}]") + "  steps: [a]\n", 3, "expected `says`"),
    (HEAD.replace("[x]", "[x], roles: [{says: c}]") + "  steps: [a]\n", 3, "expected `name`"),
    (
        HEAD.replace("[x]", "[x], roles: [{name: c, says: x}, {name: c, says: y}]"),
        3,
        "roles with different names",
    ),
]


@pytest.mark.parametrize(("text", "line", "says"), BAD)
def test_a_bad_flow_is_told_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(AgentFileError) as caught:
        agent_from_text(text, "my.yaml")
    assert caught.value.where == f"my.yaml:{line}"
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_head_of_the_bad_files_is_a_good_one() -> None:
    """Or they would be refused for something else."""
    agent = agent_from_text(STEPS + "{vote: [b]}" + REST)
    assert agent.flow == Flow(("a", Vote(("b",)), "b", "k"))
    assert agent.node("k").output == Contract((Field(type="choice", choices=("yes", "no")),))


@given(agents_with_flows(), st.data())
def test_a_damaged_file_is_read_or_told_but_never_crashes(
    agent: Agent, data: st.DataObject
) -> None:
    text = agent_to_text(agent)
    start = data.draw(st.integers(text.index("flow:"), len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 8)))
    scraps = st.sampled_from(["", "[", "{", "~", "\n", "  ", ": ", "- ", "n1", "draft", "0"])
    try:
        back = agent_from_text(text[:start] + data.draw(scraps) + text[end:])
    except AgentFileError as error:
        assert error.where.startswith("agent:") and "\n" not in str(error)
    else:
        assert agent_from_text(agent_to_text(back)) == back


def test_the_flow_in_the_readme_is_one() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    block = next(part for part in readme.split("```yaml\n") if part.startswith("flow:"))
    chosen = "[{type: choice, choices: [a, b], decide: likelihood}]"
    fields = {"check": "[{name: why}, {name: answer}]", "kind": "[{}]", "intent": chosen}
    names = ("kind", "pay", "write", "check", "translate", "intent", "answer", "poem", "grade")
    nodes = "".join(
        f"- {{name: {name}, instructions: [Do it.], output: {fields.get(name, '[{}]')}}}\n"
        for name in names
    )
    agent = agent_from_text(f"slearn: 1\nnodes:\n{nodes}{block.split('```')[0]}")
    assert agent.last.name == "poem" and set(agent.runs) == set(names)
    assert {type(part).__name__ for part in parts_of(agent.flow.steps)} == {
        *("str", "Branch", "Loop", "Each", "Nearest", "Among", "Vote", "Best")
    }
