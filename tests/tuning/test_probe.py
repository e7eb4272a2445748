"""What may end a process is tried in one of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from slearn.engine import AMX, EngineSettings
from slearn.errors import EngineError
from slearn.tuning import probe, try_apart

SETTINGS = EngineSettings(weights=AMX)


def test_a_signal_ends_the_trial_and_not_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "_WORK", "import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    with pytest.raises(EngineError, match=r"ended the process \(signal 4\)"):
        try_apart(tmp_path / "model.gguf", SETTINGS)


def test_what_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"a trial failed: .*model\.gguf"):
        try_apart(tmp_path / "model.gguf", SETTINGS)


def test_what_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_WORK", "import time; time.sleep(60)")
    monkeypatch.setattr(probe, "_SECONDS", 0.2)
    with pytest.raises(EngineError, match="has not ended after"):
        try_apart(tmp_path / "model.gguf", SETTINGS)


def test_what_ends_well_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_WORK", "import sys; assert 'amx' in sys.argv[2]")
    try_apart(tmp_path / "model.gguf", SETTINGS)
