"""On a model of about 0.5B an agent gets better on data it has not seen, measured for real."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_an_agent_gains_on_unseen_requests(slow_path: Path, tmp_path: Path) -> None:
    def slearn(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "slearn.cli", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    data = str(ROOT / "data" / "support" / "requests.jsonl")
    slearn("init", "demo", "--data", data, "--input", "request", "--target", "queue")
    budget = ("--budget-tokens", "25000", "--json")
    line = slearn("train", "demo", "--model", str(slow_path), *budget).splitlines()[-1]
    result = json.loads(line)
    assert result["calls"]["invalid"] == 0
    assert result["gain"]["low"] >= 0
    assert result["after"]["score"] > result["before"]["score"]
