"""What selection costs and what it loses: candidates measured once, policies replayed on them.

    python bench/selection.py record --model PATH --tasks cls/snips7,svamp --start described \\
        --candidates 60 --rows 40 --seed 0
    python bench/selection.py replay --replays 1000

`record` makes candidates that differ in worth without asking a trainer: the start, then draws of
tips and of demonstrations from the train rows, as many as the guards of training let through. All
of them meet the same validation rows, by measured loss and by the metric; a task's table is a file,
and a task that has one is not measured again.

`replay` takes the rows in a fresh order each time, with candidate 0 as the incumbent. Policies see
24 of 40 rows; the truth is the mean score on the other ones, so that who fits chance pays for it:

- full: every candidate on all 24 by the metric, the best is taken;
- loss: the same by the mean shortfall of the measured loss;
- nats, shortfall, scores: the race of slearn.select on 14 rows by mean nats, by mean shortfall
  (which is what training does) or by the metric, in the rungs that are cheapest; the two finalists,
  where they beat the incumbent, meet it on the other 10 by the metric;
- early: by shortfall on the first 5 rows, two finalists on the others;
- halved: shortfall in three rungs, as training did before 2026-11-28.

A price is in tokens read: in each rung a candidate's prompt once and each row's input, the
incumbent's too; what is written is not counted. The regret is what the best of all candidates has
more on the held-out rows: the best of sixty on 16 rows is partly luck, so only differences count. A
task's interval is over replays alone, that of all tasks over tasks too (bootstrap.py).

Last, how often a candidate that is no better is accepted: scores and losses of the incumbent and a
candidate are exchanged, row by row, by the toss of a coin, and slearn.select's rule is asked.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from bootstrap import Run, mean_gain
from ledger import ROOT, Line, code
from numpy.typing import NDArray
from suite import CELLS, save_start

from slearn.agent import Agent, Node, render
from slearn.batches import longest, sample
from slearn.cli.engines import engine_settings, identify, open_noted
from slearn.cli.plan import Plan, make_plan
from slearn.engine import Engine
from slearn.errors import SlearnError
from slearn.evaluate import evaluate
from slearn.loss import measured_losses, shortfall, task_text
from slearn.metrics import mean_interval, paired_p
from slearn.optim import Candidate, Edit, Guards, InsertLine, SetDemos, apply_all
from slearn.optim.demos import demo_of
from slearn.optim.lines import TIPS
from slearn.select import Cost, cheapest, layouts, rungs
from slearn.select.accept import _WORSE, LOOK
from slearn.settings import TrainSettings
from slearn.values import Example, digest

RESULTS = ROOT / "bench" / "results" / "selection"
SIZES = (0, 2, 4, 8, 16)  # of demo sets
MOST_TIPS = 2
CHUNK = 4  # candidates whose losses are measured in one round
TRIES = 20  # draws for each candidate that is wanted: some are refused
FINALISTS = 2
ALPHA = TrainSettings.alpha
POLICIES = ("full", "loss", "nats", "shortfall", "scores", "early", "halved")
SEEN = 3, 5  # of five rows policies see three
EARLY = 5
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """What was recorded of a task: losses and scores, candidates by rows; 0 is the incumbent."""

    losses: Matrix
    scores: Matrix
    prompts: Matrix
    row_tokens: float

    @classmethod
    def of(cls, body: Line) -> Table:
        """Read a table as `record` wrote it."""
        found = body["candidates"]
        losses, scores, prompts = (
            np.array([one[name] for one in found], float)
            for name in ("losses", "scores", "prompt_tokens")
        )
        return cls(losses, scores, prompts, body["row_tokens"])

    @property
    def count(self) -> int:
        """How many candidates there are, the incumbent included."""
        return len(self.scores)

    @property
    def rows(self) -> int:
        """How many rows all of them met."""
        return int(self.scores.shape[1])

    def truth(self, rows: Sequence[int]) -> Matrix:
        """Return the mean score of each candidate on some rows."""
        return np.asarray(self.scores[:, list(rows)].mean(axis=1))

    @cached_property
    def values(self) -> dict[str, Matrix]:
        """What each policy races on, the lower the better."""
        short = np.array([[shortfall(loss) for loss in row] for row in self.losses.tolist()])
        return {"nats": self.losses, "shortfall": short, "scores": -self.scores}

    def price(self, who: Sequence[int], rows: int) -> float:
        """Return the tokens that these candidates read for so many rows."""
        return float(self.prompts[list(who)].sum()) + len(who) * rows * self.row_tokens

    def cuts(self, count: int) -> tuple[int, ...]:
        """Return the rungs that make a race of all candidates on so many rows cheapest."""
        costs = [Cost(float(own.item()), self.row_tokens) for own in self.prompts]
        return cheapest(costs, [Example(str(row), {}) for row in range(count)])


@dataclass(frozen=True)
class Replays:
    """What became of a task's replays: price and regret by policy, and whom the null accepted."""

    price: Mapping[str, Sequence[float]]
    regret: Mapping[str, Sequence[float]]
    accepted: Sequence[bool]


