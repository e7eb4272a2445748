"""Measured attribution: what leaving a part out does to the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from slearn.agent import Agent, Branch, Contract, Demo, Field, Flow, Node
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import ContextError
from slearn.grad import attribute, bypassed, spare_fields, widened, without
from slearn.optim import DropDemo, DropLine, DropParts
from slearn.optim.blame import by_blame
from slearn.values import Usage
from tests.optim.proposals import CHOICE, REASONED, chain, proposal, rows, single


class Reading(ScriptedEngine):
    """A loss of 2; "good" in the prompt takes one nat away, "bad" adds half a nat."""

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        self.rounds += 1
        texts = ["\n".join(message.content for message in r.messages) for r in requests]
        return [Score((-2.0 + ("good" in t) - 0.5 * ("bad" in t),), Usage(1)) for t in texts]


def agent():
    made = single(("A good line.", "A bad line.", "Neither."))
    demos = (Demo({"input": "one"}, {"answer": "billing"}, "e0"),
             Demo({"input": "a bad one"}, {"answer": "account"}, "e1"))  # fmt: skip
    return made.with_node(replace(made.last, demos=demos))


def test_every_part_is_left_out_once_on_rows_that_no_demo_shows() -> None:
    engine = Reading()
    found = attribute(agent(), rows(10), engine)
    assert engine.rounds == 1
    assert {(f.part, f.index): f.nats for f in found} == {
        ("line", 0): 1.0, ("line", 1): 0.0, ("line", 2): 0.0, ("demo", 0): 0.0, ("demo", 1): 0.0,
        ("demos", 0): 0.0,
    }  # fmt: skip  # the other bad part is still there
    assert {f.n for f in found} == {8}
    assert found[0].text() == "line 1 helps by 1.00 nats"


def test_a_lone_line_is_not_left_out() -> None:
    assert attribute(single(), rows(5), Reading()) == []
    assert attribute(agent(), rows(2), Reading()) == []  # both rows are shown as demos


def test_demos_that_are_all_bad_show_when_all_are_left_out() -> None:
    demos = tuple(Demo({"input": f"bad {n}"}, {"answer": "account"}, f"e{n}") for n in range(2))
    wrong = single().with_node(replace(single().last, demos=demos))
    found = attribute(wrong, rows(10), Reading())
    assert [(f.part, f.nats) for f in found] == [("demo", 0.0), ("demo", 0.0), ("demos", -0.5)]
    assert found[-1].text() == "all demos together hurt by 0.50 nats"
    (candidate,) = DropParts().propose(replace(proposal(wrong, rows(10)), attributions=found))
    assert candidate.agent.last.demos == ()


def test_a_field_that_leads_astray_is_left_out_and_its_words_in_the_demos() -> None:
    demo = Demo({"input": "x"}, {"reasoning": "It is late.", "answer": "delivery"}, "e1")
    reasoned = single(contract=REASONED)
    reasoned = reasoned.with_node(replace(reasoned.last, demos=(demo,)))

    class Misled(Reading):
        def score(
            self, requests: Sequence[ScoreRequest], watch: Watcher | None = None
        ) -> list[Score]:
            return [Score((-3.0 if request.prefix else -1.0,), Usage(1)) for request in requests]

    found = attribute(reasoned, rows(10), Misled())
    assert [(one.part, one.nats) for one in found] == [("demo", 0.0), ("field", -2.0)]
    assert found[1].text() == "field 1 hurts by 2.00 nats"
    (candidate,) = DropParts().propose(replace(proposal(reasoned, rows(10)), attributions=found))
    node = candidate.agent.last
    assert node.output == CHOICE and node.demos == (replace(demo, output={"answer": "delivery"}),)


def test_a_field_that_others_read_is_no_part() -> None:
    agent = chain()
    first = replace(agent.node("first"), output=Contract((Field("why"), Field())))
    agent = agent.with_node(first)
    assert spare_fields(agent, first) == ["why"]
    last = replace(agent.last, inputs=("first", "first.why"))
    assert spare_fields(agent.with_node(last), first) == []


def test_a_limit_is_lifted_where_right_answers_are_longer() -> None:
    narrow = single(contract=Contract((Field(max_chars=3, max_tokens=64),)))
    narrow = narrow.with_node(replace(narrow.last, demos=agent().last.demos[:1]))

    class Limited(Reading):
        def score(
            self, requests: Sequence[ScoreRequest], watch: Watcher | None = None
        ) -> list[Score]:
            wide = ["{0,2}" not in request.grammar.lark for request in requests]
            return [Score((-1.0 if one else -9.0,), Usage(1)) for one in wide]

    found = attribute(narrow, rows(10), Limited())
    assert [(f.part, f.nats) for f in found] == [("demo", 0.0), ("limit", -8.0)]
    assert found[1].text() == "the limit of its length hurts by 8.00 nats"
    worse = [replace(found[0], nats=-1.0), found[1]]
    shown = replace(proposal(narrow, rows(10)), attributions=worse)
    one, both = DropParts().propose(shown)
    assert one.agent.last.output == Contract((Field(),)) and one.agent.last.demos
    assert both.agent.last.output == Contract((Field(),)) and not both.agent.last.demos
    assert widened(Contract((Field(max_chars=900),))) == Contract((Field(max_chars=900),))


def three() -> Agent:
    nodes = (
        Node("first", ("Say it.",), demos=(Demo({"input": "a"}, {"answer": "b"}),)),
        Node("second", ("A bad line.",), ("first",)),
        Node("third", ("End.",), ("second",), demos=(Demo({"second": "c"}, {"answer": "d"}),)),
    )
    return Agent("c", nodes, Flow(("first", "second", "third")))


def test_a_whole_node_is_left_out_and_what_it_read_is_handed_on() -> None:
    short = bypassed(three(), three().node("second"))
    assert short.flow.steps == ("first", "third") and short.last.inputs == ("first",)
    assert short.last.demos[0].inputs == {"first": "c"}
    assert bypassed(three(), three().node("first")).node("second").inputs == ("input",)


class Echo(Reading):
    """Hands on what it reads, and a bad line spoils it."""

    def _written(self, request: GenerateRequest) -> str:
        return request.messages[-1].content + " bad" * ("bad" in request.messages[0].content)

    def __init__(self) -> None:
        super().__init__(self._written)


def test_the_node_that_spoils_what_it_reads_is_to_blame_as_a_whole() -> None:
    found = [one for one in attribute(three(), rows(8), Echo()) if one.part == "node"]
    assert [(one.node, one.nats) for one in found] == [("first", 0.0), ("second", -0.5)]
    assert found[1].text() == "the whole node hurts by 0.50 nats"
    shown = replace(proposal(three(), rows(8)), attributions=found)
    assert DropParts().propose(shown) == []  # a flow is no weight yet
    assert by_blame(shown)[0] == "second"


def test_what_does_not_fit_is_not_left_out_and_the_rest_is_measured() -> None:
    class Narrow(Echo):
        def _written(self, request: GenerateRequest) -> str:
            return "short"

        def score(
            self, requests: Sequence[ScoreRequest], watch: Watcher | None = None
        ) -> list[Score]:
            if any("at length" in r.messages[-1].content for r in requests):
                raise ContextError(where="a node", needed=9, available=8)
            return super().score(requests, watch)

    long = [replace(row, inputs={"input": "handed on at length"}) for row in rows(8)]
    two = bypassed(three(), three().node("first"))
    found = attribute(two, long, Narrow())
    assert {one.part for one in found} == {"line", "demo"}


@pytest.mark.parametrize(
    "node",
    [
        Node("first", ("x",), ("input", "other")),
        Node("first", ("x",), output=Contract((Field("reasoning"), Field()))),
    ],
)
def test_a_node_that_reads_or_returns_more_cannot_be_left_out(node: Node) -> None:
    agent = three().with_node(node)
    assert bypassed(agent, node) == agent
    assert bypassed(three(), three().last) == three()


def test_a_node_beside_whose_answer_its_input_is_read_cannot_be_left_out() -> None:
    both = three().with_node(replace(three().node("second"), inputs=("first", "input")))
    assert bypassed(both, both.node("first")) == both


def branched() -> Agent:
    """A router, a node in front of a branch, two that write one name, and one that reads it."""
    yes_no = Contract((Field(type="choice", choices=("yes", "no")),))
    nodes = (
        Node("router", ("Choose.",), output=yes_no),
        Node("first", ("Note.",)),
        Node("left", ("Say it.",), ("first",), writes="draft"),
        Node("right", ("Shout it.",), ("first",), writes="draft"),
        Node("last", ("Mend it.",), ("draft",), demos=(Demo({"draft": "a"}, {"answer": "b"}),)),
    )
    branch = Branch("router", (("yes", ("left",)),), ("right",))
    return Agent("b", nodes, Flow(("router", "first", branch, "last")))


def test_in_a_flow_a_node_is_left_out_where_the_flow_can_do_without() -> None:
    short = bypassed(branched(), branched().node("first"))
    assert {node.name: node.inputs for node in short.nodes} == {
        "router": ("input",), "left": ("input",), "right": ("input",), "last": ("draft",)
    }  # fmt: skip
    assert short.last.demos == branched().last.demos
    for name in ("router", "left", "right", "last"):
        assert bypassed(branched(), branched().node(name)) == branched()


def test_in_a_flow_more_rows_are_looked_at_since_each_takes_one_way() -> None:
    engine = Reading(lambda request: "yes")
    agent = branched()
    for node in agent.nodes:  # so many parts that a chain would get four rows
        agent = agent.with_node(replace(node, instructions=node.instructions * 6))
    assert {one.n for one in attribute(agent, rows(12), engine)} == {8}


def test_what_hurts_is_dropped_from_the_back() -> None:
    bad = without(agent(), "answer", "demo", 1)
    found = attribute(bad, rows(10), Reading())
    assert [(f.part, f.index) for f in found if f.nats < 0] == [("line", 1)]
    shown = replace(proposal(bad, rows(10)), attributions=found)
    (candidate,) = DropParts().propose(shown)
    assert candidate.edits == (DropLine("answer", 1),)
    worse = [replace(found[0], part="demo", index=0, nats=-2.0), replace(found[1], nats=-1.0)]
    one, both = DropParts().propose(replace(shown, attributions=worse))
    assert one.edits == (DropDemo("answer", 0),)
    assert both.agent.last.instructions == ("A good line.", "Neither.")
    assert both.agent.last.demos == ()
    assert DropParts().propose(proposal(bad, rows(10))) == []
