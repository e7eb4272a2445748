"""A project on disk: agent.yaml, its splits as .jsonl files, and data.json with the columns."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from slearn.agent import save_agent
from slearn.datasets.columns import Columns
from slearn.datasets.files import write_jsonl
from slearn.datasets.prepare import Prepared
from slearn.errors import DataError, InputError
from slearn.values import Example, as_text

AGENT = "agent.yaml"
COLUMNS = "data.json"
SPLITS = ("train", "val", "test")


def write_project(
    directory: Path, prepared: Prepared, *, source: Path, force: bool = False
) -> list[Path]:
    """Write what was prepared and return the files, the agent first.

    >>> write_project(Path("demo"), prepared, source=Path("rows.csv"))  # doctest: +SKIP

    Raises InputError where a file stands there already (unless `force`), and always where it is the
    source of the data.
    """
    parts = {name: getattr(prepared.splits, name) for name in SPLITS}
    names = [AGENT, *(f"{name}.jsonl" for name in SPLITS), COLUMNS]
    for path in (directory / name for name in names):
        if path.exists() and path.samefile(source):
            raise InputError("is the data itself", where=str(path), hint="name another directory")
        if path.exists() and not force:
            raise InputError("is there already", where=str(path), hint="--force overwrites it")
    written = [directory / AGENT]
    for name, examples in parts.items():
        path = directory / f"{name}.jsonl"
        if examples:
            write_jsonl(path, [_row(example, prepared.columns) for example in examples])
            written.append(path)
        else:
            path.unlink(missing_ok=True)
    written.append(directory / COLUMNS)
    columns = prepared.columns
    named = {
        "inputs": list(columns.inputs),
        "target": columns.target,
        "choices": columns.choices,
        **({"functions": columns.functions} if columns.functions else {}),
    }
    try:
        written[-1].write_text(json.dumps(named, ensure_ascii=False) + "\n", encoding="utf-8")
        save_agent(prepared.proposal.agent, written[0])
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(directory)) from error
    return written


_OURS = re.compile(r'\s*\{\s*"inputs"\s*:\s*\[')  # how the file begins


def read_columns(directory: Path) -> Columns | None:
    """Return the columns that a directory's data.json names, None where none stands there.

    One that does not name inputs is somebody else's: rows, say.

    >>> read_columns(Path("no/such/directory")) is None
    True

    Raises DataError for one that is damaged, or names columns in another form than `write_project`.
    """
    path = directory / COLUMNS
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return None
    try:
        given: Any = json.loads(text)
    except (ValueError, RecursionError):
        if not _OURS.match(text):
            return None
        hint = "mend it, or name the columns with --input and --target where it is gone"
        raise DataError("is not JSON", where=str(path), hint=hint) from None
    if not isinstance(given, dict) or "inputs" not in given:
        return None
    return columns_from_json(given, str(path))


def columns_from_json(given: Any, where: str) -> Columns:
    """Return columns from the JSON object that names them.

    >>> columns_from_json({"inputs": ["q"], "target": "a", "choices": None}, "data.json").target
    'a'

    Raises DataError, with `where`, for another form.
    """
    inputs, *rest = (given.get(name) for name in ("inputs", "target", "choices", "functions"))
    texts = isinstance(inputs, list) and all(isinstance(name, str) for name in inputs)
    if not texts or not all(isinstance(name, str | None) for name in rest):
        hint = '{"inputs": ["input"], "target": "target", "choices": null}'
        raise DataError("does not name the columns", where=where, hint=hint)
    return Columns(tuple(inputs), *rest)


def _row(example: Example, columns: Columns) -> dict[str, Any]:
    """Return the row to write: every column as it was, an id in front."""
    row = dict(example.row)
    own = "id" in row and as_text(row["id"]) == example.id
    used = {*columns.inputs, columns.target, columns.choices, columns.functions}
    if "id" in used and not own:
        return row  # a column that is used stays as it is
    return {"id": row["id"] if own else example.id, **{k: row[k] for k in row if k != "id"}}
