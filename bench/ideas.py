"""Ideas that were tried before they were built, or not built: what each one wins and what it costs.

    python bench/ideas.py retrieved --model PATH --tasks cls/banking10,svamp --rows 40
    python bench/ideas.py labels --model PATH --tasks cls/banking10,cls/snips7
    python bench/ideas.py votes --model PATH --tasks svamp,bbh/object_counting
    python bench/ideas.py code --model PATH --start bare --tasks instruction_induction/letters_list
    python bench/ideas.py recalled --model PATH --tasks cls/banking77 --rows 60
    python bench/ideas.py passages --model PATH --tasks hotpotqa_distractor --rows 24

On the start that the suite trains, with demonstrations of train rows, on some validation rows:

- retrieved: for each input the demonstrations that are most like it (cosine of tf-idf over words
  and four-letter pieces), against sets drawn for all inputs, balanced over the targets.
- labels: for each choice a line that the model wrote from up to four train rows, against none.
- votes: the commonest of several sampled answers of an agent that reasons first, against its
  likeliest one (self-consistency, Wang et al. 2023).
- code: functions of one expression, written to four rows and run on others: told of the task what
  the start says or nothing, the rows in a docstring or as assertions.
- recalled: what is right with the nearest demonstrations of all train rows, and where the answer is
  chosen among their labels, against a drawn set.
- passages: what is right where only some pieces of a long input are read, those nearest to the
  question by tf-idf, or those after which the question is likeliest (Sachan et al. 2022).

One draw each: a lead. One JSON line at the end.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from statistics import fmean
from typing import Any

from contracts import reasoning
from judging import arguments
from selection import plan_of
from suite import CELLS

from slearn.agent import Agent, Contract, Demo, Field, Flow, Node, forward, pieces, rank
from slearn.batches import sample
from slearn.call import call
from slearn.cli.engines import engine_settings, identify, open_noted
from slearn.cli.plan import Plan
from slearn.engine import Engine, GenerateRequest, Message, Sampling, ScoreRequest
from slearn.errors import SlearnError
from slearn.evaluate import evaluate
from slearn.loss import LIKELY, measured_losses, shortfall
from slearn.metrics import metric_named
from slearn.optim import InsertLine, Narrow, Proposal, SetDemos, WrapAmong, apply
from slearn.optim.author import LINE, tools_of
from slearn.optim.contract import REASONING, reasoned
from slearn.optim.demos import balanced, demo_of
from slearn.optim.solve import SOLVE, doctests, drafts, head_of
from slearn.optim.tries import LUCKY, right_answers
from slearn.tools import Toolbox, ToolEngine, code_grammar
from slearn.values import Example, Usage, as_text

SIZES, NEAREST = (4, 8, 16), (2, 4, 8)
VOTES = 5
DRAWN, RECALLED, AMONG = 32, (4, 8, 12), 20
KEPT = (2, 3, 4)
SHORT, QUESTION = "Reply with only the answer.", "Write a question that this text helps to answer."
POOL, LOTS, CODE = 48, 8, 8  # rows that code is written from, how often, drafts at a time
ASSERT = """{% if task %}The task: {{ task }}

{% endif %}
Write a Python function `{{ name }}{{ head }}` that does it:

{{ examples }}

