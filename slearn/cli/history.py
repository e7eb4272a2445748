"""What the store says of runs: their lines in a list, and the agents they began and ended with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slearn.agent import Agent, agent_from_text, save_agent
from slearn.cli.output import say, score_of
from slearn.errors import InputError, SlearnError, StoreError

if TYPE_CHECKING:
    from slearn.store import RunInfo, Store


def row_of(info: RunInfo) -> dict[str, Any]:
    """Return a run's line in a list; what is not known yet is None.

    >>> row_of(store.run("r3"))["after"]  # doctest: +SKIP
    0.8
    """
    result: Mapping[str, Any] = info.result if isinstance(info.result, Mapping) else {}
    return {
        "run": info.name,
        "status": info.status,
        "metric": result.get("metric") or _metric(info),
        "before": score_of(result.get("before")),
        "after": score_of(result.get("after")),
        "created": info.created,
    }


def start_agent(info: RunInfo) -> Agent:
    """Return the agent that a run began with.

    >>> start_agent(store.run("r3")).metric  # doctest: +SKIP
    'choice'
    """
    return agent_from_text(info.config["agent"], f"the agent of run {info.name}")


def trained_agent(store: Store, info: RunInfo) -> Agent:
    """Return the agent that a run ended with, or has come to where it has not ended yet.

    >>> trained_agent(store, store.run("r3")).metric  # doctest: +SKIP
    'choice'
    """
    result: Mapping[str, Any] = info.result if isinstance(info.result, Mapping) else {}
    addresses = [
        record["agent"]
        for record in store.records(info.name, "candidates")
        if record["status"] == "accepted"
    ]
    address = result.get("agent") or (addresses[-1] if addresses else None)
    if address is None:
        return start_agent(info)
    text = store.agent(address)
    if text is None:
        raise StoreError(f"the store lacks the agent {address}", where=f"run {info.name}")
    return agent_from_text(text, f"the agent of run {info.name}")


def write_agent(agent: Agent, path: Path, hint: str = "") -> None:
    """Write an agent file and say so; `hint` is for the case that it cannot be written.

    >>> write_agent(agent, Path("trained.yaml"))  # doctest: +SKIP

    Raises InputError where it cannot be written.
    """
    check_out(path)
    try:
        save_agent(agent, path)
    except OSError as error:
        fault = f"cannot be written: {error.strerror}"
        raise InputError(fault, where=str(path), hint=hint) from None
    here = Path.cwd()
    say(f"wrote {path.relative_to(here) if path.is_relative_to(here) else path}")


def check_out(path: Path) -> None:
    """Refuse what no agent file can be written to, before anything is paid for it.

    >>> check_out(Path("trained.yaml"))
    """
    if path.is_dir():
        raise InputError("is a directory", where=str(path), hint="-o takes a file")
    special = path.exists() and not path.is_file()
    try:
        path = path if special else path.resolve()  # what a link leads to is written
    except (OSError, RuntimeError):
        raise InputError("cannot be written: a link that leads nowhere", where=str(path)) from None
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise InputError("cannot be written: no directory", where=str(folder))
    if not os.access(path if special else folder, os.W_OK):
        raise InputError("cannot be written: no permission", where=str(path))


def _metric(info: RunInfo) -> str | None:
    try:
        return start_agent(info).metric
    except (SlearnError, KeyError, TypeError):
        return None
