"""`slearn models` and `slearn doctor`; no model is ever loaded here, and nothing downloaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from slearn.catalog import ModelStatus
from slearn.cli.checkup import TINY, installed


def test_a_model_is_added_listed_verified_and_forgotten(slearn: Any, tiny_model: Path) -> None:
    assert slearn("models", "add", "tiny.gguf").stdout == f"added tiny: {tiny_model}\n"
    added = json.loads(slearn("models", "add", tiny_model, "--name", "other", "--json").stdout)
    assert (added["name"], added["path"]) == ("other", str(tiny_model))
    rows = json.loads(slearn("models", "list", "--json").stdout)
    assert rows[0]["name"] == "smollm2-135m"
    assert [row["name"] for row in rows if row["state"] == "ready"][-2:] == ["other", "tiny"]
    assert "tiny" in slearn("models", "list").stdout
    found = json.loads(slearn("models", "verify", "tiny", "--json").stdout)
    assert found == [{"name": "tiny", "ok": True, "message": "ok"}]
    assert json.loads(slearn("models", "rm", "other", "--json").stdout)["deleted"] is False
    assert "stays where it is" in slearn("models", "rm", "tiny").stdout
    assert tiny_model.exists()


def test_a_changed_model_fails_verification(slearn: Any, tiny_model: Path) -> None:
    slearn("models", "add", tiny_model)
    tiny_model.write_bytes(tiny_model.read_bytes()[:-1] + b"\2")
    wrong = slearn("models", "verify", "tiny", code=2)
    assert "wrong hash" in wrong.stdout
    assert "not as recorded: tiny" in wrong.stderr


def test_names_that_nobody_knows(slearn: Any, here: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "did you mean smollm2-135m?" in slearn("models", "rm", "smolm2", code=2).stderr
    assert "no model is called 'x'" in slearn("models", "verify", "x", code=2).stderr
    assert "no model is called 'x'" in slearn("models", "pull", "x", code=2).stderr
    wrong = slearn("models", "pull", "qwen2.5-coder-0.5b", code=2)
    assert "HF_HUB_OFFLINE forbids the network" in wrong.stderr
    (here / "text.gguf").write_text("hello", encoding="utf-8")
    assert "text.gguf" in slearn("models", "add", "text.gguf", code=2).stderr


def test_doctor_says_what_there_is(slearn: Any) -> None:
    report = json.loads(slearn("doctor", "--model", "none", "--json", "--threads", 2).stdout)
    assert report["threads"] == 2 and report["cores"] >= 1
    assert report["libraries"]["duckdb"] and "llama-cpp-python" in report["libraries"]
    assert report["library"] and report["model"] is None
    shown = slearn("doctor", "--model", "none")
    assert shown.stderr == ""
    lines = dict(line.split(maxsplit=1) for line in shown.stdout.splitlines())
    assert lines["python"].startswith("3.")


def test_doctor_takes_the_tiny_model_where_it_is_ready(slearn: Any, monkeypatch: Any) -> None:
    facts = (Path("/m"), "ab", 1, "MIT", "file")
    other = ModelStatus("other", "ready", *facts)
    assert installed([other, ModelStatus(TINY, "ready", *facts)]) == TINY
    assert installed([other, ModelStatus(TINY, "not downloaded", *facts)]) is None
    monkeypatch.setattr("slearn.catalog.list_models", lambda: [other])
    found = slearn("doctor", "--json")
    assert found.stderr.startswith("no model is installed: ") and found.stderr.count("\n") == 1
    assert json.loads(found.stdout)["model"] is None
    monkeypatch.setattr("slearn.cli.checkup.installed", lambda: "scripted")
    assert json.loads(slearn("doctor", "--json").stdout)["model"]["name"] == "scripted"


def test_doctor_times_a_model(slearn: Any) -> None:
    report = json.loads(slearn("doctor", "--model", "scripted", "--json").stdout)["model"]
    assert report["name"] == "scripted" and report["sentence"]
    assert report["tokens_per_second"] > 0
    assert "model sentence" in slearn("doctor", "--model", "scripted").stdout
    assert "did you mean" in slearn("doctor", "--model", "smolm2", code=2).stderr
