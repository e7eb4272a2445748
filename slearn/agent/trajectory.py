"""Trajectories: what each node read and returned on an example's way through the agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from slearn.agent.model import ToolCall
from slearn.values import Example, Usage, plain


@dataclass(frozen=True)
class Step:
    """What one node read and returned, and the calls of tools that it made in between.

    `given_up` says that it wrote a call and was too unsure of it (`abstain`).

    >>> Step("answer", {"input": "hot"}, {"answer": "cold"}, "cold", True, Usage()).text
    'cold'
    """

    node: str
    inputs: Mapping[str, str]
    output: Mapping[str, str]
    text: str
    valid: bool
    usage: Usage
    calls: tuple[ToolCall, ...] = ()
    given_up: bool = False

    def as_json(self) -> dict[str, object]:
        """Return the step as the store keeps it, without what it cost."""
        step = {"node": self.node, "inputs": dict(self.inputs), "output": dict(self.output)}
        calls = {"calls": plain(self.calls)} if self.calls else {}
        gave_up = {"given_up": True} if self.given_up else {}
        return {**step, "text": self.text, **calls, **gave_up}


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
            "steps": [step.as_json() for step in self.steps],
        }
