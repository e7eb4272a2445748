"""The training loop: forward, loss, backward, propose, select; the incumbent only ever gets better.

    examples -> forward -> loss -> backward -> aggregate -> propose -> race -> validate -> agent

A step is a function from (agent, batch) to an agent; the old agent stays as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from slearn.agent import Agent, agent_to_text
from slearn.batches import draw, fitting, heard, longest, sample, shuffled
from slearn.errors import Interrupted
from slearn.evaluate import Evaluation, evaluate
from slearn.loss import Measure, measured_losses, task_text
from slearn.optim import OPTIMIZERS, Guards, Optimizer
from slearn.progress import Progress
from slearn.result import ALL_RIGHT, BUDGET_SPENT, OUT_OF_TIME, RunResult
from slearn.select import set_aside
from slearn.session import Engines, OutOfTime, OutOfTokens, Session
from slearn.settings import TrainSettings
from slearn.state import Frame, State
from slearn.step import take_step
from slearn.store import RunLog
from slearn.values import Example

_FAR = 2  # times the longest row that is read: longer train rows teach nothing for it
_LONG = 4  # a train row of this part of the window leaves room for what candidates add
_VALIDATION = 0.15  # of the budget: what reading validation once may take

__all__ = ["Engines", "TrainData", "train"]


@dataclass(frozen=True)
class TrainData:
    """The splits: train teaches, validation decides, test is for the report alone."""

    train: Sequence[Example]
    val: Sequence[Example]
    test: Sequence[Example] | None = None


def train(
    agent: Agent,
    data: TrainData,
    engines: Engines,
    log: RunLog,
    settings: TrainSettings,
    progress: Progress | None = None,
    optimizers: Sequence[Optimizer] = OPTIMIZERS,
    measure: Measure = measured_losses,
) -> RunResult:
    """Train an agent, and report it before and after on the test split.

    >>> # train(agent, data, Engines(engine, engine), store.begin(config), settings).agent

    `settings.budget_tokens` must be set; `measure` is what candidates are compared by. Raises
    Interrupted when the user stops the run: what was done is in the store, and the same call on the
    resumed run goes on where it stopped.
    """
    session = Session(log, settings, progress or Progress(), engines)
    task = task_text(agent)  # a judge grades by what the agent was told at first
    split = "test" if data.test else "validation"
    rows = sample(data.test or data.val, settings.test_limit if data.test else settings.val_limit)
    try:
        fine = _fine(session, data)
        left_out, data = len(data.train) - len(fine), replace(data, train=fine)
        before = _report(session, agent, rows, split, task)
        state, reason = _loop(session, agent, data, task, optimizers, measure)
        trained = state.best or agent
        after = _report(session, trained, rows, split, task)
    except Interrupted:
        log.finish("interrupted")
        raise
    result = RunResult(
        run=log.name,
        split=split,
        start=agent,
        agent=trained,
        before=before,
        after=after,
        agent_digest=log.keep_agent(agent_to_text(trained)),
        accepted=state.accepted,
        rejected=state.rejected,
        calls=session.calls(),
        tokens=session.spent.as_json(),
        seconds=session.seconds(),
        reason=reason,
        left_out=left_out,
    )
    log.finish("finished", result.as_json())
    return result


def _fine(session: Session, data: TrainData) -> Sequence[Example]:
    """Return the train rows but for those that are far too long, and say so.

    They would leave no room in a prompt for what candidates add, and nobody would be raced.
    """
    count, window = session.agent_engine.count_tokens, session.agent_engine.window
    most = max(_FAR * longest([*data.val, *(data.test or ())], count), window // _LONG)
    fine = fitting(data.train, most, count)
    if len(fine) < len(data.train):
        out = f"{len(data.train) - len(fine)} of {len(data.train)} train rows"
        session.progress.warn(f"{out} are left out: they have more than {most:,} tokens")
    return fine


def _report(
    session: Session, agent: Agent, rows: Sequence[Example], split: str, task: str
) -> Evaluation:
    """Read the report's rows: outside the budget, and nothing is learned from them."""
    session.progress.phase(f"reading the {split} split")
    found = evaluate(agent, rows, *session.tools, task=task)
    session.keep_evaluation(agent, split, found)
    return found


def _loop(
    session: Session,
    agent: Agent,
    data: TrainData,
    task: str,
    optimizers: Sequence[Optimizer],
    measure: Measure,
) -> tuple[State, str]:
    """Take steps until the budget is spent or nothing pays; say which."""
    settings = session.settings
    count, budget = session.agent_engine.count_tokens, settings.budget_tokens or 0
    each = budget * _VALIDATION / sum(agent.reads.values())
    validation = heard(shuffled(sample(data.val, settings.val_limit)), each, count)
    rows = [*sample(data.train, 2000), *validation, *(data.test or ())]
    inputs = [text for row in rows for text in row.inputs.values()]
    size = longest([*data.train, *validation, *(data.test or ())], count)
    guards = Guards(count, inputs, session.agent_engine.window, longest=size)
    guards.seen(agent)
    teach, aside = set_aside(data.train)
    frame = Frame(session, guards, optimizers, validation, aside, task, measure, teach)
    state = State(agent, ())
    try:
        with session.counted():
            session.progress.phase("validation")
            scores = evaluate(agent, validation, *session.tools, task=task).scores
            state = replace(state, scores=scores, best=agent, best_scores=scores)
            for step in range(settings.max_steps):
                session.progress.best(state.score)
                if state.score >= 1 and len(state.scores) == len(validation):
                    return state, ALL_RIGHT
                if not session.affords_step():
                    return state, BUDGET_SPENT
                if state.idle >= settings.patience:
                    return state, state.standstill
                batch = draw(teach, state.agent, settings.seed, step)
                state = take_step(frame, state, batch, step)
    except OutOfTime:
        return state, OUT_OF_TIME
    except OutOfTokens:
        return state, BUDGET_SPENT
    return state, "step limit reached"
