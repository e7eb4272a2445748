"""What the engine costs beside the model: time outside the library, memory, long queues, soak.

    python bench/limits.py overhead --model PATH   the recorded workload: time outside the library
    python bench/limits.py memory --model PATH     peak above the model file, 16 sequences, 8k cells
    python bench/limits.py queue --model PATH      10,000 requests against 300: time each, memory
    python bench/limits.py soak --model PATH       20 minutes of the workload: growth
    python bench/limits.py sharing --model PATH    prompt tokens: all, shared in a round, in the run
    python bench/limits.py lookup --model PATH     what prompt lookup could save and cost
    python bench/limits.py ranking --model PATH    candidates ranked by scoring or by answering

Each prints one JSON line at the end. --every thins the rounds of overhead, --rows the rows that
ranking takes for the truth: for a quick look.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import workload

from slearn.agent import Agent, Contract, Demo, Field, Flow, Node
from slearn.catalog import recall_tuned, resolve, weights_file
from slearn.datasets import Columns, read_examples
from slearn.engine import EngineSettings, GenerateRequest, Message, Request, grammar_of
from slearn.engine.llama import LlamaEngine
from slearn.evaluate import evaluate
from slearn.loss import measured_losses

DATA = Path(__file__).parent.parent / "data" / "support" / "requests.jsonl"


def main() -> None:
    """Measure one of them and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=sorted(WHAT))
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=1, help="overhead: of each round every n-th")
    parser.add_argument("--rows", type=int, default=100, help="ranking: of the truth, up to 120")
    parser.add_argument("--tuned", action="store_true", help="with the settings of slearn tune")
    given = parser.parse_args()
    model = resolve(given.model)
    settings = (recall_tuned(model.sha256) or {}) if given.tuned else {}
    path = weights_file(model.path, model.sha256, settings.get("weights", "file"))
    before = resident()
    opened = LlamaEngine(path, sha256=model.sha256, settings=EngineSettings(**settings))
    with closing(opened) as engine:
        found = WHAT[given.what](engine, given)
    if given.what == "memory":
        size = path.stat().st_size >> 20
        found |= {"file MiB": size, "above the file MiB": peak() - size, "Python MiB": before}
    print(json.dumps({"model": model.name, "what": given.what, "tuned": bool(settings), **found}))


def overhead(engine: LlamaEngine, given: argparse.Namespace) -> dict[str, Any]:
    """Return the share of the workload's time that is not spent in the library."""
    step = given.every
    rounds = [
        workload.Round(part.generate[::step], part.score[::step], part.answers[::step])
        for part in workload.load()
    ]
    ask(engine, rounds[0])
    context = engine._context
    rows = {}
    for kind in ("generate", "score"):
        parts = [part for part in rounds if getattr(part, kind)]
        inside, start = context.decode_seconds, time.perf_counter()
        for part in parts:
            ask(engine, part)
        whole = time.perf_counter() - start
        inside = context.decode_seconds - inside
        rows[kind] = {
            "calls": sum(len(part.generate) + len(part.score) for part in parts),
            "seconds": round(whole, 1),
            "outside": round(1 - inside / whole, 4),
        }
    return rows


def memory(engine: LlamaEngine, _: argparse.Namespace) -> dict[str, Any]:
    """Fill the cache with 16 long sequences, so that the peak is one."""
    text = "one two three four five six seven eight nine ten " * 45
    requests = [GenerateRequest((Message("user", f"{n} {text}"),), max_tokens=4) for n in range(32)]
    engine.generate(requests)
    ask(engine, workload.load()[0])
    return {"peak MiB": peak()}


def queue(engine: LlamaEngine, given: argparse.Namespace) -> dict[str, Any]:
    """Return seconds for each request, and memory, of a short and of a long queue."""
    yes_no = grammar_of(Field(type="choice", choices=("yes", "no")).term(None))
    rows: dict[str, Any] = {}
    for count in (300, given.calls):
        requests = [
            GenerateRequest((Message("user", f"Is {n} even?"),), yes_no, max_tokens=4)
            for n in range(count)
        ]
        held, start = resident(), time.perf_counter()
        results = engine.generate(requests)
        seconds = time.perf_counter() - start
        assert len(results) == count
        rows[str(count)] = {
            "ms each": round(1000 * seconds / count, 2),
            "grown MiB": resident() - held,
        }
        del results
    return rows


def soak(engine: LlamaEngine, given: argparse.Namespace) -> dict[str, Any]:
    """Return resident memory after the first and the last passes over the workload."""
    rounds = [part for part in workload.load() if len(part.generate) + len(part.score) < 40]
    sizes, end = [], time.monotonic() + given.minutes * 60
    passes = 0
    while time.monotonic() < end:
        for part in rounds:
            ask(engine, part)
        passes += 1
        sizes.append(resident())
    return {"passes": passes, "minutes": given.minutes, "MiB": [sizes[0], max(sizes), sizes[-1]]}


def sharing(engine: LlamaEngine, _: argparse.Namespace) -> dict[str, Any]:
    """Return how many prompt tokens are left when prefixes are shared within rounds, or for ever.

    The first is what the engine may do at best from an empty cache a round; the difference to the
    second is all that a cache which outlives the round could still save.
    """
    found = {"tokens": 0, "shared in a round": 0, "shared in the run": 0}
    whole: dict[int, Any] = {}
    for part in workload.load():
        tree: dict[int, Any] = {}
        requests: list[Request] = [*part.generate, *part.score]
        for request in requests:
            tokens = engine._chat.tokens(request.messages)
            found["tokens"] += len(tokens)
            found["shared in a round"] += _insert(tree, tokens)
            found["shared in the run"] += _insert(whole, tokens)
    return found


