"""The suite: trains agents on public data and says how much better they got on the test split.

    python bench/suite.py run --model PATH --tasks cls/snips7,svamp --starts bare,described \\
        --seeds 0,1,2 --setting full,no-demos --tokens 30000
    python bench/suite.py table --by start,setting
    python bench/suite.py compare full no-demos --by task

Data and starts come from a folder beside the checkout (--data, see its starts.json): they are for
measuring alone. Tasks x starts x seeds x settings (see contenders.py), one run at a time with the
model loaded once and the settings of `slearn tune`; `full@30` trains on the first 30 rows. One JSON
line a run; a run that has a line is not made again, and one that was interrupted leaves nothing, so
the same command goes on. With --known, what kept stores of a task answered is not computed again
(known.py): tokens compare, seconds do not.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from contenders import SETTINGS, UNBUDGETED, Job
from known import KnownEngine, read_known
from ledger import ROOT, Line, code, ended, folder_of, latest, make, slug, writing
from summary import KEYS, OWN, comparison, groups_table, key_of, runs_table

from slearn.agent import save_agent
from slearn.cli.engines import engine_settings, identify, open_noted
from slearn.cli.plan import make_plan
from slearn.datasets import Columns, propose, read_examples, read_rows
from slearn.engine import Engine
from slearn.evaluate import Evaluation
from slearn.store import Store
from slearn.tools import Toolbox, ToolEngine

RESULTS = ROOT / "bench" / "results" / "suite.jsonl"
CELLS = 8192  # of the cache: what `slearn train` takes by default


def main() -> None:
    """Make the runs that are missing, or print what there is."""
    given = _arguments()
    if given.action == "run":
        _check(given)
        ended(lambda: run(given))
    show(given)


def show(given: argparse.Namespace) -> None:
    """Print the tables that were asked for, of the lines there are."""
    lines = [line for line in latest(given.results, key_of) if wanted(line, given)]
    if not lines:
        sys.exit("nothing was measured yet")
    if given.action == "compare":
        print(comparison(lines, given.first, given.second, given.by))
    else:
        print(runs_table(lines), groups_table(lines, given.by), sep="\n\n")


def run(given: argparse.Namespace) -> int:
    """Make every run that has no line yet; return how many could not be made."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that temporary folders go
    model = identify(given.model)
    noted = engine_settings(CELLS, None, model)
    with ExitStack() as stack:
        add = stack.enter_context(writing(given.results))
        known = {key_of(line) for line in latest(given.results, key_of)}
        cells = [cell for cell in _cells(given, model["name"]) if key_of(cell) not in known]
        if not cells:
            return 0
        box = stack.enter_context(Toolbox())
        if box.missing:  # another method would be measured
            sys.exit(box.missing)
        engine = stack.enter_context(ToolEngine(open_noted(model, noted), box))
        seen = {"engine": noted, "code": code()}
        return make(cells, lambda cell: {**measure(given, cell, engine), **seen}, add, named, told)


def named(cell: Line) -> str:
    """Return what a person calls a cell."""
    words = " ".join(str(cell[key]) for key in ("task", "start", "setting"))
    return f"{words} seed {cell['seed']}"


def told(found: Line) -> str:
    """Return what a run has come to."""
    return f"{found['before']['score']:.2f} to {found['after']['score']:.2f}"


def measure(given: argparse.Namespace, cell: Line, engine: Engine) -> dict[str, Any]:
    """Make one run, and return what its line says; its store is thrown away or kept."""
    files = {name: given.data / cell["task"] / f"{name}.jsonl" for name in ("train", "val", "test")}
    budgeted = cell["budget"] != OWN
    name, _, count = cell["setting"].partition("@")
    known = KnownEngine(engine, _known(given, cell))
    with folder_of(given.keep, (cell[key] for key in KEYS)) as folder:
        agent, place = folder / "agent.yaml", folder / "store.duckdb"
        save_start(given, cell, files, agent)
        if count:
            files["train"] = _first(files["train"], int(count), folder / "train.jsonl")
        asked: dict[str, Any] = {
            **files,
            **dict.fromkeys(("data", "out", "optimizer_model", "threads")),
            "model": given.model,
            "context": CELLS,
            "seed": cell["seed"],
            "budget_tokens": given.tokens if budgeted else None,
            "budget_minutes": None if given.tokens else given.minutes,
            "test_limit": given.test_limit,
        }
        plan = make_plan(agent, asked)
        with Store.open(place) as store:
            result = SETTINGS[name](Job(plan, known, store))
        check = [sys.executable, str(ROOT / "bench" / "check_outputs.py"), str(place)]
        checked = subprocess.run(check, stdout=subprocess.PIPE, text=True)  # 1 where one is broken
    return {
        **result.as_json(),
        "nodes": len(result.agent.nodes),
        "answer_tokens": [_tokens(one) for one in (result.before, result.after)],
        "before_items": _short(result.before.scores),
        "after_items": _short(result.after.scores),
        "checked": json.loads(checked.stdout or "null"),
        **({"known": known.taken} if given.known else {}),
    }


