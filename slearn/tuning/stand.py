"""Engines that stand side by side, so that a workload can run on each in turns."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType

from slearn.engine import Engine, EngineSettings
from slearn.tuning.workload import Workload

Opener = Callable[[EngineSettings], AbstractContextManager[Engine]]

RUNS_HOPED_FOR = 30
SMALLEST = 0.25  # of the workload


class Stand:
    """Opens an engine when its settings are first measured, closes it when they are dropped.

    >>> from slearn.engine import open_engine
    >>> with Stand(lambda settings: open_engine(None)) as stand:
    ...     stand.measure(EngineSettings()) > 0
    True
    """

    def __init__(self, opener: Opener, clock: Callable[[], float] | None = None) -> None:
        from time import perf_counter

        self._opener = opener
        self._clock = clock or perf_counter
        self._open: dict[EngineSettings, tuple[Engine, ExitStack]] = {}
        self.work = Workload()

    def __enter__(self) -> Stand:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for settings in list(self._open):
            self.drop(settings)

    def fit(self, settings: EngineSettings, seconds: float) -> int:
        """Choose a workload of which some 30 runs fit into the time; return a round's tokens."""
        self.work = Workload(SMALLEST)
        self.measure(settings)  # warm: first use is slower
        engine, start = self.engine(settings), self._clock()
        self.work.run(engine)
        taken = max(self._clock() - start, 1e-6)
        share = SMALLEST * seconds / RUNS_HOPED_FOR / taken
        self.work = Workload(min(1.0, max(SMALLEST, share)))
        return self.work.prompt_tokens(engine)

    def measure(self, settings: EngineSettings) -> float:
        """Run the workload once; return the seconds for each token that was computed."""
        engine = self.engine(settings)
        start = self._clock()
        tokens = self.work.run(engine)
        return max(self._clock() - start, 1e-9) / tokens

    def engine(self, settings: EngineSettings) -> Engine:
        """Return the engine with these settings, opened if it is not open yet."""
        if settings not in self._open:
            stack = ExitStack()
            self._open[settings] = stack.enter_context(self._opener(settings)), stack
        return self._open[settings][0]

    def drop(self, settings: EngineSettings) -> None:
        """Close the engine with these settings, if it is open."""
        _, stack = self._open.pop(settings, (None, ExitStack()))
        stack.close()
