"""Choosing among few: the choices whose demonstrations are most like an input.

What is alike in words tells something that a small model does not see, and the other way round: on
77 labels the two together are right in more rows than each alone (docs/lab.md, 2026-12-01). It is
what nearest neighbours add to a language model (Khandelwal et al. 2020, arXiv 1911.00172), here for
whole choices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from slearn.agent.flow import Among
from slearn.agent.model import Node
from slearn.agent.nearest import likeness

_WORDS = re.compile(r"[\W_]+")  # what parts the words of a label, such as card_arrival


def among(
    node: Node, part: Among, inputs: Mapping[str, str], source: str = ""
) -> tuple[tuple[str, float], ...]:
    """Return the choices that a node has for some inputs, with the nats that each is given.

    What counts of a choice is how alike its most alike demonstration is, and how alike its own
    words are: no demonstration may have it. They stand in the order of the contract. A
    demonstration of the example `source` itself does not count, and where fewer choices than `keep`
    are alike at all, none is left out.

    >>> # among(node, Among(("answer",), keep=2), {"input": "Where is my card?"})
    """
    field, (texts, text) = node.output.answer, node.compared(inputs)
    shown = dict.fromkeys(field.offered(None), 0.0)
    for demo, alike in zip(node.demos, likeness(texts, text), strict=True):
        choice = demo.output[field.name]
        if choice in shown and not (source and demo.source == source):
            shown[choice] = max(shown[choice], alike)
    named = likeness(tuple(_WORDS.sub(" ", choice) for choice in shown), text)
    near = {choice: shown[choice] + own for choice, own in zip(shown, named, strict=True)}
    enough = sum(alike > 0 for alike in near.values()) >= part.keep
    kept = sorted(near, key=lambda choice: -near[choice])[: part.keep if enough else None]
    return tuple((choice, part.lean * alike) for choice, alike in near.items() if choice in kept)
