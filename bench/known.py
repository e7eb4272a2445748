"""An engine that knows what kept stores hold, and charges what it cost when it was computed.

Settings of a seed ask much alike, an ablation until its first difference. An answer is the same
whoever else asks (bench/determinism.py), so it need not be computed again; tokens are counted as
if it were, seconds are not, and a line says how many calls were known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from slearn.engine import (
    Engine,
    GenerateRequest,
    Generation,
    Result,
    Score,
    ScoreRequest,
    Then,
    Watcher,
    WrappedEngine,
)
from slearn.store import Store
from slearn.store.results import result_json, result_of
from slearn.values import digest

Q = TypeVar("Q", GenerateRequest, ScoreRequest)


class KnownEngine(WrappedEngine):
    """Takes from `known` what is there, and keeps there what the inner engine computes.

    >>> # KnownEngine(engine, read_known(Path("kept").glob("*/store.duckdb")))
    """

    def __init__(self, inner: Engine, known: dict[str, Mapping[str, Any]]) -> None:
        super().__init__(inner)
        self._known = known
        self._key = digest(inner.fingerprint)
        self.taken = 0

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        """Complete every request, in order, computing those that are not known."""
        found = self._answer(requests, lambda asked: self._inner.generate(asked, watch))
        return cast("list[Generation]", found)

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        """Score every request's targets, in order, computing those that are not known."""
        found = self._answer(requests, lambda asked: self._inner.score(asked, watch))
        return cast("list[Score]", found)

    def generate_then_score(
        self,
        requests: Sequence[GenerateRequest],
        then: Sequence[Then],
        watch: Watcher | None = None,
    ) -> list[tuple[Generation, Score | None]]:
        """Complete and score; what is scored behind a text that is known may be known too."""
        after = dict(zip(map(self._key_of, requests), then, strict=True))

        def compute(asked: Sequence[GenerateRequest]) -> list[Generation]:
            wanted = [after[self._key_of(request)] for request in asked]
            pairs = self._inner.generate_then_score(asked, wanted, watch)
            for one, (made, score) in zip(wanted, pairs, strict=True):
                request = one(made)
                if request is not None and score is not None:
                    self._known[self._key_of(request)] = result_json(score)
                    self.taken -= 1  # which the look below takes for known
            return [made for made, _ in pairs]

        made = cast("list[Generation]", self._answer(requests, compute))
        asked = [one(text) for one, text in zip(then, made, strict=True)]
        scores = iter(self.score([request for request in asked if request is not None], watch))
        pairs = zip(made, asked, strict=True)
        return [(text, None if request is None else next(scores)) for text, request in pairs]

    def _key_of(self, request: GenerateRequest | ScoreRequest) -> str:
        return digest([self._key, request.key()])

    def _answer(
        self, requests: Sequence[Q], compute: Callable[[Sequence[Q]], Sequence[Result]]
    ) -> list[Result]:
        keys = list(map(self._key_of, requests))
        missing = {k: q for k, q in zip(keys, requests, strict=True) if k not in self._known}
        self.taken += sum(key not in missing for key in keys)
        if missing:
            made = compute(list(missing.values()))
            for key, result in zip(missing, made, strict=True):
                self._known[key] = result_json(result)
        return [result_of(self._known[key], cached=False) for key in keys]


def read_known(places: Iterable[Path]) -> dict[str, Mapping[str, Any]]:
    """Return the calls of the model that stores hold, by key."""
    known: dict[str, Mapping[str, Any]] = {}
    for place in sorted(places):
        with Store.open(place, create=False) as store:
            for run in store.runs():
                for call in store.calls(run.name):
                    if call.kind in ("generate", "score"):
                        known.setdefault(call.key, call.result)
    return known
