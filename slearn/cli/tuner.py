"""Tuning from the terminal: measures one model on this machine and remembers what was fastest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

from slearn.catalog import (
    forget_weights,
    remember_tuned,
    tuned_part,
    usable_cores,
    weights_file,
)
from slearn.cli.engines import SCRIPTED, identify
from slearn.cli.output import say, table
from slearn.cli.room import Room
from slearn.engine import AMX, Engine, EngineSettings, describe_library, open_engine
from slearn.errors import InputError
from slearn.tuning import Found, Stand, Trial, axes_for, search, try_apart

Trials = Trial[EngineSettings]


def tune_model(name: str, cells: int, seconds: float, max_memory: int | None) -> dict[str, Any]:
    """Look for the fastest settings of a model, remember them, return what `tune --json` prints.

    >>> tune_model("smollm2-135m", 8192, 60, None)["settings"]["threads"]  # doctest: +SKIP
    2

    Raises InputError for the scripted model, and for one that does not fit into memory.
    """
    if name == SCRIPTED:
        raise InputError("the scripted model has nothing to tune", hint="name a GGUF model")
    model, room = identify(name), Room(max_memory)
    began = monotonic()
    start = EngineSettings(cells=cells)
    start = replace(start, threads=tuned_part(start)["threads"])
    say(f"tuning {name} for about {seconds:g} seconds, beginning with {_line(tuned_part(start))}")

    @contextmanager
    def opener(settings: EngineSettings) -> Iterator[Engine]:
        path = weights_file(Path(model["path"]), model["sha256"], settings.weights)
        bound = room.take(model["name"], {"cells": cells, **tuned_part(settings)}, path)
        try:
            if settings.weights == AMX:
                try_apart(path, settings)
            with open_engine(path, sha256=model["sha256"], settings=settings) as engine:
                yield engine
        finally:
            room.give_back(bound)

    with Stand(opener, monotonic) as stand:
        prompt = stand.fit(start, seconds)
        found = search(
            start,
            axes_for(usable_cores(), prompt, weights=_forms()),
            stand.measure,
            drop=stand.drop,
            out_of_time=lambda: monotonic() - began >= seconds,
            tell=lambda trial: say(trial_text(trial)),
        )
    for kind in {trial.candidate.weights for trial in found.trials} - {found.settings.weights}:
        forget_weights(model["sha256"], kind)
    if all(trial.cost is None for trial in found.trials):
        say("nothing was compared in time: give more with --seconds; nothing is remembered")
    else:
        _remember(model["sha256"], found.settings)
    return _report(model["name"], found)


def _forms() -> tuple[str, ...]:
    """Return the forms of weights to try: a GPU has kernels for all of them."""
    library = describe_library()
    if library["gpu_offload"]:
        return ("file",)
    return ("file", *([AMX] if library["amx"] else []), "f16", "q8_0")


def _remember(sha256: str, settings: EngineSettings) -> None:
    try:
        file = remember_tuned(sha256, tuned_part(settings))
    except OSError as error:  # what was found is shown all the same
        say(f"cannot be remembered: {error}")
    else:
        say(f"remembered for this machine and this model in {file}")


def _report(name: str, found: Found[EngineSettings]) -> dict[str, Any]:
    return {
        "model": name,
        "settings": tuned_part(found.settings),
        "tokens_per_second": round(1 / found.after, 1),
        "before": round(1 / found.before, 1),
        "tried": [
            {
                "change": _change(trial),
                "settings": tuned_part(trial.candidate),
                "tokens_per_second": _speed(trial.cost),
                "incumbent": _speed(trial.against),
                "kept": trial.kept,
                "note": trial.note,
            }
            for trial in found.trials
        ],
    }


def trial_text(trial: Trials) -> str:
    """Return one line about a trial.

    >>> now = EngineSettings(threads=2)
    >>> trial_text(Trial(now, replace(now, threads=1), 0.01, 0.005))
    'threads 1: 100.0 tokens/s, before 200.0: not kept'
    """
    if trial.cost is None:
        return f"{_change(trial)}: not compared, {trial.note}"
    speeds = f"{_speed(trial.cost)} tokens/s, before {_speed(trial.against)}"
    return f"{_change(trial)}: {speeds}: {'kept' if trial.kept else 'not kept'}"


def report_text(report: Mapping[str, Any]) -> str:
    """Return a report as a table of what was tried, and the settings that won.

    >>> report_text({"tried": [], "settings": {"threads": 2}, "tokens_per_second": 9.0,
    ...     "before": 8.0})
    'threads 2: 9.0 tokens/s, before 8.0'
    """
    rows = [
        {
            "change": row["change"],
            "tokens/s": row["tokens_per_second"],
            "incumbent": row["incumbent"],
            "kept": "yes" if row["kept"] else "no",
        }
        for row in report["tried"]
    ]
    speeds = f"{report['tokens_per_second']} tokens/s, before {report['before']}"
    return "\n".join([*([table(rows)] if rows else []), f"{_line(report['settings'])}: {speeds}"])


def _change(trial: Trials) -> str:
    before, after = tuned_part(trial.incumbent), tuned_part(trial.candidate)
    return _line({name: value for name, value in after.items() if value != before[name]})


def _line(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in settings.items())


def _speed(cost: float | None) -> float | None:
    return None if cost is None else round(1 / cost, 1)
