"""Trajectories: what each node read and returned on an example's way through the agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from slearn.agent.model import ToolCall
from slearn.values import Example, Usage, plain


@dataclass(frozen=True)
class Step:
    """What one node read and returned, and the calls of tools that it made in between.

    `given_up` says that it wrote a call and was too unsure of it (`abstain`). `path` tells the step
    apart in its trajectory, and `reads` are the paths of the steps whose outputs it read or whose
    choice led to it; a gradient goes back along them. Where a choice among numbers was made by
    likelihood, `expected` is their mean by their likelihoods: it tells grades apart that are equal.

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
    path: str = ""
    reads: tuple[str, ...] = ()
    expected: float | None = None

    def as_json(self) -> dict[str, object]:
        """Return the step as the store keeps it, without what it cost."""
        step = {"node": self.node, "inputs": dict(self.inputs), "output": dict(self.output)}
        calls = {"calls": plain(self.calls)} if self.calls else {}
        gave_up = {"given_up": True} if self.given_up else {}
        way = {"path": self.path} if self.path not in ("", self.node) else {}
        mean = {} if self.expected is None else {"expected": round(self.expected, 4)}
        return {**step, **way, "text": self.text, **calls, **gave_up, **mean}


@dataclass(frozen=True)
class Trajectory:
    """The steps that one example took through the agent, in order.

    `answered` is the path of the step whose answer is the agent's. `warnings` say what was left out
    on the way: items of a list.

    >>> Trajectory(Example("1", {"input": "hot"}), (), "cold").as_json()["answer"]
    'cold'
    """

    example: Example
    steps: tuple[Step, ...]
    answer: str
    answered: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def end(self) -> Step:
        """The step whose answer is the agent's: the last one where the flow says nothing else."""
        return next((s for s in self.steps if s.path == self.answered != ""), self.steps[-1])

    def step_of(self, node: str) -> Step | None:
        """Return the step that shows what a node did for the answer; None where it did nothing.

        The answer's own, or else the last one: of a loop the last turn. What its roles said on the
        way is no answer of the node's.

        >>> Trajectory(Example("1", {}), (), "").step_of("plan") is None
        True
        """
        own = [s for s in self.steps if s.node == node and not s.path.startswith(f"{node}:")]
        if not own:
            return None
        return self.end if self.end in own else own[-1]

    def until(self, node: str) -> tuple[Step, ...]:
        """Return the steps that end with a node's first; none where it never ran.

        >>> Trajectory(Example("1", {}), (), "").until("plan")
        ()
        """
        own = [s.node == node and not s.path.startswith(f"{node}:") for s in self.steps]
        return self.steps[: own.index(True) + 1] if any(own) else ()

    def as_json(self) -> dict[str, object]:
        """Return the trajectory as the store keeps it."""
        return {
            "example": self.example.id,
            "answer": self.answer,
            "steps": [step.as_json() for step in self.steps],
            **({"warnings": list(self.warnings)} if self.warnings else {}),
        }
