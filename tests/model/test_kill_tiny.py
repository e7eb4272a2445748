"""kill -9 in a training on the tiny model: resume ends with the same agent, byte for byte."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slearn.store import Store

ROOT = Path(__file__).parent.parent.parent
KILLS = 3


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "slearn.cli", *words]


def run(cwd: Path, *words: str) -> str:
    done = subprocess.run(command(*words), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rounds(store: Path) -> int:
    with Store.open(store, create=False) as opened:
        return len({call.round for call in opened.calls("r1")})


@pytest.mark.model
def test_three_kills_change_nothing(tmp_path: Path) -> None:
    source = ROOT / "data" / "support" / "requests.jsonl"
    rows = source.read_text(encoding="utf-8").splitlines()[:60]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    run(tmp_path, *"init demo --data rows.jsonl --input request --target queue".split())
    train = "train demo --model smollm2-135m --budget-tokens 7000 --test-limit 10 --json".split()

    began = time.monotonic()
    whole = json.loads(run(tmp_path, *train, "--store", "whole.duckdb").splitlines()[-1])
    seconds = time.monotonic() - began

    chance = random.Random(os.getpid())
    words = [*train, "--store", "killed.duckdb"]
    for _ in range(KILLS):
        process = subprocess.Popen(
            command(*words), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while not (tmp_path / "killed.duckdb").exists() and time.monotonic() < deadline:
            time.sleep(0.05)  # before that there is no run to go on with
        time.sleep(0.5 + chance.uniform(0, 0.3 * seconds))
        process.send_signal(signal.SIGKILL)
        process.wait()
        words = ["train", "--resume", "r1", "--store", "killed.duckdb", "--json"]
    resumed = json.loads(run(tmp_path, *words).splitlines()[-1])

    for name in ("agent", "before", "after", "gain", "accepted", "rejected", "calls", "tokens"):
        assert resumed[name] == whole[name], name
    for name in ("whole", "killed"):
        run(tmp_path, "export", "r1", "-o", f"{name}.yaml", "--store", f"{name}.duckdb")
    assert (tmp_path / "whole.yaml").read_bytes() == (tmp_path / "killed.yaml").read_bytes()
    assert rounds(tmp_path / "killed.duckdb") == rounds(tmp_path / "whole.duckdb")
