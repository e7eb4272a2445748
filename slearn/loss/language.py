"""The language loss: the model reads what was asked, answered and wanted, and says what is wrong.

Section 3.2 of the method (arXiv 2406.18532): loss = LLM(loss prompt(task, input, answer, target)).
It works with and without a target, and with and without a metric's score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from slearn.agent import Agent, Trajectory, inputs_text
from slearn.call import call
from slearn.engine import Engine, Watcher
from slearn.values import Example

RIGHT = 0.75  # a score from which an answer counts as right: all or nothing, F1 and judges alike
_SHORT = 40  # characters of a target that can stand in a sentence


@dataclass(frozen=True)
class LanguageLoss:
    """What the model says about one answer; `score` is 1 (wrong) to 5 (right), 0 if it said none.

    `requirement` is what flows backwards.
    """

    example: str
    assessment: str
    score: int
    requirement: str

    def as_json(self) -> dict[str, object]:
        """Return the loss as the store keeps it."""
        return asdict(self)


def language_loss(
    agent: Agent,
    trajectories: Sequence[Trajectory],
    scores: Sequence[float] | None,
    engine: Engine,
    watch: Watcher | None = None,
) -> list[LanguageLoss]:
    """Judge every trajectory in words, in one round; `scores` are the metric's, where there is one.

    >>> # language_loss(agent, trajectories, [0.0, 1.0], engine)[0].requirement
    """
    kind = call("loss")
    requests = [
        kind.request(
            {
                "task": task_text(agent),
                "input": trajectory_input(agent, trajectory),
                "answer": trajectory.end.text,
                "target": " or ".join(trajectory.example.targets or ()),
                "outcome": None if scores is None else _outcome(scores[index]),
            },
            engine.count_tokens,
            names=_starts(trajectory.example, None if scores is None else scores[index]),
        )
        for index, trajectory in enumerate(trajectories)
    ]
    losses = []
    for trajectory, result in zip(trajectories, engine.generate(requests, watch), strict=True):
        said = kind.read(result) or {"assessment": "", "score": 0, "requirement": ""}
        losses.append(LanguageLoss(trajectory.example.id, **said))
    return losses


def _outcome(score: float) -> str:
    return "right" if score >= RIGHT else "partly right" if score > 0.25 else "not right"


def _starts(example: Example, score: float | None) -> dict[str, str]:
    """Return how the two sentences begin: with what is known already."""
    verdict = "The answer "
    if score is not None:
        verdict = f"The answer is {_outcome(score)} because "
    target = (example.targets or ("",))[0].strip()
    must = "The answer must "
    if 0 < len(target) <= _SHORT and target.isprintable():
        must = f"The answer must be '{target}', because "
    return {"verdict": verdict, "must": must}


def task_text(agent: Agent) -> str:
    """Return what the agent was told, as one text: the instructions of its nodes in order."""
    parts = ["\n".join(agent.node(name).instructions) for name in agent.flow.names()]
    return "\nThen:\n".join(part for part in parts if part)


def trajectory_input(agent: Agent, trajectory: Trajectory) -> str:
    """Return the input that the agent was given: all that its nodes take from the data."""
    first, given = trajectory.steps[0], trajectory.example.inputs
    names = [name for name in agent.columns if name in given]
    if not names:
        return inputs_text(agent.node(first.node), first.inputs)
    if len(names) == 1:
        return given[names[0]]
    return "\n".join(f"{name}: {given[name]}" for name in names)
