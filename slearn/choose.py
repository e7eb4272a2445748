"""The choice among candidates: race, refine the finalists, hold them against validation."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from statistics import fmean

from slearn.agent import Agent
from slearn.errors import ContextError
from slearn.evaluate import evaluate
from slearn.optim import Candidate, Proposal
from slearn.select import (
    LOOK,
    SURE,
    Confirmation,
    Lap,
    Verdict,
    affordable,
    confirmation,
    in_turn,
    race,
    verdict,
)
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
    session = frame.session
    state = replace(state, idle=state.idle + 1)
    if not proposed:
        return replace(state, barren=state.barren + 1)
    candidates = field_of(frame, proposal, proposed, rows)
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


def field_of(
    frame: Frame, proposal: Proposal, proposed: Sequence[Proposed], rows: Sequence[Example]
) -> list[Candidate]:
    """Return the candidates that the rest of the budget can race, each optimizer's in turn."""
    groups: dict[str, list[Candidate]] = {}
    for name, candidate in proposed:
        groups.setdefault(name, []).append(candidate)
    field = in_turn(list(groups.values()))
    count, nodes = frame.guards.count, proposal.agent.nodes
    prompt = fmean(frame.guards.size(candidate.agent) for candidate in field)
    row = fmean(count(" ".join(one.inputs.values())) for one in rows) if rows else 0.0
    row = row * len(nodes) + fmean(map(writing, field))
    if not frame.session.spent.shared:  # an engine that reads each prompt anew
        row += prompt
    size = affordable(frame.session.left, len(field), prompt, row, rows, len(frame.validation))
    for candidate in field[size:]:
        frame.session.keep_candidate(
            candidate, proposal.agent, proposal.step, status="lost", reason="no budget to race it"
        )
    return field[:size]


def writing(candidate: Candidate) -> float:
    """Return about how many tokens a row makes an agent write, and its chat template takes."""
    written = (field for node in candidate.agent.nodes for field in node.output.fields)
    return 12.0 + sum(field.max_tokens / 4 for field in written if field.type == "text")


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
            reason=_reason(lap, one, won, check),
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
    lap: Lap, found: Verdict | None, won: Verdict | None, check: Confirmation | None
) -> str:
    if found is None:
        behind = "another finalist was ahead" if won else "the budget ended before"
        return "lost the race" if lap.out else behind
    if check is not None and not check.held:
        return "worse on rows that nobody had met"
    if found.accepted and found is not won:
        return "another finalist was better still"
    return found.reason
