"""What becomes of the finalists: validation, fresh rows where it leaves a doubt, and the record."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace

from slearn.agent import Agent
from slearn.errors import ContextError
from slearn.evaluate import evaluate
from slearn.optim import Candidate, Proposal, still
from slearn.select import LOOK, SURE, Confirmation, Cost, Lap, Verdict, confirmation, verdict
from slearn.session import OutOfTime, OutOfTokens
from slearn.state import Frame, State


@dataclass(frozen=True)
class Outcome:
    """What validation said of a finalist, and fresh rows where they were asked, with its scores."""

    verdict: Verdict
    check: Confirmation | None = None
    fresh: tuple[float, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether validation accepts it and fresh rows do not contradict."""
        return self.verdict.accepted and (self.check is None or self.check.held)

    @property
    def reason(self) -> str:
        """Why it was accepted or rejected."""
        contradicted = self.verdict.accepted and not self.accepted
        return "worse on fresh rows" if contradicted else self.verdict.reason


def final(
    frame: Frame, state: State, laps: Sequence[Lap], number: int
) -> tuple[State, list[Outcome | None]]:
    """Hold the finalists against validation; None for who is out, or was not needed or reached.

    All answer a few rows first; then the best goes on, and the next one only if it is not accepted.
    Where the budget ends before validation does, the verdict is that of fewer rows; when it ends
    between two, what was found is not thrown away. The error rate is the step's: each finalist gets
    its share of it (`shares`). The state comes back with what was measured of the incumbent.
    """
    session, rows = frame.session, frame.validation[: len(state.scores)]
    found: list[Outcome | None] = [None] * len(laps)
    places = [place for place, lap in enumerate(laps) if not lap.out]
    ahead = sorted(places, key=lambda place: not laps[place].candidate.tried)  # before any look
    share = dict(zip(ahead, shares(len(ahead)), strict=True))
    seen: dict[int, tuple[float, ...]] = {}
    costs: dict[int, Cost] = {}
    for place in places:
        session.progress.phase("validate", number, laps[place].candidate.operator)
        try:
            with session.finishing() if not seen else nullcontext():
                agent, spent = laps[place].candidate.agent, session.spent
                first = evaluate(agent, rows[:LOOK], *session.tools, task=frame.task)
            seen[place] = first.scores
            costs[place] = Cost.spent(session.spent - spent, len(first.scores))
        except (OutOfTime, OutOfTokens):
            break
        except ContextError as problem:
            found[place] = _unfit(problem, state)
    # Loss chose the finalists, the metric chooses among them; the race decides between equals.
    for rank, place in enumerate(sorted(seen, key=lambda place: -sum(seen[place]))):
        candidate = laps[place].candidate
        session.progress.phase("validate", number, candidate.operator)
        cost, looked = costs[place], len(seen[place])
        part = rows[: looked + cost.rows(session.credit)]
        after = session.credit - cost.final(len(part) - looked)
        try:
            with session.finishing() if rank == 0 else nullcontext():
                said = verdict(
                    state.agent,
                    candidate.agent,
                    state.scores[: len(part)],
                    part,
                    *session.tools,
                    seen=seen[place],
                    alpha=session.settings.alpha * share[place],
                    task=frame.task,
                    measure=frame.measure,
                    weighed=cost.rows(after / 2),
                )
        except (OutOfTime, OutOfTokens):
            break
        except ContextError as problem:
            found[place] = _unfit(problem, state)
            continue
        found[place] = one = Outcome(said)
        if said.accepted and (said.p > SURE or said.after <= said.before):
            with suppress(OutOfTime, ContextError):  # then validation's word stands
                state, one = confirmed(frame, state, candidate.agent, said, number, cost)
                found[place] = one
        if one.accepted:
            break
    return state, found


def shares(count: int) -> list[float]:
    """Return each finalist's share of the error rate: each has half as much as the one before.

    First are those that their optimizer tried with success, then who did better in the race.

    >>> [round(share, 2) for share in shares(2)]
    [0.67, 0.33]

    This is the weighted Bonferroni test (Genovese, Roeder and Wasserman 2006): the weights come
    from rows that validation does not have, so the rate of all together stays what it was.
    """
    return [2.0**-place / (2 - 2.0 ** (1 - count)) for place in range(count)]


def confirmed(
    frame: Frame, state: State, agent: Agent, said: Verdict, number: int, cost: Cost
) -> tuple[State, Outcome]:
    """Return what fresh rows say of an agent, and the state with the incumbent's scores there.

    As many are asked as the budget has room for.
    """
    session, known = frame.session, len(state.confirmed)
    room = cost.rows(session.credit / (1 if known else 2))
    rows = frame.fresh[: min(room, known or room)]
    if not rows:
        return state, Outcome(said)
    session.progress.phase("confirm", number)
    with session.finishing():
        if not state.confirmed:
            old = evaluate(state.agent, rows, *session.tools, task=frame.task)
            state = replace(state, confirmed=old.scores)
        new = evaluate(agent, rows, *session.tools, task=frame.task)
    old_scores = state.confirmed[: len(rows)]
    return state, Outcome(said, confirmation(old_scores, new.scores), new.scores)


def settle(
    frame: Frame,
    state: State,
    proposal: Proposal,
    laps: Sequence[Lap],
    found: Sequence[Outcome | None],
) -> State:
    """Record what became of every candidate, and return the state with the accepted one, if any."""
    won = any(one is not None and one.accepted for one in found)
    for lap, one in zip(laps, found, strict=True):
        if one is None:
            missed = "another finalist was ahead" if won else "the budget ended before"
            status, reason = "lost", "lost the race" if lap.out else missed
        else:
            status, reason = ("accepted" if one.accepted else "rejected"), one.reason
        frame.session.keep_candidate(
            lap.candidate,
            proposal.agent,
            proposal.step,
            status=status,
            reason=reason,
            lap=lap,
            found=one.verdict if one else None,
            check=one.check if one else None,
        )
        if one is not None and not one.accepted:
            state = replace(state, rejected=state.rejected + 1)
        elif one is not None:
            state = _accept(state, lap.candidate, one)
    return state


def _accept(state: State, candidate: Candidate, one: Outcome) -> State:
    agent = candidate.agent
    state = replace(
        state,
        agent=agent,
        front=still(state.front, candidate.edits),
        scores=one.verdict.scores,
        confirmed=one.fresh,
        accepted=state.accepted + 1,
        idle=0,
        barren=0,
    )
    scores = one.verdict.scores
    if sum(scores) >= sum(state.best_scores[: len(scores)]):
        state = replace(state, best=agent, best_scores=scores)
    return state


def _unfit(problem: ContextError, state: State) -> Outcome:
    return Outcome(Verdict(False, str(problem), state.score, 0.0, 0, 1.0))
