"""An engine with tools: it wraps one that has none, and a toolbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
from slearn.tools.toolbox import Toolbox


class ToolEngine(Engine):
    """Runs tools in a toolbox, and everything else on the engine inside.

    >>> # ToolEngine(engine, Toolbox()).run_tools([ToolRequest(tool, '{"n": 4}')])[0].text
    """

    def __init__(self, inner: Engine, toolbox: Toolbox) -> None:
        self._inner = inner
        self._toolbox = toolbox

    @property
    def fingerprint(self) -> dict[str, Any]:
        """The inner engine's: what tools give is never taken from another run."""
        return self._inner.fingerprint

    @property
    def window(self) -> int:
        """The inner engine's."""
        return self._inner.window

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        """Ask the inner engine."""
        return self._inner.generate(requests, watch)

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        """Ask the inner engine."""
        return self._inner.score(requests, watch)

    @property
    def runs_tools(self) -> bool:
        """Whether the sandbox can be had: without one, no tools are made."""
        return self._toolbox.ready

    def run_tools(self, requests: Sequence[ToolRequest]) -> list[ToolResult]:
        """Run tools in the toolbox."""
        return self._toolbox.run(requests)

    def count_tokens(self, text: str) -> int:
        """Ask the inner engine."""
        return self._inner.count_tokens(text)

    def close(self) -> None:
        """Close the toolbox and the inner engine."""
        self._toolbox.close()
        self._inner.close()
