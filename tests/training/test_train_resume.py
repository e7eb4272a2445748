"""Resume is replay: stopped at any moment, a training ends like the one that was not stopped."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import slearn
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import EngineError, Interrupted, StoreError
from slearn.progress import Progress
from slearn.store import Store
from slearn.train import Engines, train
from tests.training import toy
from tests.training.conftest import Finished


class Stopping(Progress):
    """Asks a run to end once the engine has computed so many rounds."""

    def __init__(self, engine: ScriptedEngine, rounds: int) -> None:
        self._engine = engine
        self._rounds = rounds

    @property
    def interrupted(self) -> bool:  # type: ignore[override]
        """Whether it is time."""
        return self._engine.rounds >= self._rounds


def rounds_of(path: Path) -> int:
    with Store.open(path) as store:
        return len({call.round for call in store.calls("last") if not call.cached})


def test_interrupted_again_and_again_a_run_ends_the_same(
    finished: Finished, store_path: Path
) -> None:
    computed = 0
    for rounds in (1, 4, 6):
        engine = ScriptedEngine()
        with pytest.raises(Interrupted) as caught:
            toy.run(store_path, engine=engine, progress=Stopping(engine, rounds))
        assert caught.value.exit_code == 130 and "--resume r1" in str(caught.value)
        assert engine.rounds == rounds  # nothing that was paid for is computed again
        computed += rounds
        with Store.open(store_path) as store:
            assert store.run("r1").status == "interrupted"
        assert rounds_of(store_path) == computed
    engine = ScriptedEngine()
    result = toy.run(store_path, engine=engine)
    assert computed + engine.rounds == finished.rounds
    assert toy.figures(result) == toy.figures(finished.result)
    assert toy.recorded(store_path) == toy.recorded(finished.path)


def test_a_finished_run_replays_without_computing(finished: Finished, tmp_path: Path) -> None:
    path = tmp_path / "copy.duckdb"
    path.write_bytes(finished.path.read_bytes())
    engine = ScriptedEngine()
    again = toy.run(path, engine=engine)
    assert engine.rounds == 0
    assert again.as_json() == finished.result.as_json()  # seconds and all


def test_a_run_goes_on_after_its_engine_failed(finished: Finished, store_path: Path) -> None:
    class Failing(ScriptedEngine):
        def count_tokens(self, text: str) -> int:
            if self.rounds > 9:
                raise EngineError("out of memory")
            return super().count_tokens(text)

    with pytest.raises(EngineError, match="out of memory"):
        toy.run(store_path, engine=Failing())
    result = toy.run(store_path)
    assert toy.figures(result) == toy.figures(finished.result)


def test_other_settings_are_another_run(finished: Finished, tmp_path: Path) -> None:
    path = tmp_path / "copy.duckdb"
    path.write_bytes(finished.path.read_bytes())
    with pytest.raises(StoreError, match="start a new run"):
        toy.run(path, settings=replace(toy.SHORT, seed=3))


def test_a_second_run_pays_only_for_what_is_new(store_path: Path) -> None:
    # Of a small budget more would be left the second time, and so more candidates would be raced.
    ample = replace(toy.SHORT, budget_tokens=10**9, max_steps=1)
    results, rounds = [], []
    for _ in range(2):
        engine = ScriptedEngine()
        with Store.open(store_path) as store:
            engines, log = Engines(engine, engine), store.begin({})
            results.append(train(toy.start(), toy.data(), engines, log, ample))
        rounds.append(engine.rounds)
    first, again = results
    assert rounds[0] > 10 and rounds[1] == 0
    assert again.calls["cached"] == again.calls["total"] == first.calls["total"]
    assert again.tokens["prompt"] == 0 < first.tokens["prompt"]  # what is cached is free
    assert again.agent == first.agent


@pytest.fixture
def trainer() -> Iterator[subprocess.Popen[str]]:
    """A process that trains in forked children; see toy.py."""
    root = str(Path(slearn.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, toy.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    with process:
        yield process
        process.kill()


def test_killed_ten_times_a_run_ends_the_same(
    finished: Finished, store_path: Path, trainer: subprocess.Popen[str]
) -> None:
    assert trainer.stdin and trainer.stdout
    chance = random.Random(5)
    computed = killed = 0
    for _ in range(10):
        print(store_path, file=trainer.stdin, flush=True)
        child, rounds, ended = 0, 0, False
        aim = chance.randint(1, 3)
        for line in trainer.stdout:
            word, *rest = line.split()
            if word == "child":
                child = int(rest[0])
                # A fork of a process with threads may hang before it begins: no fault of ours.
                watchdog = threading.Timer(20, os.kill, (child, signal.SIGKILL))
                watchdog.start()
            elif word == "round":
                rounds += 1
                if rounds == aim:
                    time.sleep(chance.random() * 0.03)
                    os.kill(child, signal.SIGKILL)
            elif word == "ended":
                watchdog.cancel()
                killed += int(rest[0]) == -signal.SIGKILL
                ended = int(rest[0]) == 0
                break
        computed += rounds
        if ended:
            break
    assert killed >= 6
    engine = ScriptedEngine()
    result = toy.run(store_path, engine=engine)
    assert toy.figures(result) == toy.figures(finished.result)
    assert toy.recorded(store_path) == toy.recorded(finished.path)
    # each kill cost the round in flight at most, and the last one counts as all the others
    assert finished.rounds <= computed + engine.rounds <= finished.rounds + killed
