"""What training carries from step to step, and what stays the same in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from slearn.agent import Agent
from slearn.grad import Attribution
from slearn.loss import Measure, measured_losses
from slearn.optim import Candidate, Guards, Optimizer, Turns, lasting
from slearn.session import Session
from slearn.values import Example

FRONT = 4  # candidates that are remembered


@dataclass(frozen=True)
class State:
    """Where training stands: the incumbent, its scores on validation, and what was decided.

    Where the budget ends, `scores` may be those of the first rows only. `best` is the accepted
    agent with the highest score: the incumbent may step down on the metric, within chance, where
    that lowers the loss, but what training returns never does.
    """

    agent: Agent
    scores: tuple[float, ...]
    accepted: int = 0
    rejected: int = 0
    idle: int = 0
    barren: int = 0  # steps whose candidates were all refused
    attributions: tuple[Attribution, ...] = ()  # of the incumbent, measured once
    confirmed: tuple[float, ...] = ()  # the incumbent's scores on the confirmation rows
    front: tuple[Candidate, ...] = ()  # of the races so far: best on some row, and not accepted
    best: Agent | None = None
    best_scores: tuple[float, ...] = ()

    @property
    def score(self) -> float:
        """The incumbent's mean score on validation."""
        return sum(self.scores) / len(self.scores)

    def with_front(self, found: Sequence[Candidate], raced: Sequence[Candidate]) -> State:
        """Return the state with the front of another race: the newest first, and no one twice.

        Who was on the front and raced again stays only if he did best on some row again.
        """
        tried = [one.edits for one in raced]
        old = [one for one in self.front if one.edits not in tried]
        return replace(self, front=(*lasting(found), *old)[:FRONT])

    @property
    def standstill(self) -> str:
        """Why training ends where nothing pays any more."""
        steps = f"nothing paid in {self.idle} steps"
        if self.barren >= self.idle:
            steps += " (every candidate was refused)"
        return steps if self.accepted else f"this model cannot improve this agent: {steps}"


@dataclass(frozen=True)
class Frame:
    """What stays the same over all steps of a run."""

    session: Session
    guards: Guards
    optimizers: Sequence[Optimizer]
    validation: Sequence[Example]
    fresh: Sequence[Example]  # rows that only accepted candidates meet
    task: str
    measure: Measure = measured_losses  # what races and the second test go by
    teach: Sequence[Example] = ()  # all that training learns from
    turns: Turns = field(default_factory=Turns)


def allowed(
    frame: Frame, state: State, candidates: Sequence[Candidate], number: int
) -> list[Candidate]:
    """Return the candidates that may run, and record why the others may not."""
    fine = []
    for candidate in candidates:
        reason = frame.guards.refuse(candidate)
        if not reason:
            fine.append(candidate)
            continue
        frame.session.keep_candidate(
            candidate, state.agent, number, status="refused", reason=reason
        )
    return fine
