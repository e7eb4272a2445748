"""How much the company in a batch changes an answer or a likelihood.

    python bench/determinism.py --model PATH [--tuned] [--calls 300] [--alone 40]

The calls of the recorded workload (bench/workload.py) are asked four times on one engine: in their
recorded rounds; so again, which must give the same to the last bit; --alone of them a round each;
and all in rounds shuffled anew. With fewer calls than were recorded the rounds are thinned evenly,
so each kind of call keeps its share. Only calls that had company are asked alone: for the others
that would be the same again.

Greedy answers are compared as texts, scores in nats. Every pass is told on stderr as it ends; a
pass's share of differing results is with its n and its 95% interval (Wilson).
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import workload

from slearn.catalog import recall_tuned, resolve, weights_file
from slearn.engine import GREEDY, Engine, EngineSettings, GenerateRequest, open_engine
from slearn.metrics import mean_interval

Tell = Callable[[str], None]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--workload", type=Path, default=workload.DEFAULT)
    parser.add_argument("--calls", type=int, default=300, help="of each kind, at most")
    parser.add_argument("--alone", type=int, default=40, help="of these, asked a round each")
    parser.add_argument("--tuned", action="store_true", help="with the settings of slearn tune")
    given = parser.parse_args()
    model = resolve(given.model)
    tuned = (recall_tuned(model.sha256) or {}) if given.tuned else {}
    path = weights_file(model.path, model.sha256, tuned.get("weights", "file"))
    settings = EngineSettings(**tuned)
    recorded = workload.load(given.workload)
    kinds: dict[str, list[list[Any]]] = {
        "greedy answers": [
            [replace(request, sampling=GREEDY) for request in part.generate]
            for part in recorded
            if part.generate
        ],
        "scores": [list(part.score) for part in recorded if part.score],
    }
    found = {}
    with open_engine(path, sha256=model.sha256, settings=settings) as engine:
        for kind, rounds in kinds.items():
            found[kind] = compare(engine, take(rounds, given.calls), given.alone, telling(kind))
            for name, row in found[kind].items():
                said = "  ".join(f"{key} {value}" for key, value in row.items())
                print(f"{kind:<15} {name:<9} {said}", flush=True)
    shape = {"model": model.name, "workload": given.workload.name, "tuned": bool(tuned)}
    print(json.dumps({**shape, "settings": settings.as_json(), **found}))


def take(rounds: Sequence[Sequence[Any]], most: int) -> list[list[Any]]:
    """Return the rounds with so many of their calls, evenly spaced over the run."""
    chosen = set(spread(most, sum(map(len, rounds))))
    number = count()
    thinned = [[call for call in part if next(number) in chosen] for part in rounds]
    return [part for part in thinned if part]


def spread(most: int, total: int) -> list[int]:
    """Return so many of the places below `total`, evenly spaced; all where there are no more."""
    size = min(most, total)
    return [index * total // size for index in range(size)]


def telling(kind: str) -> Tell:
    """Return what prints a line about a pass, with the seconds since now."""
    start = time.monotonic()

    def tell(line: str) -> None:
        spent = time.monotonic() - start
        print(f"{spent:7.1f} s  {kind}: {line}", file=sys.stderr, flush=True)

    return tell


def ask(engine: Engine, rounds: Sequence[Sequence[Any]]) -> list[Any]:
    """Return what the engine says, in order: texts, or tuples of likelihoods."""
    found: list[Any] = []
    for part in rounds:
        if isinstance(part[0], GenerateRequest):
            found += [result.text for result in engine.generate(list(part))]
        else:
            found += [result.logprobs for result in engine.score(list(part))]
    return found


def compare(
    engine: Engine, rounds: Sequence[Sequence[Any]], alone: int, tell: Tell
) -> dict[str, dict[str, Any]]:
    """Return for each pass how often, and by how much, it changed a result of the first."""
    calls = [call for part in rounds for call in part]
    order = list(range(len(calls)))
    base = ask(engine, rounds)
    tell(f"as recorded, n {len(base)}")
    company = [len(part) > 1 for part in rounds for _ in part]
    accompanied = [place for place in order if company[place]]
    single = [accompanied[index] for index in spread(alone, len(accompanied))]
    shuffled = random.Random(0).sample(order, len(order))
    mixed = [shuffled[at : at + 40] for at in range(0, len(order), 40)]
    passes: dict[str, tuple[list[int], list[list[Any]]]] = {
        "again": (order, [list(part) for part in rounds]),
        "alone": (single, [[calls[place]] for place in single]),
        "shuffled": (shuffled, [[calls[place] for place in part] for part in mixed]),
    }
    found = {}
    for name, (places, asked) in passes.items():
        found[name] = differences([base[place] for place in places], ask(engine, asked))
        tell(f"{name}, n {found[name]['n']}, {found[name]['differ']} differ")
    return found


def differences(left: Sequence[Any], right: Sequence[Any]) -> dict[str, Any]:
    """Return how many results are not the same, and of likelihoods how far they are apart."""
    differ = [a != b for a, b in zip(left, right, strict=True)]
    share = mean_interval(differ)
    row: dict[str, Any] = {
        "n": share.n,
        "differ": sum(differ),
        "share": round(share.value, 4),
        "low": round(share.low, 4),
        "high": round(share.high, 4),
    }
    gaps = sorted(
        abs(a - b)
        for one, other in zip(left, right, strict=True)
        if not isinstance(one, str)
        for a, b in zip(one, other, strict=True)
        if math.isfinite(a)
    )
    if gaps:
        row["median nats"] = round(statistics.median(gaps), 4)
        row["p99 nats"] = round(gaps[int(0.99 * (len(gaps) - 1))], 4)
        row["most nats"] = round(gaps[-1], 4)
    return row


if __name__ == "__main__":
    main()
