"""Aggregation: like gradients are counted together, conflicts stay apart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slearn.agent import Agent, Flow, Node
from slearn.call import call
from slearn.grad import Gradient, aggregate, likeness

AGENT = Agent("a", (Node("one", ()), Node("two", ())), Flow(("one", "two")))


def gradient(
    example: str, text: str, share: str = "some", node: str = "two", kind: str = "instruction"
) -> Gradient:
    return Gradient(example, node, share, kind, "unused", text)


SHARES = {
    share: aggregate(AGENT, [gradient("e", "Say more.", share)])["two"].weight
    for share in ("none", "some", "most", "all")
}


def test_like_changes_become_one_group_with_its_examples() -> None:
    found = aggregate(
        AGENT,
        [
            gradient("e1", "Answer with one word only, in lower case.", "all", kind="format"),
            gradient("e2", "answer with one word only in lower case", "some", kind="format"),
            gradient("e3", "Answer with one word only, in lower case please.", "most"),
        ],
    )["two"]
    assert found.count == 3
    (group,) = found.groups
    assert group.examples == ("e1", "e2", "e3")
    assert group.weight == SHARES["all"] + SHARES["some"] + SHARES["most"] == found.weight
    assert group.kind == "format"
    assert group.text == "answer with one word only in lower case"  # the shortest says it all
    assert found.text() == "3x answer with one word only in lower case"


def test_conflicts_stay_apart_and_the_heaviest_stands_first() -> None:
    found = aggregate(
        AGENT,
        [
            gradient("e1", "Give a long and detailed answer.", "some"),
            gradient("e2", "Reply in one word.", "most"),
            gradient("e3", "Reply in one word.", "some"),
        ],
    )["two"]
    assert [(group.text, group.weight) for group in found.groups] == [
        ("Reply in one word.", SHARES["most"] + SHARES["some"]),
        ("Give a long and detailed answer.", SHARES["some"]),
    ]
    assert found.weight == SHARES["most"] + 2 * SHARES["some"]
    lines = found.text().splitlines()
    assert len(lines) == 2 and lines[0].startswith("2x ") and lines[1].startswith("1x ")
    assert found.text(1) == lines[0]


def test_the_words_that_begin_every_change_make_none_alike() -> None:
    begun = call("gradient").schema["properties"]["weight_change"].get("x-start", "")
    long, short = f"{begun}is long, cut it.", f"{begun}is short, add to it."
    found = aggregate(AGENT, [gradient("e1", long), gradient("e2", short)])["two"]
    assert [group.text for group in found.groups] == [long, short]


def test_the_more_fault_the_more_weight_and_no_words_weigh_nothing() -> None:
    assert 0 <= SHARES["none"] <= 0.5 * SHARES["some"]
    assert 0 < SHARES["some"] < SHARES["most"] < SHARES["all"]
    found = aggregate(AGENT, [gradient("e1", "", "all")])["two"]
    assert (found.groups, found.weight, found.count) == ((), 0.0, 1)
    assert found.text() == "- nothing in particular"


def test_every_node_has_its_own() -> None:
    found = aggregate(
        AGENT, [gradient("e1", "Same words.", node="one"), gradient("e1", "Same words.")]
    )
    assert set(found) == {"one", "two"}
    assert [found[name].count for name in ("one", "two")] == [1, 1]
    empty = aggregate(AGENT, [])
    assert all(value.groups == () and value.count == 0 for value in empty.values())


@pytest.mark.parametrize(
    ("left", "right", "like"),
    [("", "", 1.0), ("", "a", 0.0), ("a b", "B, A!", 1.0), ("a b", "a c", 1 / 3), ("é", "É", 1.0)],
)
def test_likeness_is_words_shared_over_words(left: str, right: str, like: float) -> None:
    assert likeness(left, right) == pytest.approx(like)


words = st.lists(st.sampled_from("alpha beta gamma delta".split()), max_size=4).map(" ".join)
gradients = st.builds(
    gradient,
    st.sampled_from(["e1", "e2", "e3"]),
    words,
    st.sampled_from(list(SHARES)),
    st.sampled_from(["one", "two"]),
)


@settings(max_examples=24, deadline=None)
@given(st.lists(gradients, max_size=12))
def test_nothing_is_lost_and_nothing_counts_twice(batch: list[Gradient]) -> None:
    found = aggregate(AGENT, batch)
    assert sum(value.count for value in found.values()) == len(batch)
    for name, value in found.items():
        heavy = [g for g in batch if g.node == name and g.weight_change and SHARES[g.share]]
        assert sum(len(group.examples) for group in value.groups) == len(heavy)
        assert value.weight == sum(SHARES[g.share] for g in heavy)
        assert [g.weight for g in value.groups] == sorted(g.weight for g in value.groups)[::-1]
        texts = {g.weight_change for g in heavy}
        assert {group.text for group in value.groups} <= texts
        for group in value.groups:  # a group's words are like its own text
            members = [g for g in heavy if likeness(g.weight_change, group.text) >= 0.5]
            assert len(members) >= 1
