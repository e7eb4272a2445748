"""Scoring an agent on a data file, and running it on one input."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

from slearn.agent import Trajectory, forward
from slearn.cli.counting import Counting
from slearn.cli.engines import open_box, open_model
from slearn.cli.live import LiveLine
from slearn.cli.output import say
from slearn.cli.sources import (
    Source,
    columns_for,
    load_examples,
    own_choices,
    own_functions,
)
from slearn.datasets import Columns, to_examples
from slearn.errors import InputError
from slearn.evaluate import evaluate
from slearn.tools import SANDBOX, ToolEngine
from slearn.values import Example

_NOTHING: Mapping[str, str | None] = MappingProxyType({})


def score_agent(
    agent: Path,
    data: Path,
    model: str,
    *,
    columns: Mapping[str, str | None] = _NOTHING,
    limit: int | None = None,
    context: int = 8192,
    threads: int | None = None,
    max_memory: int | None = None,
    sandbox: str = SANDBOX,
    quiet: bool = False,
) -> dict[str, Any]:
    """Evaluate an agent and return what `eval --json` prints.

    >>> score_agent(Path("demo"), Path("demo/val.jsonl"), "scripted")["n"]  # doctest: +SKIP
    90
    """
    source = Source.open(agent)
    examples = load_examples(data, source.agent, columns_for(data, source, columns), limit)
    with ExitStack() as stack:
        box = stack.enter_context(open_box(source.agent, sandbox, str(source.path)))
        loaded = open_model(model, context, threads, max_memory=max_memory)
        engine = stack.enter_context(ToolEngine(loaded, box))
        line = stack.enter_context(LiveLine(quiet=quiet))
        began = time.monotonic()

        def watch(done: int, total: int, computed: int) -> None:
            speed = computed / max(time.monotonic() - began, 1e-6)
            line.show(f"{done} of {total} rows · {speed:,.0f} tokens/s")

        grader = Counting(engine)
        found = evaluate(source.agent, examples, engine, grader, watch)
        seconds = time.monotonic() - began
    for warning in found.warnings:
        say(f"warning: {warning}")
    interval = found.interval
    return {
        "metric": found.metric,
        "score": interval.value,
        "n": interval.n,
        "low": interval.low,
        "high": interval.high,
        "tokens": (found.usage + grader.usage).computed,
        "seconds": round(seconds, 3),
        **({"warnings": list(found.warnings)} if found.warnings else {}),
    }


def answer_one(
    agent: Path,
    text: str,
    model: str,
    context: int,
    threads: int | None,
    max_memory: int | None = None,
    sandbox: str = SANDBOX,
    *,
    seconds: float | None = None,
) -> Trajectory:
    """Run an agent on one input and return the steps it took.

    After so many `seconds` no loop, vote or list of its flow begins another turn.

    >>> answer_one(Path("support"), "Where is my parcel?", "scripted", 8192, 2).answer
    ... # doctest: +SKIP
    'delivery'
    """
    source = Source.open(agent)
    agents = source.agent
    example = read_input(text, agents.columns, own_choices(agents), own_functions(agents))
    with ExitStack() as stack:
        box = stack.enter_context(open_box(agents, sandbox, str(source.path)))
        loaded = open_model(model, context, threads, remember=False, max_memory=max_memory)
        engine = stack.enter_context(ToolEngine(loaded, box))
        began = time.monotonic()

        def late() -> bool:
            return seconds is not None and time.monotonic() - began > seconds

        return forward(source.agent, [example], engine, late=late)[0]


def read_input(
    text: str, inputs: tuple[str, ...], choices: bool, functions: bool = False
) -> Example:
    """Read one input: as it stands, or as a JSON object where the agent reads more than one.

    >>> read_input('{"question": "Who?", "context": "Me."}', ("question", "context"), False).inputs
    {'question': 'Who?', 'context': 'Me.'}

    Raises InputError for what is no such object.
    """
    if len(inputs) == 1 and not choices and not functions:
        return Example("input", {inputs[0]: text})
    more = {"choices": choices, "functions": functions}
    own = {name: name if needed else None for name, needed in more.items()}
    names = [*inputs, *(name for name, needed in more.items() if needed)]
    shape = "{" + ", ".join(f'"{name}": …' for name in names) + "}"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InputError("the agent reads several values", hint=f"a JSON object: {shape}")
    for name in names:
        if name not in value:
            raise InputError(f"the input lacks {name!r}", hint=f"a JSON object: {shape}")
    columns = Columns(inputs, None, **own)
    example = to_examples([value], columns, "the input")[0]
    if choices and not example.choices:
        raise InputError("the input has no choices", hint="a list of at least one")
    return example
