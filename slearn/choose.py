"""The choice among candidates: a field that the budget can race, the race, better versions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from statistics import fmean

from slearn.agent import LAYOUTS, Agent, Contract, Nearest, parts_of
from slearn.batches import texts
from slearn.errors import ContextError
from slearn.optim import Candidate, Optimizer, Proposal, given_tokens, reading, settled
from slearn.select import (
    FINALISTS,
    LOOK,
    Cost,
    Lap,
    affordable,
    cheapest,
    front,
    in_turn,
    race,
    shortened,
)
from slearn.session import OutOfTime, OutOfTokens
from slearn.settle import final, settle
from slearn.state import Frame, State, allowed
from slearn.values import Example

_CALLED = 40.0  # tokens of a call and its result, about
_REFINED = 0.1  # of the budget that is left: what a better version of a finalist may take
_HEARD = 2 * LOOK  # rows of validation that a finalist needs to be believed

Proposed = tuple[str, Candidate]  # with the name of the optimizer
Written = tuple[str, Contract]  # what tells apart how much a node writes: its name, its contract


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
    candidates, cuts = field_of(frame, proposal, proposed, rows)
    rows = rows[: sum(cuts)]
    session.progress.phase("race", proposal.step, f"{len(candidates)} candidates")
    try:
        with session.finishing():  # what was begun for its price is not given up before its end
            laps = race(
                state.agent,
                candidates,
                rows,
                *session.tools,
                task=frame.task,
                measure=frame.measure,
                size=frame.guards.size,
                cuts=cuts,
            )
    except ContextError as problem:  # a guard let through what does not fit: nobody runs
        for candidate in candidates:
            session.keep_candidate(
                candidate, state.agent, proposal.step, status="refused", reason=str(problem)
            )
        return replace(state, barren=state.barren + 1)
    finalists = [lap.candidate for lap in laps if not lap.out]
    for name in {name for name, _ in proposed}:
        made = [one for other, one in proposed if other == name and one in candidates]
        if made:  # it had its try
            frame.turns.note(name, proposal.step, made, finalists)
    state = state.with_front(front(laps), candidates)
    # What the race has paid for is not lost where better versions cannot be had any more.
    with suppress(OutOfTime, OutOfTokens, ContextError):
        laps = refined(frame, state, proposal, laps, rows)
    state, found = final(frame, state, laps, proposal.step)
    return settle(frame, state, proposal, laps, found)


def field_of(
    frame: Frame, proposal: Proposal, proposed: Sequence[Proposed], rows: Sequence[Example]
) -> tuple[list[Candidate], tuple[int, ...]]:
    """Return the candidates that the rest of the budget can race, and the rows of the rungs.

    Those first that were tried and are better, then each optimizer's in turn.
    """
    groups: dict[str, list[Candidate]] = {}
    for name, candidate in proposed:
        groups.setdefault(name, []).append(candidate)
    field = sorted(in_turn(list(groups.values())), key=lambda one: not one.tried)
    count = frame.guards.count
    row = fmean(count("\n".join(texts(one))) for one in rows) if rows else 0.0
    inputs = [sum(map(count, one.inputs.values())) for one in rows]
    more = row - fmean(inputs) if rows else 0.0  # choices and functions of a row
    sizes: dict[tuple[str, ...], dict[str, float]] = {}  # those that pick nothing share theirs
    untold = not any(one.targets for one in rows)
    known = lengths(proposal, count)
    own = Candidate("", proposal.agent, ())

    def cost(one: Candidate, only: Collection[str]) -> Cost:
        picked = tuple(str(p) for p in parts_of(one.agent.flow.steps) if isinstance(p, Nearest))
        if picked not in sizes:
            sizes[picked] = given_tokens(one.agent, rows, count)
        given = sizes[picked]
        nodes = [one.agent.node(name) for name in only]
        behind = [node.name for node in nodes if node.layout != LAYOUTS[0]]
        # Behind a row, or chosen for it, what is shown is read with each.
        shared = unrecalled(one.agent)
        front = [name for name in only if name not in behind]
        prompt = frame.guards.size(shared, front)
        again = frame.guards.size(one.agent, only) - prompt
        return Cost(
            float(prompt),
            reading(one.agent, given, more=more, only=only)
            + writing(one, count, known, only)
            + again
            + prompt * frame.session.anew,
            1 + sum(bool(node.tools) for node in one.agent.nodes if node.name in only),
            float(untold),
            untold or Lap(one).writes,
            fronted(one.agent, own.agent, given, behind),
        )

    same = [settled(one.agent, own.agent) for one in field]
    costs = [
        cost(one, [n.name for n in one.agent.nodes if n.name not in but])
        for one, but in zip(field, same, strict=True)
    ]
    whole = cost(own, [n.name for n in own.agent.nodes])
    drafts = frozenset[str]().union(*(undrafted(one.agent, own.agent) for one in field))

    def once(count: int) -> float:
        """Return what all share and is paid for once: by the incumbent, or beside its answers."""
        more = max(0.0, whole.rung(count) - min(one.rung(count) for one in costs))
        more += count * max(one.shared for one in [whole, *costs])
        return more + (cost(own, drafts).rung(count) if drafts else 0.0)

    validation, left = len(frame.validation), frame.session.left - once(len(rows))
    finals = [cost.final(min(validation, _HEARD)) for cost in costs]
    most = max(left, *sorted(finals)[:FINALISTS])  # the cheapest run whatever is left
    fine = [place for place, price in enumerate(finals) if price <= most]  # the others end nowhere
    later = refining(frame, proposal, [field[place] for place in fine], row, len(rows))
    able = [costs[place] for place in fine]
    raced, validation = shortened(left, able, len(rows), validation)  # better versions may wait
    rows = rows[:raced]
    left = frame.session.left - once(raced)
    size = affordable(left - later, able, rows, validation)
    for place, candidate in enumerate(field):
        if place not in fine[:size]:
            frame.session.keep_candidate(
                candidate,
                proposal.agent,
                proposal.step,
                status="lost",
                reason="no budget to race it",
            )
    cuts = cheapest(able[:size], rows, validation)
    return [field[place] for place in fine[:size]], cuts


def fronted(
    agent: Agent, incumbent: Agent, given: Mapping[str, float], behind: Collection[str]
) -> float:
    """Return the tokens of a row that nodes read in front of all else, as some of another agent do.

    `behind` are the nodes whose prompts stand behind their inputs.

    >>> # fronted(agent, incumbent, {"question": 20.0, "context": 900.0}, ["answer"])
    """
    others = {node.inputs for node in incumbent.nodes if node.layout != LAYOUTS[0]}
    read = {agent.node(name).inputs for name in behind} & others
    return sum(sum(given.get(name, 0.0) for name in inputs) for inputs in read)


def unrecalled(agent: Agent) -> Agent:
    """Return an agent without the demonstrations that are chosen for each row.

    >>> # unrecalled(agent).last.demos
    """
    for node in agent.nodes:
        agent = agent.with_node(replace(node, demos=(), nearest=0)) if node.nearest else agent
    return agent


def undrafted(agent: Agent, incumbent: Agent) -> frozenset[str]:
    """Return the nodes that end the incumbent and not an agent: in a race it does not write them.

    Its right answers are weighed there, where nothing else is written before them.

    >>> # undrafted(agent_with_a_check, agent)
    """
    last = incumbent.last
    writes = len(last.output.fields) > 1 or last.tools or last.output.answer.abstain
    ends = set() if writes else {*incumbent.ends}
    return frozenset(ends & settled(agent, incumbent) - {*agent.ends})


def refining(
    frame: Frame, proposal: Proposal, field: Sequence[Candidate], row: float, raced: int
) -> float:
    """Return about how many tokens better versions of the finalists will take until the end."""
    price = 0.0
    for optimizer in frame.optimizers:
        fine = [one for one in field if refinable(frame, proposal, optimizer, one)]
        prices = [optimizer.refine_price(proposal, one.agent, row) for one in fine]
        once, more = (fmean(c) for c in zip(*prices, strict=True)) if prices else (0.0, 0.0)
        if once:  # each is made and raced, looks at a few rows, and one of them at all
            price += FINALISTS * (once + raced * (row + more) + LOOK * more)
            price += len(frame.validation) * more
    return price


def refinable(frame: Frame, proposal: Proposal, optimizer: Optimizer, candidate: Candidate) -> bool:
    """Say whether an optimizer may make a better version of a candidate: for a part of the budget.

    A candidate that writes before it answers writes on each row that the fit reads, which can take
    most of what is left.
    """
    if not Lap(candidate).writes:
        return True
    once, more = optimizer.refine_price(proposal, candidate.agent, 0.0)
    if not more:  # most refine nothing, and nothing need be counted
        return once <= _REFINED * frame.session.left
    rows, count = once / more, frame.guards.count  # of no inputs: each takes what its choices take
    fixed = settled(candidate.agent, proposal.agent)  # written for most of these rows before
    others = [node.name for node in candidate.agent.nodes if node.name not in fixed]
    written = rows * writing(candidate, count, lengths(proposal, count), others)
    return once + written <= _REFINED * frame.session.left


def writing(
    candidate: Candidate,
    count: Callable[[str], int],
    known: Mapping[Written, float],
    only: Collection[str] | None = None,
) -> float:
    """Return about how many tokens a row makes an agent write, and its chat template takes.

    What a node writes is read again by those behind it. Answers are about as long as those that a
    node is shown, or as those that it gave with the same contract (`known`); a text that nobody has
    seen is taken for a quarter of what it may be. Of all nodes, or of those named `only`.
    """
    agent, once = candidate.agent, dict[str, float]()
    for node in agent.nodes:
        texts = [field.max_tokens / 4 for field in node.output.fields if field.type == "text"]
        shown = [count(node.output.render(demo.output)) for demo in node.demos]
        seen = known.get((node.name, node.output), sum(texts))
        once[node.name] = _CALLED * min(1, len(node.tools)) + (fmean(shown) if shown else seen)
    tokens, runs, reads = 12.0, agent.runs, agent.reads
    for node in agent.nodes:
        if only is not None and node.name not in only:
            continue
        tokens += runs[node.name] * once[node.name]
        handed = [once.get(name.partition(".")[0], 0.0) for name in node.inputs]
        tokens += reads[node.name] * sum(handed)
    return tokens


def lengths(proposal: Proposal, count: Callable[[str], int]) -> dict[Written, float]:
    """Return how many tokens nodes wrote on the batch, by their names and contracts."""
    found: dict[Written, list[int]] = {}
    for trajectory in proposal.trajectories:
        for step in trajectory.steps:
            node = proposal.agent.node(step.node)
            found.setdefault((node.name, node.output), []).append(count(step.text))
    return {key: fmean(sizes) for key, sizes in found.items()}


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
                if refinable(frame, proposal, optimizer, lap.candidate):
                    better = optimizer.refine(proposal, lap.candidate)
                    made += allowed(frame, state, better, proposal.step)
        origins.append((lap, made))
    field = [version for _, made in origins for version in made]
    if not field:
        return laps
    more = race(
        state.agent,
        field,
        rows[: max(len(lap.losses) for lap in laps)],
        *session.tools,
        finalists=len(field),
        whole=True,
        task=frame.task,
        measure=frame.measure,
        size=frame.guards.size,
    )
    ran = {id(lap.candidate): lap for lap in more}
    found: list[Lap] = []
    for lap, made in origins:
        versions = sorted([lap, *(ran[id(version)] for version in made)], key=lambda one: one.score)
        found += [versions[0], *(replace(other, out=True) for other in versions[1:])]
    return sorted(found, key=lambda lap: (lap.out, lap.score if not lap.out else 0.0))
