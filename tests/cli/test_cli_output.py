"""What is written where: tables, figures, the live line, and the generated page of help."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from slearn.cli.live import LiveLine, TerminalProgress
from slearn.cli.output import cell, figure, one_line, score_of, shorten, table

ROOT = Path(__file__).parents[2]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that moves one second a look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_the_live_line_says_where_a_run_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    stream = Terminal()
    with TerminalProgress(LiveLine(stream, Clock()), lambda: 0.0) as progress:
        progress._clock = lambda: 10.0
        progress.phase("race", 3, "new demos")
        progress.best(0.75)
        progress.tokens(500, 4, 8)
        progress.tokens(1_000, 8, 8)
        progress.tokens(1_000, 8, 8)  # the next round
        progress.budget(6_000, 30_000)
        text = progress.text()
    assert text == (
        "step 4 race new demos 8/8 · best 0.750 · 200 tokens/s · 20% of 30,000 tokens · 2:00 left"
    )
    assert stream.getvalue().endswith("\r\x1b[2K" + text + "\r\x1b[2K")


def test_the_first_step_is_1_and_other_phases_have_none() -> None:
    progress = TerminalProgress(LiveLine(io.StringIO()), lambda: 0.0)
    texts = []
    for name in ("validation", "forward", "reading the test split"):
        progress.phase(name)
        texts.append(progress.text())
    assert texts == ["validation", "step 1 forward", "reading the test split"]


def test_the_live_line_is_cut_to_the_terminal_and_not_written_too_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    stream, now = Terminal(), [0.0]
    with LiveLine(stream, lambda: now[0]) as line:
        for moment in (0.0, 0.05, 0.2):
            now[0] = moment
            line.show(f"{moment} and\nmuch more")
    assert stream.getvalue().split("\r\x1b[2K") == ["", "0.0 and m", "0.2 and m", ""]


def test_no_terminal_no_line() -> None:
    for stream, quiet in ((io.StringIO(), False), (Terminal(), True)):
        with TerminalProgress(LiveLine(stream, quiet=quiet)) as progress:
            progress.phase("forward")
            progress.budget(1, 2)
        assert stream.getvalue() == ""


def test_words_for_values() -> None:
    assert one_line("a\r\n\tb\x07") == "a b"
    assert shorten("x" * 9, 5) == "xxxx…"
    assert [cell(value) for value in (None, 0.12345, 3, True)] == ["-", "0.123", "3", "True"]
    assert figure(0.5) == "0.500"
    assert score_of({"score": 0.5}) == score_of(0.5) == 0.5
    assert table([]) == ""


def test_the_page_of_help_is_up_to_date() -> None:
    """`python docs/build.py` brings it up to date."""
    command = [sys.executable, str(ROOT / "docs" / "build.py"), "--check"]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
