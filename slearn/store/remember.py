"""An engine that remembers: it wraps another engine and a run, and never pays twice.

Each call with requests is one round. A recorded round comes from the store, whole; a new one goes
to the inner engine with only those requests that nobody has paid for, and is durable before its
results are used. This is the one place where engine and store meet: the trainer does not know
that a call was free.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar, cast, final

from slearn.engine import (
    Engine,
    GenerateRequest,
    Generation,
    Result,
    Score,
    ScoreRequest,
    ToolRequest,
    ToolResult,
    Watcher,
    WrappedEngine,
)
from slearn.errors import ContextError, EngineError, StoreError
from slearn.store.calls import NewCall
from slearn.store.results import failure_json, failure_of, result_json, result_of
from slearn.store.rounds import NewRound, RecordedRound
from slearn.store.runlog import RunLog
from slearn.store.totals import Totals
from slearn.values import digest, plain

Q = TypeVar("Q", GenerateRequest, ScoreRequest, ToolRequest)
_Compute = Callable[[Sequence[Q], Watcher | None], Sequence[Result]]


@final
class RememberingEngine(WrappedEngine):
    """Run requests on `inner`, or take their results from the store where they were paid for.

    `totals` counts what this run has asked for, alike whether it was replayed or not. `on_round`
    is called after each round, when it is durable: whatever it raises, nothing is lost. Closing it
    closes the inner engine; the run stays open.

    >>> engine = RememberingEngine(inner, store.begin({}))  # doctest: +SKIP

    Raise StoreError when a resumed run asks for another round than it recorded.
    """

    def __init__(
        self, inner: Engine, log: RunLog, on_round: Callable[[], None] | None = None
    ) -> None:
        super().__init__(inner)
        self._log = log
        self._on_round = on_round
        self.totals = Totals()

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        """Complete every request, in order, paying for new ones only."""
        return cast(
            "list[Generation]", self._round("generate", requests, self._inner.generate, watch)
        )

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        """Score every request's targets, in order, paying for new ones only."""
        return cast("list[Score]", self._round("score", requests, self._inner.score, watch))

    def run_tools(self, requests: Sequence[ToolRequest]) -> list[ToolResult]:
        """Call tools, in order, or take what they gave this run when it was here before.

        Never what they gave another run: a user's function or a server may have changed since.
        """
        run = self._inner.run_tools
        found = self._round("tools", requests, lambda asked, _: run(asked), None, known=False)
        return cast("list[ToolResult]", found)

    @cached_property
    def _engine_key(self) -> str:
        return digest(self._inner.fingerprint)

    def _round(
        self,
        kind: str,
        requests: Sequence[Q],
        compute: _Compute[Q],
        watch: Watcher | None,
        *,
        known: bool = True,
    ) -> list[Result]:
        if not requests:
            return []
        keys = tuple(digest([self._engine_key, request.key()]) for request in requests)
        recorded = self._log.recorded_round()
        if recorded is None:
            found = self._log.find(keys) if known else {}
            results, seconds = self._compute(kind, keys, requests, found, compute, watch)
        else:
            results, seconds = self._replay(recorded, kind, keys), recorded.seconds
            if watch:
                watch(len(keys), len(keys), 0)
        self.totals += Totals.of(results, seconds)
        if self._on_round:
            self._on_round()
        return results

    def _replay(self, recorded: RecordedRound, kind: str, keys: tuple[str, ...]) -> list[Result]:
        if recorded.kind != kind or recorded.keys != keys:
            raise StoreError(
                f"round {self._log.next_round} differs from what run {self._log.name} recorded: "
                "the code, the data or the settings changed since",
                hint="start a new run",
            )
        self._log.pass_round()
        if recorded.failure is not None:
            raise failure_of(recorded.failure)
        return [result_of(call.result, call.cached) for call in recorded.calls]

    def _compute(
        self,
        kind: str,
        keys: tuple[str, ...],
        requests: Sequence[Q],
        found: Mapping[str, tuple[int, Mapping[str, Any]]],
        compute: _Compute[Q],
        watch: Watcher | None,
    ) -> tuple[list[Result], float]:
        missing = {k: q for k, q in zip(keys, requests, strict=True) if k not in found}
        started = time.monotonic()
        try:
            made = (
                compute(list(missing.values()), _shifted(watch, keys, missing)) if missing else []
            )
        except (ContextError, EngineError) as error:
            self._log.add_failure(NewRound(kind, failure=failure_json(error, keys)))
            raise
        calls = tuple(
            NewCall(key, plain(request), result_json(result))
            for (key, request), result in zip(missing.items(), made, strict=True)
        )
        spent = Totals.of(made).usage
        new = NewRound(kind, keys, found, calls, spent, time.monotonic() - started)
        self._log.add_round(new)
        return list(map(result_of, new.results, new.cached)), new.seconds


def _shifted(watch: Watcher | None, keys: Sequence[str], missing: dict[str, Any]) -> Watcher | None:
    if watch is None:
        return None
    free = len(keys) - len(missing)
    return lambda done, _, computed: watch(free + done, len(keys), computed)
