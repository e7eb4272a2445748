"""From rows to all that a project starts with: columns, splits, and a proposed agent.

What a row lacks or has too much of (no target, one that its metric cannot read, outer spaces) is
settled here, and said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import Any

from slearn.datasets.columns import Columns, choices_of, to_examples
from slearn.datasets.detect import Row, Wishes, find_columns, shared_choices
from slearn.datasets.propose import Decision, Proposal, propose
from slearn.datasets.split import Splits, split
from slearn.errors import DataError
from slearn.metrics import MEASURED, TEST_COLUMNS, metric_named
from slearn.values import RATIONALES, Example, as_text

_DIGITS = {str(place): place for place in range(100)}
_LETTERS = {letter: place for place, letter in enumerate(ascii_uppercase)}


@dataclass(frozen=True)
class Prepared:
    """A proposal with the splits and columns that it was made for."""

    proposal: Proposal
    splits: Splits
    columns: Columns
    decisions: tuple[Decision, ...]


def prepare(
    rows: Iterable[Row], wishes: Wishes, *, where: str = "data", name: str = "agent"
) -> Prepared:
    """Decide on columns, split the rows, and propose an agent.

    >>> rows = [{"input": f"{n}+{n}", "target": 2 * n} for n in range(8)]
    >>> prepare(rows, Wishes()).proposal.agent.metric
    'number'

    Rows without a target and rows whose target the metric cannot read are left out. Raises
    DataError for columns that are not there, and where too few rows are left.
    """
    rows = list(rows)
    columns = find_columns(rows, wishes, where)
    unread = _unread(rows, columns)
    rows, notes = _tidy(rows, columns)
    rows, counted = _placed(rows, columns, where)
    notes += counted
    examples = to_examples(rows, columns, where)
    if wishes.metric is None and _mostly_bare(examples):
        notes = [Decision("targets not used", "fewer than half of the rows have one")]
        columns = replace(columns, target=None)
        examples = to_examples(rows, columns, where)
    examples, more = _with_targets(examples, wishes.metric, where)
    offered = columns.choices
    columns, labels = shared_choices(examples, columns, wishes.choices is not None, where)
    if offered is not None and columns.choices is None and labels is None:
        more = [*more, Decision("choices not used", "a target is none of its row's")]
    if columns.choices is None:
        examples = [replace(example, choices=None) for example in examples]
    while True:
        parts = split(examples, wishes.seed)
        if not parts.val:
            raise DataError(
                "too few rows to split: training needs at least 2 with different inputs",
                where=where,
            )
        proposal = propose(
            parts.train,
            parts.val,
            name=name,
            metric=wishes.metric,
            instruction=wishes.instruction,
            labels=labels,
        )
        # What cannot be read must not shape the agent either: it is proposed again without.
        readable, faults = _readable(examples, proposal.agent.metric, where)
        if len(readable) == len(examples):
            decisions = (*unread, *notes, *more, *proposal.decisions)
            return Prepared(proposal, parts, columns, decisions)
        examples, more = readable, [*more, *faults]


def _unread(rows: list[Row], columns: Columns) -> list[Decision]:
    """Say which columns the agent will not see: a question without its context is a hard one."""
    used = {*columns.inputs, columns.target, columns.choices, columns.functions, "id"}
    used |= {*TEST_COLUMNS, *RATIONALES}  # read by the metric, and by training
    present = dict.fromkeys(str(name) for row in rows for name in row)
    names = [name for name in present if name not in used]
    if not names:
        return []
    return [Decision(f"columns not read: {', '.join(names)}", "name what to read with --input")]


def _tidy(rows: list[Row], columns: Columns) -> tuple[list[Row], list[Decision]]:
    """Trim targets and choices: an answer cannot begin or end with space, nor be empty."""
    used = {name for name in (columns.target, columns.choices) if name is not None}
    tidied: list[Row] = [
        {name: _trim(value) if name in used else value for name, value in row.items()}
        for row in rows
    ]
    changed = sum(new != old for new, old in zip(tidied, rows, strict=True))
    why = "an answer cannot be empty, or begin or end with space"
    return tidied, [Decision(f"{changed} targets trimmed", why)] if changed else []


def _placed(rows: list[Row], columns: Columns, where: str) -> tuple[list[Row], list[Decision]]:
    """Write choices for targets that count them, as many public sets do: 0 or A is the first.

    Not where all targets are choices themselves, and not where no row has the first: then they may
    begin with 1, and nobody can tell.
    """
    target, choices = columns.target, columns.choices
    if target is None or choices is None:
        return rows, []
    told = [row for row in rows if row.get(target) is not None]
    said = [as_text(row[target]) for row in told]
    offered = [choices_of(row.get(choices), where) or () for row in told]
    if all(text in texts for text, texts in zip(said, offered, strict=True)):
        return rows, []
    for marks in (_DIGITS, _LETTERS):
        places = [marks.get(text, -1) for text in said]
        sizes = map(len, offered)
        if 0 in places and all(0 <= at < n for at, n in zip(places, sizes, strict=True)):
            new = (
                {**row, target: texts[at]}
                for row, at, texts in zip(told, places, offered, strict=True)
            )
            rows = [row if row.get(target) is None else next(new) for row in rows]
            why = f"{next(iter(marks))} is the first of them"
            return rows, [Decision("targets are places in the choices", why)]
    return rows, []


def _trim(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip() or None
    return [_trim(item) for item in value] if isinstance(value, list) else value


def _mostly_bare(examples: list[Example]) -> bool:
    having = sum(example.targets is not None for example in examples)
    return 0 < 2 * having < len(examples)


def _with_targets(
    examples: list[Example], metric: str | None, where: str
) -> tuple[list[Example], list[Decision]]:
    """Leave out examples without a target where the metric has to be one that needs it."""
    having = [example for example in examples if example.targets]
    if metric in MEASURED or ":" in (metric or "") or len(having) == len(examples):
        return examples, []
    if not having and metric is None:
        return examples, []
    if not having:
        raise DataError(
            f"no row has a target, and the metric {metric!r} needs one",
            where=where,
            hint="name the column with --target, or use --metric judge",
        )
    left_out = len(examples) - len(having)
    return having, [Decision(f"{left_out} rows left out", "they have no target")]


def _readable(
    examples: list[Example], metric: str, where: str
) -> tuple[list[Example], list[Decision]]:
    """Leave out examples with a target that the metric cannot read: it would end training later.

    What a user's own metric makes of targets is not known here; a judge and tests need none.
    Raises DataError where too few to go on with can be read.
    """
    faults = {} if metric in MEASURED or ":" in metric else _faults(examples, metric)
    if not faults:
        return examples, []
    first, fault = next(iter(faults.items()))
    readable = [example for example in examples if example.id not in faults]
    if len(readable) < 2:
        hint = "mend the targets, or name another --metric"
        raise DataError(fault, where=f"{where}, row {first}", hint=hint)
    return readable, [Decision(f"{len(faults)} rows left out", f"row {first}: {fault}")]


def _faults(examples: list[Example], metric: str) -> dict[str, str]:
    """Return what is wrong with targets that the metric cannot read, by the ids of their rows."""
    reader = metric_named(metric)
    faults = {}
    for example in examples:
        try:
            scores = [reader.score(target, example) for target in example.targets or ()]
        except DataError as error:
            faults[example.id] = error.message
            continue
        if scores and not max(scores):
            target = (example.targets or ("",))[0][:60]
            faults[example.id] = f"the metric {metric!r} cannot read its target {target!r}"
    return faults
