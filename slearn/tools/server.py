"""Tools on an MCP server (Model Context Protocol), by the standard SDK: the extra `slearn[mcp]`.

A server is a command that speaks MCP on its standard input and output. The SDK is asynchronous; its
one session lives on a thread of its own, so that the rest of the program stays plain.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from contextlib import suppress
from typing import Any

from slearn.errors import InputError
from slearn.sandbox import Outcome
from slearn.values import Tool

SECONDS = 60.0  # for a server to start, and for one call
_LAST = 10.0  # for one to stop, before it is left behind
_HINT = "pip install 'slearn[mcp]'"


class Server:
    """A running MCP server; `start` begins it.

    >>> server = Server.start("python -m my_server")  # doctest: +SKIP
    >>> server.call("add", {"a": 1, "b": 2}).value  # doctest: +SKIP
    '3'
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self.lost = False  # whether a call found it gone
        self._loop = asyncio.new_event_loop()
        self._ready: Future[Any] = Future()
        self._work = self._loop.create_task(self._session())
        self._thread = threading.Thread(target=self._live, name="mcp", daemon=True)

    @classmethod
    def start(cls, command: str) -> Server:
        """Start a server by its command line; InputError where it does not answer."""
        server = cls(command)
        server._thread.start()
        try:
            server._ready.result(SECONDS)
        except NotInTime:
            server.close()
            raise InputError(f"does not answer in {SECONDS:g} seconds", where=command) from None
        return server

    def tools(self) -> list[Tool]:
        """Return the server's tools.

        >>> Server.start("python -m my_server").tools()[0].name  # doctest: +SKIP
        'add'
        """
        listed: list[Any] = []
        try:
            listed = self._ask(self._pages())
        except NotInTime:
            fault = f"does not list its tools in {SECONDS:g} seconds"
            raise InputError(fault, where=self._command) from None
        except Exception as error:
            fault = f"cannot list its tools: {type(error).__name__}: {error}"
            raise InputError(" ".join(fault.split()), where=self._command) from None
        return [
            Tool(
                each.name,
                each.description or "",
                json.dumps(_schema(each), ensure_ascii=False),
                server=self._command,
            )
            for each in listed
        ]

    async def _pages(self) -> list[Any]:
        """Return all tools; a server may list them a page at a time."""
        from mcp.types import PaginatedRequestParams

        session = self._ready.result()
        found: list[Any] = []
        cursor = None
        while True:
            page = await session.list_tools(params=cursor and PaginatedRequestParams(cursor=cursor))
            found += page.tools
            cursor = getattr(page, "next_cursor", None) or getattr(page, "nextCursor", None)
            if not cursor:
                return found

    def call(self, name: str, arguments: dict[str, Any]) -> Outcome:
        """Call a tool; what goes wrong is a result that says so."""
        try:
            found = self._ask(self._ready.result().call_tool(name, arguments))
        except NotInTime:
            return Outcome(False, error=f"the server did not answer in {SECONDS:g} seconds")
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            self.lost = not self._thread.is_alive() or "closed" in said.lower()
            return Outcome(False, error=said)
        text = "\n".join(part.text for part in found.content if hasattr(part, "text"))
        failed = getattr(found, "is_error", getattr(found, "isError", False))
        return Outcome(False, error=text) if failed else Outcome(True, text)

    def close(self) -> None:
        """Stop the server; closing twice is fine."""
        if self._thread.is_alive():
            with suppress(RuntimeError):  # it has just ended by itself
                self._loop.call_soon_threadsafe(self._work.cancel)
            self._thread.join(_LAST)

    def _ask(self, work: Coroutine[Any, Any, Any]) -> Any:
        if self._loop.is_closed():
            work.close()
            raise ConnectionError("the server is closed")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(SECONDS)
        except NotInTime:
            future.cancel()
            raise

    def _live(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._work)
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(_explained(error, self._command))
        finally:
            self._loop.close()

    async def _session(self) -> None:
        """Hold the session open until it is closed."""
        try:
            from mcp import ClientSession, StdioServerParameters
            from mcp.client.stdio import stdio_client
        except ImportError:
            raise InputError("tools on servers need the MCP SDK", hint=_HINT) from None
        words = shlex.split(self._command)
        if not words:
            raise InputError("no command of a server is given")
        parameters = StdioServerParameters(command=words[0], args=words[1:])
        async with stdio_client(parameters, errlog=_terminal()) as (reads, writes):
            async with ClientSession(reads, writes) as session:
                await session.initialize()
                self._ready.set_result(session)
                await asyncio.Event().wait()  # until it is cancelled


def server_tools(command: str) -> list[Tool]:
    """Return the tools of a server, which is stopped again.

    >>> server_tools("python -m my_server")  # doctest: +SKIP
    """
    server = Server.start(command)
    try:
        return server.tools()
    finally:
        server.close()


def _terminal() -> Any:
    """Return where a server's complaints go: it must be a real file."""
    try:
        sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return subprocess.DEVNULL
    return sys.stderr


def _schema(tool: Any) -> Any:
    return getattr(tool, "input_schema", None) or getattr(tool, "inputSchema", None) or {}


def _explained(error: BaseException, command: str) -> InputError:
    """Return what went wrong as a line: the SDK wraps it in groups."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    if isinstance(error, InputError):
        return error
    return InputError(f"cannot be started: {type(error).__name__}: {error}", where=command)
