"""Output contracts compared: answer at once, with demonstrations, or reason first in several ways.

    python bench/contracts.py --model PATH --tasks svamp,bbh/object_counting --rows 40

For each task the start that the suite trains gets each contract, and answers the first validation
rows: how many are right, the mean loss in nats, the mean shortfall, and the tokens written for an
answer. Demonstrations of reasoning are the agent's own ("as shown") or the data's ("as taught"), of
train rows. One draw each: a lead for what optimizers should propose, no figure of what they gain.
One JSON line at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from statistics import fmean
from typing import Any

from judging import arguments
from selection import plan_of
from suite import CELLS

from slearn.agent import Agent, Contract, Field
from slearn.batches import draw, sample
from slearn.cli.engines import engine_settings, identify, open_noted
from slearn.cli.plan import Plan
from slearn.engine import Engine
from slearn.errors import SlearnError
from slearn.evaluate import evaluate
from slearn.loss import measured_loss, shortfall
from slearn.optim import DemoSets, Proposal, SetContract, SetDemos, apply
from slearn.optim.contract import REASONING, reasoned
from slearn.optim.taught import taught
from slearn.optim.tries import right_answers

NAMES = ("calculation", "reasoning", "steps", "thought")
TRIED = 12  # rows that demonstrations are looked for in


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given = arguments(parser)
    model = identify(given.model)
    found: dict[str, list[dict[str, Any]]] = {}
    with open_noted(model, engine_settings(CELLS, None, model)) as engine:
        for task in given.tasks:
            plan = plan_of(given, task)
            rows = sample(plan.data.val, given.rows)
            found[task] = []
            for name, agent in variants(plan, engine, given.seed):
                try:
                    run = evaluate(agent, rows, engine, engine)
                    losses = measured_loss(agent, rows, engine, engine)
                except SlearnError as error:
                    print(f"  {task}, {name}: {error}", file=sys.stderr, flush=True)
                    continue
                line = {
                    "contract": name,
                    "demos": len(agent.last.demos),
                    "right": round(run.interval.value, 3),
                    "nats": round(fmean(losses), 2),
                    "shortfall": round(fmean(map(shortfall, losses)), 2),
                    "written": round(run.usage.generated / len(rows), 1),
                }
                found[task].append(line)
                cells = " | ".join(map(str, line.values()))
                print(f"| {task} | {cells} |", file=sys.stderr, flush=True)
    print(json.dumps({"model": model["name"], "rows": given.rows, "tasks": found}))


def variants(plan: Plan, engine: Engine, seed: int) -> Iterator[tuple[str, Agent]]:
    """Yield an agent for each contract, by name."""
    start = plan.agent
    batch = draw(plan.data.train, start, seed, 0)
    seen = Proposal(
        start, {}, (), (), batch.pool, engine, engine, seed, 0
    )  # what an optimizer sees
    yield "answer", start
    shown = DemoSets().propose(seen)
    if shown:
        yield "answer, shown", shown[0].agent
    for name in NAMES:
        agent = reasoning(start, replace(REASONING, name=name))
        yield name, agent
        rows = [row for row in batch.pool if row.targets][:TRIED]
        demos = reasoned(seen, agent, rows, right_answers(seen, agent, rows))
        if demos:
            yield f"{name}, as shown", apply(agent, SetDemos(start.last.name, demos))
        demos = taught(batch.pool[TRIED:], agent.last, engine.count_tokens)
        if demos:
            yield f"{name}, as taught", apply(agent, SetDemos(start.last.name, demos))


def reasoning(start: Agent, field: Field) -> Agent:
    """Return the start with a field before its answer."""
    return apply(start, SetContract(start.last.name, Contract((field, start.last.output.answer))))


if __name__ == "__main__":
    main()
