"""`slearn tune`: what it finds is shown, remembered, used, and never changes a run that began."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slearn.catalog import MemoryBound, remember_tuned, sha256_of, tuned_part
from slearn.cli.engines import engine_settings, identify
from slearn.engine import Engine, EngineSettings, open_engine
from slearn.errors import EngineError
from slearn.store import Store

FAST = {
    "threads": 1,
    "batch_size": 256,
    "flash_attention": "off",
    "cache_type": "f16",
    "weights": "file",
}


class Machine:
    """Makes engines whose rounds take as long as their settings say, on a clock of its own."""

    def __init__(self, seconds: Callable[[EngineSettings], float]) -> None:
        self.now = 0.0
        self.seconds = seconds
        self.asked: list[EngineSettings] = []

    def open(self, path: Path | None, *, sha256: str, settings: EngineSettings) -> Engine:
        self.asked.append(settings)
        if settings.cache_type == "q8_0":
            raise EngineError("no memory for a cache")
        engine = open_engine(None)
        answer = engine.generate

        def slowly(*given: Any) -> Any:
            self.now += self.seconds(settings)
            return answer(*given)

        engine.generate = slowly  # type: ignore[method-assign]
        return engine


def seconds_of(settings: EngineSettings) -> float:
    seconds = 1.0 if settings.flash_attention == "off" else 1.1
    return seconds + (0.02 if settings.batch_size > 256 else 0.0) + 0.1 * abs(settings.threads - 1)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> Machine:
    found = Machine(seconds_of)
    monkeypatch.setattr("slearn.cli.tuner.open_engine", found.open)
    monkeypatch.setattr("slearn.cli.tuner.monotonic", lambda: found.now)
    monkeypatch.setattr("slearn.cli.tuner.usable_cores", lambda: 2)
    monkeypatch.setattr("slearn.engine.settings.available_threads", lambda: 2)
    monkeypatch.setattr("slearn.catalog.tuned.machine_identity", lambda: "this one")
    return found


def test_the_winner_is_shown_remembered_and_used(
    slearn: Any, machine: Machine, here: Path, tiny_model: Path
) -> None:
    run = slearn("tune", "--model", tiny_model, "--seconds", 600, "--json")
    found = json.loads(run.stdout)
    assert set(found) == {"model", "settings", "tokens_per_second", "before", "tried"}
    assert (found["model"], found["settings"]["threads"]) == ("tiny", 1)
    assert found["settings"]["flash_attention"] == "off"
    assert found["settings"]["batch_size"] == 512  # 2% is not enough
    assert found["tokens_per_second"] > 1.15 * found["before"] > 0
    assert [row["change"] for row in found["tried"] if row["kept"]] == [
        "threads 1", "flash attention off",
    ]  # fmt: skip
    lines = run.stderr.splitlines()
    assert lines[0].startswith("tuning ") and "threads 2, batch size 512" in lines[0]
    assert lines[1].startswith("threads 1: ") and lines[1].endswith(": kept")
    home = here / "home" / ".slearn"
    assert lines[-1] == f"remembered for this machine and this model in {home / 'tuned.json'}"
    assert engine_settings(64, None, identify(str(tiny_model))) == {
        "cells": 64, **found["settings"],
    }  # fmt: skip
    assert engine_settings(64, 2, identify(str(tiny_model)))["flash_attention"] == "auto"


def test_what_cannot_be_opened_is_passed_over(slearn: Any, machine: Machine, here: Path) -> None:
    machine.seconds = lambda settings: 1.0
    run = slearn("tune", "--model", "./tiny.gguf", "--context", 512, "--seconds", 600)
    assert "cache type q8_0: not compared, no memory for a cache" in run.stderr
    assert run.stdout.splitlines()[0].split() == ["change", "tokens/s", "incumbent", "kept"]
    assert run.stdout.splitlines()[-1].startswith("threads 2, batch size 512, flash attention auto")
    assert {settings.cells for settings in machine.asked} == {512}


@pytest.mark.parametrize("works", [True, False])
def test_kernels_that_may_end_the_process_are_tried_apart_first(
    slearn: Any, machine: Machine, monkeypatch: pytest.MonkeyPatch, works: bool
) -> None:
    def apart(path: Path, settings: EngineSettings) -> None:
        assert settings.weights == "amx" and settings not in machine.asked
        if not works:
            raise EngineError("the library ended the process (signal 4)")

    library = {"gpu_offload": False, "amx": True}
    monkeypatch.setattr("slearn.cli.tuner.describe_library", lambda: library)
    monkeypatch.setattr("slearn.cli.tuner.weights_file", lambda path, *_: path)
    monkeypatch.setattr("slearn.cli.tuner.try_apart", apart)
    machine.seconds = lambda settings: 1.0 if settings.weights == "amx" else 2.0
    run = slearn("tune", "--model", "./tiny.gguf", "--seconds", 600, "--json")
    said = "weights amx: not compared, the library ended the process (signal 4)"
    assert (said in run.stderr) is not works
    assert (json.loads(run.stdout)["settings"]["weights"] == "amx") is works


def test_without_time_nothing_is_remembered(slearn: Any, machine: Machine, here: Path) -> None:
    run = slearn("tune", "--model", "./tiny.gguf", "--seconds", 3)
    assert "nothing was compared in time" in run.stderr
    assert run.stdout.startswith("threads 2, batch size 512") and run.stdout.count("\n") == 1
    assert not (here / "home" / ".slearn" / "tuned.json").exists()


def test_a_home_that_cannot_be_written_only_costs_the_memory(
    slearn: Any, machine: Machine, here: Path, monkeypatch: Any
) -> None:
    (here / "file").write_text("no folder")
    monkeypatch.setenv("SLEARN_HOME", str(here / "file"))
    run = slearn("tune", "--model", "./tiny.gguf", "--seconds", 600)
    assert "cannot be remembered" in run.stderr and run.stdout


def test_memory_holds_for_both_engines_of_a_comparison(
    slearn: Any, machine: Machine, monkeypatch: Any
) -> None:
    monkeypatch.setattr("slearn.catalog.memory_bound", lambda *_: MemoryBound(10**8, 0, 0))
    command = ("tune", "--model", "./tiny.gguf", "--seconds", 600, "--max-memory")
    assert "does not fit" in slearn(*command, 99, code=2).stderr
    assert "threads 1: not compared, tiny: does not fit into memory" in slearn(*command, 150).stderr
    assert "threads 1: not compared" not in slearn(*command, 200).stderr


def test_the_scripted_model_cannot_be_tuned(slearn: Any) -> None:
    wrong = slearn("tune", "--model", "scripted", code=2)
    assert wrong.stderr.startswith("slearn: the scripted model has nothing to tune")
    assert wrong.stderr.count("\n") == 1


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> list[EngineSettings]:
    loaded: list[EngineSettings] = []

    def opened(path: Path | None, *, sha256: str, settings: EngineSettings) -> Any:
        loaded.append(settings)
        return open_engine(None)

    monkeypatch.setattr("slearn.engine.open_engine", opened)
    monkeypatch.setattr("slearn.catalog.tuned.machine_identity", lambda: "this one")
    return loaded


def test_a_run_notes_the_settings_of_each_model_and_a_resume_uses_them(
    project: Path, slearn: Any, loads: list[EngineSettings], here: Path, tiny_model: Path
) -> None:
    other = here / "other.gguf"
    other.write_bytes(tiny_model.read_bytes() + b"more")
    remember_tuned(sha256_of(tiny_model), FAST)
    command = ("train", project, "--model", tiny_model, "--optimizer-model", other)
    slearn(*command, "--budget-tokens", 3000)
    with Store.open(here / ".slearn" / "store.duckdb") as store:
        config = dict(store.run("r1").config)
        assert config["engine"] == {"cells": 8192, **FAST}
        usual = {"cells": 8192, **tuned_part(EngineSettings())}
        assert config["optimizer_engine"] == usual
        store.begin(config)  # a run r2 like it that has not ended
        store.begin({k: v for k, v in config.items() if k != "optimizer_engine"})  # an early one
    began = [tuned_part(settings) for settings in loads]
    assert began == [FAST, tuned_part(EngineSettings())]
    remember_tuned(sha256_of(tiny_model), tuned_part(EngineSettings(threads=7)))
    remember_tuned(sha256_of(other), tuned_part(EngineSettings(threads=7)))
    slearn("train", "--resume", "r2")
    assert [tuned_part(settings) for settings in loads[2:]] == began
    slearn("train", "--resume", "r3")
    assert [tuned_part(settings) for settings in loads[4:]] == [FAST, FAST]


def test_one_model_has_one_note(trained: Any, here: Path) -> None:
    with Store.open(here / ".slearn" / "store.duckdb", create=False) as store:
        assert store.run("r1").config["optimizer_engine"] is None


def test_commands_run_a_model_as_it_was_tuned_unless_threads_are_given(
    project: Path, slearn: Any, loads: list[EngineSettings], tiny_model: Path
) -> None:
    remember_tuned(sha256_of(tiny_model), FAST)
    slearn("run", project, "where?", "--model", tiny_model)
    slearn("eval", project, "--data", project / "val.jsonl", "--model", tiny_model)
    slearn("run", project, "where?", "--model", tiny_model, "--threads", 2)
    report = json.loads(slearn("doctor", "--model", tiny_model, "--json").stdout)["model"]
    assert report["tuned"] is True and report["settings"] == {"cells": 8192, **FAST}
    assert "model tuned       yes" in slearn("doctor", "--model", tiny_model).stdout
    used = [tuned_part(settings) for settings in loads]
    usual = tuned_part(EngineSettings(threads=2))
    assert used == [FAST, FAST, usual, FAST, FAST]
