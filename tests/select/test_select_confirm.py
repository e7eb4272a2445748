"""Confirmation: fresh rows are kept apart, and only what is worse there beyond chance falls."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from slearn.select import confirmation, set_aside
from slearn.values import Example


@given(st.integers(0, 400))
def test_rows_that_confirm_do_not_teach(count: int) -> None:
    rows = [Example(str(n), {}) for n in range(count)]
    teach, fresh = set_aside(rows)
    assert sorted([*teach, *fresh], key=rows.index) == rows
    assert teach == [row for row in rows if row in teach]
    assert len(fresh) == (0 if count < 80 else min(40, count // 5))
    assert set_aside(rows) == (teach, fresh)


def test_an_equal_candidate_mostly_holds_and_a_worse_one_mostly_falls() -> None:
    chance = random.Random(0)

    def share(worse: float) -> float:
        held = 0
        for _ in range(400):
            before = [float(chance.random() < 0.6) for _ in range(30)]
            after = [float(chance.random() < 0.6 - worse) for _ in range(30)]
            held += confirmation(before, after).held
        return held / 400

    assert share(0.0) > 0.75
    assert share(0.4) < 0.05


def test_the_figures() -> None:
    found = confirmation([1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0])
    assert found.as_json() == {"before": 0.75, "after": 0.5, "n": 4, "p_worse": 0.5}
    assert found.held
