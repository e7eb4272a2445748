"""A model that cannot fit into memory is refused with the numbers, before it is loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from slearn.catalog import MemoryBound, remember_tuned, sha256_of, tuned_part
from slearn.cli.room import Room
from slearn.engine import EngineSettings, open_engine
from slearn.errors import InputError

BOUND = MemoryBound(492_000_000, 98_000_000, 61_000_000)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> list[EngineSettings]:
    """Let every file be a model of 651 MB that answers like the scripted one; note each load."""
    loaded: list[EngineSettings] = []

    def opened(path: Path | None, *, sha256: str, settings: EngineSettings) -> Any:
        loaded.append(settings)
        return open_engine(None)

    monkeypatch.setattr("slearn.catalog.memory_bound", lambda header, settings: BOUND)
    monkeypatch.setattr("slearn.catalog.available_memory", lambda: 1_400_000_000)
    monkeypatch.setattr("slearn.engine.open_engine", opened)
    monkeypatch.setattr("slearn.engine.open_tokenizer", lambda path: open_engine(None))
    return loaded


def test_a_model_that_does_not_fit_is_refused_everywhere(
    project: Path, slearn: Any, loads: list[Any], here: Path
) -> None:
    model = ("--model", "./tiny.gguf", "--max-memory", 500)
    for command in (
        ("train", project, *model), ("eval", project, "--data", project / "val.jsonl", *model),
        ("run", project, "where?", *model), ("doctor", *model), ("tune", *model),
    ):  # fmt: skip
        assert slearn(*command, code=2).stderr.splitlines()[-1] == (
            "slearn: tiny: does not fit into memory: weights 492 MB + cache 98 MB + buffers 61 MB "
            "= 651 MB, 500 MB is what --max-memory allows "
            "(use a smaller --context, or a smaller model)"
        )
    assert loads == []


def test_what_is_free_is_the_limit_where_none_is_given(
    project: Path, slearn: Any, loads: list[Any], monkeypatch: Any
) -> None:
    run = ("run", project, "where?", "--model", "./tiny.gguf")
    slearn(*run)
    monkeypatch.setattr("slearn.catalog.available_memory", lambda: 600_000_000)
    wrong = slearn(*run, code=2)
    assert "= 651 MB, 600 MB are free" in wrong.stderr
    slearn(*run, "--max-memory", 652)  # whoever knows better may say so
    monkeypatch.setattr("slearn.catalog.available_memory", lambda: None)
    slearn(*run)
    assert len(loads) == 3


def test_training_says_what_each_model_may_take(
    project: Path, slearn: Any, loads: list[Any], here: Path
) -> None:
    shutil.copy(here / "tiny.gguf", here / "other.gguf")
    with (here / "other.gguf").open("ab") as file:
        file.write(b"more")
    both = ("--model", "./tiny.gguf", "--optimizer-model", "./other.gguf")
    run = slearn("train", project, *both, "--budget-tokens", 3000, "--json")
    line = "memory of {}, at most: weights 492 MB + cache 98 MB + buffers 61 MB = 651 MB"
    assert run.stderr.splitlines()[:2] == [line.format("tiny"), line.format("other")]
    assert len(loads) == 2
    tokens, place = ("--budget-tokens", 3000), ("--store", here / "other.duckdb")
    turns = slearn("train", project, *both, *tokens, *place, "--max-memory", 1300, "--json")
    assert turns.stderr.splitlines()[0] == (
        "both models do not fit into memory together: they take turns"
    )
    assert len(loads) > 5  # whoever is asked is loaded
    said, again = json.loads(run.stdout), json.loads(turns.stdout)
    assert again["agent"] == said["agent"] and again["tokens"] == said["tokens"]
    tight = slearn("train", project, *both, "--max-memory", 600, code=2)
    assert "tiny: does not fit into memory" in tight.stderr
    assert "600 MB is what --max-memory allows" in tight.stderr
    assert json.loads(slearn("runs", "--json").stdout)[-1]["run"] == "r1"  # no run was begun


def test_a_resume_looks_at_the_memory_of_today(trained: Any, slearn: Any) -> None:
    slearn("train", "--resume", "r1", "--max-memory", 1)  # finished: nothing is loaded
    wrong = slearn("train", "--resume", "r1", "--context", 99, code=2)
    assert "leave --context out" in wrong.stderr


def test_memory_that_was_given_back_is_free_again(loads: list[Any], tiny_model: Path) -> None:
    room = Room(1000)
    first = room.take("tiny", {}, tiny_model)
    with pytest.raises(InputError, match="tiny: does not fit .* takes 651 MB"):
        room.take("tiny", {}, tiny_model)
    room.give_back(first)
    assert room.take("tiny", {}, tiny_model) == room.last == BOUND
    room.give_back(None)
    assert room.take("scripted", {}, None) is room.last is None


def test_the_memory_of_a_gpu_is_not_known(
    loads: list[Any], tiny_model: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("slearn.catalog.available_memory", lambda: 1)
    monkeypatch.setattr("slearn.engine.describe_library", lambda: {"gpu_offload": True})
    assert Room().take("tiny", {}, tiny_model) == BOUND
    with pytest.raises(InputError):
        Room(500).take("tiny", {}, tiny_model)


def test_doctor_says_the_memory(slearn: Any, loads: list[Any]) -> None:
    report = json.loads(slearn("doctor", "--model", "./tiny.gguf", "--json").stdout)["model"]
    assert report["memory"] == BOUND.as_json() | {"total": 651_000_000}
    assert report["tuned"] is False and report["settings"]["batch_size"] == 512
    shown = slearn("doctor", "--model", "./tiny.gguf").stdout
    assert "model memory      weights 492 MB + cache 98 MB + buffers 61 MB = 651 MB" in shown
    assert "model tuned       no: slearn tune --model ./tiny.gguf" in shown
    assert "gpu layers " in shown
    scripted = slearn("doctor", "--model", "scripted").stdout
    assert "model memory" not in scripted and "model tuned" not in scripted


def test_doctor_says_the_memory_of_the_file_that_is_opened(
    slearn: Any, loads: list[EngineSettings], here: Path, tiny_model: Path, monkeypatch: Any
) -> None:
    def write(source: Path, target: Path, kind: str) -> None:
        target.write_bytes(source.read_bytes() + b"\1" * 1_000_000)

    monkeypatch.setattr("slearn.catalog.reencoded.reencode", write)
    monkeypatch.setattr("slearn.catalog.tuned.machine_identity", lambda: "this one")
    monkeypatch.setattr(
        "slearn.catalog.memory_bound", lambda header, _: MemoryBound(header.file_bytes, 0, 0)
    )
    doctor = ("doctor", "--model", "./tiny.gguf", "--json")
    report = json.loads(slearn(*doctor).stdout)["model"]
    assert report["memory"]["weights"] == tiny_model.stat().st_size
    remember_tuned(sha256_of(tiny_model), tuned_part(EngineSettings(threads=1, weights="f16")))
    report = json.loads(slearn(*doctor).stdout)["model"]
    assert [settings.weights for settings in loads] == ["file", "f16"]
    (copy,) = (here / "home" / ".slearn" / "reencoded").glob("*.gguf")
    assert report["memory"]["weights"] == copy.stat().st_size > 1_000_000
