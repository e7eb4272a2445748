"""An engine with tools: it wraps one that has none, and a toolbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from slearn.engine import Engine, ToolRequest, ToolResult, WrappedEngine
from slearn.tools.toolbox import Toolbox


@final
class ToolEngine(WrappedEngine):
    """Runs tools in a toolbox, and everything else on the engine inside.

    The fingerprint is that engine's: what tools give is never taken from another run.

    >>> # ToolEngine(engine, Toolbox()).run_tools([ToolRequest(tool, '{"n": 4}')])[0].text
    """

    def __init__(self, inner: Engine, toolbox: Toolbox) -> None:
        super().__init__(inner)
        self._toolbox = toolbox

    @property
    def runs_tools(self) -> bool:
        """Whether the sandbox can be had: without one, no tools are made."""
        return self._toolbox.ready

    def run_tools(self, requests: Sequence[ToolRequest]) -> list[ToolResult]:
        """Run tools in the toolbox."""
        return self._toolbox.run(requests)

    def close(self) -> None:
        """Close the toolbox and the inner engine."""
        self._toolbox.close()
        super().close()
