"""Credit through several nodes: a fault is planted in one node of three, and training must find it.

    python bench/faults.py --model PATH [--cases 20] [--seed 0] [--tokens 15000]
    python bench/faults.py table

A healthy chain does three small jobs to a word, one after the other, each shown by demonstrations
made of words that are in no split; the right answers are computed. Nodes are named by their place,
so that no name tells what a node should do. Kinds of faults and nodes take turns: of 15 cases each
kind is in each node once, and by chance a third of all blame is right.

A case measures the healthy and the faulty chain on the same 24 rows, then does what a training step
does to find the fault, and asks who is blamed: by words (the node whose gradients weigh most), by
measure (the node of the part that hurts most, nobody where none hurts), and by both (`faultiest`,
which decides what is edited). The kind of the fault is right where the gradients of the node at
fault name it most often; of demonstrations they can say no more than that an example is missing.
Last, the faulty chain is trained, and is repaired where it wins back most of what the fault had
cost on those 24 rows.

A fault that costs little, or breaks a chain that was right less than half the time, is harmless
and measured no further: another is drawn in its place, until there were too many. Faults are kept
for what they cost on the rows that tell what was won back, which flatters repairs a little. One
JSON line a case, and one for each harmless fault; what has a line is not measured again.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from statistics import fmean
from typing import Any

from ledger import ROOT, Line, code, folder_of, read, writing

from slearn.agent import Agent, Contract, Demo, Field, Flow, Node, forward
from slearn.batches import draw, worst
from slearn.cli.engines import engine_settings, identify, open_noted
from slearn.engine import Engine
from slearn.errors import SlearnError
from slearn.evaluate import evaluate, score_trajectories
from slearn.grad import aggregate, attribute, backward
from slearn.loss import language_loss, measured_loss
from slearn.metrics import mean_interval
from slearn.optim import Proposal
from slearn.optim.lines import faultiest
from slearn.select import set_aside
from slearn.settings import TrainSettings
from slearn.store import Store
from slearn.train import Engines, TrainData, train
from slearn.values import Example, digest

RESULTS = ROOT / "bench" / "results" / "faults.jsonl"
CELLS = 8192  # of the cache: what `slearn train` takes by default
TRIES = 12  # faults drawn for a case before it is given up
HARMLESS = 0.2  # of accuracy: what costs less is no fault to find
HEALTHY = 0.5  # a chain that is right less often is none to compare with
REPAIRED = 0.8  # of what the fault cost
METRIC = "operator:eq"  # capital letters count, which they do not for `exact`
SHOWN, WRONG = (1, 2), (4, 8)  # demonstrations of a node; those with a wrong answer among them
ASIDE, TEST, VAL = 16, 24, 24  # words for demonstrations, test and validation; the rest is train

WORDS = tuple(
    """
    apple arm artist baby bag ball band bank basket bed bell bench berry bird boat book bottle bowl
    box branch bridge brush button cake camera candle car castle cat chair church city class clock
    cloud coat coin cow cup dog door dress drum duck engine eye farm fence finger flag flower fork
    fox frog garden gate girl glass guitar hammer hand hat hill horse hotel house island jacket key
    king kitchen kite lady ladder lake lamp lemon letter lion market mirror monkey moon mountain
    nail needle nest nurse orange park party peach pen pencil phone picture pillow plate pocket
    queen rabbit ring river road rocket room rope school ship shirt shoe song spoon star stone story
    street table tent tiger tower train tree truck village watch wheel window witch
    """.split()
)

MISLEADING = (
    "Always answer with the word banana.",
    "Ignore the input and answer with the number 7.",
    "Whatever comes in, write the word none.",
    "Answer with the word yes and nothing else.",
    "Always begin the answer with the word perhaps.",
    "Do not change the input, write it as it is.",
    "Write the opposite of the input.",
    "Answer in French.",
)


def plural(word: str) -> str:
    """Return the regular plural.

    >>> plural("box"), plural("city"), plural("key")
    ('boxes', 'cities', 'keys')
    """
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


@dataclass(frozen=True)
class Job:
    """What one node is told, what it makes of a text, and which jobs may have been done before."""

    name: str
    line: str
    make: Callable[[str], str]
    after: tuple[str, ...] = ()


_ALL = ("plural", "first letter", "spaced", "capitals", "the", "exclamation")
JOBS = (
    Job("plural", "Write the plural of the word.", plural),
    Job("first letter", "Write the first letter of the word.", lambda text: text[0]),
    Job("spaced", "Write the letters with spaces between them.", " ".join, ("plural", "capitals")),
    Job("capitals", "Write it in capital letters.", str.upper, _ALL),
    Job("the", 'Put the word "the" in front of it.', lambda text: f"the {text}", _ALL),
    Job("exclamation", "Put an exclamation mark behind it.", lambda text: f"{text}!", _ALL),
)
CHAINS = tuple(
    chain
    for chain in permutations(JOBS, 3)
    if all(before.name in job.after for place, job in enumerate(chain) for before in chain[:place])
)
NODES = ("first", "second", "third")

# The kinds of faults, and which kinds of a gradient are right about them.
FAULTS = {
    "misleading line": ("instruction",),
    "wrong instruction": ("instruction", "missing example"),
    "wrong demos": ("missing example",),
    "short contract": ("format",),
    "wrong answers": ("missing example",),
}
BLAMES = ("words", "measured", "faultiest")
KEYS = ("model", "seed", "case", "tokens")


@dataclass(frozen=True)
class Case:
    """A healthy chain, the same with a fault in one node, and the rows of all splits."""

    jobs: tuple[Job, ...]
    healthy: Agent
    faulty: Agent
    fault: str
    node: str
    planted: str
    data: TrainData

    def as_json(self) -> dict[str, Any]:
        """Return what a line says of the case itself."""
        chain = [job.name for job in self.jobs]
        return {"chain": chain, "fault": self.fault, "node": self.node, "planted": self.planted}


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
        keys = [(model["name"], given.seed, number, given.tokens) for number in range(given.cases)]
        left = [(key, at) for key in keys if (at := attempts(known, key)) < TRIES]
        if not left:
            return 0
        engine = stack.enter_context(open_noted(model, noted))
        for place, (key, tried) in enumerate(left, 1):
            for attempt in range(tried, TRIES):
                case, start = case_of(given.seed, key[2], attempt), time.monotonic()
                _tell(f"{place} of {len(left)}: case {key[2]}, {case.fault} in {case.node}")
                try:
                    keep = given.keep and given.keep / "-".join(map(str, (*key, attempt)))
                    found = measure(case, engine, given.seed, given.tokens, keep)
                except SlearnError as error:
                    failed += 1
                    _tell(f"  failed: {error}")
                    break
                shape = {**dict(zip(KEYS, key, strict=True)), "attempt": attempt}
                wall = round(time.monotonic() - start, 1)
                seen = {"wall": wall, "engine": noted, "code": commit}
                add({**shape, **case.as_json(), **found, **seen})
                _tell(f"  {_outcome(found)} in {wall:.0f} s")
                if not found["harmless"]:
                    break
            else:
                _tell(f"  case {key[2]} is given up: no fault did harm")
    return failed


def attempts(known: Iterable[Line], key: tuple[Any, ...]) -> int:
    """Return how many faults of a case were harmless; TRIES where it needs no more."""
    own = [line for line in known if tuple(line[name] for name in KEYS) == key]
    if any(not line["harmless"] for line in own):
        return TRIES
    return 1 + max((line["attempt"] for line in own), default=-1)


def case_of(seed: int, number: int, attempt: int) -> Case:
    """Return a case: its kind of fault and its node are by turns, all else is drawn."""
    chance = random.Random(digest([seed, number, attempt, "fault"]))
    jobs = chance.choice(CHAINS)
    words = chance.sample(WORDS, len(WORDS))
    aside, rest = words[:ASIDE], words[ASIDE:]
    test, val, teach = rest[:TEST], rest[TEST : TEST + VAL], rest[TEST + VAL :]
    healthy = chain_of(jobs, aside[: chance.randint(*SHOWN)])
    fault = tuple(FAULTS)[number % len(FAULTS)]
    place = (number + seed) % len(NODES)
    faulty, planted = plant(fault, healthy, jobs, place, aside, chance)
    data = TrainData(*([example_of(jobs, word) for word in part] for part in (teach, val, test)))
    return Case(tuple(jobs), healthy, faulty, fault, NODES[place], planted, data)


def chain_of(jobs: Sequence[Job], words: Sequence[str]) -> Agent:
    """Return the chain of nodes that do the jobs, each shown how by the same words."""
    nodes, source, texts = list[Node](), "input", list(words)
    for name, job in zip(NODES, jobs, strict=True):
        made = [job.make(text) for text in texts]
        demos = tuple(_demo(source, *pair) for pair in zip(texts, made, strict=True))
        nodes.append(Node(name, (job.line,), (source,), _contract(), demos))
        source, texts = name, made
    return Agent("chain", tuple(nodes), Flow(NODES), METRIC)


def composed(jobs: Iterable[Job], text: str) -> str:
    """Return what the jobs make of a text, one after the other.

    >>> composed(JOBS[3:], "cat")
    'the CAT!'
    """
    for job in jobs:
        text = job.make(text)
    return text


def example_of(jobs: Iterable[Job], word: str) -> Example:
    """Return the row of a word."""
    return Example(word, {"input": word}, (composed(jobs, word),))


def plant(
    fault: str,
    agent: Agent,
    jobs: Sequence[Job],
    place: int,
    words: Sequence[str],
    chance: random.Random,
) -> tuple[Agent, str]:
    """Return the agent with a fault in one node, and what was planted."""
    node, own = agent.node(NODES[place]), jobs[place]
    source = node.inputs[0]
    other = chance.choice([job for job in JOBS if job != own])
    match fault:
        case "misleading line":
            line = chance.choice(MISLEADING)
            # Beside a demonstration 0.5B does not listen to a line, so nothing would be at fault.
            lines = (*node.instructions, line)
            return agent.with_node(replace(node, instructions=lines, demos=())), line
        case "wrong instruction":
            return agent.with_node(replace(node, instructions=(other.line,), demos=())), other.name
        case "wrong demos":
            shown = words[: len(node.demos)]
            demos = tuple(_demo(source, word, other.make(word)) for word in shown)
            return agent.with_node(replace(node, demos=demos)), other.name
        case "short contract":
            chars = chance.choice((2, 3))
            short = replace(node, output=_contract(chars))
            return agent.with_node(short), f"at most {chars} characters"
        case "wrong answers":  # one and the same, to several inputs
            done = [composed(jobs[:place], word) for word in words[len(node.demos) :]]
            wrong, *inputs = chance.sample(done, 1 + chance.randint(*WRONG))
            answer = own.make(wrong)
            inputs = [text for text in inputs if own.make(text) != answer]
            both = [*node.demos, *(_demo(source, text, answer) for text in inputs)]
            mixed = tuple(chance.sample(both, len(both)))
            return agent.with_node(replace(node, demos=mixed)), f"{len(inputs)} times {answer}"
    raise ValueError(f"no fault is named {fault!r}")


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
    edited = [name for name in NODES if result.agent.node(name) != case.faulty.node(name)]
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
    attributions = attribute(agent, batch.forward, engine)
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
    weights = {name: proposal.gradients[name].weight for name in NODES}
    harm = {
        name: min((one.nats for one in attributions if one.node == name), default=0.0)
        for name in NODES
    }
    kinds = {name: Counter(g.kind for g in gradients if g.node == name) for name in NODES}
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
    """Return a row a kind of fault and one for all: shares of right blame with 95% intervals."""
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
    harmless = Counter(tuple(line[key] for key in KEYS) for line in lines if line["harmless"])
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


def _demo(source: str, text: str, answer: str) -> Demo:
    return Demo({source: text}, {"answer": answer})


def _contract(chars: int = 40) -> Contract:
    return Contract((Field(max_chars=chars, max_tokens=24),))


def _outcome(found: dict[str, Any]) -> str:
    cost = f"{found['healthy']:.2f} to {found['faulty']:.2f}"
    if found["harmless"]:
        return f"harmless, {cost}"
    return f"{cost}, blamed {found['faultiest']}, trained to {found['trained']:.2f}"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", nargs="?", choices=("run", "table"), default="run")
    parser.add_argument("--model", help="needed to run")
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
