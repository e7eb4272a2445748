"""Splitting: sizes, strata, duplicates, determinism."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slearn.datasets import Splits, split
from slearn.errors import InputError
from slearn.values import Example


def examples(*pairs: tuple[str, str | None]) -> list[Example]:
    """Make examples from inputs and targets."""
    return [
        Example(str(n), {"input": text}, None if target is None else (target,))
        for n, (text, target) in enumerate(pairs, 1)
    ]


def plain(n: int) -> list[Example]:
    """Make n different examples without a target."""
    return examples(*((f"input {number}", None) for number in range(n)))


def sizes(parts: Splits) -> tuple[int, int, int]:
    """Return the three sizes."""
    return len(parts.train), len(parts.val), len(parts.test)


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (0, (0, 0, 0)),
        (1, (1, 0, 0)),
        (2, (1, 1, 0)),
        (3, (1, 1, 1)),
        (4, (2, 1, 1)),
        (5, (2, 1, 2)),
        (7, (3, 2, 2)),
        (100, (45, 25, 30)),
        (20_000, (9_000, 5_000, 6_000)),
        (20_001, (18_001, 1_000, 1_000)),
    ],
)
def test_sizes(n: int, expected: tuple[int, int, int]) -> None:
    assert sizes(split(plain(n))) == expected


@pytest.mark.parametrize(
    ("n", "train", "val", "expected"),
    [
        (1, 0.2, 0.6, (1, 0, 0)),
        (2, 0.9, 0.05, (1, 1, 0)),
        (3, 0.98, 0.01, (1, 1, 1)),
        (10, 0.8, 0.1, (8, 1, 1)),
        (10, 0.8, 0.2, (8, 2, 0)),
        (10, 0.7, 0.3, (7, 3, 0)),
        (10, 1.0, 0.0, (10, 0, 0)),
        (3, 0.5, 0.0, (2, 0, 1)),
        (30_000, 0.01, 0.01, (28_000 + 1_000 - 300 + 0, 300, 1_000)),
    ],
)
def test_other_shares(n: int, train: float, val: float, expected: tuple[int, int, int]) -> None:
    assert sizes(split(plain(n), train=train, val=val)) == expected


@pytest.mark.parametrize(("train", "val"), [(0, 0.5), (0.8, 0.3), (-1, 0.5), (0.5, -0.1), (2, 0)])
def test_shares_that_are_none(train: float, val: float) -> None:
    with pytest.raises(InputError):
        split(plain(3), train=train, val=val)


def test_each_target_gets_its_share() -> None:
    labels = ["a"] * 600 + ["b"] * 300 + ["c"] * 100
    parts = split(examples(*((f"{n}", label) for n, label in enumerate(labels))))
    for part, share in ((parts.train, 0.45), (parts.val, 0.25), (parts.test, 0.3)):
        counts = Counter(example.targets for example in part)
        for label, total in (("a", 600), ("b", 300), ("c", 100)):
            assert counts[(label,)] == pytest.approx(total * share, abs=1)
    counts = Counter(example.targets for example in parts.val[:50])
    assert counts[("a",)] == pytest.approx(30, abs=2), "a part of a split is balanced too"


def test_rare_targets_do_not_all_go_to_one_split() -> None:
    pairs = [(f"{n}", "common") for n in range(200)]
    pairs += [(f"rare {n}", f"rare {n}") for n in range(28)]
    parts = split(examples(*pairs))
    assert sizes(parts) == (103, 57, 68)
    for part in (parts.train, parts.val, parts.test):
        assert 2 <= sum(example.targets != ("common",) for example in part) <= 22


def test_many_targets_are_just_shuffled() -> None:
    parts = split(examples(*((f"{n}", f"{n}") for n in range(1000))))
    assert sizes(parts) == (450, 250, 300)
    assert 180 < sum(int(example.inputs["input"]) < 500 for example in parts.train) < 270


def test_the_same_inputs_stay_together() -> None:
    pairs = [(f"{n % 100}", "ab"[n % 2]) for n in range(1000)]
    parts = split(examples(*pairs))
    seen = [
        {example.inputs["input"] for example in part}
        for part in (parts.train, parts.val, parts.test)
    ]
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
    assert sizes(parts) == pytest.approx((450, 250, 300), abs=10)


@pytest.mark.parametrize(
    ("repeats", "expected"),
    [
        ([10], (10, 0, 0)),
        ([5, 5], (5, 5, 0)),
        ([5, 5, 5], (5, 5, 5)),
        ([60] + [1] * 40, (60, 25, 15)),
        ([98, 1, 1], (98, 1, 1)),
        ([2, 1, 1], (2, 1, 1)),
    ],
)
def test_large_groups_of_duplicates(repeats: list[int], expected: tuple[int, int, int]) -> None:
    pairs = [(f"{n}", "x") for n, times in enumerate(repeats) for _ in range(times)]
    assert sizes(split(examples(*pairs))) == expected


def test_the_seed_decides() -> None:
    data = plain(100)
    assert split(data) == split(data)
    assert split(data, seed=1) != split(data)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefghijkl"), st.sampled_from(["x", "y", None])), max_size=40
    ),
    st.integers(0, 5),
)
def test_every_example_goes_to_one_split(pairs: list[tuple[str, str | None]], seed: int) -> None:
    data = examples(*pairs)
    parts = split(data, seed)
    together = [*parts.train, *parts.val, *parts.test]
    assert sorted(e.id for e in together) == sorted(e.id for e in data)
    distinct = len({text for text, _ in pairs})
    assert sum(size > 0 for size in sizes(parts)) == min(3, distinct)


@settings(deadline=None)
@given(st.permutations(range(20)))
def test_the_order_of_the_file_does_not_matter(order: list[int]) -> None:
    data = examples(*((f"{n}", "ab"[n % 2]) for n in range(20)))
    assert split([data[n] for n in order]) == split(data)
