"""What a training run is made of, and how it is noted so that a resume needs nothing more.

The note holds the agent's text, the data files and models with their hashes, and the settings.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slearn.agent import Agent, agent_from_text, agent_to_text
from slearn.cli.engines import engine_settings, identify, recheck
from slearn.cli.fitting import overlap, sayable
from slearn.cli.history import check_out
from slearn.cli.output import say
from slearn.cli.sources import Source, apart, columns_for, load_examples
from slearn.datasets import Columns, columns_from_json
from slearn.errors import DataError, InputError
from slearn.settings import TrainSettings
from slearn.tools import SANDBOX
from slearn.train import TrainData

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Plan:
    """A run that can begin or go on: the agent, the examples, and the note for the store.

    `where` says where the agent stands, for what is wrong with it.
    """

    agent: Agent
    data: TrainData
    config: Mapping[str, Any]
    where: str


def make_plan(agent: Path, given: Mapping[str, Any]) -> Plan:
    """Plan a new run from what the user gave on the command line.

    >>> make_plan(Path("support"), {"model": "scripted"}).config["data"]  # doctest: +SKIP

    Raises InputError for anything that cannot be trained on.
    """
    source = Source.open(agent)
    files = _files(agent, given)
    if given["out"] is not None:
        check_out(given["out"])
    model, other = identify(given["model"]), _other_model(given)
    other = None if other == model else other
    columns = columns_for(files["train"], source, given)
    noted = {name: _noted(path) for name, path in files.items()}
    config = {
        "agent": agent_to_text(source.agent),
        "data": {"test": None, **noted, "columns": asdict(columns)},
        "model": model,
        "optimizer_model": other,
        "settings": _settings(given).as_json(),
        "engine": _engine(model, given),
        "optimizer_engine": other and _engine(other, given),
        "sandbox": given.get("sandbox", SANDBOX),
        "out": os.path.abspath(given["out"]) if given["out"] else None,
    }
    data, notes = _load(files, source.agent, columns)
    for note in notes:
        say(note)
    return Plan(source.agent, data, config, str(source.path))


def plan_from(config: Mapping[str, Any], run: str) -> Plan:
    """Plan to go on with a run from its note.

    >>> plan_from(store.run("r3").config, "r3").agent.metric  # doctest: +SKIP
    'choice'

    Raises InputError where a data file or a model is gone, or another one than it was.
    """
    where = f"the agent of run {run}"
    agent = agent_from_text(config["agent"], where)
    noted = {name: config["data"][name] for name in SPLITS if config["data"][name] is not None}
    for entry in noted.values():
        if _noted(Path(entry["path"]))["sha256"] != entry["sha256"]:
            raise DataError(
                f"has changed since run {run} began", where=entry["path"], hint="start a new run"
            )
    for model in (config["model"], config["optimizer_model"]):
        if model is not None:
            recheck(model)
    named = config["data"]["columns"]
    columns = columns_from_json({**named, "inputs": list(named["inputs"])}, f"run {run}")
    files = {name: Path(entry["path"]) for name, entry in noted.items()}
    return Plan(agent, _load(files, agent, columns)[0], config, where)


def _other_model(given: Mapping[str, Any]) -> dict[str, Any] | None:
    return identify(given["optimizer_model"]) if given["optimizer_model"] else None


def _engine(model: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return engine_settings(given["context"], given["threads"], model)


def _settings(given: Mapping[str, Any]) -> TrainSettings:
    tokens, minutes = given["budget_tokens"], given["budget_minutes"]
    if not tokens:
        minutes = minutes or TrainSettings.budget_minutes
    return TrainSettings(given["seed"], tokens, minutes, given["test_limit"])


def _files(agent: Path, given: Mapping[str, Any]) -> dict[str, Path]:
    named = {name: given[name] for name in SPLITS if given[name] is not None}
    data = given["data"]
    if data is not None and named:
        raise InputError(f"give --data or --{next(iter(named))}, not both")
    if data is None and not named:
        data = agent
        if not agent.is_dir():
            raise InputError("no data: give --data DIR, or --train FILE and --val FILE")
    if data is None:
        for name in SPLITS[:2]:
            if name not in named:
                raise InputError(f"--{name} is missing: training needs --train and --val")
        return named
    if data.is_file():
        hint = "or give --train FILE and --val FILE"
        raise DataError("is a file; --data takes a directory", where=str(data), hint=hint)
    files = {name: data / f"{name}.jsonl" for name in SPLITS}
    if not files["test"].exists():
        del files["test"]
    return files


def _noted(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise DataError("no such file", where=str(path)) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return {"path": os.path.abspath(path), "sha256": sha256}


def _load(files: Mapping[str, Path], agent: Agent, columns: Columns) -> tuple[TrainData, list[str]]:
    """Return the examples that training may use, and what the user should know of them."""
    loaded = {name: load_examples(path, agent, columns) for name, path in files.items()}
    loaded, left_out = sayable(loaded, files, agent)
    parts = apart(list(loaded.items()))
    notes = [note for note in (left_out, overlap(loaded)) if note]
    return TrainData(parts[0], parts[1], parts[2] if len(parts) > 2 else None), notes
