"""The program as a whole: exit codes, one-line errors, streams, Ctrl-C, and a fast --help."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from slearn import __version__
from slearn.cli.app import Program
from slearn.cli.interrupts import interruptible
from slearn.errors import BelowMinimum, Interrupted, SlearnError
from slearn.progress import Progress
from tests.cli.conftest import BUDGET

ROOT = Path(__file__).parents[2]


def failing(error: BaseException) -> Program:
    def fail() -> None:
        raise error

    return Program(commands={"fail": click.Command("fail", callback=fail)})


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (SlearnError("it\nbroke"), 1, "slearn: it broke"),
        (BelowMinimum("low", where="x", hint="y"), 4, "slearn: x: low (y)"),
        (Interrupted("stopped"), 130, "slearn: stopped"),
        (KeyboardInterrupt(), 130, "slearn: interrupted"),
        (ValueError("odd"), 1, "slearn: internal fault, ValueError: odd (set SLEARN_DEBUG=1"),
        (RecursionError(), 1, "slearn: internal fault, RecursionError:"),
        (SlearnError("\x1b[2Jred"), 1, "slearn: [2Jred"),
    ],
)
def test_every_error_is_one_line_and_a_code(error: BaseException, code: int, line: str) -> None:
    result = CliRunner().invoke(failing(error), ["fail"])
    assert result.exit_code == code
    assert result.stderr.count("\n") == 1 and result.stderr.startswith(line)
    assert result.stdout == ""


def test_the_traceback_comes_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEARN_DEBUG", "1")
    result = CliRunner().invoke(failing(ValueError("odd")), ["fail"])
    assert result.exit_code == 1 and "Traceback" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tain"], "slearn: No such command 'tain'"),
        (["train", "--modle", "x"], "slearn: No such option '--modle'"),
        (["eval", "a", "--data", "b"], "slearn: Missing option '--model'"),
        (["eval", "a", "--data", "b", "--model", "c", "--min-score", "2"], "2.0 is not in"),
        (["models", "add"], "slearn: Missing argument 'PATH'. (see slearn models add --help)"),
    ],
)
def test_wrong_usage_is_one_line_too(slearn: Any, arguments: list[str], message: str) -> None:
    result = slearn(*arguments, code=2)
    assert message in result.stderr and result.stderr.count("\n") == 1


def test_no_command_shows_the_help(slearn: Any) -> None:
    result = CliRunner().invoke(failing(ValueError()), [])
    assert result.exit_code == 2 and result.stderr.startswith("Usage: ")
    assert __version__ in slearn("--version").stdout
    assert slearn("train", "-h").stdout.startswith("Usage: slearn train [OPTIONS] [AGENT]")


def test_help_loads_no_heavy_library(here: Path) -> None:
    code = (
        "import sys\nfrom slearn.cli import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'llama_cpp', 'duckdb', 'outlines', 'numpy', 'yaml', 'llguidance', 'pydantic'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not list(here.iterdir())


def test_a_reader_that_goes_away_ends_it_quietly(trained: Any, program: Any) -> None:
    with program("show", "r1") as running:
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(30) == 0


def test_letters_that_a_terminal_lacks(monkeypatch: Any, program: Any) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    with program("eval", "łz.yaml", "--data", "x", "--model", "scripted") as done:
        assert "\\u0142z.yaml: cannot be read" in done.stderr.read()
    assert done.returncode == 2


def test_ctrl_c_saves_the_run_and_a_resume_ends_like_one_that_was_not_stopped(
    trained: Any, finished: Any, program: Any, slearn: Any
) -> None:
    store = ("--store", "stopped.duckdb")
    running = program("train", finished[0] / "demo", *BUDGET, *store, "--json")
    assert running.stderr.readline().startswith("run r1 · ")
    running.send_signal(signal.SIGINT)
    output, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert output == ""
    assert "slearn train --resume r1 --store stopped.duckdb" in errors.splitlines()[-1]
    assert json.loads(slearn("runs", *store, "--json").stdout)[0]["status"] != "finished"
    resumed = json.loads(slearn("train", "--resume", "r1", *store, "--json").stdout)
    whole = json.loads(trained.stdout)
    del whole["seconds"], resumed["seconds"]
    assert resumed == whole


def test_the_first_ctrl_c_asks_and_the_second_stops(capfd: pytest.CaptureFixture[str]) -> None:
    progress, before = Progress(), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible(progress):
        signal.raise_signal(signal.SIGINT)
        assert progress.interrupted
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert "Ctrl-C again stops at once" in capfd.readouterr().err


def test_other_threads_leave_ctrl_c_alone() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with interruptible(Progress()):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
