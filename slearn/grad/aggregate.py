"""Aggregation: the gradients of a batch, per node, grouped and counted.

Like texts become one group with a count; unlike ones stay apart, so that a conflict (two examples
that want opposite changes) stays visible to the optimizer instead of being averaged away.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from slearn.agent import Agent
from slearn.call import call
from slearn.grad.backward import Gradient

# "none" still counts a little: models under 1B say it of most answers, wrong ones too.
_WEIGHT = {"none": 0.25, "some": 1.0, "most": 2.0, "all": 3.0}
_LIKE = 0.6


@dataclass(frozen=True)
class Group:
    """Changes that say the same: one text for all, how heavy, and from which examples."""

    kind: str
    text: str
    weight: float
    examples: tuple[str, ...]


@dataclass(frozen=True)
class NodeGradient:
    """What a batch says about one node, the heaviest group first."""

    node: str
    groups: tuple[Group, ...]
    count: int

    @property
    def weight(self) -> float:
        """How much of the batch's fault is this node's."""
        return sum(group.weight for group in self.groups)

    def text(self, most: int = 5) -> str:
        """Return the heaviest groups as lines for an optimizer's prompt.

        The count stands in front: behind the text, small models copied it into the instructions.
        """
        lines = [f"{len(group.examples)}x {group.text}" for group in self.groups[:most]]
        return "\n".join(lines) or "- nothing in particular"


def aggregate(agent: Agent, gradients: Iterable[Gradient]) -> dict[str, NodeGradient]:
    """Group the gradients of a batch by node.

    >>> # aggregate(agent, gradients)["answer"].text()
    """
    pile: dict[str, list[Gradient]] = {node.name: [] for node in agent.nodes}
    for gradient in gradients:
        pile[gradient.node].append(gradient)
    return {name: NodeGradient(name, _groups(found), len(found)) for name, found in pile.items()}


def likeness(left: str, right: str) -> float:
    """Return how alike two texts are: shared words over all words, 0..1.

    >>> likeness("List the labels.", "list the labels")
    1.0
    """
    return overlap(word_set(left), word_set(right))


def overlap(left: frozenset[str], right: frozenset[str]) -> float:
    """Return the shared words of two sets over all their words, 0..1.

    >>> overlap(word_set("a b"), word_set("b"))
    0.5
    """
    return len(left & right) / len(left | right) if left | right else 1.0


def _groups(gradients: list[Gradient]) -> tuple[Group, ...]:
    clusters: list[list[Gradient]] = []
    for gradient in gradients:
        if not gradient.weight_change:
            continue
        for cluster in clusters:
            if likeness(_own(cluster[0]), _own(gradient)) >= _LIKE:
                cluster.append(gradient)
                break
        else:
            clusters.append([gradient])
    groups = [
        Group(
            kind=Counter(gradient.kind for gradient in cluster).most_common(1)[0][0],
            text=min((g.weight_change for g in cluster), key=len),
            weight=sum(_WEIGHT[gradient.share] for gradient in cluster),
            examples=tuple(gradient.example for gradient in cluster),
        )
        for cluster in clusters
    ]
    return tuple(sorted(groups, key=lambda group: -group.weight))


def _own(gradient: Gradient) -> str:
    """Return the change without the words that the contract begins it with: all have those."""
    begun = call("gradient").schema["properties"]["weight_change"].get("x-start", "")
    return gradient.weight_change.removeprefix(begun)


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text, in small letters."""
    return frozenset(re.findall(r"\w+", text.lower()))
