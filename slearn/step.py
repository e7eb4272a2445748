"""One training step, from a state and a batch to the next state; the old agent stays as it was.

forward -> loss -> backward -> aggregate -> propose -> race -> validate
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from slearn.agent import Agent, forward
from slearn.batches import Batch, worst
from slearn.errors import ContextError
from slearn.evaluate import score_trajectories
from slearn.grad import Attribution, aggregate, attribute, backward
from slearn.loss import language_loss, measured_loss
from slearn.optim import Candidate, Guards, Optimizer, Proposal, Turns
from slearn.select import Lap, Verdict, race, verdict
from slearn.session import OutOfTime, OutOfTokens, Session
from slearn.values import Example

Proposed = tuple[str, Candidate]  # with the name of the optimizer


@dataclass(frozen=True)
class State:
    """Where training stands: the incumbent, its scores on validation, and what was decided.

    `best` is the accepted agent with the highest score: the incumbent may step down on the metric,
    within chance, where that lowers the loss, but what training returns never does.
    """

    agent: Agent
    scores: tuple[float, ...]
    accepted: int = 0
    rejected: int = 0
    idle: int = 0
    barren: int = 0  # steps whose candidates were all refused
    best: Agent | None = None
    best_score: float = 0.0

    @property
    def score(self) -> float:
        """The incumbent's mean score on validation."""
        return sum(self.scores) / len(self.scores)


@dataclass(frozen=True)
class Frame:
    """What stays the same over all steps of a run."""

    session: Session
    guards: Guards
    optimizers: Sequence[Optimizer]
    validation: Sequence[Example]
    task: str
    turns: Turns = field(default_factory=Turns)


def take_step(frame: Frame, state: State, batch: Batch, number: int) -> State:
    """Return the state after one step.

    >>> # state = take_step(frame, state, draw(train, state.agent, seed, 0), 0)
    """
    proposal = look(frame, state, batch, number)
    candidates = propose(frame, state, proposal, number)
    return select(frame, state, proposal, candidates, batch, number)


def look(frame: Frame, state: State, batch: Batch, number: int) -> Proposal:
    """Run the batch forwards and backwards, and return what optimizers may see of it."""
    session, agent = frame.session, state.agent
    engine, optimizer, watch = session.tools
    session.progress.phase("forward", number)
    trajectories = forward(agent, batch.forward, engine, watch=watch)
    scores = score_trajectories(agent, trajectories, optimizer, watch, task=frame.task)
    session.keep_batch(agent, trajectories, scores, number)

    chosen = [trajectories[place] for place in worst(scores)]
    session.progress.phase("loss", number)
    shown = [scores[place] for place in worst(scores)]
    losses = language_loss(agent, chosen, shown, optimizer, watch)
    rows = [trajectory.example for trajectory in chosen]
    nats = measured_loss(agent, rows, engine, optimizer, watch, task=frame.task)
    session.progress.phase("backward", number)
    gradients = backward(agent, chosen, losses, optimizer, watch)
    session.keep_backward(losses, nats, gradients, number)
    attributions: list[Attribution] = []
    if state.idle == 0:  # a new incumbent: what its parts do is measured once
        session.progress.phase("attribution", number)
        attributions = attribute(agent, batch.forward, *session.tools, task=frame.task)
        session.keep_attributions(attributions, number)
    return Proposal(
        agent=agent,
        gradients=aggregate(agent, (g for row in gradients for g in row)),
        trajectories=trajectories,
        scores=scores,
        pool=batch.pool,
        engine=optimizer,
        runner=engine,
        seed=session.settings.seed,
        step=number,
        watch=watch,
        attributions=attributions,
    )


def propose(frame: Frame, state: State, proposal: Proposal, number: int) -> list[Proposed]:
    """Collect the candidates of all optimizers and refuse those that may not run."""
    frame.session.progress.phase("propose", number)
    candidates: list[Proposed] = []
    for optimizer in frame.optimizers:
        if frame.turns.due(optimizer.name, number):
            made = optimizer.propose(proposal)
            allowed = _allowed(frame, state, made, number)
            candidates += [(optimizer.name, candidate) for candidate in allowed]
            if made and not allowed:  # proposing was paid for
                frame.turns.note(optimizer.name, number, made, [])
    return candidates


def _allowed(
    frame: Frame, state: State, candidates: Sequence[Candidate], number: int
) -> list[Candidate]:
    """Return the candidates that may run, and record why the others may not."""
    allowed = []
    for candidate in candidates:
        reason = frame.guards.refuse(candidate)
        if not reason:
            allowed.append(candidate)
            continue
        frame.session.keep_candidate(
            candidate, state.agent, number, status="refused", reason=reason
        )
    return allowed


