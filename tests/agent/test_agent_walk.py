"""Walking through a flow: which nodes run, what they read, and what goes to the engine together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from slearn.agent import (
    LUCKY,
    Agent,
    Best,
    Branch,
    Contract,
    Demo,
    Each,
    Field,
    Flow,
    Loop,
    Node,
    Part,
    Role,
    Step,
    Trajectory,
    Vote,
    forward,
    last_asks,
)
from slearn.agent.walk import items_of
from slearn.engine import GREEDY, GenerateRequest, Sampling, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.values import Example, Usage
from tests.agent.flows import ROWS, Rounds, agents_with_flows, asked, by_chance

CHOICE = Contract((Field("answer", "choice", choices=("yes", "no")),))
Said = str | Sequence[str] | Callable[[str], str]


def n(name: str, *inputs: str, **settings: Any) -> Node:
    return Node(name, (f"Be {name}.",), inputs or ("input",), **settings)


def agent(nodes: list[Node], *steps: Part, **settings: Any) -> Agent:
    return Agent("a", tuple(nodes), Flow(steps, **{"limit": 200, **settings}))


def saying(said: Mapping[str, Said]) -> Rounds:
    """An engine whose nodes say a text, texts one after the other, or something about the input."""
    left = {name: iter(one) for name, one in said.items() if isinstance(one, list | tuple)}

    def script(request: GenerateRequest) -> str:
        name = request.where.split("'")[1]
        one = said.get(name, lambda seen: f"{name}({seen})".replace("\n", ";"))
        if name in left:
            return next(left[name])
        return one if isinstance(one, str) else one(request.messages[-1].content)  # type: ignore[operator]

    return Rounds(script)


def row(name: str = "1", **inputs: str) -> Example:
    return Example(name, {"input": "x", **inputs})


def run(made: Agent, engine: Rounds, *rows: Example, **settings: Any) -> list[Trajectory]:
    return forward(made, rows or [row()], engine, **settings)


def paths(found: Trajectory) -> list[str]:
    return [step.path for step in found.steps]


def step(found: Trajectory, path: str) -> Step:
    (one,) = [each for each in found.steps if each.path == path]
    return one


# Branches


def test_a_branch_takes_the_block_of_the_case_or_the_other_one() -> None:
    made = agent(
        [n("kind"), n("pay"), n("wait"), n("talk")],
        "kind",
        Branch("kind", (("refund", ("pay", "wait")), ("hold", ("wait",))), ("talk",)),
    )
    engine = saying({"kind": lambda seen: seen})
    found = run(made, engine, *(row(t, input=t) for t in ("refund", "hold", "thanks", "Hold")))
    assert [[s.node for s in one.steps[1:]] for one in found] == [
        ["pay", "wait"],
        ["wait"],
        ["talk"],
        ["talk"],  # a case is its value to the letter
    ]
    # The choice led there, though nobody reads it.
    assert step(found[0], "pay").reads == step(found[2], "talk").reads == ("kind",)
    assert step(found[0], "kind").reads == ()
    assert [one.answer for one in found] == ["wait(refund)", "wait(hold)", "talk(thanks)"] + [
        "talk(Hold)"
    ]


def test_a_branch_may_go_by_the_data_and_spaces_around_a_value_do_not_count() -> None:
    made = agent([n("a"), n("b")], Branch("kind", (("x", ("a",)),), ("b",)))
    found = run(made, saying({}), row("1", kind=" x\n"), row("2", kind="y"))
    assert [one.end.node for one in found] == ["a", "b"]
    assert found[0].end.reads == ()


def test_spaces_around_a_case_and_around_the_value_of_a_loop_do_not_count() -> None:
    spaced = Contract((Field("answer", "choice", choices=("yes ", "no")),))
    made = agent([n("k", output=spaced), n("a"), n("b")], "k",
                 Branch("k", (("yes ", ("a",)),), ("b",)))  # fmt: skip
    assert run(made, saying({"k": "yes "}))[0].end.node == "a"
    again = agent([n("k", output=spaced)], Loop(("k",), "k", " yes", 4))
    assert len(run(again, saying({"k": ["no", "yes ", "no"]}))[0].steps) == 2


def test_where_no_case_fits_and_nothing_else_stands_the_answer_is_what_was_before() -> None:
    made = agent([n("a"), n("b")], "a", Branch("kind", (("x", ("b",)),)))
    found = run(made, saying({}), row("1", kind="x"), row("2", kind="y"))
    assert [(one.answered, one.answer) for one in found] == [("b", "b(x)"), ("a", "a(x)")]


def test_what_stands_behind_a_branch_was_not_led_there_by_it() -> None:
    made = agent([n("kind"), n("a"), n("b")], "kind", Branch("kind", (("x", ("a",)),)), "b")
    found = run(made, saying({"kind": "x"}))[0]
    assert (step(found, "a").reads, step(found, "b").reads) == (("kind",), ())


def test_a_branch_in_a_branch_was_led_to_by_both() -> None:
    inner = Branch("b", (("y", ("c",)),), ("a",))
    made = agent([n("a"), n("b"), n("c")], "a", Branch("a", (("x", ("b", inner)),)))
    found = run(made, saying({"a": "x", "b": "y"}))[0]
    assert step(found, "c").reads == ("a", "b")


def test_who_writes_one_name_is_read_by_it_whichever_ran() -> None:
    made = agent(
        [n("a", writes="draft"), n("b", writes="draft"), n("c", "draft")],
        Branch("kind", (("x", ("a",)),), ("b",)),
        "c",
    )
    found = run(made, saying({}), row("1", kind="x"), row("2", kind="y"))
    assert [one.answer for one in found] == ["c(a(x))", "c(b(x))"]
    assert [one.end.reads for one in found] == [("a",), ("b",)]


# Loops


def loop(most: int = 5, **settings: Any) -> Agent:
    """A draft that is written again until the check says yes; at first there is neither."""
    return agent(
        [n("write", "input", "draft", writes="draft"), n("check", "draft", output=CHOICE)],
        Loop(("write", "check"), "check", "yes", most),
        start=(("draft", "nothing"),),
        **settings,
    )


def test_a_loop_ends_when_the_name_has_the_value() -> None:
    engine = saying({"write": ["one", "two", "three"], "check": ["no", "no", "yes"]})
    found = run(loop(), engine)[0]
    assert [s.node for s in found.steps] == ["write", "check"] * 3
    drafts = [s.inputs["draft"] for s in found.steps if s.node == "write"]
    assert drafts == ["nothing", "one", "two"]  # of the first turn what `start` says
    assert found.answer == "yes" and found.answered == found.steps[-1].path


def test_a_loop_ends_after_so_many_turns_at_the_latest() -> None:
    engine = saying({"check": "no"})
    assert len(run(loop(3), engine)[0].steps) == 6
    assert len(run(loop(1), engine)[0].steps) == 2


def test_each_turn_of_a_loop_is_led_to_by_the_checks_before_it() -> None:
    made = loop(3)
    made = replace(made, nodes=(*made.nodes, n("end", "draft")),
                   flow=replace(made.flow, steps=(*made.flow.steps, "end")))  # fmt: skip
    found = run(made, saying({"check": "no"}))[0]
    write, check = paths(found)[:-1:2], paths(found)[1:-1:2]
    assert [s.reads for s in found.steps] == [
        (),
        (write[0],),
        (write[0], check[0]),
        (write[1], check[0]),
        (write[1], check[0], check[1]),
        (write[2], check[0], check[1]),
        (write[2],),  # what stands behind the loop would have run whatever the checks said
    ]


def test_examples_leave_a_loop_each_at_its_own_time_and_share_the_rounds() -> None:
    def enough(seen: str) -> str:
        return "yes" if seen.count("write(") >= int(seen.strip("write()")) else "no"

    made = agent(
        [
            n("first", writes="draft"),
            n("write", "draft", writes="draft"),
            n("check", "draft", output=CHOICE),
        ],
        "first",
        Loop(("write", "check"), "check", "yes", 9),
    )
    engine = saying({"first": lambda seen: seen, "check": enough})
    found = run(made, engine, *(row(str(k), input=str(k)) for k in (3, 1, 2)))
    assert [len(one.steps) for one in found] == [7, 3, 5]
    assert [len(asked) for asked in engine.asked] == [3, 3, 3, 2, 2, 1, 1]


def test_an_answer_that_is_named_counts_and_not_what_ran_last() -> None:
    engine = saying({"write": ["one", "two"], "check": ["no", "yes"]})
    found = run(loop(answer="draft"), engine)[0]
    assert found.answer == "two"
    assert found.end.node == "write" and found.end.path == found.answered
    assert found.steps[-1].node == "check"


def test_no_turn_begins_after_so_many_tokens() -> None:
    said = {"write": "five words are written here", "check": "no"}
    assert len(run(loop(9, tokens=12), saying(said))[0].steps) == 4  # 6 tokens a turn
    assert len(run(loop(9, tokens=13), saying(said))[0].steps) == 6
    assert len(run(loop(9, tokens=1), saying(said))[0].steps) == 2  # one turn there always is


def test_what_was_written_before_a_vote_counts_inside_it() -> None:
    made = agent(
        [n("long"), n("short")],
        "long",
        Vote((Loop(("short",), "short", "never", 9),), 1),
        tokens=6,
    )
    found = run(made, saying({"long": "four words of it", "short": "word"}))[0]
    assert [s.node for s in found.steps] == ["long", "short", "short"]


def test_no_turn_begins_when_time_is_up() -> None:
    turns = iter([False, False, True])
    found = run(loop(9), saying({"check": "no"}), late=lambda: next(turns))[0]
    assert len(found.steps) == 6
    made = agent(
        [n("a"), n("b", "item"), n("g", "a", output=Contract((Field("answer", "number"),)))],
        Vote(("a",), 4),
        Each("list", "item", ("b",), "all"),
        Best(("a",), "g", 4),
    )
    late = run(made, saying({"g": "1"}), row(list="p\nq"), late=lambda: True)[0]
    assert [s.node for s in late.steps] == ["a", "b", "a", "g"]
    whole = run(made, saying({"g": "1"}), row(list="p\nq"))[0]
    assert len(whole.steps) == 4 + 2 + 8


# Lists


def listed(most: int = 8) -> Agent:
    return agent(
        [n("part", "item", "input"), n("whole", "all")],
        Each("list", "item", ("part",), "all", most),
        "whole",
    )


@pytest.mark.parametrize("text", ["p\nq\nr", '["p", "q", "r"]', " p \n\n q\n\t\nr\n"])
def test_a_list_runs_its_block_for_every_item(text: str) -> None:
    engine = saying({"part": lambda seen: seen.splitlines()[0].removeprefix("item: ").upper()})
    found = run(listed(), engine, row(list=text))[0]
    assert [s.inputs for s in found.steps[:-1]] == [{"item": i, "input": "x"} for i in "pqr"]
    assert found.end.inputs == {"all": "P\nQ\nR"}
    # All at once, and who reads the whole has read every item's step.
    assert [len(asked) for asked in engine.asked] == [3, 1]
    assert found.end.reads == tuple(paths(found)[:-1])


def test_of_a_longer_list_the_first_items_count() -> None:
    found = run(listed(2), saying({}), row(list="p\nq\nr"))[0]
    assert [s.inputs["item"] for s in found.steps[:-1]] == ["p", "q"]
    assert found.warnings == ("of the list 'list' only 2 of the 3 items counted: `most` is 2",)
    assert found.as_json()["warnings"] == list(found.warnings)


def test_a_list_says_that_time_was_up_and_nothing_where_nothing_was_left_out() -> None:
    said = "of the list 'list' only 1 of the 2 items counted: time or tokens are up"
    rows = [row("1", list="p\nq"), row("2", list="p")]
    late = run(listed(2), saying({}), *rows, late=lambda: True)
    assert [found.warnings for found in late] == [(said,), ()]
    whole = run(listed(2), saying({}), *rows)
    assert [found.warnings for found in whole] == [(), ()]
    assert "warnings" not in whole[0].as_json()


def test_what_a_list_left_out_inside_votes_is_said_once() -> None:
    nodes = [n("part", "item"), n("whole", "all")]
    made = agent(nodes, Vote((Each("list", "item", ("part",), "all", 1), "whole"), 3))
    found = run(made, saying({}), row(list="p\nq"))[0]
    assert len(found.steps) == 6 and len(found.warnings) == 1


def test_an_empty_list_leaves_an_empty_text() -> None:
    engine = saying({})
    found = run(listed(), engine, row("1", list=""), row("2", list="p"))
    assert [s.node for s in found[0].steps] == ["whole"]
    assert (found[0].end.inputs, found[0].end.reads) == ({"all": ""}, ())
    assert len(found[1].steps) == 2


def test_an_item_comes_from_whoever_wrote_the_list_and_nothing_leaves_the_block() -> None:
    made = agent(
        [n("split"), n("part", "item", writes="draft"), n("whole", "draft", "all")],
        "split",
        Each("split", "item", ("part",), "all"),
        "whole",
        start=(("draft", "untouched"),),
    )
    found = run(made, saying({"split": '["p", {"q": 1}, 2]'}))[0]
    assert [s.inputs["item"] for s in found.steps[1:4]] == ["p", '{"q": 1}', "2"]
    assert [s.reads for s in found.steps[1:4]] == [("split",)] * 3
    assert found.end.inputs["draft"] == "untouched"


def test_items_are_those_of_an_array_or_lines() -> None:
    assert items_of("[]") == items_of(" \n ") == []
    assert items_of('{"a": 1}') == ['{"a": 1}']
    assert items_of('["a", 1, null, ["b"]]') == ["a", "1", "null", '["b"]']
    assert items_of("3") == ["3"]


# Votes


def by_seed(said: Mapping[str, Sequence[str]]) -> Rounds:
    """An engine whose nodes say what stands at the place of their seed."""

    def script(request: GenerateRequest) -> str:
        texts = said[request.where.split("'")[1]]
        return texts[request.seed // 7919 % len(texts)]

    return Rounds(script)


def test_a_vote_takes_the_commonest_answer_of_equals_the_first() -> None:
    made = agent([n("a"), n("b", "a")], Vote(("a",), 5), "b")
    found = run(made, by_seed({"a": ["x", "Y", "z", "y ", "q"], "b": ["end"]}))[0]
    assert found.end.inputs == {"a": "Y"}  # capitals and spaces left aside
    assert found.end.reads == (found.steps[1].path,)
    found = run(made, by_seed({"a": ["x", "y", "y", "x", "q"], "b": ["end"]}))[0]
    assert found.end.reads == (found.steps[0].path,)


def test_a_vote_at_the_end_is_the_answer() -> None:
    found = run(agent([n("a")], Vote(("a",), 3)), by_seed({"a": ["x", "y", "y"]}))[0]
    assert (found.answer, found.answered) == ("y", found.steps[1].path)
    assert len(found.steps) == 3


def test_the_first_votes_greedily_and_the_others_by_luck_of_their_own() -> None:
    engine = saying({"a": "x"})
    run(agent([n("a")], Vote(("a",), 4)), engine, seed=5)
    (requests,) = engine.asked
    assert [r.sampling for r in requests] == [GREEDY, LUCKY, LUCKY, LUCKY]
    assert requests[0].seed == 5 and len({r.seed for r in requests}) == 4
    assert LUCKY.temperature > 0


def test_votes_in_votes_are_all_drawn_anew() -> None:
    engine = saying({"a": "x"})
    made = agent([n("a")], Vote((Vote(("a",), 3), "a"), 2))
    found = run(made, engine)[0]
    first, second = engine.asked
    assert len({r.seed for r in first}) == 6
    assert [r.sampling == GREEDY for r in first] == [True, *[False] * 5]
    assert len(second) == 2 and len(set(paths(found))) == 8


def test_the_sampling_that_was_asked_for_is_that_of_the_first() -> None:
    engine = saying({"a": "x"})
    warm = Sampling(0.3)
    run(agent([n("a")], Vote(("a",), 2)), engine, sampling=warm)
    assert [r.sampling for r in engine.asked[0]] == [warm, LUCKY]


# The best of several

GRADE = Contract((Field(max_chars=40),))


def graded(times: int = 3) -> Agent:
    nodes = [n("a", writes="draft"), n("g", "a", output=GRADE), n("b", "draft")]
    return agent(nodes, Best(("a",), "g", times), "b")


@pytest.mark.parametrize(
    ("grades", "best"),
    [
        (("3", "5", "4"), "q"),
        (("3", "5", "5"), "q"),  # of equals the first
        (("-1", "-2.5", "-0.5"), "r"),
        (("no idea", "1 of 10", "hm"), "q"),  # without a number is worse than any
        (("no", "none", "nothing"), "p"),
        (("It is a 7, not a 9.", "8", "6.5"), "q"),  # the first number counts
    ],
)
def test_the_answer_with_the_best_grade_stays(grades: tuple[str, ...], best: str) -> None:
    by_answer = dict(zip("pqr", grades, strict=True))

    def script(request: GenerateRequest) -> str:
        name, seen = request.where.split("'")[1], request.messages[-1].content
        if name == "a":
            return "pqr"[request.seed // 7919]
        return by_answer[seen] if name == "g" else seen

    found = run(graded(), Rounds(script))[0]
    assert found.answer == best
    assert step(found, found.end.reads[0]).text == best
    assert sum(s.node == "g" for s in found.steps) == 3


def test_equal_grades_are_told_apart_by_their_likelihoods() -> None:
    grades = Contract((Field(type="choice", choices=("1", "5"), decide="likelihood"),))
    made = agent([n("a"), n("g", "a", output=grades)], Best(("a",), "g", 3))
    sure = {"p": 0.6, "q": 0.9, "r": 0.8}  # of a 5: it is the likeliest of all three

    class Sure(Rounds):
        def score(
            self, requests: Sequence[ScoreRequest], watch: Watcher | None = None
        ) -> list[Score]:
            five = [sure[request.messages[-1].content] for request in requests]
            return [Score((math.log(1 - p), math.log(p)), Usage()) for p in five]

    found = run(made, Sure(lambda request: "pqr"[request.seed // 7919]))[0]
    assert found.answer == "q"
    graded = [s for s in found.steps if s.node == "g"]
    assert {s.text for s in graded} == {"5"}
    assert [round(s.expected or 0, 6) for s in graded] == [3.4, 4.6, 4.2]
    assert graded[0].as_json()["expected"] == 3.4


def test_who_grades_is_not_by_luck_and_what_it_says_is_no_answer() -> None:
    made = agent([n("a"), n("g", "a", output=GRADE)], Best(("a",), "g", 3))
    engine = by_seed({"a": ["p", "q", "r"], "g": ["1"]})
    found = run(made, engine)[0]
    assert (found.answer, found.end.node) == ("p", "a")
    assert [r.sampling for r in engine.asked[1]] == [GREEDY] * 3


def test_the_best_of_votes_is_what_the_vote_chose() -> None:
    made = agent([n("a"), n("g", "a", output=GRADE)], Best((Vote(("a",), 3),), "g", 1))
    found = run(made, by_seed({"a": ["good", "good", "bad"], "g": ["1"]}))[0]
    assert found.answer == "good"  # though a bad one was the last to be written


# Roles

ROLES = (Role("critic", "Name the weakest point."), Role("fan", "Praise it."))


def test_roles_speak_in_turn_and_the_node_reads_the_talk() -> None:
    engine = Rounds(lambda request: f"said {len(request.messages[-1].content.splitlines())}")
    node = n("a", "input", "topic", roles=ROLES, rounds=2)
    found = run(agent([node], "a"), engine, row(topic="t"))[0]
    talks = [s.inputs["talk"] for s in found.steps]
    lines = ["critic: said 3", "fan: said 3", "critic: said 4", "fan: said 5"]
    assert talks == ["\n".join(lines[:count]) for count in range(5)]
    assert [s.node for s in found.steps] == ["a"] * 5
    assert len(set(paths(found))) == 5
    # Each speaks after the one before, and the node after the last.
    assert [s.reads for s in found.steps] == [(), *((path,) for path in paths(found)[:-1])]
    heads = [requests[0].messages[0].content for requests in engine.asked]
    assert ["You are critic. Name the weakest point." in head for head in heads] == [
        True, False, True, False, False,
    ]  # fmt: skip
    assert all("Be a." in head for head in heads)
    assert found.answered == "a"


def test_nodes_with_and_without_roles_run_together() -> None:
    engine = saying({})
    made = agent([n("a", roles=ROLES), n("b"), n("c", roles=ROLES[:1])], "a", "b", "c")
    found = run(made, engine)[0]
    assert [len(requests) for requests in engine.asked] == [2, 1, 3]
    assert [s.path for s in found.steps[-3:]] == ["a", "b", "c"]
    assert "talk" not in step(found, "b").inputs
    assert step(found, "c").inputs["talk"].count("\n") == 0


def test_a_demo_shows_no_talk_and_the_step_can_be_asked_again() -> None:
    demo = Demo({"input": "hot"}, {"answer": "cold"})
    made = agent([n("a", roles=ROLES, demos=(demo,))], "a")
    engine = saying({"a": "x"})
    found = run(made, engine)[0]
    last = engine.asked[-1][0]
    assert last.messages[1].content == "input: hot\ntalk: "
    again = asked(made, found.example, found.end)
    assert again.node.inputs == ("input", "talk") and again.inputs == found.end.inputs
    assert not again.node.roles and again.node.demos[0].inputs == {"input": "hot", "talk": ""}


# What goes to the engine together


def test_independent_nodes_of_all_examples_are_one_round() -> None:
    engine = saying({})
    made = agent([n("a"), n("b"), n("c", "a", "b"), n("d", "b")], "a", "b", "c", "d")
    found = run(made, engine, *(row(str(k), input=f"x{k}") for k in range(3)))
    assert [len(requests) for requests in engine.asked] == [6, 6]
    assert [s.node for s in found[2].steps] == ["a", "b", "c", "d"]
    assert found[2].answer == "d(b(x2))"
    assert step(found[1], "c").reads == ("a", "b")


def test_other_nodes_of_other_examples_are_one_round_too() -> None:
    made = agent([n("a"), n("b"), n("c")], Branch("kind", (("x", ("a",)),), ("b", "c")))
    engine = saying({})
    run(made, engine, row("1", kind="x"), row("2", kind="y"))
    assert [[r.where for r in requests] for requests in engine.asked] == [
        ["node 'a', example 1", "node 'b', example 2", "node 'c', example 2"]
    ]


def test_parts_in_parts() -> None:
    """A vote inside a branch inside a loop, in which the draft is made better turn by turn."""
    better = Vote(("better",), 3)
    made = agent(
        [
            n("kind", "draft", output=CHOICE),
            n("better", "draft", writes="draft"),
            n("worse", "draft", writes="draft"),
            n("check", "draft", output=CHOICE),
        ],
        Loop(
            ("kind", Branch("kind", (("yes", (better,)),), ("worse",)), "check"), "check", "yes", 4
        ),
        start=(("draft", "d"),),
        answer="draft",
    )

    def script(request: GenerateRequest) -> str:
        name, seen = request.where.split("'")[1], request.messages[-1].content
        if name == "kind":
            return "yes" if len(seen) % 2 else "no"
        if name == "check":
            return "yes" if len(seen) > 5 else "no"
        return seen + {"worse": "w", "better": "bB"[: 1 + (request.seed > 0)]}[name]

    found = run(made, Rounds(script))[0]
    # d, dbB (as two of three say), dbBbB, dbBbBbB: odd all the way
    assert found.answer == "dbBbBbB"
    assert [s.node for s in found.steps] == ["kind", *["better"] * 3, "check"] * 3
    assert len(set(paths(found))) == 15
    kinds, checks = [[s for s in found.steps if s.node == k] for k in ("kind", "check")]
    last = found.end
    assert last.reads[-1] == kinds[2].path
    assert set(last.reads) - {kinds[2].path} >= {checks[0].path, checks[1].path}


@given(agents_with_flows())
def test_every_step_has_a_path_of_its_own_and_reads_steps_before_it(made: Agent) -> None:
    for found in forward(made, ROWS, Rounds(by_chance)):
        names = paths(found)
        assert len(set(names)) == len(names)
        for place, one in enumerate(found.steps):
            assert set(one.reads) <= set(names[:place])
            assert len(set(one.reads)) == len(one.reads)
        assert found.answered in names


@pytest.mark.parametrize(
    "steps",
    [
        (Vote(("a",), 2), Vote(("a",), 2), "a"),
        (Each("list", "x", ("a",), "y"), Each("list", "x", ("a",), "z"), "a"),
        (Vote((Vote(("a",), 2), "a"), 2),),
        (Loop(("a", Loop(("a",), "a", "never", 2)), "a", "never", 2),),
        (Loop((Vote((Loop(("a",), "a", "never", 2),), 2),), "a", "never", 2),),
        (Vote((Each("list", "x", ("a", "a"), "y"), "a"), 2), "a"),
    ],
)
def test_a_node_that_stands_in_many_places_takes_steps_that_can_be_told_apart(
    steps: tuple[Part, ...],
) -> None:
    found = run(agent([n("a")], *steps), saying({}), row(list="p\nq"))[0]
    assert len(set(paths(found))) == len(found.steps) > 4


@given(agents_with_flows())
def test_examples_do_not_meddle_with_each_other(made: Agent) -> None:
    together = forward(made, ROWS, Rounds(by_chance))
    alone = [forward(made, [one], Rounds(by_chance))[0] for one in ROWS]
    assert together == alone


@given(agents_with_flows())
def test_a_way_that_is_known_is_gone_again_without_asking(made: Agent) -> None:
    found = forward(made, ROWS, Rounds(by_chance))
    engine = Rounds(by_chance)
    asks = last_asks([(made, ROWS)], engine, taken=[one.steps for one in found])
    assert engine.asked == [] and engine.rounds == 0
    for trajectory, own in zip(found, asks, strict=True):
        steps = {one.path: one for one in trajectory.steps}
        assert trajectory.answered in {ask.path for ask in own}
        for ask in own:
            one = steps[ask.path]
            again = asked(made, trajectory.example, one)
            assert (ask.node, ask.inputs, ask.reads) == (again.node, one.inputs, one.reads)


@given(agents_with_flows())
def test_what_is_not_known_is_asked_as_the_forward_pass_asks_it(made: Agent) -> None:
    """So that what it has paid for is free, and the answers alone are not asked."""
    first, second = Rounds(by_chance), Rounds(by_chance)
    forward(made, ROWS, first)
    last_asks([(made, ROWS)], second)
    paid = {request.key() for requests in first.asked for request in requests}
    assert {request.key() for requests in second.asked for request in requests} <= paid


def test_of_nodes_that_run_together_at_the_end_the_last_is_the_answer() -> None:
    engine = saying({})
    (own,) = last_asks([(agent([n("a"), n("b")], "a", "b"), [row()])], engine)
    assert [ask.path for ask in own] == ["b"]
    assert [r.where for requests in engine.asked for r in requests] == ["node 'a', example 1"]


def test_all_that_vote_are_asked_for_wherever_they_ended() -> None:
    made = agent([n("a"), n("b")], Vote(("a", Branch("a", (("x", ("b",)),))), 3))
    (own,) = last_asks([(made, [row()])], by_seed({"a": ["x", "y", "x"], "b": ["z"]}))
    assert [ask.node.name for ask in own] == ["b", "a", "b"]


def test_where_the_flow_goes_on_behind_its_answer_that_runs_too() -> None:
    engine = saying({"write": ["one", "two"], "check": ["no", "yes"]})
    (own,) = last_asks([(loop(answer="draft"), [row()])], engine)
    assert [(ask.node.name, ask.inputs["draft"]) for ask in own] == [("write", "one")]
    assert len(engine.asked) == 4


def test_what_a_flow_starts_with_counts_and_not_a_column_of_that_name() -> None:
    node = Node("n", ("Say it.",), ("mood",))
    agent = Agent("a", (node,), Flow(("n",), start=(("mood", "calm"),)))
    (found,) = forward(agent, [Example("1", {"mood": "wild"})], ScriptedEngine())
    assert agent.columns == () and found.end.inputs == {"mood": "calm"}
