"""The judge: a score without a target, as the expected value over its score tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence

from slearn.agent import Agent, Trajectory
from slearn.call import call
from slearn.engine import Engine, ScoreRequest, Watcher
from slearn.loss.language import task_text, trajectory_input

GRADES = ("1", "2", "3", "4", "5")


def judge(
    agent: Agent,
    trajectories: Sequence[Trajectory],
    engine: Engine,
    watch: Watcher | None = None,
    *,
    task: str = "",
) -> list[float]:
    """Grade every trajectory's answer from 0 (useless) to 1 (excellent), in one round.

    The grade is the mean of the five digits weighted by the likelihood that the model gives each:
    nothing is sampled. `task` overrides what the agent was told (so that an agent that rewrote its
    own instructions is graded by the task it started with).
    """
    requests = grading(agent, trajectories, engine, task)
    return [expected_grade(score.logprobs) for score in engine.score(requests, watch)]


def grading(
    agent: Agent, trajectories: Sequence[Trajectory], engine: Engine, task: str = ""
) -> list[ScoreRequest]:
    """Return the requests that `judge` reads grades from.

    >>> # engine.score(grading(agent, trajectories, engine))
    """
    kind = call("judge")
    grammar = kind.contract().grammar
    return [
        ScoreRequest(
            kind.messages(
                {
                    "task": task or task_text(agent),
                    "input": trajectory_input(agent, trajectory),
                    "answer": trajectory.answer,
                },
                engine.count_tokens,
            ),
            GRADES,
            grammar,
            where="trainer call 'judge'",
        )
        for trajectory in trajectories
    ]


def expected_grade(logprobs: Sequence[float]) -> float:
    """Return the expected grade as a number in 0..1.

    >>> expected_grade([float("-inf")] * 4 + [0.0])
    1.0
    """
    weights = [math.exp(logprob) for logprob in logprobs]
    total = sum(weights)
    if total == 0:
        return 0.0
    mean = sum(weight * grade for grade, weight in enumerate(weights)) / total
    return mean / (len(weights) - 1)
