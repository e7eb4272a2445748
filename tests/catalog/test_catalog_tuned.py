"""Tuned settings are kept for a machine and a model; a damaged file counts as no file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from slearn.catalog import machine_identity, recall_tuned, remember_tuned, tuned_part
from slearn.catalog import tuned as module
from slearn.engine import EngineSettings

FOUND = tuned_part(EngineSettings(threads=3, batch_size=256, cache_type="q8_0"))
OTHER = tuned_part(EngineSettings(threads=1))


def test_two_machines_and_two_models_in_one_home(home: Path) -> None:
    assert recall_tuned("a", machine="one") is None
    assert remember_tuned("a", FOUND, machine="one") == home / "tuned.json"
    remember_tuned("a", OTHER, machine="two")
    remember_tuned("b", OTHER, machine="one")
    assert recall_tuned("a", machine="one") == FOUND
    assert recall_tuned("a", machine="two") == OTHER
    assert recall_tuned("b", machine="one") == OTHER
    assert recall_tuned("b", machine="two") is None
    remember_tuned("a", OTHER | {"threads": 2}, machine="one")
    assert recall_tuned("a", machine="one") == OTHER | {"threads": 2}


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "\xff", "[" * 100_000, '{"one": 1}', '{"one": {"a": 1}}',
        '{"one": {"a": {"threads": 2}}}',
        json.dumps({"one": {"a": FOUND | {"threads": 0}}}),
        json.dumps({"one": {"a": FOUND | {"threads": True}}}),
        json.dumps({"one": {"a": FOUND | {"batch_size": 10**9}}}),
        json.dumps({"one": {"a": FOUND | {"flash_attention": []}}}),
        json.dumps({"one": {"a": FOUND | {"cache_type": "f64"}}}),
        json.dumps({"one": {"a": FOUND | {"gpu_layers": 1}}}),
    ],
)  # fmt: skip
def test_a_damaged_file_is_ignored_and_written_anew(home: Path, content: str) -> None:
    home.mkdir()
    (home / "tuned.json").write_text(content, encoding="latin-1")
    assert recall_tuned("a", machine="one") is None
    remember_tuned("a", FOUND, machine="one")
    assert recall_tuned("a", machine="one") == FOUND


def test_what_is_whole_in_a_damaged_file_is_kept(home: Path) -> None:
    home.mkdir()
    content = {"one": {"a": FOUND, "b": {"threads": 1}}, "two": []}
    (home / "tuned.json").write_text(json.dumps(content))
    assert recall_tuned("a", machine="one") == FOUND
    remember_tuned("c", OTHER, machine="one")
    assert json.loads((home / "tuned.json").read_text()) == {"one": {"a": FOUND, "c": OTHER}}


def test_processes_that_write_at_once_lose_nothing(home: Path) -> None:
    code = (
        "import sys; from slearn.catalog import *; from slearn.engine import EngineSettings\n"
        "for n in range(8): remember_tuned(f'{sys.argv[1]}{n}', tuned_part(EngineSettings()),"
        " machine='one')"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "xyz"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert len(json.loads((home / "tuned.json").read_text())["one"]) == 24
    assert sorted(path.name for path in home.iterdir()) == ["locks", "tuned.json"]


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError):
        remember_tuned("a", FOUND, machine="one", home=tmp_path / "file")
    assert recall_tuned("a", machine="one", home=tmp_path / "file") is None


def test_a_machine_is_its_processor_cores_and_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = {"system": "CPU : AVX2 = 1 | "}
    monkeypatch.setattr("slearn.catalog.machine.describe_library", lambda: library)
    monkeypatch.setattr("slearn.catalog.machine.usable_cores", lambda: 2)
    monkeypatch.setattr("slearn.catalog.machine.version", lambda _: "0.3")
    info = tmp_path / "cpuinfo"
    info.write_text("processor : 0\nmodel name\t: Tiny  9000\nmodel name\t: Other\n")
    expected = "Tiny 9000, 2 cores, llama_cpp 0.3, CPU : AVX2 = 1"
    assert machine_identity(info) == expected
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert machine_identity(tmp_path / "none").startswith("arm64, 2 cores")


def test_the_library_is_not_loaded_where_nothing_was_tuned(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(module, "machine_identity", lambda: asked.append(1) or "one")
    assert recall_tuned("a") is None and asked == []
    remember_tuned("a", FOUND, machine="one")
    assert recall_tuned("a") == FOUND and asked == [1]