def _tokens(found: Evaluation) -> dict[str, float]:
    """Return what an answer takes: tokens computed, and all that were read or written."""
    usage, rows = found.usage, len(found.scores)
    whole = usage.computed + usage.shared
    return {"computed": round(usage.computed / rows, 1), "whole": round(whole / rows, 1)}


def _known(given: argparse.Namespace, cell: Line) -> dict[str, Mapping[str, Any]]:
    """Return what kept stores of the task have answered, nothing where that is not asked for."""
    if not given.known:
        return {}
    named = f"{slug(cell['model'])}-{slug(cell['task'])}-"
    return read_known(given.keep.glob(f"{named}*/store.duckdb"))


def _first(path: Path, count: int, out: Path) -> Path:
    """Write the first rows of a file."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    out.write_text("".join(lines[:count]), encoding="utf-8")
    return out


def save_start(given: argparse.Namespace, cell: Line, files: dict[str, Path], place: Path) -> None:
    """Write the agent that a run starts from: its frozen words, the contract from the data."""
    frozen = _starts(given)[cell["task"]]
    first = next(iter(read_rows(files["train"])))
    own = {name: name for name in ("choices", "functions") if name in first}
    read = ("input", "context") if "context" in first else ("input",)
    columns = Columns(read, **own)
    train, val = (read_examples(files[name], columns) for name in ("train", "val"))
    kinds = {example.choices for example in train}
    shared = kinds.pop() if len(kinds) == 1 else None
    if shared:  # the same in every row: they belong to the contract
        train = [replace(example, choices=None) for example in train]
    words, metric = frozen[cell["start"]], frozen["metric"]
    proposal = propose(train, val, metric=metric, instruction=words, labels=shared, name="start")
    save_agent(proposal.agent, place)


def _cells(given: argparse.Namespace, model: str) -> Iterable[Line]:
    """Yield all cells: a seed of everything before the next, settings of a start side by side."""
    budget = f"{given.tokens} tokens" if given.tokens else f"{given.minutes:g} minutes"
    for seed, task, start, name in product(given.seeds, given.tasks, given.starts, given.setting):
        own = OWN if name.partition("@")[0] in UNBUDGETED else budget
        values = (model, task, start, int(seed), name, own, given.test_limit)
        yield dict(zip(KEYS, values, strict=True))


def wanted(line: Line, given: argparse.Namespace) -> bool:
    """Say whether a line is of the model and of the budget that were asked for."""
    budgets = (given.budget or line["budget"], OWN)
    return given.model in (None, line["model"]) and line["budget"] in budgets


def _short(scores: Sequence[float]) -> list[float]:
    return [int(score) if score in (0, 1) else round(score, 3) for score in scores]


def _starts(given: argparse.Namespace) -> dict[str, dict[str, str]]:
    starts: dict[str, dict[str, str]] = json.loads((given.data / "starts.json").read_text())
    return starts


def _check(given: argparse.Namespace) -> None:
    """Refuse an unknown name before a model is loaded."""
    starts = _starts(given)
    for name in given.setting:
        base, at, count = name.partition("@")
        if base not in SETTINGS or bool(at) != count.isdigit():
            sys.exit(f"no setting {name!r}; there are {', '.join(SETTINGS)}, and full@30")
    for task, start in product(given.tasks, given.starts):
        if start not in starts.get(task, {}):
            sys.exit(f"{given.data / 'starts.json'}: no start {start!r} of task {task!r}")


def _names(text: str) -> list[str]:
    return text.split(",")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    actions = parser.add_subparsers(dest="action", required=True)
    make = actions.add_parser("run", help="make the runs that are missing")
    make.add_argument("--model", required=True)
    make.add_argument("--tasks", type=_names, default="cls/snips7,instruction_induction/antonyms")
    make.add_argument("--starts", type=_names, default="bare,described")
    make.add_argument("--seeds", type=_names, default="0,1")
    make.add_argument("--setting", type=_names, default="full", help=", ".join(SETTINGS))
    budget = make.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=6.0)
    budget.add_argument("--tokens", type=int, help="instead of minutes: the same on any machine")
    make.add_argument("--test-limit", type=int, default=100)
    make.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    make.add_argument("--keep", type=Path, help="a folder for the stores, to look into the runs")
    make.add_argument("--known", action="store_true", help="compute no answer twice (with --keep)")
    table = actions.add_parser("table", help="print every run and a summary")
    table.add_argument("--by", type=_names, default="start,setting")
    compare = actions.add_parser("compare", help="print the difference of two settings")
    compare.add_argument("first")
    compare.add_argument("second")
    compare.add_argument("--by", type=_names, default="task,start")
    for each in (table, compare):
        each.add_argument("--model", help="only this one")
        each.add_argument("--budget", help="only this one")
    given = parser.parse_args()
    if vars(given).get("known") and not given.keep:
        parser.error("--known needs --keep")
    if unknown := [name for name in vars(given).get("by", ()) if name not in KEYS]:
        parser.error(f"--by takes {', '.join(KEYS)}, not {unknown[0]}")
    return given


if __name__ == "__main__":
    main()
