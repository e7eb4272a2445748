"""Trajectories: what each node read and returned on an example's way through the agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from slearn.values import Example, Usage


@dataclass(frozen=True)
class Step:
    """What one node read and returned.

    >>> Step("answer", {"input": "hot"}, {"answer": "cold"}, "cold", True, Usage()).text
    'cold'
    """

    node: str
    inputs: Mapping[str, str]
    output: Mapping[str, str]
    text: str
    valid: bool
    usage: Usage


@dataclass(frozen=True)
class Trajectory:
    """The steps that one example took through the agent, in order.

    >>> Trajectory(Example("1", {"input": "hot"}), (), "cold").as_json()["answer"]
    'cold'
    """

    example: Example
    steps: tuple[Step, ...]
    answer: str

    def as_json(self) -> dict[str, object]:
        """Return the trajectory as the store keeps it."""
        return {
            "example": self.example.id,
            "answer": self.answer,
            "steps": [
                {"node": s.node, "inputs": dict(s.inputs), "output": dict(s.output), "text": s.text}
                for s in self.steps
            ],
        }
