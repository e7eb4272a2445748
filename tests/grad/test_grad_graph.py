"""The graph of what happened and the walk back over it, against a naive reckoning of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given

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
    Step,
    Trajectory,
    Vote,
    forward,
)
from slearn.engine import GenerateRequest
from slearn.grad import Gradient, backward
from slearn.grad.graph import Graph
from slearn.loss import LanguageLoss
from slearn.values import Example, Usage
from tests.agent.flows import ROWS, Rounds, agents_with_flows, by_chance
from tests.grad.test_grad_backward import Mind, loss_of

FEW = 6  # so many readers' words are never clipped


def n(name: str, *inputs: str, **settings: Any) -> Node:
    return Node(name, (f"Be {name}.",), inputs or ("input",), **settings)


def ran(nodes: list[Node], *steps: Part, said: dict[str, str] | None = None,
        **settings: Any) -> tuple[Agent, Trajectory]:  # fmt: skip
    """An agent, and what it did on a row whose nodes say what is given, or their names."""

    def script(request: GenerateRequest) -> str:
        name = request.where.split("'")[1]
        return (said or {}).get(name, f"{name} said")

    made = Agent("a", tuple(nodes), Flow(steps, **{"limit": 100, **settings}))
    row = Example("e", {"input": "x", "list": "p\nq", "kind": "x"})
    return made, forward(made, [row], Rounds(script))[0]


def back(made: Agent, found: Trajectory) -> tuple[list[Gradient], dict[str, str]]:
    """The gradients, and the prompt that each step's was asked with."""
    mind = Mind()
    (gradients,) = backward(made, [found], [loss_of("e")], Rounds(mind))
    graph = Graph.of(found)
    order = [place for depth in range(graph.depth + 1) for place in graph.at(depth)]
    return gradients, {
        found.steps[place].path: text for place, text in zip(order, mind.texts, strict=True)
    }


def said_of(prompt: str) -> list[str]:
    """What the steps after one needed of it, without the needs themselves."""
    return [line.split(" needed:")[0] for line in prompt.splitlines() if " needed: The" in line]


# The reference: no code of slearn.grad, and slow.


def readers(steps: Sequence[Step], place: int) -> list[int]:
    return [other for other, step in enumerate(steps) if steps[place].path in step.reads]


def longest(steps: Sequence[Step], place: int, end: int) -> int | None:
    """The longest way from a step to the answer over those that read each other; None if none."""
    if place == end:
        return 0
    ways = [longest(steps, other, end) for other in readers(steps, place)]
    return max((way + 1 for way in ways if way is not None), default=None)


def reckoned(found: Trajectory) -> list[int | None]:
    end = next(i for i, step in enumerate(found.steps) if step.path == found.answered)
    return [longest(found.steps, place, end) for place in range(len(found.steps))]


@given(agents_with_flows(most=40))
def test_readers_and_depths_are_those_of_what_happened(made: Agent) -> None:
    for found in forward(made, ROWS, Rounds(by_chance)):
        graph, depths = Graph.of(found), reckoned(found)
        assert list(graph.depths) == depths
        assert graph.depth == max(d for d in depths if d is not None)
        for place in range(len(found.steps)):
            alive = [r for r in readers(found.steps, place) if depths[r] is not None]
            assert list(graph.readers[place]) == alive
        at = [graph.at(depth) for depth in range(graph.depth + 1)]
        assert sorted(place for places in at for place in places) == [
            place for place, depth in enumerate(depths) if depth is not None
        ]


@given(agents_with_flows(most=40))
def test_gradients_go_back_over_the_steps_that_the_answer_came_from(made: Agent) -> None:
    trajectories = forward(made, ROWS, Rounds(by_chance))
    mind = Mind()
    engine = Rounds(mind)
    losses = [loss_of(found.example.id) for found in trajectories]
    gradients = backward(made, trajectories, losses, engine)
    depths = [reckoned(found) for found in trajectories]
    # One round a depth, all examples in it together, and within one in the order of the steps.
    deepest = max(depth for own in depths for depth in own if depth is not None)
    rounds = [
        [(i, place) for i, own in enumerate(depths) for place, at in enumerate(own) if at == depth]
        for depth in range(deepest + 1)
    ]
    assert [len(requests) for requests in engine.asked] == [len(places) for places in rounds]
    number = {pair: k for k, pair in enumerate(pair for places in rounds for pair in places)}
    for i, (found, own) in enumerate(zip(trajectories, depths, strict=True)):
        alive = [place for place, depth in enumerate(own) if depth is not None]
        assert gradients[i] == [
            Gradient(found.example.id, found.steps[place].node, **mind.said[number[i, place]])
            for place in alive
        ]
        for place in alive:
            text = mind.texts[number[i, place]]
            behind = [r for r in readers(found.steps, place) if own[r] is not None]
            needs = {f"OUTCHANGE-{number[i, reader]}." for reader in behind}
            every = {f"OUTCHANGE-{k}." for k in number.values()}
            assert not {need for need in every - needs if need in text}
            assert len(behind) > FEW or all(need in text for need in needs)
            assert (f"ASSESSMENT-{found.example.id}" in text) == (own[place] == 0)
            assert f"Be {found.steps[place].node}." in text or "Grade it." in text