def _insert(tree: dict[int, Any], tokens: list[int]) -> int:
    new = 0
    for token in tokens:
        new += token not in tree
        tree = tree.setdefault(token, {})
    return new


def lookup(engine: LlamaEngine, _: argparse.Namespace) -> dict[str, Any]:
    """Return how many tokens a step of prompt lookup would yield on the recorded answers.

    The draft is what followed the last occurrence of the last two tokens in prompt or answer, up to
    four tokens; the recorded answer says how many of them are right. Beside it: what a step with
    five times the rows costs, which is what all that would have to pay for.
    """
    rows: dict[str, list[float]] = {}
    for part in workload.load():
        for request, answer in zip(part.generate, part.answers, strict=True):
            kind = request.where.split(",")[0]
            said = engine._vocab.tokenize(answer, special=False)
            known, place, steps = engine._chat.tokens(request.messages), 0, 0
            while place < len(said):
                draft = _draft(known + said[:place])
                right = 0
                while right < len(draft) and said[place + right :][:1] == draft[right : right + 1]:
                    right += 1
                place, steps = place + 1 + right, steps + 1
            if len(said) > 4:
                rows.setdefault(kind, []).append(len(said) / steps)
    costs = {count: _step_seconds(engine, count) for count in (4, 20, 16, 80)}
    return {
        "tokens a step": {kind: round(statistics.fmean(r), 2) for kind, r in rows.items()},
        "cost of 4 x 5 rows over 4": round(costs[20] / costs[4], 2),
        "cost of 16 x 5 rows over 16": round(costs[80] / costs[16], 2),
    }


def _draft(tokens: list[int]) -> list[int]:
    for place in range(len(tokens) - 3, -1, -1):
        if tokens[place : place + 2] == tokens[-2:]:
            return tokens[place + 2 : place + 6]
    return []


def _step_seconds(engine: LlamaEngine, rows: int) -> float:
    """Return the median seconds of a batch in which every row's logits are wanted."""
    context, times = engine._context, []
    for _ in range(5):
        context.clear()
        batch = context.batch()
        for row in range(min(rows, context.max_outputs)):
            batch.add(100 + row, row // 16, row % 16, True)
        start = time.perf_counter()
        context.decode(batch)
        times.append((time.perf_counter() - start) * rows / batch.count)
    return statistics.median(times)


def ranking(engine: LlamaEngine, given: argparse.Namespace) -> dict[str, Any]:
    """Rank candidate prompts by measured loss and by their answers, on ever more rows.

    The truth is the accuracy on --rows rows, which are no others' than its own, and nothing is
    ranked by more rows than the truth has. Returned: for each number of rows the rank correlation
    with it and the seconds that it took; scoring reads a row, answering reads and writes it.
    """
    labels = ("account", "billing", "delivery", "returns", "technical")
    rows = read_examples(DATA, Columns(("request",), "queue"))
    random.Random(0).shuffle(rows)
    truth_rows, some = rows[: min(given.rows, 120)], rows[120:160]
    agents = list(candidates(rows[160:], labels))
    truth = [evaluate(agent, truth_rows, engine).interval.value for agent in agents]
    table: dict[str, Any] = {
        "rows": len(truth_rows),
        "accuracies": [round(value, 3) for value in truth],
    }
    for count in (size for size in (5, 10, 40) if size <= len(truth_rows)):
        start = time.perf_counter()
        losses = measured_losses(agents, [some[:count]] * len(agents), engine, engine)
        middle = time.perf_counter()
        scores = [evaluate(agent, some[:count], engine).interval.value for agent in agents]
        end = time.perf_counter()
        table[str(count)] = {
            "scoring": [
                round(spearman(truth, [-statistics.fmean(loss) for loss in losses]), 2),
                round(middle - start, 1),
            ],
            "answering": [round(spearman(truth, scores), 2), round(end - middle, 1)],
        }
    return table


def candidates(rows: Sequence[Any], labels: tuple[str, ...]) -> Any:
    """Return eight prompts of very different worth: two instructions, none to ten demos."""
    chance = random.Random(1)
    contract = Contract((Field("answer", "choice", choices=labels),))
    for line in ("Answer.", "Name the queue for the request."):
        for size in (0, 3, 5, 10):
            demos = tuple(
                Demo({"request": row.inputs["request"]}, {"answer": row.targets[0]}, row.id)
                for row in chance.sample(list(rows), size)
            )
            node = Node("answer", (line,), ("request",), contract, demos)
            yield Agent("candidate", (node,), Flow(("answer",)))


def spearman(left: Sequence[float], right: Sequence[float]) -> float:
    """Return the rank correlation; ties share their rank."""
    return statistics.correlation(_ranks(left), _ranks(right)) if len(set(right)) > 1 else 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    return [sum(o < v for o in values) + (sum(o == v for o in values) - 1) / 2 for v in values]


def ask(engine: LlamaEngine, part: workload.Round) -> None:
    """Do one round."""
    if part.generate:
        engine.generate(part.generate)
    else:
        engine.score(part.score)


def resident() -> int:
    """Return the resident memory in MiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() >> 20


def peak() -> int:
    """Return the most resident memory there was, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


WHAT: dict[str, Callable[[LlamaEngine, argparse.Namespace], dict[str, Any]]] = {
    "overhead": overhead,
    "memory": memory,
    "queue": queue,
    "soak": soak,
    "ranking": ranking,
    "lookup": lookup,
    "sharing": sharing,
}


if __name__ == "__main__":
    main()
