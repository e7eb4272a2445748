"""The field of a race is priced by what its candidates will read and write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from slearn.agent import Agent, Branch, Contract, Demo, Field, Flow, Node, Vote
from slearn.choose import field_of, fronted, lengths, refinable, undrafted, writing
from slearn.optim import Candidate, Optimizer, Proposal, settled
from slearn.select import Cost
from slearn.select.price import layout_price
from slearn.values import Example
from tests.optim.proposals import CHOICE, chain, passed, proposal, rows, single

TEXT = Contract((Field(max_tokens=60),))
REASONS = Contract((Field("reasoning", max_tokens=160), Field("answer", "number")))


def words(text: str) -> int:
    return len(text.split())


def candidate(*demos: Demo) -> Candidate:
    return Candidate(
        "x", Agent("a", (Node("n", (), output=REASONS, demos=demos),), Flow(("n",))), ()
    )


def test_answers_are_taken_to_be_as_long_as_those_that_are_shown() -> None:
    assert writing(candidate(), words, {}) == 12 + 160 / 4
    long = Demo({"input": "x"}, {"reasoning": "because " * 90, "answer": "5"})
    short = Demo({"input": "x"}, {"reasoning": "so", "answer": "5"})
    assert writing(candidate(long), words, {}) == 12 + 93
    assert writing(candidate(long, short), words, {}) == 12 + (93 + 4) / 2


def test_what_was_seen_of_a_node_says_how_much_it_writes() -> None:
    text = Contract((Field(max_tokens=240),))
    agent = single(contract=text)
    taken = [passed(agent, example) for example in rows(3)]  # an answer of one word each
    known = lengths(replace(proposal(agent, []), trajectories=taken), words)
    assert known == {("answer", text): 1.0}
    assert writing(Candidate("x", agent, ()), words, known) == 12 + 1
    other = single(contract=Contract((Field(max_tokens=80),)))
    assert writing(Candidate("x", other, ()), words, known) == 12 + 80 / 4


def test_what_is_handed_on_is_read_again() -> None:
    """Of a chain the first node's 64 tokens at most are written, and read by the second."""
    assert writing(Candidate("x", chain(), ()), words, {}) == 12 + 2 * 64 / 4


def raced(
    left: int,
    *field: Candidate,
    incumbent: Agent | None = None,
    inputs: Mapping[str, str] | None = None,
) -> tuple[list[Candidate], list[Candidate]]:
    """Who of a field runs, and who does not, with so many tokens left and 100 validation rows."""
    out: list[Candidate] = []
    session = SimpleNamespace(
        left=left, anew=False, keep_candidate=lambda one, *_, **named: out.append(one)
    )

    def size(agent: Agent, only: Sequence[str] | None = None) -> int:
        names = [node.name for node in agent.nodes] if only is None else only
        return sum(50 + 30 * len(agent.node(name).shown({})) for name in names)

    frame: Any = SimpleNamespace(
        guards=SimpleNamespace(count=words, size=size),
        session=session,
        optimizers=(),
        validation=[None] * 100,
    )
    rows = [Example(str(n), inputs or {"input": "a few words"}) for n in range(24)]
    asked = proposal(incumbent or single(), [])
    found, _ = field_of(frame, asked, [(one.operator, one) for one in field], rows)
    return found, out


def named(name: str, contract: Contract) -> Candidate:
    return Candidate(name, Agent("a", (Node("n", (), output=contract),), Flow(("n",))), ())


SHORT = Contract((Field("answer", "number"),))


@pytest.mark.parametrize(("left", "runs"), [(2500, False), (60_000, True)])
def test_whose_validation_cannot_be_paid_does_not_run(left: int, runs: bool) -> None:
    dear = named("dear", REASONS)  # about 55 tokens a row, 3,350 for as many as say something
    cheap = [named(f"cheap {n}", SHORT) for n in range(2)]
    found, out = raced(left, dear, *cheap)
    assert (dear in found) is runs and (dear in out) is not runs
    assert all(one in found for one in cheap)


@pytest.mark.parametrize(("nearest", "runs"), [(0, True), (8, False)])
def test_what_is_chosen_for_a_row_is_read_with_each(nearest: int, runs: bool) -> None:
    demos = tuple(Demo({"input": f"text {n}"}, {"answer": "1"}) for n in range(8))
    node = Node("n", (), output=SHORT, demos=demos, nearest=nearest)
    shown = Candidate("shown", Agent("a", (node,), Flow(("n",))), ())
    cheap = [named(f"cheap {n}", SHORT) for n in range(2)]
    found, _ = raced(9000, shown, *cheap)  # 240 tokens, once or for each of the rows
    assert (shown in found) is runs and all(one in found for one in cheap)