def main() -> None:
    """Measure the tables that are missing, or replay on those there are."""
    given = _arguments()
    if given.action == "record":
        try:
            failed = record(given)
        except KeyboardInterrupt:
            sys.exit(130)
        sys.exit(f"{failed} tasks failed" if failed else 0)
    bodies = {body["task"]: body for body in map(_read, sorted(given.out.glob("*.json.gz")))}
    if not bodies:
        sys.exit("nothing was recorded yet")
    found: dict[str, Replays] = {}
    for task, body in bodies.items():
        print(f"{len(found) + 1} of {len(bodies)}: {task}", file=sys.stderr, flush=True)
        found[task] = replayed(Table.of(body), given.replays, task, given.field)
    lines = [_line(task, bodies[task], summary({task: one})) for task, one in found.items()]
    lines.append({"task": "all", "tasks": len(found), **summary(found)})
    print(policies_table(lines), null_table(lines), sep="\n\n", end="\n\n")
    for line in lines:
        print(json.dumps({**line, "replays": given.replays}))


def record(given: argparse.Namespace) -> int:
    """Measure every task that has no table yet; return how many could not be measured."""
    model = identify(given.model)
    noted, commit, failed = engine_settings(CELLS, None, model), code(), 0
    tasks = [task for task in given.tasks if not _recorded(given, task, model["name"])]
    if not tasks:
        return 0
    given.out.mkdir(parents=True, exist_ok=True)
    with open_noted(model, noted) as engine:
        for number, task in enumerate(tasks):
            print(f"{number + 1} of {len(tasks)}: {task}", file=sys.stderr, flush=True)
            shape = {"task": task, "model": model["name"], **_asked(given)}
            try:
                body = {**shape, **measured(plan_of(given, task), engine, given, task)}
            except SlearnError as error:
                failed += 1
                print(f"  failed: {error}", file=sys.stderr, flush=True)
                continue
            _write(_place(given, task), {**body, "engine": noted, "code": commit})
    return failed


def plan_of(given: argparse.Namespace, task: str) -> Plan:
    """Return what the suite would train: the start of a task with its train and val rows."""
    files = {name: given.data / task / f"{name}.jsonl" for name in ("train", "val")}
    with tempfile.TemporaryDirectory() as folder:
        agent = Path(folder) / "agent.yaml"
        save_start(given, {"task": task, "start": given.start}, files, agent)
        asked: dict[str, Any] = {
            **files,
            **dict.fromkeys(("test", "data", "out", "optimizer_model", "threads", "test_limit")),
            **dict.fromkeys(("budget_tokens", "budget_minutes")),
            "model": given.model,
            "context": CELLS,
            "seed": given.seed,
        }
        return make_plan(agent, asked)