def test_a_join_hears_both_of_its_readers_by_name() -> None:
    made, found = ran([n("a"), n("b", "a"), n("c", "a"), n("d", "b", "c")], "a", "b", "c", "d")
    gradients, prompts = back(made, found)
    assert [gradient.node for gradient in gradients] == ["a", "b", "c", "d"]
    assert said_of(prompts["a"]) == ["Step 'b'", "Step 'c'"]
    assert said_of(prompts["b"]) == said_of(prompts["c"]) == ["The next step"]
    assert said_of(prompts["d"]) == [] and "ASSESSMENT-e" in prompts["d"]
    assert Graph.of(found).depths == (2, 1, 1, 0)


def test_a_router_hears_where_it_led() -> None:
    nodes = [n("kind"), n("a"), n("b")]
    branch = Branch("kind", (("x", ("a",)),), ("b",))
    made, found = ran(nodes, "kind", branch, said={"kind": "x"})
    gradients, prompts = back(made, found)
    assert [gradient.node for gradient in gradients] == ["kind", "a"]
    assert said_of(prompts["kind"]) == ["It led to step 'a', which"]
    # One that reads the choice too is told as a reader.
    made, found = ran([n("kind"), n("a", "kind"), n("b")], "kind", branch, said={"kind": "x"})
    assert said_of(back(made, found)[1]["kind"]) == ["The next step"]


def test_a_router_to_a_list_is_not_told_that_its_items_were_read() -> None:
    made, found = ran(
        [n("kind"), n("part", "item"), n("whole", "all")],
        "kind",
        Branch("kind", (("x", (Each("list", "item", ("part",), "all"), "whole")),), ("kind",)),
        said={"kind": "x"},
    )
    _, prompts = back(made, found)
    assert said_of(prompts["kind"]) == [
        "It led to step 'part', which",
        "It led to step 'part', which",
        "It led to step 'whole', which",
    ]


def test_all_items_of_a_list_have_gradients_and_who_wrote_the_list_hears_of_them() -> None:
    made, found = ran(
        [n("split"), n("part", "item"), n("whole", "all")],
        "split",
        Each("split", "item", ("part",), "all"),
        "whole",
        said={"split": '["p", "q", "r"]'},
    )
    gradients, prompts = back(made, found)
    assert [gradient.node for gradient in gradients] == ["split", "part", "part", "part", "whole"]
    assert said_of(prompts["split"]) == ["Step 'part'"] * 3
    assert [said_of(prompts[step.path]) for step in found.steps[1:4]] == [["The next step"]] * 3
    assert Graph.of(found).depths == (2, 1, 1, 1, 0)


def test_turns_of_a_loop_are_steps_of_their_own() -> None:
    made, found = ran(
        [n("write", "input", "draft", writes="draft"), n("check", "draft")],
        Loop(("write", "check"), "check", "yes", 3),
        start=(("draft", ""),),
        answer="draft",
    )
    gradients, prompts = back(made, found)
    # The check of the last turn is behind the answer: nothing came from it.
    assert [gradient.node for gradient in gradients] == ["write", "check"] * 2 + ["write"]
    first, check = found.steps[0].path, found.steps[1].path
    # The first draft was read by its check and by the next try; the check led to what followed.
    assert said_of(prompts[first]) == ["Step 'check'", "Step 'write'"]
    assert said_of(prompts[check])[0] == "It led to step 'write', which"
    assert Graph.of(found).depths == (4, 3, 2, 1, 0, None)


def test_of_a_vote_the_one_that_was_taken_gets_the_gradient() -> None:
    made, found = ran([n("a"), n("b", "a")], Vote(("a",), 3), "b")
    gradients, _ = back(made, found)
    assert [gradient.node for gradient in gradients] == ["a", "b"]
    assert Graph.of(found).depths == (1, None, None, 0)


def test_of_the_best_the_one_that_was_taken_gets_the_gradient() -> None:
    grade = n("g", "a", output=Contract((Field("answer", "number"),)))
    made, found = ran([n("a"), grade, n("b", "a")], Best(("a",), "g", 2), "b", said={"g": "1"})
    assert [gradient.node for gradient in back(made, found)[0]] == ["a", "b"]


def test_who_speaks_inside_a_node_gets_a_gradient_too() -> None:
    roles = (Role("critic", "Be short."), Role("fan", "Praise."))
    made, found = ran([n("a", roles=roles)], "a")
    gradients, prompts = back(made, found)
    assert [gradient.node for gradient in gradients] == ["a"] * 3
    assert Graph.of(found).depths == (2, 1, 0)
    assert said_of(prompts[found.steps[0].path]) == ["The next step"]


def test_what_the_answer_does_not_come_from_has_no_gradient() -> None:
    made, found = ran([n("idle"), n("a")], "idle", "a")
    assert [gradient.node for gradient in back(made, found)[0]] == ["a"]
    assert Graph.of(found).readers == ((), ())


def steps(*names: str) -> tuple[Step, ...]:
    return tuple(Step(name, {}, {"answer": ""}, "", True, Usage()) for name in names)


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_steps_without_notes_are_a_chain(count: int) -> None:
    found = Trajectory(Example("e", {}), steps(*"abcd"[:count]), "")
    graph = Graph.of(found)
    assert graph.depths == tuple(reversed(range(count)))
    assert graph.readers == tuple((k + 1,) if k + 1 < count else () for k in range(count))
    assert graph.depth == count - 1


def test_nothing_to_go_back_over_asks_nothing() -> None:
    engine = Rounds(Mind())
    made = Agent("a", (n("a"),), Flow(("a",)))
    assert backward(made, [], [], engine) == [] and engine.asked == []
    empty = Trajectory(Example("e", {}), (), "")
    assert backward(made, [empty], [LanguageLoss("e", "", 1, "")], engine) == [[]]
