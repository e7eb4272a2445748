"""What the suite compares, by name: ways from a start to an agent, all reported alike.

An ablation switches optimizers off and changes nothing else. Losses and gradients are computed in
every step still, and the budget pays for them: it tells what the proposals are worth, not what
could be saved.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from slearn.agent import Agent, agent_to_text
from slearn.batches import sample
from slearn.budget import prompt_share, with_token_budget
from slearn.cli.plan import Plan
from slearn.engine import Engine, Watcher
from slearn.errors import ContextError
from slearn.evaluate import evaluate
from slearn.loss import UNSAYABLE, Measure, measured_losses, task_text
from slearn.optim import (
    OPTIMIZERS,
    Calibrate,
    ChooseAmong,
    CreateTool,
    Cross,
    DemoEdits,
    DemoSets,
    Induce,
    LineEdits,
    Narrowing,
    Optimizer,
    PassedDemos,
    ReasonFirst,
    Restructure,
    SetDemos,
    Tips,
    Wanted,
    apply,
)
from slearn.optim.demos import demo_of
from slearn.result import RunResult
from slearn.settings import TrainSettings
from slearn.store import RememberingEngine, Store
from slearn.train import Engines, train
from slearn.values import Example, digest

DEMOS = (DemoSets, DemoEdits, PassedDemos)
OTHERS = tuple(type(each) for each in OPTIMIZERS if not isinstance(each, DEMOS))
PROMPTS = (LineEdits, Tips, Induce, Cross)  # who writes instruction lines, and crosses of those
BESIDE = tuple(type(each) for each in OPTIMIZERS if not isinstance(each, PROMPTS))
FROM_GRADIENTS = (LineEdits, DemoEdits)  # the model writes their candidates with gradients in view

SIZES = (0, 4, 8, 16)
DRAWS = 3  # of each size, but of 0 there is only one


@dataclass(frozen=True)
class Job:
    """One run to make: the start with its data, the engine that stays open, an empty store."""

    plan: Plan
    engine: Engine
    store: Store

    @property
    def settings(self) -> TrainSettings:
        """What was asked for."""
        return TrainSettings.from_json(self.plan.config["settings"])


def by_metric(
    agents: Sequence[Agent],
    examples: Sequence[Sequence[Example]],
    engine: Engine,
    judge_engine: Engine | None = None,
    watch: Watcher | None = None,
    *,
    task: str = "",
) -> list[list[float]]:
    """Return the metric of what agents answer in place of their loss: its shortfall is the misses.

    What a peer without likelihoods has to go by.
    """
    found = []
    for agent, rows in zip(agents, examples, strict=True):
        scores = evaluate(agent, rows, engine, judge_engine, watch, task=task).scores
        found.append([-2 * math.log(s) if s else UNSAYABLE for s in scores])
    return found


def training(
    job: Job,
    off: tuple[type[Optimizer], ...] = (),
    measure: Measure = measured_losses,
    instead: Sequence[Optimizer] = (),
) -> RunResult:
    """Train without the optimizers that are off, candidates compared by a measure.

    Those `instead` take the places of the others of their class.
    """
    own = {type(each): each for each in instead}
    share = prompt_share(job.plan.agent, job.plan.data.train, job.engine.count_tokens)
    settings = with_token_budget(job.settings, job.engine, share=share)
    return train(
        job.plan.agent,
        job.plan.data,
        Engines(job.engine, job.engine),
        job.store.begin({**job.plan.config, "settings": settings.as_json()}),
        settings,
        optimizers=[own.get(type(each), each) for each in OPTIMIZERS if not isinstance(each, off)],
        measure=measure,
    )


def shuffled(job: Job) -> RunResult:
    """Train and report on targets that belong to other rows.

    There is nothing to learn but what answers look like, and how often each comes: whoever gets
    worse was accepted by chance. (Reported on the true targets, who learns the wrong ones well
    would look harmed.)
    """
    data = job.plan.data
    chance = random.Random(digest([job.settings.seed, "shuffled"]))
    train_rows, val, test = (
        _exchanged(rows, chance) for rows in (data.train, data.val, data.test or ())
    )
    data = replace(data, train=train_rows, val=val, test=test or None)
    plan = replace(job.plan, data=data)
    return training(replace(job, plan=plan))


def _exchanged(rows: Sequence[Example], chance: random.Random) -> list[Example]:
    """Return rows with each other's targets; a calculation in another column would tell on them."""
    order = chance.sample(range(len(rows)), len(rows))
    return [
        replace(row, targets=rows[place].targets, row={})
        for row, place in zip(rows, order, strict=True)
    ]