def measured(plan: Plan, engine: Engine, given: argparse.Namespace, task: str) -> dict[str, Any]:
    """Return how all candidates do on the same rows, and what reading them takes."""
    start, train, val = plan.agent, plan.data.train, plan.data.val
    size = longest([*train, *val], engine.count_tokens)
    guards = Guards(engine.count_tokens, [], engine.window, longest=size)
    chance = random.Random(digest([given.seed, task, "selection"]))
    field = candidates(start, train, guards, given.candidates, chance)
    rows, grader = sample(val, given.rows), task_text(start)
    began, found = time.monotonic(), list[dict[str, Any]]()
    for at in range(0, len(field), CHUNK):
        agents = [one.agent for one in field[at : at + CHUNK]]
        losses = measured_losses(agents, [rows] * len(agents), engine, engine, task=grader)
        for one, own in zip(field[at : at + CHUNK], losses, strict=True):
            scores = evaluate(one.agent, rows, engine, engine, task=grader).scores
            found.append(
                {
                    "name": one.operator,
                    "prompt_tokens": prompt_tokens(one.agent.last, engine.count_tokens),
                    "losses": [round(loss, 5) for loss in own],
                    "scores": [int(s) if s in (0, 1) else round(s, 5) for s in scores],
                }
            )
        spent = time.monotonic() - began
        left = spent / len(found) * (len(field) - len(found)) / 60
        said = f"  {len(found)} of {len(field)} candidates in {spent / 60:.1f} min"
        print(f"{said}, about {left:.1f} left", file=sys.stderr, flush=True)
    seconds = round(time.monotonic() - began, 1)
    each = row_tokens(start.last, rows, engine.count_tokens)
    return {"candidates": found, "row_tokens": round(each, 2), "seconds": seconds}


def candidates(
    start: Agent, train: Sequence[Example], guards: Guards, count: int, chance: random.Random
) -> list[Candidate]:
    """Return the start, then as many different agents made from it as the guards let through."""
    node = start.last
    made = (demo_of(example, node) for example in train)
    available = [demo for demo in made if demo is not None]
    guards.seen(start)
    found = [Candidate("start", start, ())]
    for _ in range(TRIES * count):
        if len(found) >= count:
            break
        tips = chance.sample(TIPS, chance.randint(0, MOST_TIPS))
        demos = chance.sample(available, min(chance.choice(SIZES), len(available)))
        edits: list[Edit] = [SetDemos(node.name, tuple(demos))]
        edits += [InsertLine(node.name, len(node.instructions) + n, t) for n, t in enumerate(tips)]
        name = f"{len(found)}: {len(tips)} tips, {len(demos)} demos"
        one = Candidate(name, apply_all(start, edits), tuple(edits))
        if not guards.refuse(one):
            found.append(one)
    return found


def prompt_tokens(node: Node, count: Callable[[str], int]) -> int:
    """Return the tokens of a node's prompt without its inputs."""
    return _tokens(node, Example("", dict.fromkeys(node.inputs, "")), count)


def row_tokens(node: Node, rows: Sequence[Example], count: Callable[[str], int]) -> float:
    """Return the mean tokens that a row adds to a node's prompt."""
    frame = prompt_tokens(node, count)
    return sum(_tokens(node, row, count) - frame for row in rows) / len(rows)


def _tokens(node: Node, row: Example, count: Callable[[str], int]) -> int:
    return sum(count(m.content) + 4 for m in render(node, row.inputs, row))


