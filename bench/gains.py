"""Gains: trains agents on public data and says how much better they got on the test split.

    python bench/gains.py run --model PATH --tasks cls/snips7 --starts bare,described --seeds 0,1
    python bench/gains.py table

Data and starts come from a folder beside the checkout (--data, see its starts.json): they are for
measuring alone. One JSON line a run in bench/results/gains.jsonl; a line that is there is not
measured again, so an interrupted table goes on where it stopped. One run at a time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from slearn.agent import save_agent
from slearn.datasets import Columns, propose, read_examples, read_rows

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results" / "gains.jsonl"
KEYS = ("model", "task", "start", "seed", "budget")


def main() -> None:
    """Run the table's missing cells, or print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("run", "table"))
    parser.add_argument("--model", default="")
    parser.add_argument("--tasks", default="cls/snips7,instruction_induction/antonyms")
    parser.add_argument("--starts", default="bare,described")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--tokens", type=int, help="instead of minutes: the same on any machine")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    given = parser.parse_args()
    if given.action == "run":
        run(given)
    print(table())


def run(given: argparse.Namespace) -> None:
    """Measure every cell that has no line yet."""
    starts = json.loads((given.data / "starts.json").read_text())
    cells = product(given.tasks.split(","), given.seeds.split(","), given.starts.split(","))
    for task, seed, start in cells:
        name = Path(given.model).stem
        budget = f"{given.tokens} tokens" if given.tokens else f"{given.minutes:g} minutes"
        cell = dict(zip(KEYS, (name, task, start, int(seed), budget), strict=True))
        if any(all(line[key] == cell[key] for key in KEYS) for line in lines()):
            continue
        print(f"{task} {start} seed {seed} …", file=sys.stderr, flush=True)
        found = measure(given, task, starts[task], start, int(seed))
        with RESULTS.open("a") as out:
            out.write(json.dumps({**cell, **found}, ensure_ascii=False) + "\n")


def measure(
    given: argparse.Namespace, task: str, frozen: dict[str, str], start: str, seed: int
) -> dict[str, Any]:
    """Train one agent by the command line and return its JSON line."""
    files = {name: given.data / task / f"{name}.jsonl" for name in ("train", "val", "test")}
    listed = "choices" in next(iter(read_rows(files["train"])))
    columns = Columns(choices="choices" if listed else None)
    train, val = (read_examples(files[name], columns) for name in ("train", "val"))
    kinds = {example.choices for example in train}
    shared = kinds.pop() if len(kinds) == 1 else None
    if shared:  # the same in every row: they belong to the contract
        train = [replace(example, choices=None) for example in train]
    proposal = propose(
        train, val, metric=frozen["metric"], instruction=frozen[start], labels=shared, name="start"
    )
    with tempfile.TemporaryDirectory() as folder:
        agent = Path(folder) / "agent.yaml"
        save_agent(proposal.agent, agent)
        command = [sys.executable, "-m", "slearn.cli", "train", str(agent), "--json"]
        command += ["--model", given.model, "--seed", str(seed), "--test-limit", "100"]
        budget = ("--budget-minutes", str(given.minutes))
        if given.tokens:
            budget = ("--budget-tokens", str(given.tokens))
        command += [*budget, "--store", f"{folder}/s.duckdb"]
        command += [part for name in files for part in (f"--{name}", str(files[name]))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{task} {start} {seed}: {done.stderr.strip()}")
        check = [sys.executable, str(ROOT / "bench" / "check_outputs.py"), f"{folder}/s.duckdb"]
        checked = subprocess.run(check, capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return {**found, "checked": json.loads(checked.stdout)}


def lines() -> Iterator[dict[str, Any]]:
    """Yield the results so far."""
    if RESULTS.exists():
        yield from (json.loads(line) for line in RESULTS.read_text().splitlines())


def table() -> str:
    """Return the results as a Markdown table."""
    head = "| model | task | start | seed | before | after | gain (95%) | accepted | tokens | s |"
    rows = [head, "|---|---|---|---|---|---|---|---|---|---|"]
    for line in sorted(lines(), key=lambda line: [str(line[key]) for key in KEYS]):
        gain, tokens = line["gain"], line["tokens"]
        used = tokens["prompt"] + tokens["generated"] + tokens["scored"]
        rows.append(
            f"| {line['model']} | {line['task']} | {line['start']} | {line['seed']} "
            f"| {line['before']['score']:.2f} | {line['after']['score']:.2f} "
            f"| {gain['value']:+.2f} ({gain['low']:+.2f} to {gain['high']:+.2f}) "
            f"| {line['accepted']} of {line['accepted'] + line['rejected']} "
            f"| {used} | {line['seconds']['train']:.0f} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
