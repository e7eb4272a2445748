"""Credit through several nodes: a fault is planted in one of them, and training must find it.

    python bench/faults.py --model PATH [--shape flow] [--cases 20] [--seed 0] [--tokens 15000]
    python bench/faults.py table

A healthy network does small jobs to a word, each shown by demonstrations made of words that are in
no split; the right answers are computed (networks.py). It is a chain of three nodes, or a flow of
three to five with a branch. Nodes are named by their place, so that no name tells what a node
should do. Layouts of flows, kinds of faults and nodes take turns: of 15 chains each kind is in each
node once, and by chance a third of all blame is right; of 20 flows, a quarter.

A case measures the healthy and the faulty agent on the same 24 rows, then does what a training step
does to find the fault, and asks who is blamed: by words (the node whose gradients weigh most), by
measure (the node of the part that hurts most, nobody where none hurts), and by both (`faultiest`,
which decides what is edited). The kind of the fault is right where the gradients of the node at
fault name it most often; of demonstrations they can say no more than that an example is missing.
Last, the faulty agent is trained, and is repaired where it wins back most of what the fault had
cost on those 24 rows.

A fault that costs little, or breaks an agent that was right less than half the time, is harmless
and measured no further: another is drawn in its place, until there were too many. Faults are kept
for what they cost on the rows that tell what was won back, which flatters repairs a little. One
JSON line a case, and one for each harmless fault; what has a line is not measured again.
"""

from __future__ import annotations

import argparse
import math
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from ledger import ROOT, Line, code, folder_of, read, tell, writing
from networks import CHAINS, LAYOUTS, ROUTE, WORDS, Network, chain_of, flow_of, plant

from slearn.agent import Agent, forward
from slearn.batches import draw, worst
from slearn.cli.engines import engine_settings, identify, open_noted
from slearn.engine import Engine
from slearn.errors import SlearnError
from slearn.evaluate import evaluate, score_trajectories
from slearn.grad import aggregate, attribute, backward, choices
from slearn.loss import language_loss, measured_loss
from slearn.metrics import mean_interval
from slearn.optim import Proposal
from slearn.optim.blame import faultiest
from slearn.select import set_aside
from slearn.settings import TrainSettings
from slearn.store import Store
from slearn.train import Engines, TrainData, train
from slearn.values import digest

RESULTS = ROOT / "bench" / "results" / "faults.jsonl"
CELLS = 8192  # of the cache: what `slearn train` takes by default
TRIES = 12  # faults drawn for a case before it is given up
HARMLESS = 0.2  # of accuracy: what costs less is no fault to find
HEALTHY = 0.5  # an agent that is right less often is none to compare with
REPAIRED = 0.8  # of what the fault cost
SHAPES = ("chain", "flow")
SHOWN = (1, 2)  # words that the nodes of a network are shown
ASIDE, TEST, VAL = 16, 24, 24  # words for demonstrations, test and validation; the rest is train

# The kinds of faults, and which kinds of a gradient are right about them.
FAULTS = {
    "misleading line": ("instruction",),
    "wrong instruction": ("instruction", "missing example"),
    "wrong demos": ("missing example",),
    "short contract": ("format",),
    "wrong answers": ("missing example",),
}
# Of a router: a choice has no length, and the one wrong answer of two is what wrong demos show.
ROUTER_FAULTS = ("misleading line", "wrong instruction", "wrong demos")
BLAMES = ("words", "measured", "faultiest")
KEYS = ("model", "seed", "case", "tokens", "shape")


@dataclass(frozen=True)
class Case:
    """A network, its agent with a fault in one node, and the rows of all splits."""

    network: Network
    faulty: Agent
    fault: str
    node: str
    planted: str
    data: TrainData

    @property
    def healthy(self) -> Agent:
        """The agent without the fault."""
        return self.network.agent

    def as_json(self) -> dict[str, Any]:
        """Return what a line says of the case itself."""
        jobs = {name: job.name for name, job in self.network.jobs.items()}
        plain = self.healthy.flow.plain
        form = (
            {"chain": list(jobs.values())} if plain else {"flow": self.healthy.name, "jobs": jobs}
        )
        return {**form, "fault": self.fault, "node": self.node, "planted": self.planted}


