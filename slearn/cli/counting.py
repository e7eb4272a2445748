"""An engine that counts what its requests cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from slearn.engine import (
    Engine,
    GenerateRequest,
    Generation,
    Score,
    ScoreRequest,
    ToolRequest,
    ToolResult,
    Watcher,
)
from slearn.values import Usage


@final
class Counting(Engine):
    """Passes requests on to another engine and adds up their tokens in `usage`.

    >>> from slearn.engine import Message, open_engine
    >>> counting = Counting(open_engine(None))
    >>> _ = counting.generate([GenerateRequest((Message("user", "hi"),))])
    >>> counting.usage.prompt
    5
    """

    def __init__(self, inner: Engine) -> None:
        self._inner = inner
        self.usage = Usage()

    @property
    def fingerprint(self) -> dict[str, Any]:
        """The other engine's."""
        return self._inner.fingerprint

    @property
    def window(self) -> int:
        """The other engine's."""
        return self._inner.window

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        """Complete every request, and count."""
        found = self._inner.generate(requests, watch)
        self.usage = sum((one.usage for one in found), self.usage)
        return found

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        """Score every request's targets, and count."""
        found = self._inner.score(requests, watch)
        self.usage = sum((one.usage for one in found), self.usage)
        return found

    @property
    def runs_tools(self) -> bool:
        """As the other engine does."""
        return self._inner.runs_tools

    def run_tools(self, requests: Sequence[ToolRequest]) -> list[ToolResult]:
        """Call tools as the other engine does; they cost no tokens."""
        return self._inner.run_tools(requests)

    def count_tokens(self, text: str) -> int:
        """Count as the other engine does."""
        return self._inner.count_tokens(text)
