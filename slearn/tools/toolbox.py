"""The toolbox runs tools: code in the sandbox, the user's own functions here, MCP on its server.

What a tool does wrong is a result that says so, never an error of the trainer's: the model that
called it is to read it.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any

from slearn.engine import ToolRequest, ToolResult
from slearn.errors import InputError, SandboxError
from slearn.sandbox import Limits, Outcome, Sandbox, open_sandbox
from slearn.tools.functions import imported
from slearn.tools.results import failure, result_of
from slearn.tools.server import Server
from slearn.values import Tool

SANDBOX = "monty"
_STARTS = 3  # of a server in a run: one that goes at every call is left alone


class Toolbox:
    """Runs tools; servers start when they are first needed, the sandbox when it is asked for.

    >>> from slearn.tools.signature import tool_from_code
    >>> tool = tool_from_code("def double(n: int): return 2 * n")
    >>> with Toolbox() as box:
    ...     box.run([ToolRequest(tool, '{"n": 4}')])
    [ToolResult(text='8', ok=True, cached=False)]
    """

    def __init__(self, sandbox: str = SANDBOX, limits: Limits | None = None) -> None:
        self._named = sandbox
        self._limits = limits or Limits()
        self._sandbox: Sandbox | None = None
        self._missing: SandboxError | None = None
        self._servers: dict[str, Server] = {}
        self._starts: Counter[str] = Counter()

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox; SandboxError where it cannot be had."""
        if self._missing is not None:  # it is looked for once
            raise SandboxError(self._missing.message, hint=self._missing.hint)
        if self._sandbox is None:
            try:
                self._sandbox = open_sandbox(self._named, self._limits)
            except SandboxError as problem:
                self._missing = problem
                raise
        return self._sandbox

    @property
    def missing(self) -> str:
        """Why the sandbox cannot be had on this machine, nothing where it can."""
        try:
            _ = self.sandbox
        except SandboxError as problem:
            return str(problem)
        return ""

    @property
    def ready(self) -> bool:
        """Whether the sandbox can be had on this machine."""
        return not self.missing

    def need(self, place: str) -> None:
        """Raise SandboxError naming who needs the sandbox, where it cannot be had."""
        try:
            _ = self.sandbox
        except SandboxError as problem:
            raise SandboxError(problem.message, where=place, hint=problem.hint) from None

    def check(self, tools: Iterable[Tool], where: str = "") -> None:
        """Refuse tools that nothing here can run, before anything is paid for.

        >>> Toolbox().check([tool_from_code("def double(n: int): return 2 * n")])  # doctest: +SKIP

        Raises SandboxError where code cannot be run on this machine, InputError for a function that
        cannot be imported, and for a tool that has no code, function or server.
        """
        for tool in tools:
            place = f"{where}: tool {tool.name!r}" if where else f"tool {tool.name!r}"
            if tool.code:
                self.need(place)
            elif tool.function:
                try:
                    found = imported(tool.function)
                except InputError as problem:
                    raise InputError(problem.message, where=place, hint=problem.hint) from None
                if not callable(found):
                    raise InputError(f"{tool.function} is no function", where=place)
            elif not tool.server:
                hint = "give it code, a function or a server"
                raise InputError("nothing runs it", where=place, hint=hint)

    def run(self, requests: Sequence[ToolRequest]) -> list[ToolResult]:
        """Call tools one after the other and return what they gave, in order."""
        return [self._run(request) for request in requests]

    def close(self) -> None:
        """Stop the sandbox and all servers; closing twice is fine."""
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def __enter__(self) -> Toolbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def outcome(self, request: ToolRequest) -> Outcome:
        """Call a tool and return its value as data, what went wrong, and the seconds it took."""
        tool, arguments = request.tool, json.loads(request.arguments)
        if tool.code:
            return self.sandbox.run(tool.code, tool.name, arguments)
        began = time.monotonic()
        if tool.function:
            function = imported(tool.function)  # where it is not there, that is the user's mistake
            found = guarded(lambda: function(**arguments))
        elif tool.server:
            found = self._server(tool).call(tool.name, arguments)
        else:
            found = Outcome(False, error=f"nothing runs the tool {tool.name!r}")
        return replace(found, seconds=time.monotonic() - began)

    def _run(self, request: ToolRequest) -> ToolResult:
        found = self.outcome(request)
        return result_of(found.value) if found.ok else failure(found.error)

    def _server(self, tool: Tool) -> Server:
        server = self._servers.get(tool.server)
        if server is not None and server.lost and self._starts[tool.server] < _STARTS:
            server.close()
            server = None
        if server is None:
            self._starts[tool.server] += 1
            self._servers[tool.server] = server = Server.start(tool.server)
        return server


def guarded(function: Callable[[], Any]) -> Outcome:
    """Return what a user's function gives, or what it raised.

    >>> guarded(lambda: 1 / 0).error
    'ZeroDivisionError: division by zero'
    """
    try:
        with redirect_stdout(sys.stderr):  # what it prints is not what slearn says
            value = function()
        if inspect.iscoroutine(value):
            value = asyncio.run(value)
        try:
            return Outcome(True, json.loads(json.dumps(value)))
        except (TypeError, ValueError, RecursionError):
            return Outcome(True, str(value))
    except (Exception, SystemExit) as error:
        return Outcome(False, error=f"{type(error).__name__}: {error}")
