"""From a model's name to an engine, and what a run notes about both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slearn.cli.output import say
from slearn.cli.room import Room
from slearn.errors import ModelFileError

if TYPE_CHECKING:
    from slearn.agent import Agent
    from slearn.engine import Engine, Seat
    from slearn.tools import Toolbox

SCRIPTED = "scripted"
Noted = tuple[Mapping[str, Any], Mapping[str, Any]]  # a model and its engine's settings


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


def open_box(agent: Agent, sandbox: str, where: str = "", *, spare: bool = False) -> Toolbox:
    """Return what an agent's tools run in; refuse those that cannot be run, before a model loads.

    With `spare` functions that no node has yet too: training may hand them on. Of code it hands on
    nothing where there is no sandbox.

    >>> # open_box(agent, "monty", "support.yaml").ready
    """
    from slearn.tools import Toolbox

    box = Toolbox(sandbox)
    used = {tool for node in agent.nodes for tool in node.tools}
    checked = [tool for tool in agent.tools if tool in used or (spare and tool.function)]
    try:
        box.check(checked, where)
        if agent.metric == "tests":
            box.need(f"{where}: metric tests" if where else "metric tests")
    except BaseException:
        box.close()
        raise
    return box


def recheck(noted: dict[str, Any]) -> None:
    """Make sure that a model is still the one that a run noted.

    >>> recheck(identify("scripted"))

    Raises ModelFileError where its file is gone or another one.
    """
    if noted["path"] is not None and identify(noted["path"])["sha256"] != noted["sha256"]:
        raise ModelFileError(
            "the model has changed since the run began", where=noted["path"], hint="start a new run"
        )


def engine_settings(
    cells: int, threads: int | None, model: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the engine's settings as a run notes them, the number of threads filled in.

    They are what `slearn tune` found for this model on this machine, if it was asked to; a number
    of threads that the user gave stands for the defaults, because the rest was found with another.

    >>> engine_settings(8192, 2)["threads"]
    2
    """
    from slearn.catalog import tuned_part
    from slearn.engine import EngineSettings

    tuned = tuned_for(model) if model is not None and threads is None else None
    return {"cells": cells, **(tuned or tuned_part(EngineSettings(threads=threads or 0)))}


def tuned_for(model: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the settings that `slearn tune` found for a model on this machine, None without.

    >>> tuned_for(identify("scripted")) is None
    True
    """
    if model["path"] is None:
        return None
    from slearn.catalog import recall_tuned

    return recall_tuned(model["sha256"])


def open_noted(
    model: Mapping[str, Any], settings: Mapping[str, Any], room: Room | None = None
) -> Engine:
    """Load a model as it was noted, if it fits into the room that is left.

    >>> open_noted(identify("scripted"), engine_settings(8192, 2)).count_tokens("two words")
    2

    Raises ModelFileError where the library cannot load it, InputError where it does not fit.
    """
    from slearn.engine import EngineSettings, open_engine

    path = _file(model, settings)
    (room or Room()).take(model["name"], settings, path)
    return open_engine(path, sha256=model["sha256"], settings=EngineSettings(**settings))


def open_pair(first: Noted, second: Noted, room: Room) -> tuple[Engine, Engine]:
    """Load two models as they were noted: together where they fit, else in turn.

    >>> scripted = (identify("scripted"), engine_settings(8192, 2))
    >>> [engine.count_tokens("two words") for engine in open_pair(scripted, scripted, Room())]
    [2, 2]

    Raises InputError where one of them does not fit alone.
    """
    from slearn.engine import Seat

    if room.holds(*((settings, _file(model, settings)) for model, settings in (first, second))):
        return open_noted(*first, room), open_noted(*second, room)
    say("both models do not fit into memory together: they take turns")
    seat = Seat()
    one = _seated(seat, first, room)
    return one, _seated(seat, second, room)


def _seated(seat: Seat, noted: Noted, room: Room) -> Engine:
    """Return a model that is loaded while it is asked; alone it must fit."""
    from slearn.engine import EngineSettings, SeatedEngine, open_engine, open_tokenizer

    model, settings = noted
    path = _file(model, settings)
    room.give_back(room.take(model["name"], settings, path))

    def load() -> Engine:
        return open_engine(path, sha256=model["sha256"], settings=EngineSettings(**settings))

    return SeatedEngine(seat, load, open_tokenizer(path))


def _file(model: Mapping[str, Any], settings: Mapping[str, Any]) -> Path | None:
    """Return the file to open: the model's own, or its weights in the form that was noted."""
    if model["path"] is None:
        return None
    from slearn.catalog import weights_file
    from slearn.engine import EngineSettings

    kind = settings.get("weights", EngineSettings.weights)
    return weights_file(Path(model["path"]), model["sha256"], kind)


def open_model(
    name: str,
    cells: int = 8192,
    threads: int | None = None,
    *,
    remember: bool = True,
    max_memory: int | None = None,
) -> Engine:
    """Load a model by its name or path.

    >>> open_model("scripted").count_tokens("two words")
    2
    """
    model = identify(name, remember=remember)
    return open_noted(model, engine_settings(cells, threads, model), Room(max_memory))
