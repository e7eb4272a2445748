"""A small deterministic program on a fake engine; run as a script, it is what tests kill.

python program.py STORE SEED SIZE   begins a run, or resumes the last; prints a line per operation.
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from slearn.engine import (
    Engine,
    GenerateRequest,
    Generation,
    Message,
    Result,
    Sampling,
    Score,
    ScoreRequest,
    Watcher,
)
from slearn.errors import ContextError, EngineError
from slearn.store import RECORD_TABLES, RememberingEngine, RunLog, Store
from slearn.values import Usage, digest

Op = tuple[Any, ...]


class FakeEngine(Engine):
    """Answers are digests of the request and of its company in the round, as with real batches."""

    def __init__(self, name: str = "fake", flaky: bool = False) -> None:
        self.name = name
        self.flaky = flaky
        self.asked: list[list[str]] = []

    @property
    def fingerprint(self) -> dict[str, Any]:
        return {"engine": self.name}

    @property
    def window(self) -> int:
        return 1000

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        return [
            Generation(seal, "end", seal[0] in "0123456789abcd", Usage(5, 1, 2))
            for seal in self._seals(requests, watch)
        ]

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        return [
            Score((logprob(seal), float("-inf")), Usage(4, 0, 0, 2))
            for seal in self._seals(requests, watch)
        ]

    def count_tokens(self, text: str) -> int:
        return len(text)

    def _seals(
        self, requests: Sequence[GenerateRequest] | Sequence[ScoreRequest], watch: Watcher | None
    ) -> list[str]:
        self.asked.append([request.messages[0].content for request in requests])
        if self.flaky:
            raise EngineError("no answer", where="endpoint")
        for request in requests:
            if request.messages[0].content == "long":
                raise ContextError(where=request.where, needed=9, available=5)
        if watch:
            watch(len(requests), len(requests), 7)
        company = digest([request.key() for request in requests])
        return [digest([request.key(), company]) for request in requests]


def logprob(seal: str) -> float:
    """A float whose bits all matter, at most zero."""
    (number,) = struct.unpack("<Q", bytes.fromhex(seal[:16]))
    return -number / 7e18


def requests(kind: str, prompts: Sequence[str]) -> list[Any]:
    """Requests for prompts, short to write in tests."""
    messages = [(Message("user", prompt),) for prompt in prompts]
    if kind == "generate":
        return [GenerateRequest(m, sampling=Sampling(0.5), where="node") for m in messages]
    return [ScoreRequest(m, ("a", "b"), where="node") for m in messages]


def behind(made: Generation) -> ScoreRequest | None:
    """What is scored behind an answer: nothing behind some."""
    if made.text[0] in "ab":
        return None
    return ScoreRequest((Message("user", "again"),), ("a", "b"), prefix=made.text[:6])


def ask(engine: Engine, kind: str, prompts: Sequence[str]) -> list[Result]:
    """One round, or two that go together."""
    if kind == "both":
        asked = requests("generate", prompts)
        pairs = engine.generate_then_score(asked, [behind] * len(asked))
        return [result for pair in pairs for result in pair if result is not None]
    verb: Callable[..., list[Result]] = getattr(engine, kind)
    return verb(requests(kind, prompts))


def play(log: RunLog, engine: RememberingEngine, ops: Sequence[Op], after=lambda _: None) -> Any:
    """Do the operations; records depend on the answers, as in training."""
    last = ""
    for number, (verb, *rest) in enumerate(ops):
        if verb == "round":
            last = digest([repr(result) for result in ask(engine, *rest)])
        elif verb == "fail":
            try:
                ask(engine, "generate", ["long"])
            except ContextError as error:
                last = str(error)
        elif verb == "agent":
            log.keep_agent(f"slearn: 1\n{rest[0]} {last}")
        else:
            log.record(rest[0], rest[1], {"last": last, "loss": -0.1}, step=number)
        after(number)
    result = {"last": last, "totals": repr(replace(engine.totals, seconds=0.0))}
    log.finish("finished", result)
    return result


def state(store: Store, run: str) -> dict[str, Any]:
    """All that a resumed run must share with an uninterrupted one."""
    info = store.run(run)
    return {
        "info": (info.name, info.status, info.config, info.result),
        "records": {table: store.records(run, table) for table in RECORD_TABLES},
        "calls": list(store.calls(run)),
    }


def some_ops(seed: int, size: int) -> list[Op]:
    """A program of rounds, records, agents and a failure now and then."""
    draw = random.Random(seed)
    ops: list[Op] = []
    for number in range(size):
        kind = draw.choice(["generate", "score", "both"])
        ops.append(("round", kind, [str(draw.randrange(30)) for _ in range(draw.randint(1, 5))]))
        for _ in range(draw.randint(0, 3)):
            ops.append(("record", draw.choice(RECORD_TABLES), f"id{number}"))
        ops.append(draw.choice([("fail",), ("agent", number), ("agent", 0)]))
    return ops


def main(path: str, seed: str, size: str) -> None:
    """Begin or go on, and say so, line by line."""
    with Store.open(path) as store:
        log = store.resume("last") if store.runs() else store.begin({"seed": int(seed)})
        engine = RememberingEngine(FakeEngine(), log)
        play(log, engine, some_ops(int(seed), int(size)), lambda number: print(number, flush=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
