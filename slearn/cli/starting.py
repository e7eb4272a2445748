"""Starting a project: from a data file to a directory, and the report of what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slearn.cli.engines import identify
from slearn.datasets import SPLITS, Wishes, input_names, prepare, read_rows, write_project
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
