"""What a token costs: by form of the weights, occupied cells, live sequences and kind of cache.

    python bench/decode.py --model PATH [--weights file,f16,q8_0] [--cells 1024,8192,32768]

Idle cells are filled by one long sequence; then 1, 4, 8 and 16 sequences of 100 tokens write 12
more each, in one batch a step. `prefill` is the speed of reading 512 tokens in one batch, and in
16 sequences of 32. All of it with flash attention and without, and in a cache that is shared or
split among the sequences; on the low-level context, so it is the library that is measured. Medians
of --runs alternating runs, tokens per second; one JSON line at the end of each form, so that what
ends early keeps the forms that were done. Forms that are not there yet are written first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from slearn.catalog import resolve, weights_file
from slearn.engine import EngineSettings
from slearn.engine.context import Context

FORMS = ("file", "f16", "q8_0")
LIVE = (1, 4, 8, 16)
OWN = 100
STEPS = 12


class _Split(Context):
    """A context whose sequences have a part of the cache each, as the library's default is."""

    def _params(self, settings: EngineSettings) -> Any:
        params = super()._params(settings)
        params.kv_unified = False
        return params


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--weights", type=_forms, default="file", help=", ".join(FORMS))
    parser.add_argument("--cells", type=_numbers, default="1024,8192,32768", help="idle ones")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    model = resolve(given.model)
    # All of them before the clock first runs: writing one would disturb what is measured.
    files = {form: weights_file(model.path, model.sha256, form) for form in given.weights}
    shape = {"model": model.name, "cells": given.cells, "runs": given.runs}
    for form, path in files.items():
        rows = measure_form(form, path, given.cells, given.runs)
        print(json.dumps({**shape, "form": form, "rows": rows}), flush=True)


def measure_form(form: str, path: Path, cells: Sequence[int], runs: int) -> list[dict[str, Any]]:
    """Print and return a row for every cache; each context is closed before the next opens."""
    rows = []
    for idle, unified, flash in product(cells, (True, False), ("on", "off")):
        # Room for the live sequences beside the idle cells; a split cache gives each its part.
        room = idle + 16 * 128 + 512 if unified else 16 * max(256, idle // 16 + 256)
        settings = EngineSettings(cells=room, sequences=17 if unified else 16, batch_size=512,
                                  flash_attention=flash, weights=form)  # fmt: skip
        context = (Context if unified else _Split)(path, settings)
        try:
            speeds = measure(context, idle, unified, runs)
        finally:
            context.close()
        row = {"form": form, "idle": idle, "unified": unified, "flash": flash, **speeds}
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        rows.append({**row, "settings": settings.as_json()})
    return rows


def measure(context: Context, idle: int, unified: bool, runs: int) -> dict[str, float]:
    """Return tokens per second for every number of live sequences, and for reading."""
    found: dict[str, list[float]] = {}
    context.clear()
    if unified:
        _read(context, [(16, idle)])  # one long sequence that nobody uses
    else:
        _read(context, [(seq, idle // 16) for seq in range(16)])
    base = 0 if unified else idle // 16
    for _ in range(runs):
        for name, shape in {"512": [(0, 512)], "16x32": [(seq, 32) for seq in range(16)]}.items():
            if unified or name != "512":
                start = time.perf_counter()
                _read(context, shape, base)
                found.setdefault(f"read {name}", []).append(512 / (time.perf_counter() - start))
                _forget(context, base)
        for live in LIVE:
            _read(context, [(seq, OWN) for seq in range(live)], base)
            start = time.perf_counter()
            for step in range(STEPS):
                batch = context.batch()
                for seq in range(live):
                    batch.add(100 + seq, base + OWN + step, seq, True)
                context.decode(batch)
            speed = live * STEPS / (time.perf_counter() - start)
            found.setdefault(f"write {live}", []).append(speed)
            _forget(context, base)
    return {name: round(statistics.median(values), 1) for name, values in found.items()}


def _read(context: Context, shape: list[tuple[int, int]], base: int = 0) -> None:
    batch = context.batch()
    for seq, count in shape:
        for position in range(count):
            if batch.count == context.batch_size:
                context.decode(batch)
                batch = context.batch()
            batch.add(50 + position % 400, base + position, seq, False)
    context.decode(batch)


def _forget(context: Context, base: int) -> None:
    for seq in range(16):
        context.remove(seq, base)


def _forms(text: str) -> list[str]:
    """Return the forms, none of them unknown: the last would be found out after an hour."""
    forms = text.split(",")
    if unknown := [form for form in forms if form not in FORMS]:
        raise argparse.ArgumentTypeError(f"no form {unknown[0]!r}; there are {', '.join(FORMS)}")
    return forms


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    main()
