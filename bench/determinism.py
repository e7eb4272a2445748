"""How much the company in a batch changes an answer or a likelihood.

    python bench/determinism.py --model PATH [--calls 300]

The calls of the recorded workload (bench/workload.py) are asked three ways on one engine: in their
recorded rounds, one at a time, and in rounds shuffled anew; and once more in their recorded rounds,
which must give the same to the last bit. Greedy answers are compared as texts, scores in nats.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import workload

from slearn.catalog import resolve
from slearn.engine import GREEDY, Engine, GenerateRequest, ScoreRequest, open_engine


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--workload", type=Path, default=workload.DEFAULT)
    parser.add_argument("--calls", type=int, default=300, help="of each kind, at most")
    given = parser.parse_args()
    model = resolve(given.model)
    recorded = workload.load(given.workload)
    texts = [
        [replace(request, sampling=GREEDY) for request in part.generate]
        for part in recorded
        if part.generate
    ]
    scores = [list(part.score) for part in recorded if part.score]
    with open_engine(model.path, sha256=model.sha256) as engine:
        found = {
            "greedy answers": compare(engine, take(texts, given.calls)),
            "scores": compare(engine, take(scores, given.calls)),
        }
    for name, row in found.items():
        print(f"{name:<15}", "  ".join(f"{key} {value}" for key, value in row.items()))
    print(json.dumps({"model": model.name, **found}))


def take(rounds: list[list[Any]], count: int) -> list[list[Any]]:
    """Return rounds, some from everywhere in the run, with about so many calls."""
    step = max(1, sum(map(len, rounds)) // count)
    return [part[::step] or part[:1] for part in rounds]


def ask(engine: Engine, rounds: Sequence[Sequence[Any]]) -> list[Any]:
    """Return what the engine says, in order: texts, or tuples of likelihoods."""
    found: list[Any] = []
    for part in rounds:
        if isinstance(part[0], GenerateRequest):
            found += [result.text for result in engine.generate(list(part))]
        else:
            found += [result.logprobs for result in engine.score(list(part))]
    return found


def compare(engine: Engine, rounds: list[list[Any]]) -> dict[str, Any]:
    """Return how often, and by how much, other company changes a result."""
    calls = [call for part in rounds for call in part]
    order = list(range(len(calls)))
    random.Random(0).shuffle(order)
    mixed = [[calls[i] for i in order[at : at + 40]] for at in range(0, len(order), 40)]
    base = ask(engine, rounds)
    again = ask(engine, rounds)
    alone = ask(engine, [[call] for call in calls])
    shuffled: list[Any] = [None] * len(calls)
    for place, result in zip(order, ask(engine, mixed), strict=True):
        shuffled[place] = result
    row: dict[str, Any] = {"n": len(calls), "same round again differs": differing(base, again)}
    for name, other in {"alone": alone, "shuffled": shuffled}.items():
        row[f"{name} differs"] = differing(base, other)
        if isinstance(calls[0], ScoreRequest):
            gaps = sorted(
                abs(a - b)
                for left, right in zip(base, other, strict=True)
                for a, b in zip(left, right, strict=True)
                if math.isfinite(a)
            )
            row[f"{name} median nats"] = round(statistics.median(gaps), 4)
            row[f"{name} p99 nats"] = round(gaps[int(0.99 * (len(gaps) - 1))], 4)
    return row


def differing(left: list[Any], right: list[Any]) -> int:
    """Return how many results are not the same."""
    return sum(a != b for a, b in zip(left, right, strict=True))


if __name__ == "__main__":
    main()
