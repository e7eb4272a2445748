"""From a model's name to an engine, and what a run notes about both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slearn.errors import ModelFileError

if TYPE_CHECKING:
    from slearn.engine import Engine

SCRIPTED = "scripted"


def identify(name: str, *, remember: bool = True) -> dict[str, Any]:
    """Return a model's name, path and sha256, without loading it.

    The hash is remembered in slearn's home for the next time, unless that is not wanted.

    >>> identify("scripted")["sha256"]
    'scripted'

    Raises ModelFileError for a model that is unknown or damaged.
    """
    if name == SCRIPTED:
        return {"name": SCRIPTED, "path": None, "sha256": SCRIPTED}
    from slearn.catalog import resolve

    model = resolve(name, remember=remember)
    return {"name": model.name, "path": str(model.path), "sha256": model.sha256}


def recheck(noted: dict[str, Any]) -> None:
    """Make sure that a model is still the one that a run noted.

    >>> recheck(identify("scripted"))

    Raises ModelFileError where its file is gone or another one.
    """
    if noted["path"] is not None and identify(noted["path"])["sha256"] != noted["sha256"]:
        raise ModelFileError(
            "the model has changed since the run began", where=noted["path"], hint="start a new run"
        )


def engine_settings(cells: int, threads: int | None) -> dict[str, Any]:
    """Return the engine's settings as a run notes them, the number of threads filled in.

    >>> engine_settings(8192, 2)
    {'cells': 8192, 'threads': 2}
    """
    from slearn.engine import EngineSettings

    settings = EngineSettings(cells=cells, threads=threads or 0).as_json()
    return {"cells": settings["cells"], "threads": settings["threads"]}


def open_noted(model: dict[str, Any], settings: dict[str, Any]) -> Engine:
    """Load a model as it was noted.

    >>> open_noted(identify("scripted"), engine_settings(8192, 2)).count_tokens("two words")
    2

    Raises ModelFileError where the library cannot load it.
    """
    from pathlib import Path

    from slearn.engine import EngineSettings, open_engine

    path = None if model["path"] is None else Path(model["path"])
    return open_engine(path, sha256=model["sha256"], settings=EngineSettings(**settings))


def open_model(
    name: str, cells: int = 8192, threads: int | None = None, *, remember: bool = True
) -> Engine:
    """Load a model by its name or path.

    >>> open_model("scripted").count_tokens("two words")
    2
    """
    return open_noted(identify(name, remember=remember), engine_settings(cells, threads))
