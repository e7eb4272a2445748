"""The choice among candidates: race, refine the finalists, hold them against validation."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace

from slearn.errors import ContextError
from slearn.optim import Candidate, Proposal
from slearn.select import Lap, Verdict, race, verdict
from slearn.session import OutOfTime, OutOfTokens
from slearn.state import Frame, State, allowed
from slearn.values import Example

Proposed = tuple[str, Candidate]  # with the name of the optimizer


def choose(
    frame: Frame,
    state: State,
    proposal: Proposal,
    proposed: Sequence[Proposed],
    rows: Sequence[Example],
) -> State:
    """Race the candidates on rows, and return the state with the best agent that they lead to.

    >>> # state = choose(frame, state, proposal, proposed, batch.race)
    """
    session, candidates = frame.session, [candidate for _, candidate in proposed]
    state = replace(state, idle=state.idle + 1)
    if not candidates:
        return replace(state, barren=state.barren + 1)
    session.progress.phase("race", proposal.step, f"{len(candidates)} candidates")
    try:
        laps = race(state.agent, candidates, rows, *session.tools, task=frame.task)
    except ContextError as problem:  # a guard let through what does not fit: nobody runs
        for candidate in candidates:
            session.keep_candidate(
                candidate, state.agent, proposal.step, status="refused", reason=str(problem)
            )
        return replace(state, barren=state.barren + 1)
    finalists = [lap.candidate for lap in laps if not lap.out]
    for name in {name for name, _ in proposed}:
        made = [candidate for other, candidate in proposed if other == name]
        frame.turns.note(name, proposal.step, made, finalists)
    laps = refined(frame, state, proposal, laps, rows)
    return settle(frame, state, proposal, laps, verdicts(frame, state, laps, proposal.step))


def refined(
    frame: Frame, state: State, proposal: Proposal, laps: list[Lap], rows: Sequence[Example]
) -> list[Lap]:
    """Return the laps with those of better versions of the finalists, where there are any.

    Of a finalist and its versions only the best stays in; the others are out.
    """
    session = frame.session
    origins: list[tuple[Lap, list[Candidate]]] = []
    for lap in laps:
        made: list[Candidate] = []
        if not lap.out:
            session.progress.phase("refine", proposal.step, lap.candidate.operator)
            for optimizer in frame.optimizers:
                better = optimizer.refine(proposal, lap.candidate)
                made += allowed(frame, state, better, proposal.step)
        origins.append((lap, made))
    field = [version for _, made in origins for version in made]
    if not field:
        return laps
    more = race(state.agent, field, rows, *session.tools, finalists=len(field), task=frame.task)
    ran = {id(lap.candidate): lap for lap in more}
    found: list[Lap] = []
    for lap, made in origins:
        versions = sorted([lap, *(ran[id(version)] for version in made)], key=lambda one: one.score)
        found += [versions[0], *(replace(other, out=True) for other in versions[1:])]
    return sorted(found, key=lambda lap: (lap.out, lap.score if not lap.out else 0.0))


def verdicts(frame: Frame, state: State, laps: Sequence[Lap], number: int) -> list[Verdict | None]:
    """Hold the finalists against validation; None for who is out, or whom the budget missed.

    When the budget ends between two finalists, what was found of the first is not thrown away. The
    error rate is the step's: each finalist gets its share of it.
    """
    session = frame.session
    found: list[Verdict | None] = [None] * len(laps)
    alpha = session.settings.alpha / max(1, sum(not lap.out for lap in laps))
    for place, lap in enumerate(laps):
        if lap.out:
            continue
        session.progress.phase("validate", number, lap.candidate.operator)
        try:
            with session.finishing() if place == 0 else nullcontext():
                found[place] = verdict(
                    state.agent,
                    lap.candidate.agent,
                    state.scores,
                    frame.validation,
                    *session.tools,
                    alpha=alpha,
                    task=frame.task,
                )
        except (OutOfTime, OutOfTokens):
            break
        except ContextError as problem:
            found[place] = Verdict(False, str(problem), state.score, 0.0, 0, 1.0)
    return found


def settle(
    frame: Frame,
    state: State,
    proposal: Proposal,
    laps: Sequence[Lap],
    found: Sequence[Verdict | None],
) -> State:
    """Record what became of every candidate, and return the state with the accepted one, if any."""
    better = [one for one in found if one is not None and one.accepted]
    # Loss chose the finalists, the metric chooses among them; the race decides between equals.
    won = max(better, key=lambda one: one.after) if better else None
    for lap, one in zip(laps, found, strict=True):
        frame.session.keep_candidate(
            lap.candidate,
            proposal.agent,
            proposal.step,
            status=_status(one, won),
            reason=_reason(lap, one, won),
            lap=lap,
            found=one,
        )
    refused = sum(one is not None and not one.accepted for one in found)
    state = replace(state, rejected=state.rejected + refused)
    if won is None:
        return state
    agent = laps[found.index(won)].candidate.agent
    state = replace(
        state, agent=agent, scores=won.scores, accepted=state.accepted + 1, idle=0, barren=0
    )
    if won.after >= state.best_score:
        state = replace(state, best=agent, best_score=won.after)
    return state


def _status(found: Verdict | None, won: Verdict | None) -> str:
    if found is None or (found.accepted and found is not won):
        return "lost"
    return "accepted" if found.accepted else "rejected"


def _reason(lap: Lap, found: Verdict | None, won: Verdict | None) -> str:
    if found is None:
        return "lost the race" if lap.out else "the budget ended before"
    if found.accepted and found is not won:
        return "another finalist was better still"
    return found.reason
