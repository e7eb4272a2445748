"""The way to extend an engine: wrap it, and say only what is different."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slearn.engine.base import (
    Engine,
    GenerateRequest,
    Generation,
    Score,
    ScoreRequest,
    Then,
    ToolRequest,
    ToolResult,
    Watcher,
)


class WrappedEngine(Engine):
    """Hands everything on to the engine inside.

    >>> # class Logged(WrappedEngine): ...  # with a `generate` of its own
    """

    def __init__(self, inner: Engine) -> None:
        self._inner = inner

    @property
    def fingerprint(self) -> dict[str, Any]:
        """The inner engine's."""
        return self._inner.fingerprint

    @property
    def window(self) -> int:
        """The inner engine's."""
        return self._inner.window

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        """Complete every request, in order."""
        return self._inner.generate(requests, watch)

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        """Score every request's targets, in order."""
        return self._inner.score(requests, watch)

    def generate_then_score(
        self,
        requests: Sequence[GenerateRequest],
        then: Sequence[Then],
        watch: Watcher | None = None,
    ) -> list[tuple[Generation, Score | None]]:
        """Complete every request, and score what is asked behind its text."""
        return self._inner.generate_then_score(requests, then, watch)

    @property
    def runs_tools(self) -> bool:
        """As the inner engine does."""
        return self._inner.runs_tools

    def run_tools(self, requests: Sequence[ToolRequest]) -> list[ToolResult]:
        """Call tools, in order."""
        return self._inner.run_tools(requests)

    def count_tokens(self, text: str) -> int:
        """Count as the inner engine does."""
        return self._inner.count_tokens(text)

    def close(self) -> None:
        """Close the inner engine."""
        self._inner.close()
