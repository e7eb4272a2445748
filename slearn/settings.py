"""The settings of a training run: few, and kept with the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from slearn.errors import InputError


@dataclass(frozen=True)
class TrainSettings:
    """What a user may set.

    `budget_tokens` counts tokens that the model computes for training (cached ones are free, and
    so is reading the test split); `budget_minutes` becomes tokens when a run begins. `patience` is
    the number of steps without an accepted candidate after which a run stops. `alpha` is the
    probability with which a step may accept a candidate that is no better than the incumbent.

    >>> TrainSettings(seed=1).as_json()["seed"]
    1
    """

    seed: int = 0
    budget_tokens: int | None = None
    budget_minutes: float | None = 5.0
    test_limit: int | None = None
    val_limit: int = 100
    patience: int = 6
    max_steps: int = 200
    alpha: float = 0.1

    def __post_init__(self) -> None:
        checks = {
            "a budget in tokens": self.budget_tokens is None or self.budget_tokens > 0,
            "a budget in minutes": self.budget_minutes is None or self.budget_minutes > 0,
            "the limit of test rows": self.test_limit is None or self.test_limit > 0,
            "the limit of validation rows": self.val_limit > 0,
        }
        for what, fine in checks.items():
            if not fine:
                raise InputError(f"{what} must be more than 0")

    def as_json(self) -> dict[str, Any]:
        """Return the settings as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainSettings:
        """Return the settings that `as_json` wrote."""
        return cls(**values)
