"""A toy classification that demonstrations help with, and trainings of it on the scripted engine.

Run as a script, it trains in forked children that a test may kill: each line of standard input is
the path of a store; standard output tells the child's id, every round it computes, and its end.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slearn.agent import Agent, Contract, Field, Flow, Node, agent_to_text
from slearn.engine import Engine, GenerateRequest, Generation, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.optim import OPTIMIZERS, Optimizer
from slearn.progress import Progress
from slearn.result import RunResult
from slearn.settings import TrainSettings
from slearn.store import RECORD_TABLES, Store
from slearn.train import Engines, TrainData, train
from slearn.values import Example

QUEUES = {
    "billing": ["invoice", "charged twice", "refund of money", "price on the bill"],
    "delivery": ["parcel", "courier", "package is late", "shipping address"],
    "account": ["login", "password", "my profile", "email of my account"],
}
PLACES = ["Oslo", "Bergen", "Turku", "Malmo", "Aarhus", "Vaasa"]
SHORT = TrainSettings(budget_tokens=40_000, budget_minutes=None)


def rows() -> list[Example]:
    """72 rows in a fixed order; the words of a row tell its label."""
    found = [
        Example(f"{queue}/{phrase}/{place}", {"input": f"{phrase} in {place}"}, (queue,))
        for queue, phrases in QUEUES.items()
        for phrase in phrases
        for place in PLACES
    ]
    random.Random(0).shuffle(found)
    return found


def data(*, test: bool = True) -> TrainData:
    whole = rows()
    return TrainData(whole[:36], whole[36:56], whole[56:] if test else None)


def start(contract: Contract | None = None, **named: Any) -> Agent:
    plain = Contract((Field("answer", "choice", choices=tuple(QUEUES)),))
    node = Node("answer", ("Name the queue.",), output=contract or plain)
    return Agent("toy", (node,), Flow(("answer",)), **named)


def run(
    path: Path,
    *,
    engine: Engine | None = None,
    agent: Agent | None = None,
    given: TrainData | None = None,
    settings: TrainSettings = SHORT,
    progress: Progress | None = None,
    optimizers: Sequence[Optimizer] = OPTIMIZERS,
) -> RunResult:
    """Train; go on with the store's last run where there is one."""
    engine = engine or ScriptedEngine()
    with Store.open(path) as store:
        log = store.resume("last") if store.runs() else store.begin(settings.as_json())
        return train(
            agent or start(),
            given or data(),
            Engines(engine, engine),
            log,
            settings,
            progress,
            optimizers,
        )


def figures(result: RunResult) -> dict[str, Any]:
    """All that must not depend on when a run was stopped: everything but the seconds."""
    body = result.as_json()
    del body["seconds"]
    return {**body, "text": agent_to_text(result.agent)}


def recorded(path: Path) -> dict[str, Any]:
    """All that the store keeps of the last run, but when things happened."""
    with Store.open(path) as store:
        result = dict(store.run("last").result or {})
        result.pop("seconds", None)
        return {
            "result": result,
            "status": store.run("last").status,
            "records": {table: store.records("last", table) for table in RECORD_TABLES},
            "calls": [(c.key, c.kind, c.result, c.round) for c in store.calls("last")],
        }


class Telling(ScriptedEngine):
    """Tells of each round before it computes it."""

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        print("round", flush=True)
        return super().generate(requests, watch)

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        print("round", flush=True)
        return super().score(requests, watch)


def main() -> None:
    """Serve one training a line, each in a child of its own."""
    import duckdb  # noqa: F401 - loaded once, before the children are made
    import jinja2  # noqa: F401
    import llguidance  # noqa: F401
    import outlines.types  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            print("child", os.getpid(), flush=True)
            run(Path(line.strip()), engine=Telling())
            print("finished", flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print("ended", os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
