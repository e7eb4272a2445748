"""Starting a project: from a data file to a directory, and the report of what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slearn.cli.engines import identify
from slearn.datasets import SPLITS, Prepared, Wishes, input_names, prepare, read_rows, write_project
from slearn.errors import DataError
from slearn.metrics import MEASURED, metric_named


def start_project(
    directory: Path,
    data: Path,
    inputs: str,
    model: str | None,
    force: bool,
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """Write a project and return what `init --json` prints.

    >>> start_project(Path("demo"), Path("rows.csv"), "input", None, False, {})  # doctest: +SKIP

    Raises InputError for data, columns, a metric or a model that cannot be used.
    """
    if model is not None:
        identify(model)
    if given.get("metric") not in (None, *MEASURED):
        metric_named(given["metric"])
    rows = list(read_rows(data))
    present = {name for row in rows for name in row}
    wishes = Wishes(inputs=input_names(inputs, present), **given)
    prepared = prepare(rows, wishes, where=str(data), name=directory.absolute().name or "agent")
    _check_targets(prepared, str(data))
    files = write_project(directory, prepared, source=data, force=force)
    agent, parts = prepared.proposal.agent, prepared.splits
    answer = agent.last.output.answer
    return {
        "agent": str(files[0]),
        "metric": agent.metric,
        "answer": {"type": answer.type, "choices": answer.choices},
        "rows": {name: len(getattr(parts, name)) for name in SPLITS},
        "files": [str(path) for path in files],
        "decisions": [decision._asdict() for decision in prepared.decisions],
    }


def _check_targets(prepared: Prepared, where: str) -> None:
    """Refuse a target that the metric cannot read: it would end the training later.

    What a user's own metric makes of targets is not known here; a judge and tests need none.
    """
    name = prepared.proposal.agent.metric
    if name in MEASURED or ":" in name:
        return
    metric = metric_named(name)
    for example in (row for part in SPLITS for row in getattr(prepared.splits, part)):
        place = f"{where}, row {example.id}"
        hint = "mend or leave out the row, or name another --metric"
        try:
            scores = [metric.score(target, example) for target in example.targets or ()]
        except DataError as error:
            raise DataError(error.message, where=place, hint=hint) from None
        if scores and not max(scores):
            target = (example.targets or ("",))[0][:60]
            fault = f"the metric {name!r} cannot read its target {target!r}"
            raise DataError(fault, where=place, hint=hint)
