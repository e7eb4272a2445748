"""One training step, from a state and a batch to the next state; the old agent stays as it was.

forward -> loss -> backward -> aggregate -> propose -> race -> validate
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from slearn.agent import Agent, forward
from slearn.batches import Batch, texts, worst
from slearn.choose import Proposed, choose
from slearn.evaluate import score_trajectories
from slearn.grad import aggregate, attribute, backward, choices, parts, rows_each
from slearn.loss import language_loss, measured_loss
from slearn.optim import Candidate, Proposal, apply_all, picked
from slearn.state import Frame, State, allowed
from slearn.values import Example

_SHARE = 0.25  # of the budget that is left: what proposals may take before the race
_TRYING = 0.45  # the same for what is tried before it is proposed, where several nodes may learn
_DEAREST = 0.5  # of it: who takes more is not asked, for nobody could race any more
_WAITING = 0.05  # the same where some are about to race that read less: then it may be cheap
_MEASURED = 0.5  # of it: what attribution may take


def take_step(frame: Frame, state: State, batch: Batch, number: int) -> State:
    """Return the state after one step.

    >>> # state = take_step(frame, state, draw(train, state.agent, seed, 0), 0)
    """
    if state.idle == 0:  # a new incumbent: what its parts do is measured once
        state = measured(frame, state, batch, number)
    proposal = look(frame, state, batch, number)
    return choose(frame, state, proposal, propose(frame, state, proposal), batch.race)


def measured(frame: Frame, state: State, batch: Batch, number: int) -> State:
    """Return the state with what the parts of its agent do to the loss."""
    session = frame.session
    session.progress.phase("attribution", number)
    engine, _, watch = session.tools
    found = attribute(
        state.agent,
        batch.forward,
        *session.tools,
        task=frame.task,
        measure=frame.measure,
        most=measurable(frame, state.agent, batch.forward),
    )
    found += choices(state.agent, batch.forward, engine, watch)
    session.keep_attributions(found, number)
    return replace(state, attributions=tuple(found))


def measurable(frame: Frame, agent: Agent, rows: Sequence[Example]) -> int:
    """Return how many parts can be left out, each once, for half of the budget that is left.

    Each reads the agent's prompts without it: where there are many long tools that adds up.

    >>> # measurable(frame, state.agent, batch.forward)
    """
    count, size = frame.guards.count, frame.guards.size(agent)
    row = fmean(count("\n".join(texts(one))) for one in rows) if rows else 0.0
    turns = 1 + sum(bool(node.tools) for node in agent.nodes)
    most = sum(len(parts(agent, node)) for node in agent.nodes)
    while most > 1:
        # Half of a prompt stands before what is left out, and is shared.
        each = turns * (size / 2 + rows_each(agent, rows, most) * row)
        if (most + 1) * each <= _MEASURED * frame.session.left:
            break
        most -= 1
    return most


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
    rows = [trajectory.example for trajectory in chosen]
    # The agent's model is asked before the optimizer's, so that two in turn change once a phase.
    nats = measured_loss(agent, rows, engine, optimizer, watch, task=frame.task)
    losses = language_loss(agent, chosen, shown, optimizer, watch)
    session.progress.phase("backward", number)
    gradients = backward(agent, chosen, losses, optimizer, watch, attributions=state.attributions)
    session.keep_backward(losses, nats, gradients, number)
    return Proposal(
        agent=agent,
        gradients=aggregate(agent, (g for row in gradients for g in row)),
        trajectories=trajectories,
        scores=scores,
        pool=picked(agent, batch.pool),
        engine=optimizer,
        runner=engine,
        seed=session.settings.seed,
        step=number,
        watch=watch,
        attributions=state.attributions,
        measure=frame.measure,
        front=unshown(state, batch.race),
        rows=len(batch.race) + len(frame.validation),
        task=frame.task,
        train=picked(agent, frame.teach),
        left=session.left,
    )


def unshown(state: State, rows: Sequence[Example]) -> list[Candidate]:
    """Return who of the front would show none of the rows that candidates will race on.

    >>> # unshown(state, batch.race)
    """
    raced = {row.id for row in rows}
    agents = [apply_all(state.agent, one.edits) for one in state.front]
    return [
        one for one, agent in zip(state.front, agents, strict=True) if not agent.sources() & raced
    ]


def propose(frame: Frame, state: State, proposal: Proposal) -> list[Proposed]:
    """Collect the candidates of all optimizers and refuse those that may not run.

    Who proposes late is not asked where proposals have already taken their share of the budget: of
    a flow those that measure still are, since which node should learn is what has to be found. Who
    is dear waits while it is not known whether the agent may read less.
    """
    frame.session.progress.phase("propose", proposal.step)
    candidates: list[Proposed] = []
    less = False
    whole, several = frame.session.left, len(state.agent.nodes) > 1
    names = dict.fromkeys(optimizer.name for optimizer in frame.optimizers)
    order = frame.turns.order(names, proposal.step)
    for optimizer in (each for name in order for each in frame.optimizers if each.name == name):
        left = frame.session.left
        shown = frame.turns.shown(proposal, optimizer.name)
        dearest = left * (_WAITING if less else _DEAREST)
        share = _TRYING if several and optimizer.measures else _SHARE
        if left >= max(1, (1 - share) * whole) and optimizer.price(shown) <= dearest:
            made = optimizer.propose(shown)
            cost = left - frame.session.left
            frame.turns.paid(optimizer.name, cost, len(made))
            fine = allowed(frame, state, made, proposal.step)
            candidates += [(optimizer.name, candidate) for candidate in fine]
            less = less or (optimizer.cheapens and bool(fine))
            if not fine and (made or cost):  # proposing was paid for
                frame.turns.note(optimizer.name, proposal.step, made, [])
    return candidates
