"""How fast data of 100,000 rows is read, made into examples, split, drawn from, compared, learned.

    python bench/data.py [--rows 100000]

Everything here is linear or better in the rows; one JSON line at the end, seconds of CPU. Training
is on the scripted engine, for 20 steps at most: what it adds to the peak of memory is what its
steps keep, whatever the rows.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from slearn.agent import Agent, Contract, Field, Flow, Node
from slearn.batches import draw
from slearn.datasets import Columns, read_rows, split, to_examples
from slearn.engine.scripted import ScriptedEngine
from slearn.metrics import mean_interval, paired_interval, paired_p
from slearn.settings import TrainSettings
from slearn.store import Store
from slearn.train import Engines, TrainData, train
from slearn.values import Example


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    chance = random.Random(0)
    labels = [chance.choice("abc") for _ in range(rows)]
    before, after = ([float(chance.randint(0, 1)) for _ in range(rows)] for _ in range(2))
    agent = Agent("a", (Node("answer", ("Say.",)),), Flow(("answer",)))
    with tempfile.TemporaryDirectory() as folder:
        lines, table = Path(folder, "a.jsonl"), Path(folder, "a.csv")
        lines.write_text(
            "".join(f'{{"input": "wörd {n}", "target": "{t}"}}\n' for n, t in enumerate(labels))
        )
        table.write_text(
            "input,target\n" + "".join(f"wörd {n},{t}\n" for n, t in enumerate(labels))
        )
        examples = list(to_examples(read_rows(lines), Columns()))
        work: dict[str, Callable[[], object]] = {
            "read jsonl": lambda: sum(1 for _ in read_rows(lines)),
            "read csv": lambda: sum(1 for _ in read_rows(table)),
            "examples": lambda: to_examples(read_rows(lines), Columns()),
            "split": lambda: split(examples),
            "draw a batch": lambda: draw(examples, agent, 0, 1),
            "intervals": lambda: (mean_interval(before), paired_interval(before, after)),
            "paired p": lambda: paired_p(before, after),
        }
        found = {name: _seconds(job) for name, job in work.items()}
    found["peak MiB"] = _peak()
    found["train"] = _seconds(lambda: trained(examples))
    found["train adds MiB"] = _peak() - found["peak MiB"]
    for name, value in found.items():
        print(f"{name:<14} {value:>8}")
    print(json.dumps({"rows": rows, **found}))


def trained(examples: Sequence[Example]) -> None:
    """Train an agent on all rows but 200, which validate and test."""
    contract = Contract((Field(type="choice", choices=("a", "b", "c")),))
    agent = Agent("a", (Node("answer", ("Say.",), output=contract),), Flow(("answer",)))
    data = TrainData(examples[200:], examples[:100], examples[100:200])
    settings = TrainSettings(budget_tokens=200_000, budget_minutes=None, max_steps=20)
    engine = ScriptedEngine()
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder, "s.duckdb")) as store:
        train(agent, data, Engines(engine, engine), store.begin({}), settings)


def _peak() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _seconds(job: Callable[[], object]) -> float:
    start = time.process_time()
    job()
    return round(time.process_time() - start, 3)


if __name__ == "__main__":
    main()
