"""What a training run ends with: the agent, and figures that can be defended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from slearn.agent import Agent
from slearn.evaluate import Evaluation
from slearn.metrics import paired_interval

OUT_OF_TIME = "out of time"
ALL_RIGHT = "every validation row is right"
BUDGET_SPENT = "budget spent"


@dataclass(frozen=True)
class RunResult:
    """The trained agent beside the one it started from, before and after on the same rows.

    `split` is "test", or "validation" where there is no test split: then the figures are
    flattering, and say so. `tokens` are those of training; `reason` says why it ended.
    """

    run: str
    split: str
    start: Agent
    agent: Agent
    before: Evaluation
    after: Evaluation
    agent_digest: str
    accepted: int
    rejected: int
    calls: Mapping[str, int]
    tokens: Mapping[str, int]
    seconds: Mapping[str, float]
    reason: str
    left_out: int = 0  # train rows that were far too long

    def as_json(self) -> dict[str, Any]:
        """Return what `train --json` prints; intervals are at 95%, the gain's is paired."""
        gain = paired_interval(self.before.scores, self.after.scores)
        return {
            "run": self.run,
            "status": "finished",
            "metric": self.before.metric,
            "split": self.split,
            "before": score_json(self.before),
            "after": score_json(self.after),
            "gain": {"value": gain.value, "low": gain.low, "high": gain.high},
            "accepted": self.accepted,
            "rejected": self.rejected,
            "calls": dict(self.calls),
            "tokens": dict(self.tokens),
            "seconds": dict(self.seconds),
            "truncated": self.reason == OUT_OF_TIME,
            "reason": self.reason,
            "left_out": self.left_out,
            **({"warnings": list(self.after.warnings)} if self.after.warnings else {}),
            "agent": self.agent_digest,
        }


def score_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return a score with n and its interval."""
    interval = asdict(evaluation.interval)
    return {"score": interval.pop("value"), **interval}
