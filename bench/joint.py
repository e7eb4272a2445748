"""End to end against node by node: the same chains and the same tokens, with gradients and without.

    python bench/joint.py run --model PATH --seeds 0,1 --tokens 40000
    python bench/joint.py table
    python bench/joint.py compare end-to-end local

Public tasks as chains (CHAINS), trained by four contenders, one JSON line a run:

- end-to-end: `slearn.train` on the whole chain, so that what the end wants reaches every node.
- apart: the same, but that no two nodes are shown the same rows at once (jointly.py): each learns
  from the end what it should have written, and nobody learns with it to read that.
- local: each node as an agent of its own, in order. Its rows hold the inputs that it got when the
  chain as it stands ran on train and val. The last node has the task's targets and metric; those
  before it have no targets and are graded by the judge, who knows their own instruction alone, so
  nothing of what follows reaches them. Trained, they are put back into the chain.
- start: the chain as it is.

Each node has an equal share of the tokens that are left. Its share pays for running the node
before it too (on as many rows as HANDED of it pays for), and what one overdraws or leaves is shared
by those behind it: both sides have the same budget in total. Reading the test rows is outside it,
for all alike, and so is one row that the report of a part's training is read on: no other phase
sees that row.

Nobody edits the structure, and no engine runs tools, which training gives to a lone node and not to
a chain. Apart from that each side has all optimizers that fit it: a lone node may have instructions
induced and demonstrations of any train row, which a chain may not, and that favours `local`.

Five tasks are few: the interval over tasks is too narrow (bootstrap.py). A run that has a line is
not made again, and one that was interrupted leaves nothing, so the same command goes on.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from contenders import Job, training, untrained
from ledger import ROOT, Line, code, ended, folder_of, latest, make, writing
from suite import CELLS, named, save_start, show, told
from summary import KEYS, OWN, key_of

from slearn.agent import (
    Agent,
    Contract,
    Field,
    Flow,
    Node,
    agent_to_text,
    forward,
    load_agent,
    save_agent,
)
from slearn.batches import sample, shuffled
from slearn.cli.engines import engine_settings, identify, open_noted
from slearn.cli.plan import Plan, make_plan
from slearn.engine import Engine
from slearn.evaluate import evaluate
from slearn.optim import OPTIMIZERS, ChooseAmong, Narrowing, Restructure, Wanted
from slearn.result import RunResult
from slearn.store import RememberingEngine, Store, Totals
from slearn.train import Engines, TrainData, train
from slearn.values import Example, Usage

RESULTS = ROOT / "bench" / "results" / "joint.jsonl"
HANDED = 1 / 3  # of a node's share: what producing its inputs may take
LEAST = 24  # rows of each split that are handed on whatever it takes: fewer decide nothing
FRAME = 12  # tokens of a chat template, about
SPLITS = ("train", "val", "test")


def _note(chars: int, tokens: int) -> Contract:
    return Contract((Field(max_chars=chars, max_tokens=tokens),))


# The nodes of each task in order; the contract of the last is the data's. No last node sees the
# task's input: all that its answer needs has to be handed on, and what that is only the end of the
# chain tells (which intents there are, what can be computed, how the targets negate). Lines say
# what a node does and nothing of the others; where a node does the whole task, its line is the
# frozen one of starts.json.
CHAINS: dict[str, tuple[Node, ...]] = {
    "cls/snips7": (
        Node("want", ("Say in a few words what the user wants.",), ("input",), _note(80, 24)),
        Node("answer", ("Name the intent of the request.",), ("want",)),
    ),
    "svamp": (
        Node(
            "calculation",
            ("Write the calculation that solves the word problem.",),
            ("input",),
            _note(60, 32),
        ),
        Node("answer", ("Give the number that the calculation results in.",), ("calculation",)),
    ),
    "instruction_induction/negation": (
        Node("verb", ("Name the verb of the sentence.",), ("input",), _note(40, 16)),
        Node(
            "draft", ("Rewrite the sentence as its negation.",), ("input", "verb"), _note(200, 64)
        ),
        Node("answer", ("Correct the grammar of the sentence.",), ("draft",)),
    ),
    # Drawn up when the method was done: nothing was chosen by these two.
    "cls/banking10": (
        Node(
            "matter", ("Say in a few words what the question is about.",), ("input",), _note(80, 24)
        ),
        Node("answer", ("Name the intent of the customer's question.",), ("matter",)),
    ),
    "bbh/object_counting": (
        Node(
            "things",
            ("Name the things and how many there are of each.",),
            ("input",),
            _note(200, 64),
        ),
        Node("answer", ("Give the number of things.",), ("things",)),
    ),
}


@dataclass(frozen=True)
class Rows:
    """Rows of train and val with what is known of them: their columns, and what nodes wrote."""

    train: Sequence[Example]
    val: Sequence[Example]


def main() -> None:
    """Make the runs that are missing, or print what there is."""
    given = _arguments()
    if given.action == "run":
        ended(lambda: run(given))
    show(given)


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
        engine = stack.enter_context(open_noted(model, noted))
        seen = {"engine": noted, "code": code()}
        return make(cells, lambda cell: {**measure(given, cell, engine), **seen}, add, named, told)


def measure(given: argparse.Namespace, cell: Line, engine: Engine) -> dict[str, Any]:
    """Make one run, and return what its line says; its store is thrown away or kept."""
    with folder_of(given.keep, (cell[key] for key in KEYS)) as folder:
        plan = plan_of(given, cell, folder)
        with Store.open(folder / "store.duckdb") as store:
            result, parts = CONTENDERS[cell["setting"]](Job(plan, engine, store))
        save_agent(result.agent, folder / "trained.yaml")
    start = result.start
    return {
        **result.as_json(),
        "before_items": [round(score, 3) for score in result.before.scores],
        "after_items": [round(score, 3) for score in result.after.scores],
        "edited": [node.name for node in start.nodes if result.agent.node(node.name) != node],
        "parts": parts,
    }


def plan_of(given: argparse.Namespace, cell: Line, folder: Path) -> Plan:
    """Return the chain of a task with its data; its answers' contract is the suite's."""
    files = {name: given.data / cell["task"] / f"{name}.jsonl" for name in SPLITS}
    start, place = folder / "start.yaml", folder / "chain.yaml"
    save_start(given, {**cell, "start": "described"}, files, start)
    save_agent(chain_of(cell["task"], load_agent(start)), place)
    asked: dict[str, Any] = {
        **files,
        **dict.fromkeys(("data", "out", "optimizer_model", "threads", "budget_minutes")),
        "model": given.model,
        "context": CELLS,
        "seed": cell["seed"],
        "budget_tokens": given.tokens,
        "test_limit": given.test_limit,
    }
    return make_plan(place, asked)


def chain_of(task: str, start: Agent) -> Agent:
    """Return the chain of a task, which answers under the contract and the metric of its start.

    >>> chain_of("svamp", Agent("a", (Node("answer", ()),), Flow(("answer",)), "number")).columns
    ('input',)
    """
    *before, last = CHAINS[task]
    nodes = (*before, replace(last, output=start.last.output))
    return Agent("chain", nodes, Flow(tuple(node.name for node in nodes)), start.metric)


def local(job: Job) -> tuple[RunResult, list[Line]]:
    """Train each node of the chain for itself, in order; return what a line says of each, too."""
    chain, data, settings = job.plan.agent, job.plan.data, job.settings
    log = job.store.begin(job.plan.config)
    engine = RememberingEngine(job.engine, log)
    test = sample(data.test or data.val, settings.test_limit)
    before = evaluate(chain, test, engine)
    trained, left, names = chain, settings.budget_tokens or 0, chain.flow.names()
    rows = Rows(shuffled(data.train), shuffled(sample(data.val, settings.val_limit)))
    spent, parts, results = Totals(), list[Line](), list[RunResult]()
    for place, name in enumerate(names):
        share, handed = left // (len(names) - place), Totals()
        if place:
            rows, handed = hand_on(job, part_of(trained, names[place - 1]), rows, share * HANDED)
        result = train_part(job, part_of(trained, name), rows, share - handed.usage.computed)
        trained = trained.with_node(result.agent.node(name))
        used = Usage(**result.tokens)
        spent += handed + Totals(**_calls(result), usage=used, seconds=result.seconds["train"])
        left = max(0, left - handed.usage.computed - used.computed)
        results.append(result)
        parts.append(
            {
                "node": name,
                "budget": share,
                "handed": handed.usage.computed,
                "tokens": used.computed,
                "rows": [len(rows.train) - 1, len(rows.val)],
                "accepted": result.accepted,
                "rejected": result.rejected,
                "reason": result.reason,
            }
        )
    after = evaluate(trained, test, engine)
    calls = spent + engine.totals
    whole = RunResult(
        run=log.name,
        split="test" if data.test else "validation",
        start=chain,
        agent=trained,
        before=before,
        after=after,
        agent_digest=log.keep_agent(agent_to_text(trained)),
        accepted=sum(result.accepted for result in results),
        rejected=sum(result.rejected for result in results),
        calls={"total": calls.calls, "invalid": calls.invalid, "cached": calls.cached},
        tokens=spent.usage.as_json(),
        seconds={"train": round(spent.seconds, 2), "test": round(engine.totals.seconds, 2)},
        reason="; ".join(f"{part['node']}: {part['reason']}" for part in parts),
    )
    log.finish("finished", whole.as_json())
    return whole, parts


def part_of(chain: Agent, name: str) -> Agent:
    """Return a node as an agent of its own; one whose answer is not the chain's is judged.

    >>> start = Agent("a", (Node("answer", ()),), Flow(("answer",)), "number")
    >>> [part_of(chain_of("svamp", start), name).metric for name in ("calculation", "answer")]
    ['judge', 'number']
    """
    node = chain.node(name)
    metric = chain.metric if node == chain.last else "judge"
    return Agent(chain.name, (node,), Flow((name,)), metric)


def own_rows(part: Agent, rows: Iterable[Example]) -> list[Example]:
    """Return rows as a part may see them: its inputs, and targets where it gives the answer.

    >>> part = Agent("a", (Node("want", ()),), Flow(("want",)), "judge")
    >>> own_rows(part, [Example("1", {"input": "hi", "note": "x"}, ("yes",))])[0].inputs
    {'input': 'hi'}
    """
    own = [Example(row.id, {name: row.inputs[name] for name in part.columns}) for row in rows]
    if part.metric == "judge":
        return own
    pairs = zip(own, rows, strict=True)
    return [replace(one, targets=row.targets, choices=row.choices) for one, row in pairs]


def train_part(job: Job, part: Agent, rows: Rows, tokens: int) -> RunResult:
    """Train a part on its own rows; its report is of one row, which is kept out of the others."""
    mine, val = own_rows(part, rows.train), own_rows(part, rows.val)
    data = TrainData(mine[:-1], val, mine[-1:])
    settings = replace(job.settings, budget_tokens=max(1, tokens))
    config = {**job.plan.config, "agent": agent_to_text(part), "settings": settings.as_json()}
    log, engines = job.store.begin(config), Engines(job.engine, job.engine)
    plain = [each for each in OPTIMIZERS if not isinstance(each, _CHAIN)]
    return train(part, data, engines, log, settings, optimizers=plain)


def hand_on(job: Job, part: Agent, rows: Rows, tokens: float) -> tuple[Rows, Totals]:
    """Run a part on rows; return those it ran on with what it wrote, and what that cost.

    They are as many of each split as the tokens pay for, by what the first ones take. What training
    the part has computed is free here: nobody pays twice, as within a run.
    """
    log = job.store.begin({**job.plan.config, "agent": agent_to_text(part)})
    engine = RememberingEngine(job.engine, log)
    first = [rows.train[:LEAST], rows.val[:LEAST]]
    begun = [*first[0], *first[1]]
    wrote = _written(part, begun, engine)
    each = FRAME + fmean(
        sum(engine.count_tokens(text) for text in (*row.inputs.values(), said))
        for row, (_, said) in zip(own_rows(part, begun), wrote, strict=True)
    )
    share = min(1.0, tokens / each / (len(rows.train) + len(rows.val)))
    more = [one[LEAST : int(share * len(one))] for one in (rows.train, rows.val)]
    others = [*more[0], *more[1]]
    wrote += _written(part, others, engine)
    known = {row.id: answer for row, (answer, _) in zip([*begun, *others], wrote, strict=True)}

    def told(ran: Iterable[Example]) -> list[Example]:
        name = part.last.name
        return [replace(row, inputs={**row.inputs, name: known[row.id]}) for row in ran]

    found = Rows(told([*first[0], *more[0]]), told([*first[1], *more[1]]))
    log.finish("finished", {"node": part.last.name, "rows": len(known)})
    return found, engine.totals


def _written(part: Agent, rows: Sequence[Example], engine: Engine) -> list[tuple[str, str]]:
    """Return what a part answers to each row, and all that it writes for it."""
    trajectories = forward(part, own_rows(part, rows), engine) if rows else []
    return [(trajectory.answer, trajectory.end.text) for trajectory in trajectories]


def _calls(result: RunResult) -> dict[str, int]:
    """Return the counts of a run's calls by the names that totals have for them."""
    return {"calls": result.calls["total"], **{n: result.calls[n] for n in ("invalid", "cached")}}