def select(
    frame: Frame,
    state: State,
    proposal: Proposal,
    proposed: list[Proposed],
    batch: Batch,
    number: int,
) -> State:
    """Race the candidates, hold the finalists against validation, and keep the better agent."""
    session, agent = frame.session, state.agent
    candidates = [candidate for _, candidate in proposed]
    if not candidates:
        return replace(state, idle=state.idle + 1, barren=state.barren + 1)
    session.progress.phase("race", number, f"{len(candidates)} candidates")
    try:
        laps = race(agent, candidates, batch.race, *session.tools, task=frame.task)
    except ContextError as problem:  # a guard let through what does not fit: nobody runs
        return _refuse(frame, state, candidates, number, str(problem))
    finalists = [lap.candidate for lap in laps if not lap.out]
    for name in {name for name, _ in proposed}:
        frame.turns.note(name, number, [c for n, c in proposed if n == name], finalists)
    laps = refined(frame, state, proposal, laps, batch, number)
    verdicts = _verdicts(frame, state, laps, number)
    better = [found for found in verdicts if found is not None and found.accepted]
    # Loss chose the finalists, the metric chooses among them; the race decides between equals.
    won = max(better, key=lambda found: found.after) if better else None
    for lap, found in zip(laps, verdicts, strict=True):
        if found is None:
            status, reason = "lost", "lost the race" if lap.out else "the budget ended before"
        elif found.accepted and found is not won:
            status, reason = "lost", "another finalist was better still"
        else:
            status, reason = ("accepted" if found.accepted else "rejected"), found.reason
        if won is not None and found is won:
            state = replace(
                state,
                agent=lap.candidate.agent,
                scores=won.scores,
                accepted=state.accepted + 1,
                idle=-1,
                barren=0,
            )
            if won.after >= state.best_score:
                state = replace(state, best=state.agent, best_score=won.after)
        session.keep_candidate(
            lap.candidate, agent, number, status=status, reason=reason, lap=lap, found=found
        )
    rejected = sum(found is not None and not found.accepted for found in verdicts)
    return replace(state, rejected=state.rejected + rejected, idle=state.idle + 1)


def refined(
    frame: Frame, state: State, proposal: Proposal, laps: list[Lap], batch: Batch, number: int
) -> list[Lap]:
    """Return the laps with better versions of the winner beside it, in place of the runner-up."""
    if not laps or laps[0].out:
        return laps
    winner = laps[0].candidate
    found: list[Candidate] = []
    for optimizer in frame.optimizers:
        found += _allowed(frame, state, optimizer.refine(proposal, winner), number)
    if not found:
        return laps
    more = race(state.agent, found, batch.race, *frame.session.tools, task=frame.task)
    rest = [replace(lap, out=True) for lap in laps[1:]]
    return sorted([laps[0], more[0]], key=lambda lap: sum(lap.losses)) + more[1:] + rest


def _verdicts(frame: Frame, state: State, laps: Sequence[Lap], number: int) -> list[Verdict | None]:
    """Hold the finalists against validation; None for who is out, or whom the budget missed.

    When the budget ends between two finalists, what was found of the first is not thrown away.
    """
    found: list[Verdict | None] = [None] * len(laps)
    for place, lap in enumerate(laps):
        if lap.out:
            continue
        try:
            with frame.session.finishing() if place == 0 else nullcontext():
                found[place] = _verdict(frame, state, lap, number)
        except (OutOfTime, OutOfTokens):
            break
        except ContextError as problem:
            found[place] = Verdict(False, str(problem), state.score, 0.0, 0, 1.0)
    return found


def _refuse(
    frame: Frame, state: State, candidates: list[Candidate], number: int, reason: str
) -> State:
    for candidate in candidates:
        frame.session.keep_candidate(
            candidate, state.agent, number, status="refused", reason=reason
        )
    return replace(state, idle=state.idle + 1, barren=state.barren + 1)


def _verdict(frame: Frame, state: State, lap: Lap, number: int) -> Verdict:
    """Hold a finalist against the incumbent on validation."""
    session = frame.session
    session.progress.phase("validate", number, lap.candidate.operator)
    return verdict(
        state.agent,
        lap.candidate.agent,
        state.scores,
        frame.validation,
        *session.tools,
        alpha=session.settings.alpha,
        task=frame.task,
    )
