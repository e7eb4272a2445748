"""Demonstrations recalled for each input: who may have them, how many, and what they cost."""

from __future__ import annotations

from dataclasses import replace

from slearn.agent import Node
from slearn.grad.attribution import parts
from slearn.optim import DemoEdits, DemoSets, Proposal, Recall, apply_all
from tests.optim.proposals import REASONED, chain, proposal, rows, single


def asked(count: int = 40) -> Proposal:
    return replace(proposal(single(), rows(20)), train=rows(count), rows=100, step=2)


def test_all_that_training_learns_from_may_be_shown_the_nearest_few() -> None:
    made = Recall().propose(asked())
    assert [one.operator for one in made] == ["nearest 8 demos", "nearest 4 demos"]
    node = made[0].agent.last
    assert node.nearest == 8 and len(node.demos) == 40
    assert {demo.source for demo in node.demos} == {row.id for row in rows(40)}
    assert made[0].agent.sources() == frozenset()
    assert apply_all(single(), made[0].edits) == made[0].agent


def test_where_labels_are_few_cheaper_sets_have_their_turn_first() -> None:
    assert not Recall().propose(replace(asked(), step=1))
    many = [replace(row, targets=(f"label {n % 17}",)) for n, row in enumerate(rows(40))]
    assert Recall().propose(replace(asked(), step=0, train=many))


def test_of_few_any_are_near() -> None:
    assert [one.agent.last.nearest for one in Recall().propose(asked(20))] == [4]
    assert Recall().propose(asked(8)) == []
    assert Recall().price(asked(8)) == 0


def test_each_row_pays_for_its_own() -> None:
    assert Recall().price(asked()) > 100 * 4  # rows, and a token at least of each demonstration
    assert Recall().price(asked()) == 2 * Recall().price(replace(asked(), rows=50))


def test_of_long_ones_fewer_are_shown_cut() -> None:
    long = [replace(row, inputs={"input": "many words " * 400}) for row in rows(40)]
    (made,) = Recall().propose(replace(asked(), train=long))
    assert made.agent.last.nearest == 4
    assert max(len(demo.inputs["input"].split()) for demo in made.agent.last.demos) < 200


def test_who_reads_or_writes_what_only_a_run_tells_has_none() -> None:
    given = asked()
    assert Recall().propose(replace(given, agent=chain())) == []
    assert Recall().propose(replace(given, agent=single(contract=REASONED))) == []


def test_where_they_are_shown_no_others_are_drawn() -> None:
    given = asked()
    told = replace(given, agent=Recall().propose(given)[0].agent)
    assert DemoSets().propose(told) == [] and DemoEdits().propose(told) == []
    assert [one.agent.last.nearest for one in Recall().propose(told)] == [4]
    kinds = [kind for _, kind, _ in parts(told.agent, told.agent.last)]
    assert "demo" not in kinds and "demos" in kinds


def test_what_is_shown_is_what_fits_the_node() -> None:
    node: Node = Recall().propose(asked())[0].agent.last
    shown = node.shown({"input": "request number 7"})
    assert len(shown) == 8 and shown[-1].inputs["input"] == "request number 7"
    assert all(d.inputs["input"] != "request number 7" for d in node.shown(shown[-1].inputs, "e7"))
