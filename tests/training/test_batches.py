"""Batches: which rows teach and which rows race, from a seed and a step alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import Agent, Demo, Flow, Node
from slearn.batches import FORWARD, POOL, RACE, Batch, draw, heard, sample, worst
from slearn.values import Example

AGENT = Agent("a", (Node("n", ()),), Flow(("n",)))


def rows(count: int) -> list[Example]:
    return [Example(str(n), {"input": str(n)}) for n in range(count)]


def ids(examples: object) -> set[str]:
    return {example.id for example in examples}  # type: ignore[attr-defined]


@given(st.integers(0, 400), st.integers(0, 99), st.integers(0, 50))
def test_pool_and_race_share_no_row(count: int, seed: int, step: int) -> None:
    batch = draw(rows(count), AGENT, seed, step)
    assert not ids(batch.pool) & ids(batch.race)
    assert len(ids(batch.pool)) == len(batch.pool) <= POOL
    assert len(ids(batch.race)) == len(batch.race) <= RACE
    assert batch.forward == batch.pool[:FORWARD]
    assert draw(rows(count), AGENT, seed, step) == batch
    assert bool(batch.pool) == (count > 0)


@pytest.mark.parametrize(
    ("count", "pool", "race"),
    [(0, 0, 0), (1, 1, 0), (2, 1, 1), (3, 2, 1), (10, 5, 5), (128, 64, 24), (100_000, 64, 24)],
)
def test_few_rows_are_halved_and_many_are_drawn(count: int, pool: int, race: int) -> None:
    whole = rows(count)
    batch = draw(whole, AGENT, 0, 0)
    assert (len(batch.pool), len(batch.race)) == (pool, race)
    if count >= 3:
        others = [draw(whole, AGENT, 0, step) for step in range(1, 6)]
        assert any(other != batch for other in others)
        assert any(draw(whole, AGENT, seed, 0) != batch for seed in range(1, 6))


def test_rows_that_demos_were_made_of_do_not_race() -> None:
    demos = tuple(Demo({"input": str(n)}, {"answer": "x"}, str(n)) for n in range(0, 20, 2))
    shown = Agent("a", (Node("n", (), demos=demos),), Flow(("n",)))
    for step in range(10):
        batch = draw(rows(20), shown, 0, step)
        assert not ids(batch.race) & shown.sources()
        assert ids(batch.pool) == ids(draw(rows(20), AGENT, 0, step).pool)


def test_every_row_has_its_turn() -> None:
    seen: set[str] = set()
    for step in range(40):
        batch: Batch = draw(rows(300), AGENT, 1, step)
        seen |= ids(batch.pool)
    assert len(seen) == 300


@given(st.integers(0, 60), st.none() | st.integers(1, 70))
def test_a_sample_keeps_order_and_is_always_the_same(count: int, limit: int | None) -> None:
    whole = rows(count)
    part = sample(whole, limit)
    assert len(part) == min(count, limit or count)
    assert part == sorted(part, key=lambda example: int(example.id))
    assert sample(whole, limit) == part and ids(part) <= ids(whole)


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=9), st.integers(1, 5))
def test_the_worst_are_the_lowest_in_their_order(scores: list[float], count: int) -> None:
    places = worst(scores, count)
    assert places == sorted(places) and len(places) == min(count, len(scores))
    left = [score for place, score in enumerate(scores) if place not in places]
    assert all(scores[place] <= other for place in places for other in left)


@given(st.lists(st.integers(0, 3000), max_size=120), st.integers(0, 100_000))
def test_validation_is_what_can_be_read_and_a_few_rows_at_least(
    lengths: list[int], tokens: int
) -> None:
    given_ = [Example(str(n), {"input": "x" * length}) for n, length in enumerate(lengths)]
    found = heard(given_, tokens, len)
    assert found == given_[: len(found)]
    assert len(found) >= min(24, len(given_))
    price = sum(length + 10 for length in lengths[: len(found)])
    assert price <= tokens or len(found) == min(24, len(given_))
    if len(found) < len(given_):
        assert price + lengths[len(found)] + 10 > tokens
