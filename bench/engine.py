"""Engine speed: what batching, sharing and grammars do to it, as medians of alternating runs.

    python bench/engine.py --model smollm2-135m [--runs 5]

Contenders run A B A B in one process, because machines drift; one JSON line at the end.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from slearn.catalog import resolve
from slearn.engine import (
    Engine,
    GenerateRequest,
    Grammar,
    Message,
    Sampling,
    ScoreRequest,
    grammar_of,
    open_engine,
)

LABELS = ("account", "billing", "delivery", "returns", "technical")
RULES = "Name the queue for the request. " + "Be exact and use one word. " * 8


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    model = resolve(given.model)
    with open_engine(model.path, sha256=model.sha256) as engine:
        found = {name: compare(engine, pair, given.runs) for name, pair in PAIRS.items()}
    for name, row in found.items():
        print(f"{name:<34}", "  ".join(f"{key} {value}" for key, value in row.items()))
    print(json.dumps({"model": model.name, "runs": given.runs, **found}))


def compare(engine: Engine, pair: dict[str, Callable[[Engine], int]], runs: int) -> dict[str, Any]:
    """Return work units per second of each contender, and the median of the paired ratios."""
    rates: dict[str, list[float]] = {name: [] for name in pair}
    for turn in range(runs + 1):
        for name, work in pair.items():
            start = time.monotonic()
            units = work(engine)
            if turn:  # the first turn warms up
                rates[name].append(units / (time.monotonic() - start))
    (first, left), (_, right) = rates.items()
    ratio = statistics.median(a / b for a, b in zip(left, right, strict=True))
    row: dict[str, Any] = {n: round(statistics.median(r), 1) for n, r in rates.items()}
    return {**row, f"ratio {first}": round(ratio, 2)}


def messages(number: int) -> tuple[Message, ...]:
    """Return one of many prompts that share their rules."""
    return (Message("system", RULES), Message("user", f"Parcel {number} did not arrive."))


def classify(number: int) -> GenerateRequest:
    """Return a request for one label."""
    return GenerateRequest(messages(number), grammar_of(list_type()), max_tokens=16)


def list_type() -> Any:
    """Return the labels as a type that Outlines knows."""
    from outlines.types.dsl import Choice

    return Choice(list(LABELS))


def together(engine: Engine) -> int:
    """Classify 32 requests in one round."""
    return len(engine.generate([classify(n) for n in range(32)]))


def one_by_one(engine: Engine) -> int:
    """Classify 8 requests, a round each."""
    return sum(len(engine.generate([classify(n)])) for n in range(8))


def score_choices(engine: Engine) -> int:
    """Score the right label of 32 requests."""
    target = [ScoreRequest(messages(n), ("delivery",), grammar_of(list_type())) for n in range(32)]
    return len(engine.score(target))


def written(engine: Engine, grammar: Grammar) -> int:
    """Write sixteen sampled texts and count their tokens."""
    requests = [
        GenerateRequest(messages(n), grammar, Sampling(0.8, 0.95), n, max_tokens=32)
        for n in range(16)
    ]
    return sum(result.usage.generated for result in engine.generate(requests))


def free_text(engine: Engine) -> int:
    """Write without a grammar."""
    return written(engine, Grammar())


def one_line(engine: Engine) -> int:
    """Write under a grammar."""
    return written(engine, Grammar(r"start: /[^\n\r]{1,400}/"))


PAIRS: dict[str, dict[str, Callable[[Engine], int]]] = {
    "labels a second, a round or each": {"together": together, "one by one": one_by_one},
    "score the target or generate": {"score": score_choices, "generate": together},
    "tokens a second under a grammar": {"grammar": one_line, "free": free_text},
}


if __name__ == "__main__":
    main()