def main() -> None:
    """Measure the cases that have no line yet, and print the table."""
    given = _arguments()
    failed = 0
    if given.action == "run":
        try:
            failed = run(given)
        except KeyboardInterrupt:
            sys.exit(130)
    lines = read(given.results)
    if not lines:
        sys.exit("nothing was measured yet")
    print(table(lines))
    sys.exit(f"{failed} cases failed" if failed else 0)


def run(given: argparse.Namespace) -> int:
    """Measure every case that has no line yet; return how many could not be measured."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that temporary folders go
    model = identify(given.model)
    noted, commit, failed = engine_settings(CELLS, None, model), code(), 0
    with ExitStack() as stack:
        add = stack.enter_context(writing(given.results))
        known = read(given.results)
        keys = [
            (model["name"], given.seed, number, given.tokens, given.shape)
            for number in range(given.cases)
        ]
        left = [(key, at) for key in keys if (at := attempts(known, key)) < TRIES]
        if not left:
            return 0
        engine = stack.enter_context(open_noted(model, noted))
        for place, (key, tried) in enumerate(left, 1):
            for attempt in range(tried, TRIES):
                case = case_of(given.seed, key[2], attempt, given.shape)
                start = time.monotonic()
                who = f"{given.shape} {key[2]}, {case.fault} in {case.node}"
                tell(f"{place} of {len(left)}: {who}")
                try:
                    keep = given.keep and given.keep / "-".join(map(str, (*key, attempt)))
                    found = measure(case, engine, given.seed, given.tokens, keep)
                except SlearnError as error:
                    failed += 1
                    tell(f"  failed: {error}")
                    break
                named = {**dict(zip(KEYS, key, strict=True)), "attempt": attempt}
                wall = round(time.monotonic() - start, 1)
                seen = {"wall": wall, "engine": noted, "code": commit}
                add({**named, **case.as_json(), **found, **seen})
                tell(f"  {_outcome(found)} in {wall:.0f} s")
                if not found["harmless"]:
                    break
            else:
                tell(f"  {given.shape} {key[2]} is given up: no fault did harm")
    return failed


def key_of(line: Line) -> tuple[Any, ...]:
    """Return what tells the case of a line apart; lines from before there were flows are chains."""
    known = {"shape": SHAPES[0], **line}
    return tuple(known[name] for name in KEYS)


def attempts(known: Iterable[Line], key: tuple[Any, ...]) -> int:
    """Return how many faults of a case were harmless; TRIES where it needs no more."""
    own = [line for line in known if key_of(line) == key]
    if any(not line["harmless"] for line in own):
        return TRIES
    return 1 + max((line["attempt"] for line in own), default=-1)


def case_of(seed: int, number: int, attempt: int, shape: str = SHAPES[0]) -> Case:
    """Return a case: its kind of fault, its node and its layout are by turns, all else is drawn.

    >>> case_of(0, 1, 0, "flow").node
    'second'
    """
    branched = shape == "flow"
    # Results are kept by these numbers: the draws of a chain stay as they were before flows.
    chance = random.Random(digest([seed, number, attempt, "fault", *["flow"] * branched]))
    layout = LAYOUTS[number % len(LAYOUTS)]
    jobs = chance.choice(layout.jobs() if branched else CHAINS)
    words = chance.sample(WORDS, len(WORDS))
    aside, rest = words[:ASIDE], words[ASIDE:]
    test, val, teach = rest[:TEST], rest[TEST : TEST + VAL], rest[TEST + VAL :]
    shown = aside[: chance.randint(*SHOWN)]
    network = flow_of(layout, jobs, shown) if branched else chain_of(jobs, shown)
    fault, name = turn_of(seed, number, network)
    faulty, planted = plant(fault, network, name, aside, chance)
    splits = []
    for part in (teach, val, test):
        # Not in order: a step draws the same places of all cases of a seed, and so the same ways.
        places = chance.sample(range(len(part)), len(part))
        splits.append([network.example(*row) for row in zip(part, places, strict=True)])
    return Case(network, faulty, fault, name, planted, TrainData(*splits))


def turn_of(seed: int, number: int, network: Network) -> tuple[str, str]:
    """Return whose turn it is: a kind of fault and a node.

    Of a layout of flows, as of chains, each kind is in each node once before one is there again;
    only for a router a kind that a choice cannot have gives way to another.
    """
    names, kinds = network.names, tuple(FAULTS)
    fault = kinds[number % len(kinds)]
    if network.agent.flow.plain:
        return fault, names[(number + seed) % len(names)]
    turn, layout = divmod(number, len(LAYOUTS))
    shift = turn // math.lcm(len(kinds), len(names))  # else of five nodes each keeps its kind
    name = names[(turn + shift + layout + seed) % len(names)]
    if network.jobs[name] == ROUTE and fault not in ROUTER_FAULTS:
        fault = ROUTER_FAULTS[turn % len(ROUTER_FAULTS)]
    return fault, name


def measure(
    case: Case, engine: Engine, seed: int, tokens: int, keep: Path | None = None
) -> dict[str, Any]:
    """Return what the fault costs, who is blamed for it, and what training wins back."""
    rows = case.data.test or ()
    healthy, faulty = (
        fmean(evaluate(agent, rows, engine).scores) for agent in (case.healthy, case.faulty)
    )
    found: dict[str, Any] = {"rows": len(rows), "healthy": healthy, "faulty": faulty}
    if healthy < HEALTHY or healthy - faulty < HARMLESS:
        return {**found, "harmless": True}
    losses = [fmean(measured_loss(agent, rows, engine)) for agent in (case.healthy, case.faulty)]
    found |= {
        "harmless": False,
        "healthy_loss": round(losses[0], 4),
        "faulty_loss": round(losses[1], 4),
        **diagnose(case, engine, seed),
    }
    settings = TrainSettings(seed, tokens, None)
    with folder_of(keep, (case.fault, case.node, case.planted)) as folder:
        with Store.open(folder / "store.duckdb") as store:
            log = store.begin({**case.as_json(), "settings": settings.as_json()})
            result = train(case.faulty, case.data, Engines(engine, engine), log, settings)
    after = fmean(result.after.scores)
    nodes = {node.name: node for node in result.agent.nodes}  # structures are trained too
    edited = [node.name for node in case.faulty.nodes if nodes.get(node.name) != node]
    body = result.as_json()
    kept = ("accepted", "rejected", "calls", "tokens", "seconds", "reason")
    return {
        **found,
        "trained": after,
        "repaired": repaired(healthy, faulty, after),
        "edited": edited,
        "training": {name: body[name] for name in kept},
    }


def diagnose(case: Case, engine: Engine, seed: int) -> dict[str, Any]:
    """Return whom a training step's words and measures blame, and the kind that the words name.

    It is the first step of training: its rows, its losses, its gradients.
    """
    agent = case.faulty
    batch = draw(set_aside(case.data.train)[0], agent, seed, 0)
    attributions = attribute(agent, batch.forward, engine) + choices(agent, batch.forward, engine)
    trajectories = forward(agent, batch.forward, engine)
    scores = score_trajectories(agent, trajectories, engine)
    chosen = [trajectories[place] for place in worst(scores)]
    losses = language_loss(agent, chosen, [scores[place] for place in worst(scores)], engine)
    rows = backward(agent, chosen, losses, engine, attributions=attributions)
    gradients = [gradient for row in rows for gradient in row]
    proposal = Proposal(
        agent=agent,
        gradients=aggregate(agent, gradients),
        trajectories=trajectories,
        scores=scores,
        pool=batch.pool,
        engine=engine,
        runner=engine,
        seed=seed,
        step=0,
        attributions=attributions,
    )
    names = case.network.names
    weights = {name: proposal.gradients[name].weight for name in names}
    harm = {
        name: min((one.nats for one in attributions if one.node == name), default=0.0)
        for name in names
    }
    kinds = {name: Counter(g.kind for g in gradients if g.node == name) for name in names}
    own = kinds[case.node].most_common(1)
    return {
        "words": most(weights),
        "measured": most({name: -nats for name, nats in harm.items()}),
        "faultiest": faultiest(proposal).name,
        "kind": own[0][0] if own else None,
        "weights": weights,
        "worst_nats": harm,
        "kinds": {name: dict(count) for name, count in kinds.items()},
    }


def most(blame: dict[str, float]) -> str | None:
    """Return the node with most of the blame, the last among equals; None where nobody has any.

    >>> most({"first": 1.0, "second": 1.0, "third": 0.5}), most({"first": 0.0})
    ('second', None)
    """
    name = max(reversed(blame), key=lambda name: blame[name])
    return name if blame[name] > 0 else None


def repaired(healthy: float, faulty: float, trained: float) -> bool:
    """Say whether training won back most of what the fault cost.

    >>> repaired(0.9, 0.4, 0.8), repaired(0.9, 0.4, 0.75)
    (True, False)
    """
    return trained - faulty >= REPAIRED * (healthy - faulty) - 1e-9


def table(lines: Iterable[Line]) -> str:
    """Return a table a shape: shares of right blame with 95% intervals, a row a kind of fault."""
    shapes: dict[str, list[Line]] = {shape: [] for shape in SHAPES}
    for line in lines:
        shapes[line.get("shape", SHAPES[0])].append(line)
    return "\n\n".join(f"{shape}s\n\n{_section(own)}" for shape, own in shapes.items() if own)


def _section(lines: Iterable[Line]) -> str:
    """Return a shape's table: a row a kind of fault, and one for all, of each model and budget."""
    names = (
        *("model", "tokens", "fault", "n", "healthy", "faulty", "trained"),
        *("node by words", "node by measure", "node by faultiest", "right kind", "repaired"),
        *("harmless", "given up"),
    )
    rows = [_row(names), "|---" * len(names) + "|"]
    groups: dict[tuple[Any, ...], list[Line]] = {}
    for line in lines:
        groups.setdefault((line["model"], line["tokens"]), []).append(line)
    for group, own in sorted(groups.items()):
        for fault in (*FAULTS, "all"):
            found = [line for line in own if fault in (line["fault"], "all")]
            if found:
                rows.append(_row([*group, fault, *_figures(found)]))
    return "\n".join(rows)