def test_what_the_incumbent_says_as_well_is_paid_for_once() -> None:
    first, answer = chain().nodes
    assert settled(chain(), chain()) == {"first", "answer"}
    later = chain().with_node(replace(answer, instructions=("Name it well.",)))
    earlier = chain().with_node(replace(first, instructions=("Sum it up well.",)))
    assert settled(later, chain()) == {"first"} and settled(earlier, chain()) == frozenset()
    voted = replace(chain(), flow=Flow(("first", Vote(("answer",), 3))))
    assert settled(voted, chain()) == {"first"}  # by luck it says other things
    routed = replace(
        chain(),
        nodes=(*chain().nodes, Node("other", ("Else.",), ("first",), CHOICE)),
        flow=Flow(("first", Branch("first", (("x", ("answer",)),), ("other",)))),
    )
    assert settled(routed, routed) == {"first"}  # who answers depends on more than what it reads
    assert undrafted(chain(), chain()) == frozenset()
    checked = Node("check", ("Check it.",), ("answer",), CHOICE)
    longer = replace(
        chain(), nodes=(*chain().nodes, checked), flow=Flow(("first", "answer", "check"))
    )
    assert undrafted(longer, chain()) == {"answer"}
    reasons = chain().with_node(replace(answer, output=REASONS))
    longer = longer.with_node(replace(answer, output=REASONS))
    assert undrafted(longer, reasons) == frozenset()  # it writes in a race as it is
    fields = [
        [
            Candidate(f"{n}", chain().with_node(replace(node, instructions=(f"{n}",))), ())
            for n in range(12)
        ]
        for node in (first, answer)
    ]
    runs = [len(raced(9_000, *field, incumbent=chain())[0]) for field in fields]
    assert 2 <= runs[0] < runs[1] < 12


@pytest.mark.parametrize(("layout", "more"), [("inputs-last", False), ("inputs-first", True)])
def test_long_inputs_in_front_are_read_once_for_all_who_race(layout: str, more: bool) -> None:
    node = Node("answer", ("Say.",), ("question", "text"), SHORT, layout=layout)
    agent = Agent("a", (node,), Flow(("answer",)))
    field = [
        Candidate(f"{n}", agent.with_node(replace(node, instructions=(f"{n}",))), ())
        for n in range(12)
    ]
    long = {"question": "Which?", "text": "word " * 400}
    found, out = raced(60_000, *field, incumbent=agent, inputs=long)
    assert (len(found) == 12) is more and len(found) + len(out) == 12
    other = agent.with_node(replace(node, inputs=("text", "question")))
    columns = {"question": 1.0, "text": 400.0}
    same = fronted(field[0].agent, agent, columns, ["answer"])
    assert same == (401 if more else 0)
    assert fronted(other, agent, columns, ["answer"]) == 0  # another text stands in front


def test_a_draft_that_was_only_scored_is_paid_for() -> None:
    brief = Node("brief", ("Be brief.",), ("answer",), TEXT)
    alone = Agent("a", (Node("answer", output=TEXT, instructions=("Say.",)),), Flow(("answer",)))
    behind = replace(alone, nodes=(*alone.nodes, brief), flow=Flow(("answer", "brief")))
    assert settled(behind, alone) == {"answer"}
    one = Candidate("brief", behind, ())
    others = [
        Candidate(f"{n}", alone.with_node(replace(alone.last, instructions=(f"{n}",))), ())
        for n in range(12)
    ]
    with_it, without = (
        len(raced(12_000, *field, incumbent=alone)[0]) for field in ([one, *others], others)
    )
    assert 2 < with_it < without


def test_two_run_whatever_is_left() -> None:
    found, out = raced(10, *(named(f"dear {n}", REASONS) for n in range(8)))
    assert 2 <= len(found) < 8 and len(found) + len(out) == 8


def test_one_that_writes_much_does_not_keep_the_cheap_ones_out() -> None:
    dear = replace(named("dear", REASONS), tried=True)  # tried: it stands in front of the field
    cheap = [named(f"cheap {n}", SHORT) for n in range(8)]
    found, _ = raced(20_000, dear, *cheap)
    assert dear in found and len(found) == 9


def test_cheap_ones_come_along_where_two_dear_ones_run_anyway() -> None:
    dear = [replace(named(f"dear {n}", REASONS), tried=True) for n in range(2)]
    cheap = [named(f"cheap {n}", SHORT) for n in range(20)]
    found, out = raced(4_000, *dear, *cheap)
    assert found[:2] == dear and 0 < len(found[2:]) < 20 and out


def test_what_is_dear_is_priced_until_the_end_of_a_race() -> None:
    rows = [Example(str(n), {}) for n in range(24)]
    cheap, dear = Cost(100.0, 10.0), Cost(100.0, 100.0, writes=True)
    cuts = (4, 4, 16)
    alone = layout_price([cheap] * 4, rows, 50, cuts)
    mixed = layout_price([cheap] * 3 + [dear], rows, 50, cuts)
    # It stays in the rungs of 4 and 4 rows and answers 30 of validation; the rest is for one of 4.
    more = sum(dear.rung(n) - cheap.rung(n) for n in (4, 4)) + dear.final(30) - cheap.final(30)
    more += (dear.final(20) - cheap.final(20)) / 4
    last = 3 * cheap.rung(16)  # left out where two are left and one of them writes
    assert mixed == pytest.approx(alone + more - last)


class Fitting(Optimizer):
    """Makes a better version of anybody, at a price."""

    name = "fit"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        return []

    def refine_price(self, proposal: Proposal, agent: Agent, row: float) -> tuple[float, float]:
        return 40 * (row + 10.0), 10.0


@pytest.mark.parametrize(("left", "fits"), [(20_000, False), (60_000, True)])
def test_a_better_version_is_made_where_it_takes_a_small_part(left: int, fits: bool) -> None:
    frame: Any = SimpleNamespace(
        guards=SimpleNamespace(count=words), session=SimpleNamespace(left=left)
    )
    asked = proposal(single(), [])
    assert refinable(frame, asked, Fitting(), named("plain", SHORT))
    # 40 rows of 10 tokens, and on each 52 that are written: 2,480 tokens
    assert refinable(frame, asked, Fitting(), named("reasons", REASONS)) is fits
