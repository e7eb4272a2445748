"""Where an agent and its data come from: files and directories that the user named.

What an agent reads must be a column, what its metric needs must be there: both are checked here,
before a model is loaded.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from slearn.agent import Agent, load_agent
from slearn.datasets import (
    AGENT,
    Columns,
    check_named,
    input_names,
    read_columns,
    read_rows,
    to_examples,
)
from slearn.errors import DataError
from slearn.metrics import MEASURED, metric_named, tests_of
from slearn.values import Example

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Source:
    """An agent, the file it stands in, and the columns it was made for, where that is known."""

    agent: Agent
    path: Path
    columns: Columns | None

    @classmethod
    def open(cls, path: Path) -> Source:
        """Read an agent file, or the one in a directory that `slearn init` made.

        >>> Source.open(Path("support")).agent.metric  # doctest: +SKIP
        'choice'
        """
        file = path / AGENT if path.is_dir() else path
        return cls(load_agent(file), file, read_columns(file.parent))


def columns_for(path: Path, source: Source, named: Mapping[str, Any] = _NOTHING) -> Columns:
    """Return the columns of a data file: those named, else what data.json says.

    It stands beside the file or beside the agent. Without one they are the agent's own inputs,
    `target`, and `choices` and `functions` where there are such columns.

    Raises DataError for a named column that is not there.
    """
    known = read_columns(path.parent) or source.columns
    inputs, target, *rest = (named.get(n) for n in ("inputs", "target", "choices", "functions"))
    present = _present(path, every=any((inputs, target, *rest)))
    given = None if inputs is None else input_names(inputs, present)
    check_named((*(given or ()), target, *rest), present, str(path))
    if known is None:
        called = "functions" if "functions" in present and own_functions(source.agent) else None
        listed = "choices" if "choices" in present else None
        known = Columns(source.agent.columns, "target", listed, called)
    target = target or known.target
    usual = (None if name == target else name for name in (known.choices, known.functions))
    rest = [name or other for name, other in zip(rest, usual, strict=True)]
    return Columns(known.inputs if given is None else given, target, *rest)


def _present(path: Path, *, every: bool) -> list[str]:
    rows = read_rows(path)
    return list(dict.fromkeys(name for row in (rows if every else islice(rows, 1)) for name in row))


def load_examples(
    path: Path, agent: Agent, columns: Columns, limit: int | None = None
) -> list[Example]:
    """Read a data file as examples that the agent can run on and its metric can score.

    >>> load_examples(Path("val.jsonl"), agent, Columns())[0].id  # doctest: +SKIP
    's001'

    Raises DataError where the data lacks what the agent or its metric needs.
    """
    check_reads(agent, columns, str(path))
    examples = to_examples(islice(read_rows(path), limit), columns, str(path))
    check_rows(agent, examples, str(path))
    told = [row for row in examples if row.choices and row.targets]
    sayable = any(set(row.targets or ()) & set(row.choices or ()) for row in told)
    if own_choices(agent) and told and not sayable:
        hint = "where they count the choices, use the files that slearn init wrote"
        raise DataError("no target is one of its row's choices", where=str(path), hint=hint)
    return examples


def check_reads(agent: Agent, columns: Columns, where: str) -> None:
    """Refuse an agent that reads what is no input column, with the closest one."""
    for name in agent.columns:
        if name not in columns.inputs:
            close = difflib.get_close_matches(name, columns.inputs, n=1, cutoff=0.5)
            guess = f"did you mean {close[0]!r}? " if close else ""
            raise DataError(
                f"the agent reads {name!r}, which is no input column of the data",
                where=where,
                hint=f"{guess}the inputs are: {', '.join(columns.inputs)}",
            )


def check_rows(agent: Agent, examples: Iterable[Example], where: str) -> None:
    """Refuse rows that the metric cannot score, or without the choices that the agent needs."""
    needs_target = agent.metric not in MEASURED and ":" not in agent.metric
    # An unknown one is told now.
    metric = metric_named(agent.metric) if agent.metric not in MEASURED else None
    needs_choices, needs_functions = own_choices(agent), own_functions(agent)
    for example in examples:
        place = f"{where}, row {example.id}"
        if agent.metric == "tests" and not tests_of(example):
            hint = "a list of asserts in a column tests"
            raise DataError("has no tests, which the metric needs", where=place, hint=hint)
        if needs_target and not example.targets:
            hint = "name the column with --target, leave the row out, or use the metric judge"
            raise DataError(f"has no target, which {agent.metric} needs", where=place, hint=hint)
        if needs_target and metric is not None:
            try:
                metric.score("", example)
            except DataError as fault:  # before a model is loaded, and with the file
                raise DataError(fault.message, where=place, hint=fault.hint) from None
        if needs_functions and not example.functions:
            raise DataError("has no functions, and the agent's answer calls one", where=place)
        if needs_choices and not example.choices:
            raise DataError("has no choices, and the agent's answer is one of them", where=place)


def own_choices(agent: Agent) -> bool:
    """Tell whether every example must bring the choices of an answer.

    >>> from slearn.agent import Flow, Node
    >>> own_choices(Agent("a", (Node("answer", ()),), Flow(("answer",))))
    False
    """
    fields = (field for node in agent.nodes for field in node.output.fields)
    return any(field.type == "choice" and not field.choices for field in fields)


def own_functions(agent: Agent) -> bool:
    """Tell whether every example must bring functions that an answer calls.

    >>> from slearn.agent import Flow, Node
    >>> own_functions(Agent("a", (Node("answer", ()),), Flow(("answer",))))
    False
    """
    return any(field.type == "call" for node in agent.nodes for field in node.output.fields)


def apart(splits: Sequence[tuple[str, list[Example]]]) -> list[list[Example]]:
    """Return the splits with ids that no two of them share.

    >>> parts = [("train", [Example("1", {})]), ("val", [Example("1", {})])]
    >>> [example.id for part in apart(parts) for example in part]
    ['train:1', 'val:1']
    """
    ids = [{example.id for example in examples} for _, examples in splits]
    if len(set().union(*ids)) == sum(map(len, ids)):
        return [examples for _, examples in splits]
    return [[replace(e, id=f"{name}:{e.id}") for e in examples] for name, examples in splits]