def _figures(lines: Sequence[Line]) -> list[str]:
    """Return the cells of a row: n, means of accuracy, shares, and what was left out."""
    counted = [line for line in lines if not line["harmless"]]
    harmless = Counter(key_of(line) for line in lines if line["harmless"])
    cells = [str(len(counted))]
    for name in ("healthy", "faulty", "trained"):
        cells.append(f"{fmean(line[name] for line in counted):.2f}" if counted else "")
    checks = [
        *([line[name] == line["node"] for line in counted] for name in BLAMES),
        [line["kind"] in FAULTS[line["fault"]] for line in counted],
        [line["repaired"] for line in counted],
    ]
    cells += [_share(check) for check in checks]
    return [*cells, str(harmless.total()), str(sum(n >= TRIES for n in harmless.values()))]


def _share(right: Sequence[bool]) -> str:
    if not right:
        return ""
    share = mean_interval([float(one) for one in right])
    return f"{share.value:.2f} ({share.low:.2f} to {share.high:.2f})"


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _outcome(found: dict[str, Any]) -> str:
    cost = f"{found['healthy']:.2f} to {found['faulty']:.2f}"
    if found["harmless"]:
        return f"harmless, {cost}"
    return f"{cost}, blamed {found['faultiest']}, trained to {found['trained']:.2f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", nargs="?", choices=("run", "table"), default="run")
    parser.add_argument("--model", help="needed to run")
    parser.add_argument("--shape", choices=SHAPES, default=SHAPES[0])
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=15_000, help="the budget of each training")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--keep", type=Path, help="a folder for the stores, to look into the runs")
    given = parser.parse_args()
    if given.action == "run" and not given.model:
        parser.error("--model is missing")
    return given


if __name__ == "__main__":
    main()