Only code, for any input of this sort.
"""
TRIED = 12  # rows that demonstrations of reasoning are looked for in
Line = dict[str, Any]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("idea", choices=IDEAS)
    given = arguments(parser)
    model = identify(given.model)
    found: dict[str, list[Line]] = {}
    with ToolEngine(open_noted(model, engine_settings(CELLS, None, model)), Toolbox()) as engine:
        for task in given.tasks:
            plan = plan_of(given, task)
            rows = sample(plan.data.val, given.rows)
            found[task] = []
            try:
                for line in IDEAS[given.idea](plan, rows, engine, given.seed):
                    found[task].append(line)
                    cells = " | ".join(map(str, line.values()))
                    print(f"| {task} | {cells} |", file=sys.stderr, flush=True)
            except SlearnError as error:
                print(f"  {task}: {error}", file=sys.stderr, flush=True)
    shape = {"idea": given.idea, "model": model["name"], "rows": given.rows}
    print(json.dumps({**shape, "tasks": found}))


def retrieved(plan: Plan, rows: Sequence[Example], engine: Engine, seed: int) -> Iterator[Line]:
    """Yield the figures of drawn sets, then of the nearest demonstrations for each row."""
    node = plan.agent.last
    demos = [demo for row in plan.data.train if (demo := demo_of(row, node)) is not None]
    known = tuple(" ".join(demo.inputs.values()) for demo in demos)
    order = [rank(known, " ".join(row.inputs.values())) for row in rows]
    for size in (size for size in SIZES if size <= len(demos)):
        drawn = balanced(demos, random.Random(seed))[:size]
        yield scored(f"drawn {size}", [shown(plan.agent, drawn)] * len(rows), rows, engine)
    for size in NEAREST:  # the nearest stands last, next to the input
        own = [shown(plan.agent, [demos[i] for i in reversed(places[:size])]) for places in order]
        yield scored(f"nearest {size}", own, rows, engine)


def labels(plan: Plan, rows: Sequence[Example], engine: Engine, seed: int) -> Iterator[Line]:
    """Yield the figures without and with a line for each choice, bare and with demonstrations."""
    node = plan.agent.last
    names = node.output.answer.choices or ()
    told = [row for row in plan.data.train if row.targets]
    some = [
        "\n".join(_inputs([r for r in told if name in (r.targets or ())][:4])) for name in names
    ]
    lines = tuple(
        f"{name}: {said.answer}"
        for name, said in zip(names, forward(describer(), _examples(some), engine), strict=True)
    )
    taught = plan.agent.with_node(replace(node, instructions=(*node.instructions, *lines)))
    demos = [demo for row in told if (demo := demo_of(row, node)) is not None]
    drawn = balanced(demos, random.Random(seed))[:16]
    for name, agent in (("plain", plan.agent), ("described", taught)):
        yield scored(name, [agent] * len(rows), rows, engine)
        yield scored(f"{name}, drawn 16", [shown(agent, drawn)] * len(rows), rows, engine)


def votes(plan: Plan, rows: Sequence[Example], engine: Engine, seed: int) -> Iterator[Line]:
    """Yield what is right of likeliest answers and of votes, of an agent that calculates first."""
    agent = reasoning(plan.agent, replace(REASONING, name="calculation"))
    pool = plan.data.train[:64]
    seen = Proposal(plan.agent, {}, (), (), pool, engine, engine, seed, 0)
    tried = pool[:TRIED]
    demos = reasoned(seen, agent, tried, right_answers(seen, agent, tried))
    agent = apply(agent, SetDemos(agent.last.name, demos))
    run = evaluate(agent, rows, engine, engine)
    yield {"way": "likeliest", "right": round(run.interval.value, 3), **_paid(run.usage, rows)}
    score, spent, ballots = metric_named(agent.metric).score, Usage(), list[list[str]]()
    for number in range(VOTES):
        luck = Sampling(temperature=0.7, top_p=0.95)
        taken = forward(agent, rows, engine, sampling=luck, seed=seed + number)
        ballots.append([trajectory.answer for trajectory in taken])
        spent += sum((s.usage for t in taken for s in t.steps), Usage())
    won = [Counter(own).most_common(1)[0][0] for own in zip(*ballots, strict=True)]
    right = fmean(score(text, row) for text, row in zip(won, rows, strict=True))
    alone = fmean(score(text, row) for text, row in zip(ballots[0], rows, strict=True))
    yield {"way": "one by luck", "right": round(alone, 3)}
    yield {"way": f"votes of {VOTES}", "right": round(right, 3), **_paid(spent, rows)}


def recalled(plan: Plan, rows: Sequence[Example], engine: Engine, seed: int) -> Iterator[Line]:
    """Yield what is right with a drawn set, with the nearest of all, and chosen among theirs."""
    node = plan.agent.last
    demos = [demo for row in plan.data.train if (demo := demo_of(row, node)) is not None]
    drawn = balanced(demos, random.Random(seed))
    yield answered(f"drawn {DRAWN}", shown(plan.agent, drawn[:DRAWN]), rows, engine)
    for size in RECALLED:
        agent = apply(plan.agent, SetDemos(node.name, tuple(demos), size))
        yield answered(f"nearest {size}", agent, rows, engine)
        if len(node.output.answer.choices or ()) > AMONG:
            few = apply(agent, WrapAmong(node.name, AMONG))
            yield answered(f"nearest {size}, among {AMONG}", few, rows, engine)


def passages(plan: Plan, rows: Sequence[Example], engine: Engine, seed: int) -> Iterator[Line]:
    """Yield what is right where all of the longest input is read, and where some of it is."""
    node = apply(plan.agent, InsertLine(plan.agent.last.name, 0, SHORT)).last
    agent = plan.agent.with_node(node)
    over, to, *_ = sorted(node.inputs, key=lambda name: -len(rows[0].inputs[name]))
    yield answered("all", agent, rows, engine)
    split = [pieces(row.inputs[over]) for row in rows]
    asks = [
        ScoreRequest((Message("user", f"{piece}\n\n{QUESTION}"),), (row.inputs[to],))
        for row, (parts, _) in zip(rows, split, strict=True)
        for piece in map(as_text, parts)
    ]
    weighed = engine.score(asks)
    likely = iter([score.logprobs[0] for score in weighed])
    scores = [[next(likely) for _ in parts] for parts, _ in split]
    spent = sum((score.usage for score in weighed), Usage()).computed / len(rows)
    for keep in KEPT:
        few = apply(agent, Narrow(node.name, over, to, keep))
        yield answered(f"nearest {keep}", few, rows, engine)
        read = [
            replace(row, inputs={**row.inputs, over: join([parts[i] for i in best(odds, keep)])})
            for row, (parts, join), odds in zip(rows, split, scores, strict=True)
        ]
        line = answered(f"likeliest {keep}", agent, read, engine)
        yield {**line, "tokens": round(line["tokens"] + spent, 1)}


def best(odds: Sequence[float], keep: int) -> list[int]:
    """Return the places of the likeliest in their order.

    >>> best([-3.0, -1.0, -2.0], 2)
    [1, 2]
    """
    return sorted(sorted(range(len(odds)), key=lambda place: -odds[place])[:keep])


def answered(name: str, agent: Agent, rows: Sequence[Example], engine: Engine) -> Line:
    """Return what an agent's answers score, and what they cost."""
    run = evaluate(agent, rows, engine, engine)
    return {"way": name, "right": round(run.interval.value, 3), **_paid(run.usage, rows)}


