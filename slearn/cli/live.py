"""One live line on a terminal: phase, step, best score, speed, budget and time left.

Where stderr is no terminal nothing is written at all.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from slearn.cli.output import one_line, say
from slearn.progress import Progress

_EVERY = 0.1
_OF_A_STEP = ("forward", "loss", "backward", "propose", "race", "validate")
_CLEAR = "\r\x1b[2K"


class LiveLine:
    """A line that is overwritten in place, at most ten times a second.

    >>> with LiveLine() as line:
    ...     line.show("half done")
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        quiet: bool = False,
    ) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._shown = -1.0
        self.enabled = not quiet and self._stream.isatty()

    def __enter__(self) -> LiveLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self.enabled and self._shown >= 0:
            self._stream.write(_CLEAR)
            self._stream.flush()

    def show(self, text: str) -> None:
        """Overwrite the line, unless it was just written."""
        now = self._clock()
        if not self.enabled or (self._shown >= 0 and now - self._shown < _EVERY):
            return
        self._shown = now
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(_CLEAR + one_line(text)[:width])
        self._stream.flush()


class TerminalProgress(Progress):
    """Shows a training run on a live line.

    >>> with TerminalProgress() as progress:
    ...     progress.phase("forward", 1)
    """

    def __init__(
        self, line: LiveLine | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._line = line or LiveLine()
        self._clock = clock
        self._phase = ""
        self._best: float | None = None
        self._used = self._total = self._last = self._sum = 0
        self._round = ""
        self._began = clock()

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(self, *error: object) -> None:
        self._line.__exit__(None, None, None)

    def phase(self, name: str, step: int = 0, detail: str = "") -> None:
        """Show a new phase."""
        number = f"step {step + 1}" if name in _OF_A_STEP else ""  # a person counts from 1
        self._phase = " ".join(part for part in (number, name, detail) if part)
        self._round = ""
        self._show()

    def tokens(self, computed: int, done: int, total: int) -> None:
        """Count the tokens of the round in flight; its count starts again with every round."""
        self._sum += computed - self._last if computed >= self._last else computed
        self._last = computed if done < total else 0
        self._round = f"{done}/{total}"
        self._show()

    def best(self, score: float | None) -> None:
        """Show the best score."""
        self._best = score
        self._show()

    def warn(self, text: str) -> None:
        """Say it above the live line."""
        self._line.__exit__(None, None, None)
        say(f"warning: {text}")
        self._show()

    def budget(self, used: int, total: int) -> None:
        """Show how much of the budget is used."""
        self._used, self._total = used, total
        self._show()

    def text(self) -> str:
        """Return what the line says now."""
        seconds = self._clock() - self._began
        speed = self._sum / seconds if seconds > 0 else 0.0
        parts = [f"{self._phase} {self._round}".strip()]
        if self._best is not None:
            parts.append(f"best {self._best:.3f}")
        if speed:
            parts.append(f"{speed:,.0f} tokens/s")
        if self._total:
            parts.append(f"{min(1.0, self._used / self._total):.0%} of {self._total:,} tokens")
        if self._total and speed:
            left = max(0, self._total - self._used) / speed
            parts.append(f"{int(left) // 60}:{int(left) % 60:02d} left")
        return " · ".join(part for part in parts if part)

    def _show(self) -> None:
        self._line.show(self.text())
