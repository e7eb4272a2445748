"""Gradients: backwards through the nodes in words, then aggregated over a batch."""

from slearn.grad.aggregate import Group, NodeGradient, aggregate, likeness, overlap, word_set
from slearn.grad.attribution import (
    Attribution,
    attribute,
    bypassed,
    part_name,
    widened,
    without,
)
from slearn.grad.backward import Gradient, backward, gradient_request

__all__ = [
    "Attribution",
    "Gradient",
    "Group",
    "NodeGradient",
    "aggregate",
    "attribute",
    "backward",
    "bypassed",
    "gradient_request",
    "likeness",
    "overlap",
    "part_name",
    "widened",
    "without",
    "word_set",
]