def replayed(table: Table, replays: int, task: str, field: int = 0) -> Replays:
    """Run every policy on a table so many times, each time on one order of the rows for all.

    Each time with all candidates, or with so many drawn anew.
    """
    everyone = range(table.count)
    race_rows = table.rows * SEEN[0] // SEEN[1] * SEEN[0] // SEEN[1]
    cuts, old = table.cuts(race_rows), layouts(race_rows)[0]
    by = {name: (table.values[name], cuts) for name in ("nats", "shortfall", "scores")}
    by["early"] = (table.values["shortfall"], (EARLY,))
    by["halved"] = (table.values["shortfall"], old)
    price: dict[str, list[float]] = {name: [] for name in POLICIES}
    regret: dict[str, list[float]] = {name: [] for name in POLICIES}
    accepted = []
    for number in range(replays):
        chance = random.Random(digest([task, number, "replay"]))
        rows = chance.sample(range(table.rows), table.rows)
        rivals = chance.sample(everyone[1:], field or table.count - 1)  # in order, between equals
        own = sorted([0, *rivals])
        seen = rows[: table.rows * SEEN[0] // SEEN[1]]
        truth = table.truth(rows[len(seen) :])
        whole = {
            "full": own[int(table.truth(seen)[own].argmax())],
            "loss": own[int(table.values["shortfall"][np.ix_(own, seen)].mean(axis=1).argmin())],
        }
        chosen = {name: (one, table.price(own, len(seen))) for name, one in whole.items()}
        chosen |= {name: halved(table, *how, rivals, seen) for name, how in by.items()}
        for name, (one, paid) in chosen.items():
            price[name].append(paid)
            regret[name].append(float(truth[own].max() - truth[one]))
        accepted.append(null_accepts(table, chance.choice(everyone[1:]), rows, chance))
    return Replays(price, regret, accepted)


def halved(
    table: Table,
    values: Matrix,
    cuts: Sequence[int],
    rivals: Sequence[int],
    rows: Sequence[int],
) -> tuple[int, float]:
    """Return whom a race in some rungs and the metric on the other rows choose, and the price.

    Between equals by the metric the race decides, in which a finalist has beaten the incumbent.
    """
    cut = sum(cuts)
    finalists, price = raced(table, values, cuts, rivals, rows[:cut])
    if not finalists:
        return 0, price
    field, rest = [*finalists, 0], list(rows[cut:])
    means = table.scores[np.ix_(field, rest)].mean(axis=1)
    return field[int(means.argmax())], price + table.price(field, len(rest))


def raced(
    table: Table,
    values: Matrix,
    cuts: Sequence[int],
    rivals: Sequence[int],
    rows: Sequence[int],
) -> tuple[list[int], float]:
    """Return the finalists, the best first, and the price: `slearn.select.race` on a table."""
    running, price = list(rivals), 0.0
    sums = np.zeros(table.count)
    for rung in rungs(rows, cuts):
        price += table.price([0, *running], len(rung))
        sums += values[:, list(rung)].sum(axis=1)
        running.sort(key=sums.tolist().__getitem__)
        running = running[: max(FINALISTS, (len(running) + 1) // 2)]
    return [one for one in running[:FINALISTS] if sums[one] < sums[0]], price


def null_accepts(table: Table, rival: int, rows: Sequence[int], chance: random.Random) -> bool:
    """Say whether a rival is accepted that is as good as the incumbent: rows are exchanged."""
    swap = [chance.random() < 0.5 for _ in rows]

    def sides(values: Matrix) -> tuple[list[float], list[float]]:
        ours, theirs = values[0, list(rows)], values[rival, list(rows)]
        return np.where(swap, theirs, ours).tolist(), np.where(swap, ours, theirs).tolist()

    return accepts(*sides(table.scores), *sides(table.losses))


def accepts(
    before: Sequence[float],
    after: Sequence[float],
    old: Sequence[float],
    new: Sequence[float],
    alpha: float = ALPHA,
) -> bool:
    """Say what `slearn.select.verdict` would of these scores and losses, which it asks for.

    >>> accepts([0.0] * 20, [1.0] * 20, [1.0] * 20, [1.0] * 20)
    True
    """
    for end in dict.fromkeys((min(LOOK, len(after)), len(after))):
        gain = sum(after[:end]) / end - sum(before[:end]) / end
        if gain < 0 and paired_p(after[:end], before[:end]) <= _WORSE:
            return False
    if gain > 0 and paired_p(before, after) <= alpha / 2:
        return True
    return paired_p([-shortfall(x) for x in old], [-shortfall(x) for x in new]) <= alpha / 2


def summary(found: Mapping[str, Replays]) -> dict[str, Any]:
    """Return the policies' means over tasks and the rate of false acceptance, with intervals."""
    policies: dict[str, Any] = {}
    for name in POLICIES:
        full = {task: one.price["full"] for task, one in found.items()}
        price = {task: one.price[name] for task, one in found.items()}
        share = {task: np.divide(price[task], full[task]).tolist() for task in found}
        regret = {task: one.regret[name] for task, one in found.items()}
        policies[name] = {
            "price": _mean(price, 0),
            "of full": _mean(share, 4),
            "regret": _mean(regret, 4),
        }
    rate = mean_interval([float(one) for each in found.values() for one in each.accepted])
    body = {name: round(getattr(rate, name), 4) for name in ("value", "low", "high")}
    return {"policies": policies, "false acceptance": {"alpha": ALPHA, "n": rate.n, **body}}


def policies_table(lines: Sequence[Line]) -> str:
    """Return a row a task and policy: what it costs and what it loses, with 95% intervals."""
    rows = ["| task | policy | tokens (95%) | of full (95%) | regret (95%) |", "|---" * 5 + "|"]
    for line in lines:
        for name, row in line["policies"].items():
            price = _shown(row["price"], ".0f")
            cells = (price, _shown(row["of full"], ".3f"), _shown(row["regret"], ".3f"))
            rows.append(f"| {line['task']} | {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def null_table(lines: Sequence[Line]) -> str:
    """Return a row a task: how often one that is no better is accepted (Wilson)."""
    rows = ["| task | alpha | pairs | accepted (95%) |", "|---" * 4 + "|"]
    for line in lines:
        rate = line["false acceptance"]
        shown = _shown(rate, ".3f")
        rows.append(f"| {line['task']} | {rate['alpha']} | {rate['n']} | {shown} |")
    return "\n".join(rows)


def _mean(values: Mapping[str, Sequence[float]], digits: int) -> dict[str, float]:
    runs = [Run(task, 0, (0.0,) * len(own), tuple(own)) for task, own in values.items()]
    gain = mean_gain(runs)
    return {name: round(getattr(gain, name), digits) for name in ("value", "low", "high")}


def _shown(figure: Mapping[str, float], how: str) -> str:
    value, low, high = (format(figure[name], how) for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _line(task: str, body: Line, found: Mapping[str, Any]) -> Line:
    shape = {name: body[name] for name in ("model", "start", "seed")}
    count, rows = len(body["candidates"]), len(body["candidates"][0]["scores"])
    return {"task": task, **shape, "candidates": count, "rows": rows, **found}


def _asked(given: argparse.Namespace) -> Line:
    """Return what a table depends on beside its task and model."""
    shape = {"candidates": given.candidates, "rows": given.rows}
    return {"start": given.start, "seed": given.seed, "asked": shape}


def _recorded(given: argparse.Namespace, task: str, model: str) -> bool:
    """Say whether a task has its table; refuse one that was asked for otherwise."""
    place = _place(given, task)
    if not place.exists():
        return False
    known = _read(place)
    for name, value in {"model": model, **_asked(given)}.items():
        if known[name] != value:
            sys.exit(f"{place}: has {name} {known[name]}, not {value}: give another --out")
    print(f"{task}: recorded already", file=sys.stderr, flush=True)
    return True


def _place(given: argparse.Namespace, task: str) -> Path:
    out: Path = given.out
    return out / f"{task.replace('/', '-')}.json.gz"


def _read(path: Path) -> Line:
    body: Line = json.loads(gzip.decompress(path.read_bytes()))
    return body


def _write(path: Path, body: Line) -> None:
    """Write a table at once: what was interrupted leaves nothing that looks like one."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(gzip.compress(json.dumps(body, ensure_ascii=False).encode(), mtime=0))
    os.replace(part, path)


def _check(given: argparse.Namespace) -> None:
    """Refuse an unknown name before a model is loaded."""
    place = given.data / "starts.json"
    starts = json.loads(place.read_text())
    for task in given.tasks:
        if given.start not in starts.get(task, {}):
            sys.exit(f"{place}: no start {given.start!r} of task {task!r}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    make = actions.add_parser("record", help="measure the candidates of tasks that have no table")
    make.add_argument("--model", required=True)
    make.add_argument("--tasks", type=lambda text: text.split(","), required=True)
    make.add_argument("--start", default="described")
    make.add_argument("--candidates", type=int, default=60)
    make.add_argument("--rows", type=int, default=40)
    make.add_argument("--seed", type=int, default=0)
    make.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    again = actions.add_parser("replay", help="replay policies on the tables there are")
    again.add_argument("--replays", type=int, default=1000)
    again.add_argument("--field", type=int, default=0, help="candidates a replay; all by default")
    for each in (make, again):
        each.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.action == "record":
        if given.candidates < 2 or given.rows < 10:
            parser.error("there must be 2 candidates and 10 rows at least")
        _check(given)
    return given


if __name__ == "__main__":
    main()
