"""How a step's error rate is shared among its finalists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.settle import shares


@given(st.integers(1, 20))
def test_the_shares_of_an_error_rate_add_up_and_halve(count: int) -> None:
    found = shares(count)
    assert len(found) == count and sum(found) == pytest.approx(1)
    assert all(b == pytest.approx(a / 2) for a, b in zip(found, found[1:], strict=False))
