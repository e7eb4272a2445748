"""Choosing among few: the choices whose demonstrations are most like an input.

What is alike in words tells something that a small model does not see, and the other way round: on
77 labels the two together are right in more rows than each alone (docs/lab.md, 2026-12-01). It is
what nearest neighbours add to a language model (Khandelwal et al. 2020, arXiv 1911.00172), here for
whole choices.
"""

from __future__ import annotations

from collections.abc import Mapping

from slearn.agent.flow import Among
from slearn.agent.model import Node
from slearn.agent.nearest import likeness


def among(
    node: Node, part: Among, inputs: Mapping[str, str], source: str = ""
) -> tuple[tuple[str, float], ...]:
    """Return the choices that a node has for some inputs, with the nats that each is given.

    They stand in the order of the contract. A demonstration of the example `source` itself does not
    count, and where fewer choices than `keep` have one that is alike at all, none is left out.

    >>> # among(node, Among(("answer",), keep=2), {"input": "Where is my card?"})
    """
    field = node.output.answer
    near = dict.fromkeys(field.offered(None), 0.0)
    demos = list(zip(node.demos, likeness(*node.compared(inputs)), strict=True))
    for demo, alike in demos:
        choice = demo.output[field.name]
        if choice in near and not (source and demo.source == source):
            near[choice] = max(near[choice], alike)
    enough = sum(alike > 0 for alike in near.values()) >= part.keep
    kept = sorted(near, key=lambda choice: -near[choice])[: part.keep if enough else None]
    return tuple((choice, part.lean * alike) for choice, alike in near.items() if choice in kept)
