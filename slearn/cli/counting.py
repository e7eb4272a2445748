"""An engine that counts what its requests cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from slearn.engine import (
    Engine,
    GenerateRequest,
    Generation,
    Score,
    ScoreRequest,
    Then,
    Watcher,
    WrappedEngine,
)
from slearn.values import Usage


@final
class Counting(WrappedEngine):
    """Passes requests on to another engine and adds up their tokens in `usage`.

    >>> from slearn.engine import Message, open_engine
    >>> counting = Counting(open_engine(None))
    >>> _ = counting.generate([GenerateRequest((Message("user", "hi"),))])
    >>> counting.usage.prompt
    5
    """

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.usage = Usage()

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        """Complete every request, and count."""
        found = super().generate(requests, watch)
        self.usage = sum((one.usage for one in found), self.usage)
        return found

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        """Score every request's targets, and count."""
        found = super().score(requests, watch)
        self.usage = sum((one.usage for one in found), self.usage)
        return found

    def generate_then_score(
        self,
        requests: Sequence[GenerateRequest],
        then: Sequence[Then],
        watch: Watcher | None = None,
    ) -> list[tuple[Generation, Score | None]]:
        """Complete and score every request, and count."""
        found = super().generate_then_score(requests, then, watch)
        usages = (one.usage for pair in found for one in pair if one is not None)
        self.usage = sum(usages, self.usage)
        return found
