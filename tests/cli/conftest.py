"""Isolates home, environment and working directory, and runs the command line in them."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from slearn.cli import main

ROOT = Path(__file__).parents[2]
QUEUES = {
    "billing": ["invoice", "charged twice", "refund of money", "price on the bill"],
    "delivery": ["parcel", "courier", "package is late", "shipping address"],
    "account": ["login", "password", "my profile", "email of my account"],
}
PLACES = ["Oslo", "Bergen", "Turku", "Malmo", "Aarhus", "Vaasa"]

BUDGET = ("--model", "scripted", "--budget-tokens", "28000")

Slearn = Callable[..., Result]


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def support_rows() -> list[dict[str, Any]]:
    """Return 72 small rows with three labels, alike enough that demonstrations help."""
    return [
        {"id": f"{queue[0]}{n}{place[0]}", "request": f"{phrase} in {place}", "queue": queue}
        for queue, phrases in QUEUES.items()
        for n, phrase in enumerate(phrases)
        for place in PLACES
    ]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SLEARN_HOME", str(tmp_path / "home" / ".slearn"))
    monkeypatch.delenv("SLEARN_DEBUG", raising=False)
    return tmp_path


@pytest.fixture
def slearn() -> Slearn:
    """Run a command line and check its exit code; errors must be one line."""

    def run(*arguments: object, code: int = 0, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)
        assert result.exit_code == code, result.output
        if code:
            assert result.stderr.splitlines()[-1].startswith("slearn: ")
            assert "Traceback" not in result.stderr
        return result

    return run


@pytest.fixture
def project(here: Path, slearn: Slearn) -> Path:
    """A directory that init made of the support rows."""
    data = write_rows(here / "rows.jsonl", support_rows())
    slearn("init", "demo", "--data", data, "--input", "request", "--target", "queue")
    return here / "demo"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A folder with a project and a store that holds its finished run r1; it is never changed."""
    folder = tmp_path_factory.mktemp("finished")
    data = write_rows(folder / "rows.jsonl", support_rows())
    named = ["--data", str(data), "--input", "request", "--target", "queue"]
    made = CliRunner().invoke(main, ["init", str(folder / "demo"), *named])
    assert made.exit_code == 0, made.output
    store = ["--store", str(folder / "store.duckdb"), "--json"]
    run = CliRunner().invoke(main, ["train", str(folder / "demo"), *BUDGET, *store])
    assert run.exit_code == 0, run.output
    return folder, run


@pytest.fixture
def trained(finished: tuple[Path, Result], here: Path) -> Result:
    """The finished run r1 in a default store of this test's own, and how train ended."""
    (here / ".slearn").mkdir()
    shutil.copy(finished[0] / "store.duckdb", here / ".slearn")
    return finished[1]


@pytest.fixture
def rows_file() -> Callable[[Path, Sequence[dict[str, Any]]], Path]:
    return write_rows


@pytest.fixture
def tiny_model(here: Path) -> Path:
    """A GGUF file of one tensor: whole, but nothing that could run."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1)
    head += text("general.architecture") + struct.pack("<I", 8) + text("llama")
    head += text("w") + struct.pack("<IQIQ", 1, 8, 0, 0)
    path = here / "tiny.gguf"
    path.write_bytes(head + b"\0" * (-len(head) % 32) + b"\1" * 32)
    return path


@pytest.fixture
def program(here: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start a command line as a process of its own, with Ctrl-C as a terminal gives it."""
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from slearn.cli import main; main()"
    )

    def start(*arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
