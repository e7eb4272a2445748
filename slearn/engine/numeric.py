"""Arithmetic on one row of logits: masked choice, sampling, and renormalised likelihood."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from slearn.engine.base import Sampling
from slearn.engine.masks import Step

Logits = NDArray[np.float32]


def greedy(logits: Logits, mask: NDArray[np.bool_] | None) -> int:
    """Return the likeliest allowed token (the lowest id among equals)."""
    row = logits if mask is None else np.where(mask, logits, -np.inf)
    return int(np.argmax(row))


def sample(
    logits: Logits,
    mask: NDArray[np.bool_] | None,
    sampling: Sampling,
    random: np.random.Generator,
) -> int:
    """Draw an allowed token at the given temperature, cut by top-k and top-p."""
    scores = logits if mask is None else np.where(mask, logits, np.float32(-np.inf))
    scaled = (scores - scores.max()) / np.float32(sampling.temperature)
    ids = _likeliest(scaled, sampling)
    chances = np.exp(scaled[ids], dtype=np.float64)
    if sampling.top_p < 1:
        total = float(np.exp(scaled, dtype=np.float32).sum(dtype=np.float64))
        if sampling.top_k:
            total = float(chances.sum())
        keep = int(np.searchsorted(np.cumsum(chances), sampling.top_p * total)) + 1
        ids, chances = ids[:keep], chances[:keep]
    reached = np.cumsum(chances)
    return int(ids[np.searchsorted(reached, random.random() * reached[-1], side="right")])


def _likeliest(scaled: Logits, sampling: Sampling) -> NDArray[np.int64]:
    """Return the ids that may be drawn, likeliest first where a cut needs the order.

    Sorting a vocabulary of 150,000 takes 15 ms; the few hundred likeliest hold nearly all the
    mass, so the whole is sorted only when they do not.
    """
    if sampling.top_k or sampling.top_p < 1:
        size = sampling.top_k or 256
        whole = np.exp(scaled, dtype=np.float32).sum(dtype=np.float64)
        while size < len(scaled):
            ids = np.argpartition(-scaled, size)[:size]
            mass = np.exp(scaled[ids], dtype=np.float32).sum(dtype=np.float64)
            if sampling.top_k or mass >= sampling.top_p * whole:
                return ids[np.lexsort((ids, -scaled[ids]))].astype(np.int64)
            size *= 16
        return np.argsort(-scaled, kind="stable")
    return np.arange(len(scaled))


def log_sum_exp(values: Logits) -> float:
    """Return log(sum(exp(values))) without overflow."""
    top = float(values.max())
    return top + float(np.log(np.exp(values - top, dtype=np.float32).sum(dtype=np.float64)))


def step_logprob(logits: Logits, step: Step) -> float:
    """Return log p(taken | allowed): the likelihood renormalised over what the grammar allows.

    Where the text is complete nothing is renormalised: all that is not allowed ends it.
    """
    whole = log_sum_exp(logits if step.complete else step.of(logits))
    taken = step.leaving(logits) if step.complete and step.ends else logits[step.taken]
    return min(0.0, log_sum_exp(taken) - whole)


def with_leaving(logits: Logits, allowed: NDArray[np.bool_], ends: NDArray[np.int64]) -> Logits:
    """Return logits whose first end token has the weight of all that would end a complete text."""
    leaving = ~allowed
    leaving[ends] = True
    changed = logits.copy()
    changed[ends] = -np.inf
    changed[ends[0]] = log_sum_exp(logits[leaving])
    return changed
