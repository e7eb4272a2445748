"""What becomes of the finalists: validation, fresh rows where it leaves a doubt, and the record."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace

from slearn.agent import Agent
from slearn.errors import ContextError
from slearn.evaluate import evaluate
from slearn.optim import Proposal
from slearn.select import LOOK, SURE, Confirmation, Lap, Verdict, confirmation, verdict
from slearn.session import OutOfTime, OutOfTokens
from slearn.state import Frame, State


def verdicts(frame: Frame, state: State, laps: Sequence[Lap], number: int) -> list[Verdict | None]:
    """Hold the finalists against validation; None for who is out, or was not needed or reached.

    All answer a few rows first; then the best goes on, and the next one only if it is not accepted.
    When the budget ends between two, what was found is not thrown away. The error rate is the
    step's: each finalist gets its share of it.
    """
    session, rows = frame.session, frame.validation
    found: list[Verdict | None] = [None] * len(laps)
    places = [place for place, lap in enumerate(laps) if not lap.out]
    seen: dict[int, tuple[float, ...]] = {}
    for place in places:
        session.progress.phase("validate", number, laps[place].candidate.operator)
        try:
            with session.finishing() if not seen else nullcontext():
                agent = laps[place].candidate.agent
                first = evaluate(agent, rows[:LOOK], *session.tools, task=frame.task)
            seen[place] = first.scores
        except (OutOfTime, OutOfTokens):
            break
        except ContextError as problem:
            found[place] = Verdict(False, str(problem), state.score, 0.0, 0, 1.0)
    # Loss chose the finalists, the metric chooses among them; the race decides between equals.
    for rank, place in enumerate(sorted(seen, key=lambda place: -sum(seen[place]))):
        candidate = laps[place].candidate
        session.progress.phase("validate", number, candidate.operator)
        try:
            with session.finishing() if rank == 0 else nullcontext():
                found[place] = one = verdict(
                    state.agent,
                    candidate.agent,
                    state.scores,
                    rows,
                    *session.tools,
                    seen=seen[place],
                    alpha=session.settings.alpha / len(places),
                    task=frame.task,
                )
        except (OutOfTime, OutOfTokens):
            break
        except ContextError as problem:
            found[place] = Verdict(False, str(problem), state.score, 0.0, 0, 1.0)
        else:
            if one.accepted:
                break
    return found


def settle(
    frame: Frame,
    state: State,
    proposal: Proposal,
    laps: Sequence[Lap],
    found: Sequence[Verdict | None],
) -> State:
    """Record what became of every candidate, and return the state with the accepted one, if any."""
    pairs = list(zip(laps, found, strict=True))
    better = [(lap, one) for lap, one in pairs if one is not None and one.accepted]
    won: Verdict | None = None
    checks: dict[int, Confirmation] = {}
    for lap, best in sorted(better, key=lambda pair: -pair[1].after):
        agent = lap.candidate.agent
        scores: tuple[float, ...] = ()
        if best.p > SURE or best.after <= best.before:
            with suppress(OutOfTime, ContextError):  # then validation's word stands
                state, scores = confirm(frame, state, agent, proposal.step)
        if scores:
            checks[id(best)] = confirmation(state.confirmed, scores)
        if not scores or checks[id(best)].held:
            won = best
            break
    for lap, one in pairs:
        check = checks.get(id(one))
        frame.session.keep_candidate(
            lap.candidate,
            proposal.agent,
            proposal.step,
            status=_status(one, won, check),
            reason=_reason(lap, one, won, check, ahead=bool(better)),
            lap=lap,
            found=one,
            check=check,
        )
    refused = sum(_status(one, won, checks.get(id(one))) == "rejected" for one in found)
    state = replace(state, rejected=state.rejected + refused)
    if won is None:
        return state
    state = replace(
        state,
        agent=agent,
        scores=won.scores,
        confirmed=scores,
        accepted=state.accepted + 1,
        idle=0,
        barren=0,
    )
    if won.after >= state.best_score:
        state = replace(state, best=agent, best_score=won.after)
    return state


def confirm(
    frame: Frame, state: State, agent: Agent, number: int
) -> tuple[State, tuple[float, ...]]:
    """Return an agent's scores on the confirmation rows, and the state with the incumbent's."""
    session, rows = frame.session, frame.fresh
    if not rows:
        return state, ()
    session.progress.phase("confirm", number)
    with session.finishing():
        if not state.confirmed:
            old = evaluate(state.agent, rows, *session.tools, task=frame.task)
            state = replace(state, confirmed=old.scores)
        return state, evaluate(agent, rows, *session.tools, task=frame.task).scores


def _status(found: Verdict | None, won: Verdict | None, check: Confirmation | None) -> str:
    if found is None or (found.accepted and found is not won and check is None):
        return "lost"
    return "accepted" if found is won else "rejected"


def _reason(
    lap: Lap,
    found: Verdict | None,
    won: Verdict | None,
    check: Confirmation | None,
    *,
    ahead: bool,
) -> str:
    if found is None:
        behind = "another finalist was ahead" if ahead else "the budget ended before"
        return "lost the race" if lap.out else behind
    if check is not None and not check.held:
        return "worse on rows that nobody had met"
    if found.accepted and found is not won:
        return "another finalist was better still"
    return found.reason
