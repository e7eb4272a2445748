"""Choosing among few: the choices whose demonstrations are most like an input.

What is alike in words tells something that a small model does not see, and the other way round: on
77 labels the two together are right in 0.61 of the rows where each alone is in 0.51 and 0.37
(docs/lab.md). It is what nearest neighbours add to a language model (Khandelwal et al. 2020, arXiv
1911.00172), here for whole choices.
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
    count, and where there is no other, all choices are there and none is given anything.

    >>> # among(node, Among(("answer",), keep=2), {"input": "Where is my card?"})
    """
    field = node.output.answer
    near = dict.fromkeys(field.offered(None), 0.0)
    demos = list(zip(node.demos, likeness(*node.compared(inputs)), strict=True))
    others = [(demo, alike) for demo, alike in demos if not (source and demo.source == source)]
    for demo, alike in others:
        choice = demo.output[field.name]
        if choice in near:
            near[choice] = max(near[choice], alike)
    kept = sorted(near, key=lambda choice: -near[choice])[: part.keep if others else None]
    return tuple((choice, part.lean * alike) for choice, alike in near.items() if choice in kept)
