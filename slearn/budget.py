"""Budgets: minutes become tokens once, when a run begins; from then on tokens decide."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from slearn.engine import Engine, GenerateRequest, Message
from slearn.settings import TrainSettings

# What a training run's tokens are made of: mostly prompts. Measured, see docs/lab.md.
PROMPT_SHARE = 0.85
OVERSHOOT = 1.5  # the clock cuts off a run that takes so many times its minutes


@dataclass(frozen=True)
class Speed:
    """Tokens per second of an engine: prompts, answers in a full batch, and a run's mix."""

    prompt: float
    answer: float

    @property
    def mixed(self) -> float:
        """Tokens per second of a run's usual mix."""
        return 1 / (PROMPT_SHARE / self.prompt + (1 - PROMPT_SHARE) / self.answer)


def measure_speed(engine: Engine, clock: Callable[[], float] = time.monotonic) -> Speed:
    """Measure an engine for a few seconds.

    >>> # measure_speed(engine).mixed
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
    settings: TrainSettings, engine: Engine, optimizer: Engine | None = None
) -> TrainSettings:
    """Return the settings with minutes turned into tokens; of two budgets the smaller holds."""
    if settings.budget_minutes is None:
        return settings
    speed = measure_speed(engine).mixed
    if optimizer is not None and optimizer is not engine:
        speed = min(speed, measure_speed(optimizer).mixed)  # the slower one sets the pace
    tokens = max(1, round(speed * settings.budget_minutes * 60))
    return replace(settings, budget_tokens=min(tokens, settings.budget_tokens or tokens))
