"""What a machine has, and one sentence from a model with its speed."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from slearn import __version__
from slearn.catalog import MemoryBound, ModelStatus, usable_cores
from slearn.cli.engines import engine_settings, identify, open_noted, tuned_for
from slearn.cli.output import one_line
from slearn.cli.room import Room
from slearn.engine import GenerateRequest, Message

TINY = "smollm2-135m"
CELLS = 8192

LIBRARIES = ("llama-cpp-python", "llguidance", "outlines", "duckdb", "numpy", "click", "PyYAML")
_REQUEST = GenerateRequest((Message("user", "Write one sentence about the sea."),), max_tokens=48)


def examine(
    model: str | None, threads: int | None, max_memory: int | None = None
) -> dict[str, Any]:
    """Return what `doctor --json` prints; a model is loaded only where one is named.

    >>> examine(None, 2)["threads"]  # doctest: +SKIP
    2
    """
    from slearn.engine import describe_library

    return {
        "slearn": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "threads": engine_settings(0, threads)["threads"],
        "library": describe_library(),
        "model": None if model is None else _try(model, threads, max_memory),
    }


def installed(found: Iterable[ModelStatus] | None = None) -> str | None:
    """Return the name of the tiny model if it is on this machine; None if it is not.

    >>> installed([]) is None
    True
    """
    from slearn.catalog import list_models

    statuses = list_models() if found is None else found
    return next((one.name for one in statuses if (one.name, one.state) == (TINY, "ready")), None)


def _try(name: str, threads: int | None, max_memory: int | None) -> dict[str, Any]:
    model = identify(name)
    settings = engine_settings(CELLS, threads, model)
    room = Room(max_memory)
    began = time.monotonic()
    with open_noted(model, settings, room) as engine:
        loaded = time.monotonic()
        found = engine.generate([_REQUEST])[0]
        seconds = time.monotonic() - loaded
    speed = found.usage.generated / max(seconds, 1e-6)
    return {
        "name": name,
        "memory": room.last and room.last.as_json(),
        "tuned": tuned_for(model) is not None,
        "settings": settings,
        "load_seconds": round(loaded - began, 2),
        "sentence": found.text,
        "tokens": found.usage.generated,
        "tokens_per_second": round(speed, 1),
    }


def report_text(report: Mapping[str, Any]) -> str:
    """Return a report as lines.

    >>> report_text({"python": "3.11.7", "libraries": {"duckdb": None}, "model": None})
    'python            3.11.7\\nduckdb            not installed'
    """
    shown: dict[str, Any] = {}
    for name, value in report.items():
        if name == "model" and isinstance(value, Mapping):
            shown |= {f"model {k}": v for k, v in _model_lines(value).items()}
        elif isinstance(value, Mapping):
            shown |= value
        elif value is not None:
            shown[name] = value
    lines = (f"{name.replace('_', ' '):<17} {_shown(value)}" for name, value in shown.items())
    return "\n".join(lines)


def _model_lines(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said of a model: the memory as a sum, the settings as one line."""
    lines = dict(model)
    memory, settings = lines.pop("memory"), lines["settings"]
    lines["settings"] = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in settings.items())
    if memory is None:  # the scripted one takes none, and nothing about it can be tuned
        del lines["tuned"]
        return lines
    if not lines["tuned"]:
        lines["tuned"] = f"no: slearn tune --model {lines['name']} looks for faster settings"
    parts = {name: memory[name] for name in ("weights", "cache", "buffers")}
    return {**lines, "memory": MemoryBound(**parts).text()}


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not installed" if value is None else one_line(str(value))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
