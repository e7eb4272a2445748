"""The judge without targets against the truth: does it tell right answers from wrong ones?

    python bench/judging.py --model PATH --tasks cls/snips7,svamp,instruction_induction/antonyms

For each of --rows rows of a task the judge grades up to three answers: the agent's own, the right
one, and one that is wrong because it is right for another row; an answer that comes twice is graded
once. The agent is the start that the suite trains, and rows are of train and val: it learned from
neither, and test stays unread. The judge sees what it sees in training, no target and no choices;
the truth is the task's metric.

Reported of all answers and of the agent's own alone: n, the share that is right, the area under the
ROC curve of the grade (0.5 is chance), accuracy and Cohen's kappa (0 is chance) of calling right
what is graded 0.5 or more. Intervals are of 95%, from drawing rows anew with all their answers.
One JSON line at the end.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from ledger import ROOT, code
from numpy.typing import NDArray
from selection import plan_of
from suite import CELLS

from slearn.agent import Agent, Step, Trajectory, forward
from slearn.batches import sample
from slearn.cli.engines import engine_settings, identify, open_noted
from slearn.engine import Engine
from slearn.errors import SlearnError
from slearn.loss import RIGHT, judge
from slearn.metrics import metric_named
from slearn.values import Example, Usage, digest

RESAMPLES = 2000
THRESHOLD = 0.5
FIGURES = ("right", "auc", "accuracy", "kappa")
Matrix = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Answer:
    """An answer to grade: to which row, whether it is right, whether it is the agent's own."""

    row: int
    text: str
    right: bool
    own: bool


def main() -> None:
    """Measure every task and print."""
    given = arguments(argparse.ArgumentParser(description=__doc__.splitlines()[0]))
    model = identify(given.model)
    noted, failed = engine_settings(CELLS, None, model), 0
    found: dict[str, Any] = {}
    with open_noted(model, noted) as engine:
        for number, task in enumerate(given.tasks):
            print(f"{number + 1} of {len(given.tasks)}: {task}", file=sys.stderr, flush=True)
            try:
                plan = plan_of(given, task)
                rows = sample([*plan.data.val, *plan.data.train], given.rows)
                chance = random.Random(digest([given.seed, task, "judging"]))
                found[task] = measure(plan.agent, rows, engine, chance)
            except SlearnError as error:
                failed += 1
                print(f"  failed: {error}", file=sys.stderr, flush=True)
    print(table(found), end="\n\n")
    shape = {"model": model["name"], "start": given.start, "seed": given.seed}
    print(json.dumps({**shape, "tasks": found, "engine": noted, "code": code()}))
    sys.exit(f"{failed} tasks failed" if failed else 0)


def measure(
    agent: Agent, rows: Sequence[Example], engine: Engine, chance: random.Random
) -> dict[str, Any]:
    """Return how grades go with the truth, of all answers and of the agent's own."""
    own = [trajectory.answer for trajectory in forward(agent, rows, engine)]
    given = answers(agent.metric, rows, own, chance)
    taken = [trajectory_of(agent, rows[one.row], one.text) for one in given]
    grades = judge(agent, taken, engine)
    pairs = list(zip(given, grades, strict=True))
    return {
        "rows": len(rows),
        "all": summary(pairs),
        "own": summary([(one, grade) for one, grade in pairs if one.own]),
    }


def answers(
    metric: str, rows: Sequence[Example], own: Sequence[str], chance: random.Random
) -> list[Answer]:
    """Return the answers to grade: the agent's own, a right one and a wrong one for every row.

    An answer that a row has already is left out, and so is the wrong one where all are right.
    """
    score = metric_named(metric).score
    found = []
    for place, (row, text) in enumerate(zip(rows, own, strict=True)):
        targets = (row.targets or ())[:1]
        others = [t for o in chance.sample(list(rows), len(rows)) for t in (o.targets or ())[:1]]
        wrong = next((other for other in others if score(other, row) < RIGHT), None)
        texts = [text, *targets, *([] if wrong is None else [wrong])]
        for number, one in enumerate(texts):
            if one not in texts[:number]:
                found.append(Answer(place, one, score(one, row) >= RIGHT, number == 0))
    return found


