"""The workload of a real training run: recorded from a store, replayed by every contender.

    slearn init run --data data/support/requests.jsonl --input request --target queue
    slearn train run --model PATH --budget-tokens 40000 --store run/store.duckdb
    python bench/workload.py --store run/store.duckdb -o bench/workloads/support.jsonl.gz

One JSON line a round, in the order of the run: kind, and its requests as the engine got them. Only
calls that were computed are in it: what the store gave for nothing is no work. The run is on the
project's own data (data/support), so the file may be kept here.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slearn.engine import GenerateRequest, Grammar, Message, Sampling, ScoreRequest
from slearn.store import Store

DEFAULT = Path(__file__).parent / "workloads" / "support-0.5b.jsonl.gz"


@dataclass(frozen=True)
class Round:
    """Requests that were handed to the engine together; one of the two is empty.

    `answers` has the recorded text of each generation.
    """

    generate: tuple[GenerateRequest, ...] = ()
    score: tuple[ScoreRequest, ...] = ()
    answers: tuple[str, ...] = ()


def record(store: Path, out: Path, run: str = "last") -> None:
    """Write the computed calls of a run."""
    rounds: dict[int, dict[str, Any]] = {}
    with Store.open(store, create=False) as opened:
        for call in opened.calls(run):
            if call.cached:
                continue
            line = rounds.setdefault(call.round, {"kind": call.kind, "calls": []})
            entry = {"request": call.request}
            if call.kind == "generate":
                entry["answer"] = call.result["text"]
            line["calls"].append(entry)
    with gzip.open(out, "wt", encoding="utf-8", compresslevel=9) as file:
        for _, line in sorted(rounds.items()):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def load(path: Path = DEFAULT) -> list[Round]:
    """Read a recorded workload."""
    rounds = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for text in file:
            line = json.loads(text)
            requests = [_request(line["kind"], call["request"]) for call in line["calls"]]
            if line["kind"] == "generate":
                answers = tuple(call["answer"] for call in line["calls"])
                rounds.append(Round(generate=tuple(requests), answers=answers))
            else:
                rounds.append(Round(score=tuple(requests)))
    return rounds


def _request(kind: str, body: dict[str, Any]) -> Any:
    messages = tuple(Message(**message) for message in body["messages"])
    grammar = Grammar(**body["grammar"])
    if kind == "score":
        return ScoreRequest(
            messages, tuple(body["targets"]), grammar, body["prefix"], body["where"]
        )
    return GenerateRequest(
        messages,
        grammar,
        Sampling(**body["sampling"]),
        body["seed"],
        body["max_tokens"],
        tuple(body["stop"]),
        body["where"],
    )


def main() -> None:
    """Record a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--run", default="last")
    parser.add_argument("-o", "--out", type=Path, default=DEFAULT)
    given = parser.parse_args()
    record(given.store, given.out, given.run)
    rounds = load(given.out)
    kinds = Counter(
        request.where.split(",")[0].split(" of ")[0] for part in rounds for request in part.generate
    )
    scored = sum(len(part.score) for part in rounds)
    print(f"{len(rounds)} rounds, {scored} scored, {sum(kinds.values())} generated: {dict(kinds)}")


if __name__ == "__main__":
    main()
