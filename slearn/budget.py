"""Budgets: minutes become tokens once, when a run begins; from then on tokens decide."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from slearn.agent import Agent
from slearn.engine import Engine, GenerateRequest, Message
from slearn.settings import TrainSettings
from slearn.values import Example

# What a training run's tokens are made of: mostly prompts. Measured, see docs/lab.md.
PROMPT_SHARE = 0.85
_GRADING = 100  # tokens of the question to the judge
_SEEN = 50  # rows that tell how long inputs are
OVERSHOOT = 1.5  # the clock cuts off a run that takes so many times its minutes


@dataclass(frozen=True)
class Speed:
    """Tokens per second of an engine: prompts, answers in a full batch, and a run's mix."""

    prompt: float
    answer: float

    def mixed(self, share: float = PROMPT_SHARE) -> float:
        """Tokens per second of a mix of which a share is read and the rest written."""
        return 1 / (share / self.prompt + (1 - share) / self.answer)


def prompt_share(agent: Agent, rows: Sequence[Example], count: Callable[[str], int]) -> float:
    """Return what share of a run's tokens is read.

    Without targets every row that is measured is an answer written, half as long as it may be, and
    read again to be graded.

    >>> # prompt_share(agent, data.train, engine.count_tokens)
    """
    if not rows or any(row.targets for row in rows):
        return PROMPT_SHARE
    runs = agent.runs
    fields = [(runs[node.name], field) for node in agent.nodes for field in node.output.fields]
    written = sum(times * field.max_tokens / 2 for times, field in fields)
    inputs = sum(count(text) for row in rows[:_SEEN] for text in row.inputs.values())
    read = 2 * inputs / len(rows[:_SEEN]) + written + _GRADING
    return min(PROMPT_SHARE, read / (read + written))


def measure_speed(engine: Engine, clock: Callable[[], float] = time.monotonic) -> Speed:
    """Measure an engine for a few seconds.

    >>> # measure_speed(engine).mixed()
    """
    words = " ".join(f"word{number}" for number in range(60))
    prompts = [(Message("user", f"{letter} {words}"),) for letter in "abcdefgh"]
    engine.generate([GenerateRequest(prompts[0], max_tokens=1)])  # warm: first use is slower
    start = clock()
    read = engine.generate([GenerateRequest(prompt, max_tokens=1) for prompt in prompts])
    middle = clock()
    written = engine.generate([GenerateRequest(prompt, max_tokens=12) for prompt in prompts])
    end = clock()
    prompt_seconds = max(middle - start, 1e-6)
    answer_seconds = max(end - middle - prompt_seconds, 1e-6)
    return Speed(
        prompt=sum(result.usage.computed for result in read) / prompt_seconds,
        answer=max(1, sum(result.usage.generated for result in written)) / answer_seconds,
    )


def with_token_budget(
    settings: TrainSettings,
    engine: Engine,
    optimizer: Engine | None = None,
    *,
    share: float = PROMPT_SHARE,
) -> TrainSettings:
    """Return the settings with minutes turned into tokens; of two budgets the smaller holds.

    `share` is what of a run's tokens is read (`prompt_share`), which is faster than writing.
    """
    if settings.budget_minutes is None:
        return settings
    speed = measure_speed(engine).mixed(share)
    if optimizer is not None and optimizer is not engine:
        speed = min(speed, measure_speed(optimizer).mixed(share))  # the slower one sets the pace
    tokens = max(1, round(speed * settings.budget_minutes * 60))
    return replace(settings, budget_tokens=min(tokens, settings.budget_tokens or tokens))