def trajectory_of(agent: Agent, example: Example, answer: str) -> Trajectory:
    """Return what a judge reads: that an agent of one node gave this answer, and no target.

    >>> # judge(agent, [trajectory_of(agent, example, "cold")], engine)
    """
    node = agent.last
    output = {node.output.answer.name: answer}
    inputs = {name: example.inputs[name] for name in node.inputs}
    step = Step(node.name, inputs, output, answer, True, Usage())
    return Trajectory(replace(example, targets=None, row={}), (step,), answer)


def summary(pairs: Sequence[tuple[Answer, float]]) -> dict[str, Any]:
    """Return the figures of graded answers with their intervals; None where a kind is missing."""
    grades = np.array([grade for _, grade in pairs], float)
    right = np.array([one.right for one, _ in pairs], bool)
    rows, place = np.unique([one.row for one, _ in pairs], return_inverse=True)
    share = np.full(len(rows), 1 / len(rows))
    times = np.random.default_rng(0).multinomial(len(rows), share, size=RESAMPLES)
    drawn = figures(grades, right, times[:, place].astype(float))
    whole = figures(grades, right, np.ones((1, len(pairs))))
    found: dict[str, Any] = {"n": len(pairs)}
    for name in FIGURES:
        value, spread = float(whole[name][0]), drawn[name][np.isfinite(drawn[name])]
        if not np.isfinite(value):
            found[name] = None
            continue
        low, high = np.quantile(spread, (0.025, 0.975)).tolist()
        body = {"value": value, "low": min(low, value), "high": max(high, value)}
        found[name] = {key: round(figure, 4) for key, figure in body.items()}
    return found


def figures(grades: Matrix, right: Bools, weights: Matrix) -> dict[str, Matrix]:
    """Return all figures for each row of weights: how often each answer counts.

    >>> found = figures(np.array([0.9, 0.4]), np.array([True, False]), np.ones((1, 2)))
    >>> [found[name].tolist() for name in ("auc", "accuracy", "kappa")]
    [[1.0], [1.0], [1.0]]
    """
    good, bad = weights[:, right], weights[:, ~right]
    gap = np.sign(np.subtract.outer(grades[right], grades[~right]))
    wins = ((good @ ((gap + 1) / 2)) * bad).sum(axis=1)
    said, total = grades >= THRESHOLD, weights.sum(axis=1)
    share, called = good.sum(axis=1) / total, weights[:, said].sum(axis=1) / total
    accuracy = weights[:, said == right].sum(axis=1) / total
    chance = share * called + (1 - share) * (1 - called)
    with np.errstate(divide="ignore", invalid="ignore"):  # where one kind is missing
        auc = wins / (good.sum(axis=1) * bad.sum(axis=1))
        kappa = (accuracy - chance) / (1 - chance)
    return {"right": share, "auc": auc, "accuracy": accuracy, "kappa": kappa}


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return two rows a task: all answers, and the agent's own."""
    names = ("task", "answers", "n", "right", "AUC (95%)", "accuracy (95%)", "kappa (95%)")
    rows = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for task, each in found.items():
        for kind in ("all", "own"):
            shown = [_shown(each[kind][name]) for name in FIGURES]
            rows.append(f"| {' | '.join([task, kind, str(each[kind]['n']), *shown])} |")
    return "\n".join(rows)


def _shown(figure: Mapping[str, float] | None) -> str:
    if figure is None:
        return "-"
    return f"{figure['value']:.2f} ({figure['low']:.2f} to {figure['high']:.2f})"


def arguments(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Return what was asked for, its tasks checked before a model is loaded."""
    parser.add_argument("--model", required=True)
    parser.add_argument("--tasks", type=lambda text: text.split(","), required=True)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--start", default="described")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    given = parser.parse_args()
    place = given.data / "starts.json"
    starts = json.loads(place.read_text())
    for task in given.tasks:  # before a model is loaded
        if given.start not in starts.get(task, {}):
            sys.exit(f"{place}: no start {given.start!r} of task {task!r}")
        if starts[task]["metric"] == "judge":
            sys.exit(f"{task}: its metric is the judge, so there is no truth")
    return given


if __name__ == "__main__":
    main()
