"""Edits: any sequence of them gives an agent that can be saved and run; the old one stays."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
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
    agent_from_text,
    agent_to_text,
    forward,
)
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import InputError
from slearn.optim import (
    AddDemo,
    DropDemo,
    DropLine,
    Edit,
    InsertLine,
    MoveDemo,
    MoveLine,
    ReplaceDemo,
    ReplaceLine,
    SetContract,
    SetDemos,
    apply,
    apply_all,
    edit_as_json,
)
from slearn.values import Example

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=15) | st.sampled_from(
    ["", "no", "a: b", "line\nline", "\u2028", "# x", "{{ x }}", "\x00", "😀"]
)
CONTRACTS = [
    Contract(),
    Contract((Field("label", "choice", choices=("yes", "no", "1.50")),)),
    Contract((Field("reasoning", max_chars=20), Field("answer", "number"))),
    Contract((Field("answer", "regex", pattern="[ab]{2}/c"), Field("note", multiline=True))),
]


@st.composite
def demos(draw: st.DrawFn, node: Node) -> Demo:
    inputs = {name: draw(TEXTS) for name in node.inputs}
    return Demo(inputs, {field.name: draw(TEXTS) for field in node.output.fields}, draw(TEXTS))


@st.composite
def agents(draw: st.DrawFn) -> Agent:
    made: list[Node] = []
    for name in ("one", "two", "three")[: draw(st.integers(1, 3))]:
        inputs = ("input", *(node.name for node in made[-1:]))
        lines = tuple(draw(st.lists(TEXTS, max_size=3)))
        made.append(Node(name, lines, inputs, draw(st.sampled_from(CONTRACTS))))
    nodes = tuple(
        Node(
            n.name, n.instructions, n.inputs, n.output, tuple(draw(st.lists(demos(n), max_size=2)))
        )
        for n in made
    )
    return Agent("a", nodes, Flow(tuple(node.name for node in nodes)))


@st.composite
def edits(draw: st.DrawFn, agent: Agent) -> Edit:
    """Any edit that names what is there."""
    node = draw(st.sampled_from(agent.nodes))
    lines, shown = len(node.instructions), len(node.demos)
    line, place = st.integers(0, lines - 1), st.integers(0, shown - 1)
    contract = draw(st.sampled_from(CONTRACTS))
    switched = Node(node.name, (), node.inputs, contract)
    options: list[Callable[[], Edit]] = [
        lambda: InsertLine(node.name, draw(st.integers(0, lines)), draw(TEXTS)),
        lambda: AddDemo(node.name, draw(demos(node))),
        lambda: SetDemos(node.name, tuple(draw(st.lists(demos(node), max_size=2)))),
        lambda: SetContract(
            node.name, contract, tuple(draw(st.lists(demos(switched), max_size=2)))
        ),
    ]
    if lines:
        options += [
            lambda: ReplaceLine(node.name, draw(line), draw(TEXTS)),
            lambda: DropLine(node.name, draw(line)),
            lambda: MoveLine(node.name, draw(line), draw(line)),
        ]
    if shown:
        options += [
            lambda: DropDemo(node.name, draw(place)),
            lambda: ReplaceDemo(node.name, draw(place), draw(demos(node))),
            lambda: MoveDemo(node.name, draw(place), draw(place)),
        ]
    return draw(st.sampled_from(options))()


@given(st.data())
def test_any_sequence_of_edits_gives_an_agent_that_saves_and_runs(data: st.DataObject) -> None:
    start = data.draw(agents())
    copied = copy.deepcopy(start)
    agent, made = start, []
    for _ in range(data.draw(st.integers(1, 5))):
        edit = data.draw(edits(agent))
        made.append(edit)
        before, kept = agent, copy.deepcopy(agent)
        agent = apply(agent, edit)
        assert before == kept
        body = json.loads(json.dumps(edit_as_json(edit)))
        assert body["op"] == type(edit).__name__ and body["node"] == edit.node
    assert start == copied
    assert apply_all(start, made) == agent
    assert agent_from_text(agent_to_text(agent)) == agent
    example = Example("e", {"input": "x"})
    trajectory = forward(agent, [example], ScriptedEngine())[0]
    assert [step.node for step in trajectory.steps] == list(agent.flow.steps)
    assert all(step.valid for step in trajectory.steps)


D = [Demo({"input": str(n)}, {"answer": str(n)}) for n in range(4)]
AGENT = Agent("a", (Node("n", ("A", "B", "C"), demos=(D[0], D[1], D[2])),), Flow(("n",)))
SWITCHED = Contract((Field("answer", "number"),))


@pytest.mark.parametrize(
    ("edit", "lines", "shown"),
    [
        (ReplaceLine("n", 1, "X"), "A X C", [0, 1, 2]),
        (InsertLine("n", 0, "X"), "X A B C", [0, 1, 2]),
        (InsertLine("n", 2, "X"), "A B X C", [0, 1, 2]),
        (InsertLine("n", 3, "X"), "A B C X", [0, 1, 2]),
        (DropLine("n", 0), "B C", [0, 1, 2]),
        (MoveLine("n", 0, 2), "B C A", [0, 1, 2]),
        (MoveLine("n", 2, 0), "C A B", [0, 1, 2]),
        (MoveLine("n", 1, 1), "A B C", [0, 1, 2]),
        (AddDemo("n", D[3]), "A B C", [0, 1, 2, 3]),
        (DropDemo("n", 1), "A B C", [0, 2]),
        (ReplaceDemo("n", 2, D[3]), "A B C", [0, 1, 3]),
        (MoveDemo("n", 0, 2), "A B C", [1, 2, 0]),
        (SetDemos("n", (D[3],)), "A B C", [3]),
        (SetDemos("n", ()), "A B C", []),
        (SetContract("n", SWITCHED), "A B C", []),
        (SetContract("n", SWITCHED, (D[1],)), "A B C", [1]),
    ],
)
def test_what_an_edit_does(edit: Edit, lines: str, shown: list[int]) -> None:
    node = apply(AGENT, edit).node("n")
    assert node.instructions == tuple(lines.split())
    assert node.demos == tuple(D[n] for n in shown)
    assert node.output == (SWITCHED if isinstance(edit, SetContract) else Contract())


@pytest.mark.parametrize(
    "edit",
    [
        ReplaceLine("n", 3, "X"),
        ReplaceLine("n", -1, "X"),
        InsertLine("n", 4, "X"),
        InsertLine("n", -1, "X"),
        DropLine("n", 3),
        MoveLine("n", 3, 0),
        MoveLine("n", 0, 3),
        DropDemo("n", 3),
        DropDemo("n", -1),
        ReplaceDemo("n", 3, D[0]),
        MoveDemo("n", 0, 3),
        MoveDemo("n", -1, 0),
    ],
)
def test_an_edit_of_what_is_not_there_is_refused(edit: Any) -> None:
    with pytest.raises(
        InputError, match=rf"{type(edit).__name__} of 'n' names number \d+|number 0"
    ):
        apply(AGENT, edit)


@pytest.mark.parametrize("edit", [DropLine("m", 0), SetDemos("m", ()), SetContract("m", SWITCHED)])
def test_an_edit_of_a_node_that_is_not_there_is_refused(edit: Edit) -> None:
    with pytest.raises(InputError, match="no node is named 'm'"):
        apply(AGENT, edit)


def test_a_sequence_that_fails_leaves_no_trace() -> None:
    kept = copy.deepcopy(AGENT)
    with pytest.raises(InputError):
        apply_all(AGENT, [DropLine("n", 0), DropLine("n", 0), DropLine("n", 1)])
    assert kept == AGENT
