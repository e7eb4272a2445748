"""A run under way: its engines, its store, its budget, and what it records.

All that training does to the outside goes through here, so that train.py is the algorithm alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from slearn.agent import Agent, Trajectory, agent_to_text
from slearn.budget import OVERSHOOT
from slearn.engine import Engine, Watcher
from slearn.errors import Interrupted
from slearn.evaluate import Evaluation
from slearn.grad import Attribution, Gradient
from slearn.loss import LanguageLoss
from slearn.optim import Candidate, edit_as_json
from slearn.progress import Progress
from slearn.result import score_json
from slearn.select import Confirmation, Lap, Verdict
from slearn.settings import TrainSettings
from slearn.store import RememberingEngine, RunLog, Totals
from slearn.values import Usage

# A step may end a little over the budget, and its best finalist gets a verdict still, on as few
# rows as it must be: a candidate that won a race is not thrown away for want of one.
OVERDRAFT = 1.1


class OutOfTime(Exception):
    """The clock cut the run off: it overshot its minutes by far."""


class OutOfTokens(Exception):
    """A step ran into the end of the budget: it is given up, the incumbent stays."""


@dataclass(frozen=True)
class Engines:
    """The engine that runs the agent and the one that optimizes it; often the same object."""

    agent: Engine
    optimizer: Engine


class Session:
    """Wraps the engines so that they remember, counts the budget and writes the records."""

    def __init__(
        self, log: RunLog, settings: TrainSettings, progress: Progress, engines: Engines
    ) -> None:
        self.log = log
        self.settings = settings
        self.progress = progress
        self.agent_engine = RememberingEngine(engines.agent, log, self._after_round)
        self.optimizer_engine = self.agent_engine
        if engines.optimizer is not engines.agent:
            self.optimizer_engine = RememberingEngine(engines.optimizer, log, self._after_round)
        self.spent = Usage()
        self._counting = False
        self._known = Totals()
        self._seconds = {True: 0.0, False: 0.0}  # by whether they count
        self._at_last_step: int | None = None
        self._finishing = False
        self._candidates = 0

    @property
    def tools(self) -> tuple[Engine, Engine, Watcher]:
        """What every phase needs: the agent's engine, the optimizer's, and who watches."""
        return self.agent_engine, self.optimizer_engine, self._watch

    def calls(self) -> dict[str, int]:
        """Return how many calls the run made, how many were invalid and how many were free."""
        totals = self._totals()
        return {"total": totals.calls, "invalid": totals.invalid, "cached": totals.cached}

    def seconds(self) -> dict[str, float]:
        """Return the seconds that training and reading the report's rows have taken."""
        return {"train": round(self._seconds[True], 2), "test": round(self._seconds[False], 2)}

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what is done inside against the budget."""
        self._counting = True
        try:
            yield
        finally:
            self._counting = False

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """Let what is done inside end, whatever the budget: it decides about work paid for."""
        self._finishing = True
        try:
            yield
        finally:
            self._finishing = False

    @property
    def left(self) -> int:
        """The tokens that are left of the budget."""
        return max(0, self._budget - self.spent.computed)

    @property
    def anew(self) -> bool:
        """Whether the engine reads a prompt every time, as one without a cache does."""
        return self.spent.computed > 0 and not self.spent.shared

    @property
    def credit(self) -> int:
        """The tokens after which a step is given up: a little more than are left."""
        return max(0, round(OVERDRAFT * self._budget) - self.spent.computed)

    def affords_step(self) -> bool:
        """Whether a third of a step like the last one still fits: its field is made to fit."""
        used = self.spent.computed
        price = 0 if self._at_last_step is None else used - self._at_last_step
        self._at_last_step = used
        left = self._budget - used
        return left > 0 and left >= price / 3

    @property
    def _budget(self) -> int:
        return self.settings.budget_tokens or 0

    def _watch(self, done: int, total: int, computed: int) -> None:
        self.progress.tokens(computed, done, total)

    def _totals(self) -> Totals:
        if self.optimizer_engine is self.agent_engine:
            return self.agent_engine.totals
        return self.agent_engine.totals + self.optimizer_engine.totals

    def _after_round(self) -> None:
        totals = self._totals()
        self._seconds[self._counting] += totals.seconds - self._known.seconds
        if self._counting:
            self.spent += totals.usage - self._known.usage
            self.progress.budget(self.spent.computed, self._budget)
        self._known = totals
        if self.progress.interrupted:
            raise Interrupted(
                "interrupted", hint=f"go on with: slearn train --resume {self.log.name}"
            )
        minutes = self.settings.budget_minutes
        if self._counting and minutes and self._seconds[True] > OVERSHOOT * 60 * minutes:
            raise OutOfTime
        over = not self.credit
        if self._counting and over and not self._finishing:
            raise OutOfTokens

    # -- records -----------------------------------------------------------------------------

    def keep_evaluation(self, agent: Agent, split: str, found: Evaluation) -> None:
        """Record an agent's scores on a split."""
        address = self.log.keep_agent(agent_to_text(agent))
        body = {"agent": address, "split": split, "metric": found.metric, **score_json(found)}
        body["rows"] = body.pop("n")  # a record's own `n` is its place in the run
        scores = [round(score, 6) for score in found.scores]
        self.log.record("evaluations", f"{split}/{address[:12]}", {**body, "scores": scores})

    def keep_batch(
        self, agent: Agent, trajectories: Sequence[Trajectory], scores: Sequence[float], step: int
    ) -> None:
        """Record the forward passes of a batch."""
        address = self.log.keep_agent(agent_to_text(agent))
        for trajectory, score in zip(trajectories, scores, strict=True):
            example, name = trajectory.example, f"{step}/{trajectory.example.id}"
            row = {"inputs": dict(example.inputs), "targets": example.targets}
            self.log.record("examples", example.id, row, step)
            body = {**trajectory.as_json(), "score": score, "agent": address}
            self.log.record("trajectories", name, body, step)
            for taken in trajectory.steps:
                usage = taken.usage.as_json()
                body = {"node": taken.node, "text": taken.text, "valid": taken.valid, **usage}
                self.log.record("steps", f"{name}/{taken.path or taken.node}", body, step)

    def keep_backward(
        self,
        losses: Sequence[LanguageLoss],
        measured: Sequence[float],
        gradients: Sequence[Sequence[Gradient]],
        step: int,
    ) -> None:
        """Record losses and gradients of a batch."""
        for loss, nats in zip(losses, measured, strict=True):
            body = {**loss.as_json(), "measured": round(nats, 4)}
            self.log.record("losses", f"{step}/{loss.example}", body, step)
        for gradient in (gradient for row in gradients for gradient in row):
            name = f"{step}/{gradient.example}/{gradient.node}"
            self.log.record("gradients", name, gradient.as_json(), step)

    def keep_attributions(self, attributions: Sequence[Attribution], step: int) -> None:
        """Record what the parts of the incumbent do to its loss."""
        for found in attributions:
            name = f"{step}/{found.node}/{found.part} {found.index + 1}"
            self.log.record("attributions", name, found.as_json(), step)

    def keep_candidate(
        self,
        candidate: Candidate,
        parent: Agent,
        step: int,
        *,
        status: str,
        reason: str,
        lap: Lap | None = None,
        found: Verdict | None = None,
        check: Confirmation | None = None,
    ) -> None:
        """Record what became of a candidate, and its edits."""
        number = self._candidates = self._candidates + 1
        address = self.log.keep_agent(agent_to_text(candidate.agent))
        edits = [edit_as_json(edit) for edit in candidate.edits]
        body = {
            "operator": candidate.operator,
            "parent": self.log.keep_agent(agent_to_text(parent)),
            "agent": address,
            "edits": edits,
            "status": status,
            "reason": reason,
            "race": lap.as_json() if lap else None,
            "validation": found.as_json() if found else None,
            "confirmation": check.as_json() if check else None,
        }
        self.log.record("candidates", f"{number}", body, step)
        for place, edit in enumerate(edits):
            self.log.record("edits", f"{number}/{place}", edit, step)
