"""A training on the tiny model with every socket blocked: nothing ever leaves the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

BLOCKED = """
import socket
def refuse(*_, **__):
    raise AssertionError("a socket was opened")
class Blocked(socket.socket):
    __init__ = refuse
socket.socket = Blocked
socket.create_connection = refuse
socket.getaddrinfo = refuse
from slearn.cli import main
main()
"""


@pytest.mark.model
def test_training_opens_no_socket_and_every_output_parses(tmp_path: Path) -> None:
    def slearn(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", BLOCKED, *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    source = ROOT / "data" / "support" / "requests.jsonl"
    rows = source.read_text(encoding="utf-8").splitlines()[:80]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    slearn(*"init demo --data rows.jsonl --input request --target queue".split())
    budget = ["--budget-tokens", "9000", "--model", "smollm2-135m", "--json"]
    result = json.loads(slearn("train", "demo", *budget).splitlines()[-1])
    assert result["calls"]["invalid"] == 0
    assert result["status"] == "finished"

    story = json.loads(slearn("show", result["run"], "--json"))
    assert story["run"] == result["run"]
    checker = [sys.executable, str(ROOT / "bench" / "check_outputs.py")]
    store = str(tmp_path / ".slearn" / "store.duckdb")
    checked = subprocess.run([*checker, store], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["checked"] > 30

    slearn("export", result["run"], "-o", "trained.yaml")
    answer = slearn("run", "trained.yaml", "Where is my parcel?", "--model", "smollm2-135m")
    assert answer.strip() in ("account", "billing", "delivery", "returns", "technical")
