"""Gradients: backwards through the nodes in words, then aggregated over a batch."""

from slearn.grad.aggregate import Group, NodeGradient, aggregate, likeness, overlap, word_set
from slearn.grad.attribution import (
    HARM,
    Attribution,
    attribute,
    bypassed,
    narrowed,
    part_name,
    parts,
    rows_each,
    spare_fields,
    widened,
    without,
)
from slearn.grad.backward import Gradient, backward, gradient_request
from slearn.grad.choices import choices, instead

__all__ = [
    "HARM",
    "Attribution",
    "Gradient",
    "Group",
    "NodeGradient",
    "aggregate",
    "attribute",
    "backward",
    "bypassed",
    "choices",
    "gradient_request",
    "instead",
    "likeness",
    "narrowed",
    "overlap",
    "part_name",
    "parts",
    "rows_each",
    "spare_fields",
    "widened",
    "without",
    "word_set",
]
