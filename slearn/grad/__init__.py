"""Gradients: backwards through the nodes in words, then aggregated over a batch."""

from slearn.grad.aggregate import Group, NodeGradient, aggregate, likeness, overlap, word_set
from slearn.grad.backward import Gradient, backward, gradient_request

__all__ = [
    "Gradient",
    "Group",
    "NodeGradient",
    "aggregate",
    "backward",
    "gradient_request",
    "likeness",
    "overlap",
    "word_set",
]
