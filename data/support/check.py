"""Check requests.jsonl: valid rows, counts per queue, lengths, no near-duplicates."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

QUEUES = ("billing", "delivery", "returns", "account", "technical")
PER_QUEUE, MIN_WORDS, MAX_WORDS, MAX_JACCARD = 72, 6, 45, 0.5


def check(path: Path) -> tuple[list[str], str]:
    """Return the violations found in the file and a one-line summary."""
    bad: list[str] = []
    ids: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    sizes: list[int] = []
    words: list[tuple[str, frozenset[str]]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            fields = {name: row[name] for name in ("id", "request", "queue")}
        except (ValueError, KeyError, TypeError) as err:
            bad.append(f"line {number}: {err!r}")
            continue
        if len(row) != 3 or not all(isinstance(value, str) for value in fields.values()):
            bad.append(f"line {number}: not exactly three string columns")
            continue
        ids[row["id"]] += 1
        counts[row["queue"]] += 1
        sizes.append(len(row["request"].split()))
        if not MIN_WORDS <= sizes[-1] <= MAX_WORDS:
            bad.append(f"{row['id']}: {sizes[-1]} words")
        words.append((row["id"], frozenset(re.findall(r"[a-z0-9']+", row["request"].lower()))))
    bad += [f"{name}: id used {n} times" for name, n in ids.items() if n > 1]
    if counts != Counter(dict.fromkeys(QUEUES, PER_QUEUE)):
        bad.append(f"counts per queue: {dict(counts)}, expected {PER_QUEUE} each")
    top = 0.0
    for (one, left), (two, right) in combinations(words, 2):
        score = len(left & right) / max(1, len(left | right))
        top = max(top, score)
        if score > MAX_JACCARD:
            bad.append(f"{one} and {two}: Jaccard {score:.2f}")
    per_queue = ", ".join(f"{queue} {counts[queue]}" for queue in QUEUES)
    span = f"{min(sizes, default=0)} to {max(sizes, default=0)} words"
    tail = f"max Jaccard {top:.3f}, {len(bad)} violations"
    return bad, f"{len(words)} rows ({per_queue}), {span}, {tail}"


if __name__ == "__main__":
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("requests.jsonl")
    problems, summary = check(source)
    print(*problems, summary, sep="\n")
    sys.exit(1 if problems else 0)
