"""Tools as parts of a node: what they do to the loss is measured, and those that hurt go."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

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
    render,
)
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.errors import ContextError
from slearn.grad import Attribution, attribute, without
from slearn.grad.attribution import parts
from slearn.optim import DropParts
from slearn.tools import ToolEngine
from slearn.values import Tool, Usage
from tests.optim.proposals import proposal, rows
from tests.optim.writers import BOX, call, caller

pytestmark = pytest.mark.usefixtures("shared_box")

GOOD, BAD, IDLE = (
    Tool(name, said, code=f"def {name}():\n    return 1\n")
    for name, said in (("a", "A good tool."), ("b", "A bad tool."), ("c", "Does nothing."))
)
CALLED = ToolCall("a", "{}", "1"), ToolCall("b", "{}", "1")
DEMO = Demo({"input": "one"}, {"answer": "billing"}, "e0", calls=CALLED)


class Reading(ScriptedEngine):
    """A loss of 2; "good" in the prompt takes a nat away, "bad" adds half, a result takes 0.2."""

    def __init__(self, *calls: str) -> None:
        super().__init__(self._written)
        self._calls = calls

    def _written(self, request: GenerateRequest) -> str | None:
        options = [*map(call, self._calls), "answer: x"]
        return next((text for text in options if accepts(request.grammar, text)), None)

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        texts = ["\n".join(message.content for message in r.messages) for r in requests]
        results = [text.count("\nresult: ") for text in texts]
        return [
            Score((-2.0 + ("good" in t) - 0.5 * ("bad" in t) + 0.2 * n,), Usage(1))
            for t, n in zip(texts, results, strict=True)
        ]


def test_every_tool_is_left_out_once() -> None:
    found = attribute(caller(GOOD, BAD, IDLE), rows(8), ToolEngine(Reading(), BOX))
    assert [(one.part, one.index, one.nats) for one in found] == [
        ("tool", 0, 1.0), ("tool", 1, -0.5), ("tool", 2, 0.0),
    ]  # fmt: skip
    assert found[1].text() == "tool 2 hurts by 0.50 nats"
    assert found[0].as_json() == {
        "node": "answer", "part": "tool", "index": 0, "nats": 1.0, "rows": 8,
    }  # fmt: skip


def test_of_too_many_parts_single_demos_and_tools_are_measured_last() -> None:
    agent = caller(GOOD, BAD, IDLE)
    agent = agent.with_node(replace(agent.last, demos=(DEMO, DEMO)))
    engine = ToolEngine(Reading(), BOX)
    whole = attribute(agent, rows(12)[4:], engine)
    found = attribute(agent, rows(12)[4:], engine, most=3)
    kinds = [(one.part, one.index) for one in found]
    assert kinds == [("demos", 0), ("demo", 0), ("tool", 0)] and len(whole) == 6
    assert all(one in whole for one in found)


def test_what_a_call_finds_out_counts_for_its_tool() -> None:
    (found,) = attribute(
        caller(IDLE, tool_choice="required", max_calls=1), rows(8), ToolEngine(Reading("c"), BOX)
    )
    assert (found.part, found.nats) == ("tool", 0.2)


def test_a_tool_is_left_out_with_its_calls_in_demos_and_its_label() -> None:
    whole = caller(GOOD, BAD, demos=(DEMO,), tool_choice="required")
    one = without(whole, "answer", "tool", 1).last
    assert one.tools == (GOOD,) and one.demos == (replace(DEMO, calls=CALLED[:1]),)
    assert (one.tool_choice, one.output.labelled) == ("required", True)
    none = without(caller(GOOD, demos=(DEMO,), tool_choice="required"), "answer", "tool", 0).last
    assert none.tools == () and none.demos == (replace(DEMO, calls=CALLED[1:]),)
    assert (none.tool_choice, none.output.labelled) == ("auto", False)
    assert render(none, {"input": "x"})[-2].content == "billing"
    assert whole.last.demos == (DEMO,) and whole.last.tools == (GOOD, BAD)


def test_a_node_without_a_tool_that_it_never_had_is_itself() -> None:
    node = caller(GOOD, BAD, demos=(DEMO,), tool_choice="required").last
    assert node.without_tool("z") == node
    assert caller().last.without_tool("z") == caller().last
    assert node.without_tool("a").without_tool("b") == node.without_tool("b").without_tool("a")


def test_tools_of_all_nodes_are_parts() -> None:
    nodes = (Node("one", ("x",), tools=(GOOD,)), Node("two", ("y",), ("one",), tools=(GOOD, IDLE)))
    both = Agent("a", nodes, Flow(("one", "two")))
    kinds = [
        (name, index) for node in nodes for name, kind, index in parts(both, node) if kind == "tool"
    ]
    assert kinds == [("one", 0), ("two", 0), ("two", 1)]
    assert without(both, "two", "tool", 0).node("one") == nodes[0]


def test_where_a_limit_cannot_be_lifted_tools_are_measured_still() -> None:
    class Narrow(Reading):
        def score(
            self, requests: Sequence[ScoreRequest], watch: Watcher | None = None
        ) -> list[Score]:
            if any("{0,4}" not in request.grammar.lark for request in requests):
                raise ContextError(where="a node", needed=9, available=8)
            return super().score(requests, watch)

    short = caller(BAD, output=Contract((Field(max_chars=5),)))
    found = attribute(short, rows(8), ToolEngine(Narrow(), BOX))
    assert [(one.part, one.nats) for one in found] == [("tool", -0.5)]


def dropped(whole: Agent, *hurting: tuple[str, int]) -> list[Agent]:
    """What DropParts makes of parts that hurt, the worst first."""
    found = [
        Attribution("answer", part, index, place - 9.0, 8)
        for place, (part, index) in enumerate(hurting)
    ]
    made = DropParts().propose(replace(proposal(whole, rows(8)), attributions=found))
    for candidate in made:
        assert agent_from_text(agent_to_text(candidate.agent)) == candidate.agent
        for demo in candidate.agent.last.demos:
            assert {call.name for call in demo.calls} <= {
                t.name for t in candidate.agent.last.tools
            }
    return [candidate.agent for candidate in made]


def test_a_tool_that_hurts_goes_and_its_calls_with_it() -> None:
    whole = caller(GOOD, BAD, demos=(DEMO,), tool_choice="required")
    (one,) = dropped(whole, ("tool", 1))
    assert one == without(whole, "answer", "tool", 1)
    (none,) = dropped(caller(BAD), ("tool", 0))
    assert none == caller()


def test_a_demo_and_a_tool_that_hurt_go_together() -> None:
    second = Demo({"input": "two"}, {"answer": "account"}, "e1", calls=CALLED[:1])
    whole = caller(GOOD, BAD, demos=(DEMO, second))
    for order in (("tool", 1), ("demo", 0)), (("demo", 0), ("tool", 1)):
        _, both = dropped(whole, *order)
        assert both.last.tools == (GOOD,) and both.last.demos == (second,)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3), 2)))
def test_two_tools_that_hurt_go_together(order: tuple[int, int]) -> None:
    whole = caller(GOOD, BAD, IDLE, demos=(DEMO,))
    one, both = dropped(whole, *(("tool", place) for place in order))
    assert len(one.last.tools) == 2
    assert both.last.tools == tuple(t for n, t in enumerate(whole.last.tools) if n not in order)


@pytest.mark.parametrize("order", [("tool", "limit"), ("limit", "tool")])
def test_a_tool_and_a_limit_that_hurt_go_together(order: tuple[str, str]) -> None:
    narrow = Contract((Field(max_chars=3),))
    whole = caller(BAD, demos=(replace(DEMO, calls=CALLED[1:]),), output=narrow)
    _, both = dropped(whole, *((part, 0) for part in order))
    assert both.last.tools == () and not both.last.output.labelled
    assert both.last.demos[0].calls == () and both.last.output.answer.max_chars == 200