def untrained(job: Job) -> RunResult:
    """Return the start as it is: what a larger model does without any training, say."""
    return best_of(job, ())


def random_demos(job: Job) -> RunResult:
    """Return the best of a few random sets of demonstrations by the metric on validation."""
    return best_of(job, _drawn(job))


def best_of(job: Job, drawn: Iterable[Agent]) -> RunResult:
    """Return the best of some agents by the metric on validation, the start where there is none.

    The budget does not bind it: it costs what it costs, and the tokens say how much.
    """
    start, data, settings = job.plan.agent, job.plan.data, job.settings
    log = job.store.begin(job.plan.config)
    engine = RememberingEngine(job.engine, log)
    task = task_text(start)
    rows = sample(data.test or data.val, settings.test_limit)
    validation = sample(data.val, settings.val_limit)
    before = evaluate(start, rows, engine, task=task)
    first = engine.totals
    best, most, tried = start, -1.0, 0
    for agent in drawn:
        try:
            score = evaluate(agent, validation, engine, task=task).interval.value
        except ContextError:  # so many demonstrations do not fit
            continue
        tried += 1
        if score > most:
            best, most = agent, score
    second = engine.totals
    after = evaluate(best, rows, engine, task=task)
    last, won = engine.totals, int(best != start)
    result = RunResult(
        run=log.name,
        split="test" if data.test else "validation",
        start=start,
        agent=best,
        before=before,
        after=after,
        agent_digest=log.keep_agent(agent_to_text(best)),
        accepted=won,
        rejected=max(0, tried - 1 - won),
        calls={"total": last.calls, "invalid": last.invalid, "cached": last.cached},
        tokens=(second.usage - first.usage).as_json(),
        seconds={
            "train": round(second.seconds - first.seconds, 2),
            "test": round(last.seconds - second.seconds + first.seconds, 2),
        },
        reason=f"best of {tried}",
    )
    log.finish("finished", result.as_json())
    return result


def _drawn(job: Job) -> Iterator[Agent]:
    """Yield the start without demonstrations, then with sets of each size."""
    start = job.plan.agent
    made = (demo_of(example, start.last) for example in job.plan.data.train)
    available = [demo for demo in made if demo is not None]
    for size in SIZES:
        for number in range(DRAWS if size else 1):
            chance = random.Random(digest([job.settings.seed, "random demos", size, number]))
            demos = chance.sample(available, min(size, len(available)))
            yield apply(start, SetDemos(start.last.name, tuple(demos)))


SETTINGS: dict[str, Callable[[Job], RunResult]] = {
    "full": training,
    "demos-only": partial(training, off=OTHERS),
    "no-demos": partial(training, off=DEMOS),
    "no-gradients": partial(training, off=FROM_GRADIENTS),
    "no-calibration": partial(training, off=(Calibrate,)),
    "no-induction": partial(training, off=(Induce,)),
    "no-reasoning": partial(training, off=(ReasonFirst,)),
    "no-measured-loss": partial(training, off=(Calibrate, Wanted), measure=by_metric),
    "no-front": partial(training, off=(Cross,)),
    "no-tools": partial(training, off=(CreateTool,)),
    "no-structure": partial(training, off=(Narrowing, ChooseAmong, Restructure)),
    "shuffled": shuffled,
    "prompts-only": partial(training, off=BESIDE),
    "random-demos": random_demos,
    "untrained": untrained,
}
UNBUDGETED = ("random-demos", "untrained")