def code(plan: Plan, rows: Sequence[Example], engine: Engine, seed: int) -> Iterator[Line]:
    """Yield how many drafts of a function of the inputs are right, by what they are told."""
    node, chance = plan.agent.last, random.Random(seed)
    pool = chance.sample(list(plan.data.train), min(POOL, len(plan.data.train)))
    seen = Proposal(plan.agent, {}, (), (), pool, engine, engine, seed, 0)
    head, task = head_of(node), " ".join(node.instructions)
    lots = [chance.sample(pool, min(4, len(pool))) for _ in range(LOTS)]
    kinds = {
        "docstring": call("write_tool"),
        "assertions": replace(call("write_tool"), user=ASSERT),
    }
    for (form, kind), told in product(kinds.items(), (True, False)):
        requests = list[GenerateRequest]()
        for lot, seeds in zip(lots, (random.Random(place) for place in range(LOTS)), strict=True):
            text = doctests(SOLVE, node, lot)
            values = {"task": task * told, "examples": text, "name": SOLVE, "head": head}
            if form == "assertions":
                values["examples"] = re.sub(r">>> (.*)\n(.*)", r"\1 == \2", text)
            values |= {"code": "", "failures": ""}
            messages = kind.messages(values, engine.count_tokens)
            requests += [
                GenerateRequest(
                    messages, code_grammar(SOLVE + head, one_line=True), LUCKY,
                    seeds.randrange(1 << 30), LINE, closing=True,
                )
                for _ in range(CODE)
            ]  # fmt: skip
        paid = [0]
        made = tools_of(engine.generate(requests, lambda *counts, to=paid: to.append(counts[-1])))
        found = drafts(seen, node, list(made), rows)
        right = sum(made[one.tool] for one in found if one.share == 1)
        best = max((one.share for one in found), default=0.0)
        way = f"{form}, {'told' if told else 'untold'}"
        sizes = {"drafts": sum(made.values()), "right": right}
        yield {"way": way, **sizes, "best": round(best, 2), "computed": max(paid)}


IDEAS: dict[str, Callable[[Plan, Sequence[Example], Engine, int], Iterator[Line]]] = {
    "retrieved": retrieved,
    "labels": labels,
    "votes": votes,
    "code": code,
    "recalled": recalled,
    "passages": passages,
}


def scored(name: str, agents: Sequence[Agent], rows: Sequence[Example], engine: Engine) -> Line:
    """Return how likely the right answers of rows are, each row with an agent of its own."""
    whole = len(set(map(id, agents))) == 1  # one agent for all: they share its prompt
    batches = [list(rows)] if whole else [[row] for row in rows]
    found = measured_losses(agents[: len(batches)], batches, engine)
    losses = [loss for batch in found for loss in batch]
    tokens = engine.count_tokens
    texts = [sum(tokens(" ".join([*d.inputs.values(), *d.output.values()])) for d in a.last.demos)
             for a in agents[: len(batches)]]  # fmt: skip
    return {
        "way": name,
        "shortfall": round(fmean(map(shortfall, losses)), 3),
        "nats": round(fmean(losses), 2),
        "likely": round(fmean(loss < LIKELY for loss in losses), 3),
        "shown": round(fmean(texts) / (len(rows) if whole else 1), 1),
    }


def shown(agent: Agent, demos: Sequence[Demo]) -> Agent:
    """Return the agent with these demonstrations."""
    return apply(agent, SetDemos(agent.last.name, tuple(demos)))


def describer() -> Agent:
    """Return the agent that says what texts have in common."""
    line = "Say in at most ten words what these texts have in common."
    field = Field("answer", max_chars=90, max_tokens=24)
    node = Node("describe", (line,), ("texts",), Contract((field,)))
    return Agent("describer", (node,), Flow(("describe",)))


def _inputs(rows: Sequence[Example]) -> list[str]:
    return [" ".join(row.inputs.values())[:160] for row in rows]


def _examples(texts: Sequence[str]) -> list[Example]:
    return [Example(str(place), {"texts": text}) for place, text in enumerate(texts)]


def _paid(usage: Usage, rows: Sequence[Example]) -> Line:
    computed, generated = usage.computed / len(rows), usage.generated / len(rows)
    return {"written": round(generated, 1), "tokens": round(computed, 1)}


if __name__ == "__main__":
    main()