def _whole(job: Job, make: Callable[[Job], RunResult]) -> tuple[RunResult, list[Line]]:
    return make(job), []


_CHAIN = (Narrowing, ChooseAmong, Restructure)  # nobody edits the structure
CONTENDERS: dict[str, Callable[[Job], tuple[RunResult, list[Line]]]] = {
    "end-to-end": partial(_whole, make=partial(training, off=_CHAIN)),
    "apart": partial(_whole, make=partial(training, off=_CHAIN, instead=[Wanted(together=False)])),
    "local": local,
    "start": partial(_whole, make=untrained),
}


def _cells(given: argparse.Namespace, model: str) -> Iterable[Line]:
    """Yield all cells: a seed of all tasks before the next, contenders side by side."""
    for seed, task, name in product(given.seeds, given.tasks, CONTENDERS):
        own = OWN if name == "start" else f"{given.tokens} tokens"
        values = (model, task, "chain", int(seed), name, own, given.test_limit)
        yield dict(zip(KEYS, values, strict=True))


def _names(text: str) -> list[str]:
    return text.split(",")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    actions = parser.add_subparsers(dest="action", required=True)
    make = actions.add_parser("run", help="make the runs that are missing")
    make.add_argument("--model", required=True)
    make.add_argument("--tasks", type=_names, default=list(CHAINS), help=", ".join(CHAINS))
    make.add_argument("--seeds", type=_names, default=["0", "1"])
    make.add_argument("--tokens", type=int, default=40_000, help="the budget of each training")
    make.add_argument("--test-limit", type=int, default=100)
    make.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    make.add_argument("--keep", type=Path, help="a folder for the stores, to look into the runs")
    table = actions.add_parser("table", help="print every run and a summary")
    table.add_argument("--by", type=_names, default=["task", "setting"])
    compare = actions.add_parser("compare", help="print the difference of two contenders")
    compare.add_argument("first", nargs="?", choices=CONTENDERS, default="end-to-end")
    compare.add_argument("second", nargs="?", choices=CONTENDERS, default="local")
    compare.add_argument("--by", type=_names, default=["task"])
    for each in (table, compare):
        each.add_argument("--model", help="only this one")
        each.add_argument("--budget", help="only this one")
    given = parser.parse_args()
    if unknown := [name for name in vars(given).get("tasks", ()) if name not in CHAINS]:
        parser.error(f"no chain of task {unknown[0]!r}; there are {', '.join(CHAINS)}")
    if unknown := [name for name in vars(given).get("by", ()) if name not in KEYS]:
        parser.error(f"--by takes {', '.join(KEYS)}, not {unknown[0]}")
    return given


if __name__ == "__main__":
    main()
