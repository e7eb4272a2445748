"""Flows before anything runs: what is refused and why, what may end them, what they read."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import (
    Agent,
    Best,
    Block,
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
    flow_lines,
    forward,
    mapped,
    names_of,
    parts_of,
)
from slearn.agent.flowcheck import check_flow, independent, most_steps, runs_of
from slearn.errors import InputError
from tests.agent.flows import ROWS, Rounds, agents_with_flows, by_chance

KIND = Contract((Field("why"), Field("answer", "choice", choices=("pay", "talk"))))
ROLES = (Role("critic", "Find faults."), Role("fan", "Praise."))


def n(name: str, *inputs: str, **settings: Any) -> Node:
    return Node(name, (f"Be {name}.",), inputs or ("input",), **settings)


def agent(nodes: list[Node], *steps: Part, **settings: Any) -> Agent:
    return Agent("a", tuple(nodes), Flow(steps, **{"limit": 100, **settings}))


A, B, C = n("a"), n("b"), n("c")
NUMBER = n("n", output=Contract((Field("answer", "number"),)))
SPACED = n("a", output=Contract((Field("answer", "choice", choices=("yes ", "no")),)))
CHECK = n("check", "a", output=Contract((Field("answer", "choice", choices=("ok", "no")),)))

# nodes, steps, settings of the flow, what the message says
REFUSED: list[tuple[list[Node], tuple[Part, ...], dict[str, Any], str]] = [
    ([A], ("a", "b"), {}, "the flow names 'b', which is no node"),
    ([A], ("a", Best(("a",), "judge")), {}, "the flow names 'judge', which is no node"),
    ([A, B], ("a",), {}, "the flow never visits node 'b'"),
    ([A], (), {}, "the flow never visits node 'a'"),
    ([], (), {}, "the flow must end with a node's answer on every path"),
    # reading what is not there yet
    ([A, n("b", "a")], ("b", "a"), {}, "node 'b' reads 'a' before it is written on every path"),
    ([n("a", "a")], ("a",), {}, "node 'a' reads 'a' before it is written"),
    ([A, n("b", "a.why")], ("a", "b"), {}, "node 'b' reads 'a.why', but node 'a' has no field"),
    (
        [A, replace(B, writes="draft"), n("c", "draft")],
        (Branch("kind", (("x", ("b",)),), ("a",)), "c"),
        {},
        "node 'c' reads 'draft' before it is written on every path",
    ),
    (
        [A, n("b", "a")],
        (Branch("kind", (("x", ("a",)), ("y", ("a",)))), "b"),  # and where it is neither?
        {},
        "node 'b' reads 'a' before it is written on every path",
    ),
    ([A, B], (Branch("b", (("x", ("a",)),)), "b"), {}, "a branch reads 'b' before it is written"),
    ([A, B, n("c", "x")], (Each("b", "x", ("c",), "y"), "a", "b"), {}, "a list reads 'b' before"),
    (
        [n("a", "item"), n("b", "item")],
        (Each("list", "item", ("a",), "all"), "b"),
        {},
        "node 'b' reads 'item' before",  # an item is known inside its list alone
    ),
    (
        [n("a", "item"), n("b", "a")],
        (Each("list", "item", ("a",), "all"), "b"),
        {},
        "node 'b' reads 'a' before",  # so are the nodes in it: there are several, or none
    ),
    (
        [A, n("b", "grade"), n("grade", "b")],
        ("a", Best(("b",), "grade")),
        {},
        "node 'b' reads 'grade' before",
    ),
    # the first turn of a loop
    (
        [n("a", "check"), CHECK],
        (Loop(("a", "check"), "check", "ok"),),
        {},
        "node 'a' reads 'check' before it is written on every path",
    ),
    ([A, B], ("a", Loop(("b",), "a", "ok")), {}, "a loop waits for 'a', which it does not write"),
    ([A], (Loop(("a",), "mood", "ok"),), {}, "a loop waits for 'mood', which it does not write"),
    (
        [A, B],
        ("a", Loop(("a", Branch("kind", (("x", ("b",)),))), "b", "ok")),
        {},
        "a loop reads 'b' before it is written on every path",
    ),
    ([A], (Loop(("a",), "a", "ok", 0),), {}, "a loop, list or vote needs a block and at least one"),
    ([A], ("a", Loop((), "a", "ok")), {}, "a loop, list or vote needs a block and at least one"),
    ([A], (Vote(("a",), 0),), {}, "a loop, list or vote needs a block and at least one turn"),
    ([A], ("a", Each("list", "x", (), "y")), {}, "a loop, list or vote needs a block"),
    ([A, B], (Best(("a",), "b", 0),), {}, "a loop, list or vote needs a block"),
    ([A], (Best(("a",), "a"),), {}, "node 'a' cannot grade itself"),
    # cases
    (
        [n("a", output=KIND)],
        ("a", Branch("a", (("buy", ("a",)),))),
        {},
        "'a' is never 'buy': pay, talk",
    ),
    (
        [n("a", output=KIND)],
        ("a", Branch("a.answer", (("pay", ()), ("Talk", ())))),
        {},
        "'a.answer' is never 'Talk': pay, talk",
    ),
    (
        [n("a", output=KIND)],
        (Loop(("a",), "a", "Pay", 3),),
        {},
        "'a' is never 'Pay': pay, talk",
    ),
    ([NUMBER], (Loop(("n",), "n", "banana"),), {}, "'n' is never 'banana': it is a number"),
    ([NUMBER], (Loop(("n",), "n.answer", "1e3"),), {}, "'n.answer' is never '1e3': it is a number"),
    ([NUMBER], ("n", Branch("n", (("5", ()), ("+5", ())))), {}, "'n' is never '+5': it is a numb"),
    ([SPACED], ("a", Branch("a", (("ye s", ()),))), {}, "'a' is never 'ye s': yes , no"),
    (
        [replace(NUMBER, writes="x"), replace(CHECK, writes="x", inputs=("input",))],
        ("n", "check", Branch("x", (("7", ()), ("no", ()), ("maybe", ())))),
        {},
        "'x' is never 'maybe': it is a number",  # nor one of the choices of the other writer
    ),
    ([A], ("a", Branch("a", ())), {}, "a branch needs cases, each with a value of its own"),
    ([A], ("a", Branch("a", (("x", ()), ("x", ("a",))))), {}, "each with a value of its own"),
    ([A], ("a", Branch("a", (("x", ()), (" x", ())))), {}, "each with a value of its own"),
    # names
    ([A, n("a.answer")], ("a", "a.answer"), {}, "'a.answer' is a field of node 'a' and cannot be"),
    ([A, replace(B, writes="a.answer")], ("a", "b"), {}, "'a.answer' is a field of node 'a' and"),
    ([replace(A, writes="a.answer")], ("a",), {}, "'a.answer' is a field of node 'a' and cannot"),
    (
        [n("a", output=Contract((Field("b.c"),))), n("a.b", output=Contract((Field("c"),)))],
        ("a", "a.b"),
        {},
        "'a.b.c' is a field of node 'a' and cannot be written by others",
    ),
    ([A, B], ("a", Each("l", "a.answer", ("b",), "y"), "b"), {}, "'a.answer' is a field of node"),
    ([A, B], ("a", Each("l", "x", ("b",), "a.answer"), "b"), {}, "'a.answer' is a field of node"),
    ([A, B], ("a", Each("l", "i", ("b",), "i"), "b"), {}, "a list calls its items and its answers"),
    ([A, B], ("a", Each("list", "a", ("b",), "y"), "b"), {}, "'a' is a node's name and cannot be"),
    ([A, B], ("a", Each("list", "x", ("b",), "b"), "b"), {}, "'b' is a node's name and cannot be"),
    ([replace(A, writes="b"), B], ("a", "b"), {}, "'b' is a node's name and cannot be written"),
    # ends
    ([A], (Each("list", "x", ("a",), "y"),), {}, "the flow must end with a node's answer"),
    ([A, B], ("a", Vote((Each("list", "x", ("b",), "y"),))), {}, "must end with a node's answer"),
    ([A], (Branch("kind", (("x", ("a",)),)),), {}, "must end with a node's answer on every path"),
    (
        [A, B],
        (Branch("kind", (("x", (Each("list", "x", ("a",), "y"),)),), ("b",)),),
        {},
        "must end with a node's answer on every path",
    ),
    (
        [A, B],
        (Each("list", "x", (Branch("x", (("p", ("a",)),)),), "y"), "b"),
        {},
        "the block of a list must end with a node's answer",
    ),
    # the limit
    ([A, B], ("a", "b"), {"limit": 1}, "the flow may take 2 steps, its limit is 1"),
    ([A], (Vote(("a",), 17),), {"limit": 16}, "16: `limit` in `flow` raises it (16 unless given)"),
    ([A], (Vote((Loop(("a",), "a", "ok", 3),), 4),), {"limit": 11}, "may take 12 steps"),
    ([replace(A, roles=ROLES, rounds=2)], ("a",), {"limit": 4}, "may take 5 steps"),
    # the answer
    ([A], ("a",), {"answer": "draft"}, "the answer 'draft' is not written on every path"),
    ([A], ("a",), {"answer": "input"}, "the answer 'input' is not written on every path"),
    (
        [A, replace(B, writes="draft")],
        ("a", Branch("kind", (("x", ("b",)),))),
        {"answer": "draft"},
        "the answer 'draft' is not written on every path",
    ),
    (
        [A, replace(B, writes="draft")],
        ("a", Branch("kind", (("x", ("b",)),))),
        # What a name is at first is no step's answer.
        {"answer": "draft", "start": (("draft", "nothing"),)},
        "the answer 'draft' is not written on every path",
    ),
    ([n("a", output=KIND)], ("a",), {"answer": "a.why"}, "the answer 'a.why' is no node's answer"),
    (
        [A],
        (Each("list", "x", ("a",), "y"),),
        {"answer": "y"},
        "the answer 'y' is no node's answer",
    ),
]


@pytest.mark.parametrize(("nodes", "steps", "settings", "says"), REFUSED)
def test_a_flow_that_does_not_fit_its_nodes_is_refused(
    nodes: list[Node], steps: tuple[Part, ...], settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError) as caught:
        agent(nodes, *steps, **settings)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_start_gives_may_be_read_by_the_first_turn_of_a_loop() -> None:
    nodes = [n("a", "input", "check"), CHECK]
    made = agent(nodes, Loop(("a", "check"), "check", "ok"), start=(("check", ""),))
    assert made.columns == ("input",)


def test_a_name_that_all_cases_write_is_known_behind_the_branch() -> None:
    one, two = replace(A, writes="draft"), replace(B, writes="draft")
    both = Branch("kind", (("x", ("a",)),), ("b",))
    assert agent([one, two, n("c", "draft")], both, "c").last.name == "c"
    # One that was written before stays known, whatever the cases write.
    assert agent([one, B, n("c", "draft")], "a", Branch("kind", (("x", ("b",)),)), "c").ends


def test_what_the_cases_of_a_text_are_nobody_knows_before() -> None:
    assert agent([A, B], "a", Branch("a", (("anything", ("b",)),))).ends == ("b", "a")


def test_values_that_a_node_may_have_are_waited_for() -> None:
    assert agent([NUMBER], Loop(("n",), "n", " -2.50 "))
    assert agent([SPACED], "a", Branch("a", (("yes", ()), (" no", ()))))
    # What a name is at first is none of the node's values, and a case may go by it.
    before = Branch("n", (("none", ("a",)),))
    assert agent([NUMBER, A], before, "n", start=(("n", "none"),))
    with pytest.raises(InputError, match="'n' is never 'none': it is a number"):
        agent([NUMBER, A], before, "n", start=(("n", ""),))
    # Of several that write a name one may have the value.
    writers = [replace(NUMBER, writes="x"), replace(CHECK, writes="x", inputs=("input",))]
    assert agent(writers, "n", "check", Branch("x", (("7", ()), ("ok", ()))))


ENDS: list[tuple[list[Node], tuple[Part, ...], str, tuple[str, ...]]] = [
    ([A, B], ("a", "b"), "", ("b",)),
    ([A, B, C], ("a", Branch("a", (("x", ("b",)),), ("c",))), "", ("b", "c")),
    ([A, B], ("a", Branch("a", (("x", ("b",)),))), "", ("b", "a")),
    ([A, B], ("a", Branch("a", (("x", ()),), ("b",))), "", ("a", "b")),
    # An empty case inside a case: what ran before both is the answer.
    (
        [A, B, C],
        ("a", Branch("k", (("x", (Branch("m", (("y", ("b",)),)),)),), ("c",))),
        "",
        ("b", "a", "c"),
    ),
    ([A, B], (Vote((Branch("k", (("x", ("a",)),), ("b",)),)),), "", ("a", "b")),
    ([A, CHECK], (Loop(("a", "check"), "check", "ok"),), "", ("check",)),
    ([A, CHECK], (Loop(("a", "check"), "check", "ok"),), "a", ("a",)),
    ([A, B], (Best(("a",), "b"),), "", ("a",)),  # a grade is no answer
    (
        [replace(A, writes="draft"), replace(B, writes="draft"), C],
        ("a", Branch("k", (("x", ("b",)),)), "c"),
        "draft",
        ("a", "b"),
    ),
    ([A, n("b", "x")], ("a", Each("list", "x", ("b",), "y")), "a", ("a",)),
]


@pytest.mark.parametrize(("nodes", "steps", "answer", "ends"), ENDS)
def test_the_nodes_whose_answer_may_be_the_agents(
    nodes: list[Node], steps: tuple[Part, ...], answer: str, ends: tuple[str, ...]
) -> None:
    made = agent(nodes, *steps, answer=answer)
    assert made.ends == ends
    assert made.last.name == ends[-1]


def test_columns_are_what_the_data_must_have_in_the_order_of_reading() -> None:
    inner = n("b", "item", "topic")
    made = agent(
        [inner, n("a", "question"), n("c", "all", "question", "note")],
        "a",
        Each("list", "item", ("b",), "all"),
        Branch("kind", (("x", ("c",)),)),
        "c",
        start=(("note", ""),),
    )
    assert made.columns == ("question", "topic", "list", "kind")


def alone(*inputs: str, writes: str = "", name: str = "b") -> Node:
    return n(name, *inputs, writes=writes)


@pytest.mark.parametrize(
    ("steps", "second", "count"),
    [
        (("a", "b"), alone("input"), 2),
        (("a", "b"), alone("a"), 1),
        (("a", "b"), alone("input", "a.answer"), 1),
        (("a", "b"), alone("draft"), 1),  # which a writes
        (("a", "b"), alone("input", writes="draft"), 1),  # who is last must stay last
        (("a", "a", "b"), alone("input"), 1),  # a second time is another step
        (("a", Vote(("b",)), "b"), alone("input"), 1),
        (("b", "a"), alone("draft"), 2),  # reading what is written afterwards again is no reading
    ],
)
def test_nodes_that_do_not_read_each_other_may_run_at_the_same_time(
    steps: Block, second: Node, count: int
) -> None:
    nodes = {"a": n("a", writes="draft"), "b": second}
    assert independent(steps, 0, nodes) == count
    assert independent(steps, len(steps) - 1, nodes) == 1


@pytest.mark.parametrize(
    ("steps", "most"),
    [
        (("a", "b"), 2),
        ((Branch("k", (("x", ("a", "b")), ("y", ("a",))), ()),), 2),
        ((Loop(("a", "b"), "b", "ok", 3),), 6),
        ((Each("list", "x", ("a", "b"), "y", 4),), 8),
        ((Vote((Vote(("a",), 2), "b"), 3),), 9),
        ((Best(("a",), "b", 3),), 6),
        ((Best(("a",), "talked", 3),), 18),  # who grades may have roles too
        (("talked",), 5),
        ((Loop((Branch("k", (("x", ("talked",)),), ("a",)),), "a", "ok", 2),), 10),
    ],
)
def test_the_most_steps_of_a_block(steps: Block, most: int) -> None:
    nodes = {"a": A, "b": B, "talked": n("talked", roles=ROLES, rounds=2)}
    assert most_steps(steps, nodes) == most


@given(agents_with_flows())
def test_no_forward_pass_takes_more_steps_than_was_said(made: Agent) -> None:
    nodes = {node.name: node for node in made.nodes}
    most, runs = most_steps(made.flow.steps, nodes), runs_of(made.flow.steps)
    for found in forward(made, ROWS, Rounds(by_chance)):
        assert len(found.steps) <= most <= made.flow.limit
        speaking = Counter(step.node for step in found.steps if ":" in step.path)
        whole = Counter(step.node for step in found.steps) - speaking
        assert not whole - runs
        # The answer is one of those that were named, and every value was there to be read.
        assert found.end.node in made.ends
        assert found.answer == found.end.output["answer"]


@given(agents_with_flows())
def test_a_row_that_has_the_columns_is_all_that_an_agent_reads(made: Agent) -> None:
    rows = [replace(row, inputs={name: row.inputs[name] for name in made.columns}) for row in ROWS]
    assert len(forward(made, rows, Rounds(by_chance))) == len(rows)
    for name in made.columns:
        nowhere = [replace(row, inputs={k: v for k, v in row.inputs.items() if k != name})
                   for row in rows]  # fmt: skip
        # A branch may never come to it; where it does, that is said and nothing else happens.
        try:
            forward(made, nowhere, Rounds(by_chance))
        except InputError as problem:
            assert f"reads {name!r}, which the data does not have" in str(problem)


@given(agents_with_flows(), st.data())
def test_a_flow_without_one_of_its_nodes_is_refused(made: Agent, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([node.name for node in made.nodes]))
    rest = tuple(node for node in made.nodes if node.name != name)
    with pytest.raises(InputError, match=f"the flow names '{name}', which is no node"):
        replace(made, nodes=rest)


@given(agents_with_flows())
def test_walking_through_a_flows_parts(made: Agent) -> None:
    steps = made.flow.steps
    parts = parts_of(steps)
    nodes = [part for part in parts if isinstance(part, str)]
    graders = [part.by for part in parts if isinstance(part, Best)]
    assert Counter(names_of(steps)) == Counter(nodes)
    assert not Counter(graders) - Counter(nodes)  # who grades is a part like others
    assert mapped(steps, lambda block: block) == steps
    longer = mapped(steps, lambda block: (*block, "more") if block else block)
    bodies = sum(1 for _ in _blocks(steps))
    assert Counter(names_of(longer))["more"] == bodies


def _blocks(block: Block) -> list[Block]:
    """All blocks that hold something; what grades is no block that can change."""
    found = [block] if block else []
    for part in block:
        if not isinstance(part, str):
            inside = part.blocks[:1] if isinstance(part, Best) else part.blocks
            found += [inner for each in inside for inner in _blocks(each)]
    return found


@pytest.mark.parametrize(
    ("flow", "lines"),
    [
        (Flow(("a", "b")), ["a", "b"]),
        (
            Flow((Branch("kind", (("pay", ("a", "b")), ("wait", ())), ("c",)), "d")),
            [
                "branch on kind",
                "├─ pay",
                "│  ├─ a",
                "│  └─ b",
                "├─ wait",
                "└─ else",
                "   └─ c",
                "d",
            ],
        ),
        (
            Flow((Branch("kind", (("pay", ("a",)),)),)),
            ["branch on kind", "└─ pay", "   └─ a"],
        ),
        (
            Flow((Loop(("a", "b"), "b", "ok", 4),)),
            ["loop until b is ok, 4 times at most", "├─ a", "└─ b"],
        ),
        (
            Flow((Each("list", "one", ("a",), "all", 5),)),
            ["for each one of list, 5 at most, as all", "└─ a"],
        ),
        (
            Flow((Vote((Best(("a",), "g", 2), "b"), 3),)),
            ["vote of 3", "├─ best of 2 by g", "│  └─ a", "└─ b"],
        ),
        (
            Flow(("a",), 7, "draft", (("note", ""), ("check", "no")), 90),
            [
                "a",
                "at first note is ''",
                "at first check is 'no'",
                "the answer is draft",
                "7 steps at most",
                "no new turn after 90 tokens",
            ],
        ),
    ],
)
def test_a_flow_is_drawn_a_line_a_part(flow: Flow, lines: list[str]) -> None:
    assert flow_lines(flow) == lines


@given(agents_with_flows())
def test_a_drawing_names_every_node_as_often_as_it_stands(made: Agent) -> None:
    drawn = flow_lines(Flow(made.flow.steps, made.flow.limit))
    nodes = Counter(line.lstrip("│├└─ ") for line in drawn)
    graders = Counter(p.by for p in parts_of(made.flow.steps) if isinstance(p, Best))
    for name in made.flow.names():
        assert nodes[name] == Counter(names_of(made.flow.steps))[name] - graders[name]
    assert all(line == line.rstrip() for line in drawn)


def test_a_chain_is_plain_and_nothing_else_is() -> None:
    assert Flow(("a", "b")).plain
    assert not Flow(("a", Vote(("b",)))).plain
    assert not Flow(("a", "b"), answer="a").plain


@pytest.mark.parametrize("part", [Vote, lambda body: Best(body, "b")])
def test_who_votes_or_is_graded_must_answer(part: Any) -> None:
    listed = Each("input", "line", ("a",), "lines")
    nodes = {name: Node(name, ()) for name in "abc"}
    with pytest.raises(InputError, match="must end with a node's answer"):
        check_flow(Flow((part((listed,)), *(["b"] if part is Vote else []), "c"), 99), nodes)


def test_many_branches_in_a_row_are_checked_at_once() -> None:
    """Each may do nothing, so that what stands before all of them may be last."""
    kind = Node("kind", (), output=Contract((Field(type="choice", choices=("a", "b")),)))
    one = Branch("kind", (("a", ()), ("b", ())))
    agent = Agent("many", (kind,), Flow(("kind", *[one] * 200)))
    assert agent.ends == ("kind",)
