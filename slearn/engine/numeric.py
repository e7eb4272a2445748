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
    ids = np.arange(len(logits)) if mask is None else np.flatnonzero(mask)
    scores = logits[ids].astype(np.float64) / sampling.temperature
    scores -= scores.max()
    order = np.argsort(-scores, kind="stable")
    if sampling.top_k:
        order = order[: sampling.top_k]
    chances = np.exp(scores[order])
    chances /= chances.sum()
    if sampling.top_p < 1:
        keep = int(np.searchsorted(np.cumsum(chances), sampling.top_p)) + 1
        order, chances = order[:keep], chances[:keep] / chances[:keep].sum()
    return int(ids[order[random.choice(len(order), p=chances)]])


def log_sum_exp(values: Logits) -> float:
    """Return log(sum(exp(values))) without overflow."""
    top = float(values.max())
    return top + float(np.log(np.exp(values - top, dtype=np.float32).sum(dtype=np.float64)))


def step_logprob(logits: Logits, step: Step) -> float:
    """Return log p(taken | allowed): the likelihood renormalised over what the grammar allows."""
    whole = log_sum_exp(logits if step.allowed is None else logits[step.allowed])
    return min(0.0, log_sum_exp(logits[step.taken]) - whole)
