"""Evaluation: an agent's answers to examples, scored by its metric, with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slearn.agent import Agent, Trajectory, forward
from slearn.engine import Engine, Watcher
from slearn.errors import DataError
from slearn.loss import judge
from slearn.metrics import Interval, mean_interval, metric_named, run_tests
from slearn.values import Example, Usage


@dataclass(frozen=True)
class Evaluation:
    """Scores in 0..1 by example, in their order, and their mean with a 95% interval."""

    metric: str
    trajectories: tuple[Trajectory, ...]
    scores: tuple[float, ...]

    @property
    def answers(self) -> tuple[str, ...]:
        """The agent's answers."""
        return tuple(trajectory.answer for trajectory in self.trajectories)

    @property
    def interval(self) -> Interval:
        """The mean score with its interval."""
        return mean_interval(self.scores)

    @property
    def usage(self) -> Usage:
        """What the forward passes cost."""
        steps = (step for trajectory in self.trajectories for step in trajectory.steps)
        return sum((step.usage for step in steps), Usage())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was left out on the way, if anything: in how many rows, and what of the first."""
        cut = [one for one in self.trajectories if one.warnings]
        if not cut:
            return ()
        where, what = f"row {cut[0].example.id}", cut[0].warnings[0]
        return (f"{len(cut)} of {len(self.trajectories)} rows: {what} (first {where})",)


def evaluate(
    agent: Agent,
    examples: Sequence[Example],
    engine: Engine,
    judge_engine: Engine | None = None,
    watch: Watcher | None = None,
    *,
    task: str = "",
) -> Evaluation:
    """Run an agent on examples and score its answers.

    >>> # evaluate(agent, examples, engine).interval.value

    Raises DataError when there are no examples, or when a metric needs a target that is missing.
    """
    if not examples:
        raise DataError("there are no examples to evaluate on")
    trajectories = forward(agent, examples, engine, watch=watch)
    scores = score_trajectories(agent, trajectories, judge_engine or engine, watch, task=task)
    return Evaluation(agent.metric, tuple(trajectories), tuple(scores))


def score_trajectories(
    agent: Agent,
    trajectories: Sequence[Trajectory],
    judge_engine: Engine,
    watch: Watcher | None = None,
    *,
    task: str = "",
) -> list[float]:
    """Score answers that are there already, by the agent's metric."""
    if agent.metric == "judge":
        return judge(agent, trajectories, judge_engine, watch, task=task)
    if agent.metric == "tests":
        answers = [trajectory.answer for trajectory in trajectories]
        return run_tests(answers, [trajectory.example for trajectory in trajectories], judge_engine)
    metric = metric_named(agent.metric)
    return [metric.score(trajectory.answer, trajectory.example) for trajectory in trajectories]
