"""An engine that remembers: it wraps another engine and a run, and never pays twice.

Each call with requests is one round. A recorded round comes from the store, whole; a new one goes
to the inner engine with only those requests that nobody has paid for, and is durable before its
results are used. This is the one place where engine and store meet: the trainer does not know
that a call was free.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast, final

from slearn.engine import (
    Engine,
    GenerateRequest,
    Generation,
    Result,
    Score,
    ScoreRequest,
    Then,
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


@dataclass(frozen=True)
class _Taken:
    """What a round gives, and the round itself where it is new and not yet written."""

    results: list[Result]
    seconds: float = 0.0
    new: NewRound | None = None


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

    def generate_then_score(
        self,
        requests: Sequence[GenerateRequest],
        then: Sequence[Then],
        watch: Watcher | None = None,
    ) -> list[tuple[Generation, Score | None]]:
        """Complete and score, paying for what is new only: two rounds, durable together.

        What is to be scored behind a text that was known is read anew.
        """
        after = dict(zip(self._keys(requests), then, strict=True))
        along: dict[str, Score] = {}  # scored behind texts that were just written

        def both(asked: Sequence[GenerateRequest], watch: Watcher | None) -> list[Generation]:
            wanted = [after[key] for key in self._keys(asked)]
            found = self._inner.generate_then_score(asked, wanted, watch)
            for one, (made, score) in zip(wanted, found, strict=True):
                request = one(made)
                if request is not None and score is not None:
                    along[self._key(request)] = score
            return [made for made, _ in found]

        def rest(asked: Sequence[ScoreRequest], watch: Watcher | None) -> list[Score]:
            others = [request for request in asked if self._key(request) not in along]
            found = self._inner.score(others, watch) if others else []
            scored = along | dict(zip(self._keys(others), found, strict=True))
            return [scored[key] for key in self._keys(asked)]

        first = self._take("generate", requests, both, watch)
        texts = cast("list[Generation]", first.results)
        asked = [one(text) for one, text in zip(then, texts, strict=True)]
        known = [request for request in asked if request is not None]
        second = self._take("score", known, rest, None, behind=first)
        self._settle(first, second)
        scores = iter(cast("list[Score]", second.results))
        pairs = zip(texts, asked, strict=True)
        return [(text, None if request is None else next(scores)) for text, request in pairs]

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

    def _key(self, request: GenerateRequest | ScoreRequest | ToolRequest) -> str:
        return digest([self._engine_key, request.key()])

    def _keys(self, requests: Sequence[Q]) -> tuple[str, ...]:
        return tuple(map(self._key, requests))

    def _round(
        self,
        kind: str,
        requests: Sequence[Q],
        compute: _Compute[Q],
        watch: Watcher | None,
        *,
        known: bool = True,
    ) -> list[Result]:
        taken = self._take(kind, requests, compute, watch, known=known)
        self._settle(taken)
        return taken.results

    def _take(
        self,
        kind: str,
        requests: Sequence[Q],
        compute: _Compute[Q],
        watch: Watcher | None,
        *,
        known: bool = True,
        behind: _Taken | None = None,
    ) -> _Taken:
        """Return what a round gives, recorded or computed; `behind` is one that is not settled."""
        if not requests:
            return _Taken([])
        keys = self._keys(requests)
        recorded = self._log.recorded_round() if behind is None or behind.new is None else None
        if recorded is not None:
            if watch:
                watch(len(keys), len(keys), 0)
            return _Taken(self._replay(recorded, kind, keys), recorded.seconds)
        found = self._log.find(keys) if known else {}
        try:
            new = _computed(kind, keys, requests, found, compute, watch)
        except (ContextError, EngineError) as error:
            if behind is not None and behind.new is not None:  # it is paid for
                self._log.add_rounds(behind.new)
            self._log.add_failure(NewRound(kind, failure=failure_json(error, keys)))
            raise
        return _Taken(list(map(result_of, new.results, new.cached)), new.seconds, new)

    def _settle(self, *taken: _Taken) -> None:
        """Make new rounds durable, all or none, and count them."""
        new = [one.new for one in taken if one.new is not None]
        if new:
            self._log.add_rounds(*new)
        for one in taken:
            self.totals += Totals.of(one.results, one.seconds)
        if self._on_round and any(one.results for one in taken):
            self._on_round()

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


def _computed(
    kind: str,
    keys: tuple[str, ...],
    requests: Sequence[Q],
    found: Mapping[str, tuple[int, Mapping[str, Any]]],
    compute: _Compute[Q],
    watch: Watcher | None,
) -> NewRound:
    """Return a round of which what nobody has paid for is computed."""
    missing = {k: q for k, q in zip(keys, requests, strict=True) if k not in found}
    started = time.monotonic()
    made = compute(list(missing.values()), _shifted(watch, keys, missing)) if missing else []
    calls = tuple(
        NewCall(key, plain(request), result_json(result))
        for (key, request), result in zip(missing.items(), made, strict=True)
    )
    return NewRound(kind, keys, found, calls, Totals.of(made).usage, time.monotonic() - started)


def _shifted(watch: Watcher | None, keys: Sequence[str], missing: dict[str, Any]) -> Watcher | None:
    if watch is None:
        return None
    free = len(keys) - len(missing)
    return lambda done, _, computed: watch(free + done, len(keys), computed)
