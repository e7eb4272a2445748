"""Likelihoods under a grammar: renormalised inside a text, and leaving a whole one ends it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slearn.engine.base import Sampling
from slearn.engine.masks import Step
from slearn.engine.numeric import sample, step_logprob, with_leaving

END = 0
ROWS = st.lists(st.floats(-20, 20, width=32), min_size=4, max_size=40).map(
    lambda values: np.array(values, dtype=np.float32)
)


def steps(size: int, allowed: list[int], complete: bool, packed: bool) -> list[Step]:
    """A step for every allowed token; `packed` says the mask as bits."""
    bits = np.zeros((size + 31) // 32 * 32, dtype=np.bool_)
    bits[allowed] = True
    mask = np.packbits(bits, bitorder="little") if packed else None
    few = None if packed else np.array(allowed)
    return [Step(np.array([t]), few, mask, complete, t == END) for t in allowed]


@settings(deadline=None)
@given(ROWS, st.data(), st.booleans(), st.booleans())
def test_what_is_allowed_adds_up_to_one(
    logits: np.ndarray, data: st.DataObject, complete: bool, packed: bool
) -> None:
    others = st.sets(st.integers(1, len(logits) - 1), min_size=1)
    allowed = [END, *sorted(data.draw(others))]
    chances = [
        math.exp(step_logprob(logits, s)) for s in steps(len(logits), allowed, complete, packed)
    ]
    assert sum(chances) == pytest.approx(1, abs=1e-4)
    if complete:
        softmax = np.exp(logits - logits.max(), dtype=np.float64)
        softmax /= softmax.sum()
        for token, chance in zip(allowed[1:], chances[1:], strict=True):
            assert chance == pytest.approx(softmax[token], abs=1e-4)  # nothing is renormalised


@settings(deadline=None)
@given(ROWS, st.data())
def test_sampling_leaves_as_often_as_scoring_says(logits: np.ndarray, data: st.DataObject) -> None:
    others = sorted(data.draw(st.sets(st.integers(1, len(logits) - 1), min_size=1)))
    mask = np.zeros(len(logits), dtype=np.bool_)
    mask[[END, *others]] = True
    changed = with_leaving(logits, mask, np.array([END]))
    inside = np.exp(changed[mask] - changed[mask].max(), dtype=np.float64)
    (end, *_) = steps(len(logits), [END, *others], True, False)
    assert inside[0] / inside.sum() == pytest.approx(math.exp(step_logprob(logits, end)), abs=1e-4)
    assert np.array_equal(changed[others], logits[others])


def test_a_number_that_wants_a_unit_ends() -> None:
    """Digits are 1 to 3, token 4 is " pounds": likelier than any digit, and not allowed."""
    logits = np.array([0.0, 1.0, 1.0, 1.0, 9.0], dtype=np.float32)
    mask = np.array([True, True, True, True, False])
    changed = with_leaving(logits, mask, np.array([END]))
    draws = [sample(changed, mask, Sampling(1.0), np.random.default_rng(n)) for n in range(50)]
    assert draws == [END] * 50
    end, digit, *_ = steps(5, [0, 1, 2, 3], True, False)
    assert step_logprob(logits, end) > -0.01 and step_logprob(logits, digit) < -7
