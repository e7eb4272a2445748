"""Tools on an MCP server: real ones of the SDK, and a peer that misbehaves by order."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from slearn.engine import ToolRequest, ToolResult, call_grammar
from slearn.engine.scripted import accepts
from slearn.errors import InputError
from slearn.tools import Toolbox, server_tools
from slearn.tools.server import Server
from slearn.values import Tool

pytest.importorskip("mcp")

SERVER = '''
import os

try:
    from mcp.server import MCPServer
except ImportError:  # before version 2
    from mcp.server.fastmcp import FastMCP as MCPServer

app = MCPServer("small")


@app.tool()
def add(a: int, b: int = 1) -> int:
    """Adds two numbers."""
    return a + b


@app.tool()
def broken(text: str) -> str:
    """Never works."""
    raise ValueError(text)


@app.tool()
def words(größe: list[str]) -> list[str]:
    """Größe."""
    return größe


@app.tool()
def number() -> int:
    return os.getpid()


@app.tool()
def leave() -> str:
    os._exit(3)


app.run()
'''

# Speaks the protocol by hand, so that it can break it; MODE says how.
PEER = """
import json, os, sys

mode = sys.argv[1]
open(f"{mode}.pid", "w").write(str(os.getpid()))


def send(**body):
    print(json.dumps({"jsonrpc": "2.0", **body}), flush=True)


for line in sys.stdin:
    asked = json.loads(line)
    method, number = asked["method"], asked.get("id")
    if number is None or mode == "mute":
        continue
    if mode == "noise":
        print("not a message", flush=True)
    if method == "initialize":
        version = asked["params"]["protocolVersion"]
        info = {"name": "peer", "version": "1"}
        send(id=number, result={"protocolVersion": version, "capabilities": {"tools": {}},
                                "serverInfo": info})
    elif mode == "hang":
        continue
    elif mode == "die":
        sys.exit(3)
    elif mode == "error":
        send(id=number, error={"code": -32000, "message": "no such thing"})
    elif method == "tools/list":
        page = (asked.get("params") or {}).get("cursor")
        more = {} if page or mode != "pages" else {"nextCursor": "2"}
        tool = {"name": "second" if page else "first", "inputSchema": {"type": "object"}}
        send(id=number, result={"tools": [tool], **more})
    else:
        parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "zwei ü"}]
        parts += [{"type": "image", "data": "aGk=", "mimeType": "image/png"}]
        send(id=number, result={"content": parts})
"""


def command(folder: Path, code: str, *arguments: str) -> str:
    path = folder / "server of mine.py"  # a path with spaces must be quoted, and may be
    path.write_text(code, encoding="utf-8")
    return " ".join([f"'{sys.executable}'", f"'{path}'", *arguments])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server of the SDK, for the tests that leave it alive."""
    server = Server.start(command(tmp_path_factory.mktemp("small"), SERVER))
    yield server
    server.close()


@pytest.fixture
def peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """The command of a peer; whatever it leaves behind is killed in the end."""
    monkeypatch.chdir(tmp_path)
    others = threading.enumerate()
    yield lambda mode: command(tmp_path, PEER, mode)
    for file in tmp_path.glob("*.pid"):
        with suppress(ProcessLookupError):
            os.kill(int(file.read_text()), signal.SIGKILL)
    for thread in threading.enumerate():
        if thread not in others:
            thread.join(5)


def gone(process: int, seconds: float = 5.0) -> bool:
    """Tell whether a process ends in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_a_server_tells_of_its_tools(small: Server) -> None:
    tools = {tool.name: tool for tool in small.tools()}
    assert list(tools) == ["add", "broken", "words", "number", "leave"]
    add = tools["add"]
    assert add.description == "Adds two numbers." and tools["number"].description == ""
    assert add.runs and add.server and not (add.code or add.function)
    found = json.loads(add.parameters)
    assert found["properties"]["a"]["type"] == "integer" and found["required"] == ["a"]
    assert "größe" in tools["words"].parameters


def test_its_tools_can_be_called_by_a_grammar(small: Server) -> None:
    grammar = call_grammar(small.tools()).grammar
    for text, fine in [
        ('{"name": "add", "arguments": {"a": 1}}', True),
        ('{"name": "add", "arguments": {"a": 1, "b": 2}}', True),
        ('{"name": "words", "arguments": {"größe": ["ü"]}}', True),
        ('{"name": "number", "arguments": {}}', True),
        ('{"name": "add", "arguments": {"b": 2}}', False),
        ('{"name": "add", "arguments": {"a": "1"}}', False),
    ]:
        assert accepts(grammar, text) is fine


def test_a_call_gives_text(small: Server) -> None:
    assert small.call("add", {"a": 1, "b": 2}).value == "3"
    assert small.call("add", {"a": 1}).value == "2"
    assert small.call("words", {"größe": ["é", "😀\u2028"]}).value == "é\n😀\u2028"


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("broken", {"text": "no good"}, "broken"),
        ("nothing", {}, "nothing"),
        ("add", {}, "a"),
        ("add", {"a": "x"}, "integer"),
    ],
)
def test_what_goes_wrong_there_is_a_result(
    small: Server, name: str, arguments: dict[str, Any], message: str
) -> None:
    found = small.call(name, arguments)
    assert not found.ok and message in found.error
    assert small.call("add", {"a": 1}).ok


def test_a_box_starts_a_server_once_and_survives_its_death(tmp_path: Path) -> None:
    line = command(tmp_path, SERVER)
    tool = Tool("number", server=line)
    with Toolbox() as box:
        first, second = box.run([ToolRequest(tool, "{}")] * 2)
        assert first == second and first.ok and not gone(int(first.text), 0)
        assert box.outcome(ToolRequest(tool, "{}")).seconds > 0
        (found,) = box.run([ToolRequest(Tool("broken", server=line), '{"text": "x"}')])
        assert not found.ok and found.text.startswith("error: ") and "\n" not in found.text
        (dead,) = box.run([ToolRequest(Tool("leave", server=line), "{}")])
        assert not dead.ok and dead.text.startswith("error: ")
        assert gone(int(first.text))
        (after,) = box.run([ToolRequest(tool, "{}")])
        assert after.ok and after != first  # a new server
        for _ in range(3):
            assert not box.run([ToolRequest(Tool("leave", server=line), "{}")])[0].ok
        assert not box.run([ToolRequest(tool, "{}")])[0].ok  # one that goes at every call
    box.close()


def test_tools_of_a_server_that_is_stopped_again(peer: Callable[[str], str]) -> None:
    (tool,) = server_tools(peer("plain"))
    assert tool == Tool("first", parameters='{"type": "object"}', server=peer("plain"))
    assert gone(int(Path("plain.pid").read_text()))


def test_closing_twice_is_fine_and_leaves_nothing(peer: Callable[[str], str]) -> None:
    before = threading.active_count()
    server = Server.start(peer("plain"))
    assert server.call("first", {}).ok
    server.close()
    server.close()
    assert gone(int(Path("plain.pid").read_text()))
    assert threading.active_count() <= before


def test_parts_that_are_no_text_are_left_out(peer: Callable[[str], str]) -> None:
    with Toolbox() as box:
        (found,) = box.run([ToolRequest(Tool("first", server=peer("plain")), "{}")])
    assert found == ToolResult("one\nzwei ü")


@pytest.mark.parametrize(("mode", "message"), [("error", "no such thing"), ("die", "losed")])
def test_an_error_of_the_protocol_is_a_result(
    peer: Callable[[str], str], mode: str, message: str
) -> None:
    server = Server.start(peer(mode))
    found = server.call("first", {})
    server.close()
    assert not found.ok and message in found.error


def test_noise_on_its_output_is_passed_over(peer: Callable[[str], str]) -> None:
    server = Server.start(peer("noise"))
    found = server.call("first", {})
    server.close()
    assert found.value == "one\nzwei ü"


def test_a_call_that_is_not_answered_ends(
    peer: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server.start(peer("hang"))
    with monkeypatch.context() as patched:
        patched.setattr("slearn.tools.server.SECONDS", 0.2)
        found = server.call("first", {})
    server.close()
    assert not found.ok and found.error == "the server did not answer in 0.2 seconds"
    assert gone(int(Path("hang.pid").read_text()))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no-such-command --at all", "no-such-command --at all: cannot be started: .*No such file"),
        ("", "."),
        ("'", "cannot be started: .*No closing quotation"),
        (f"{sys.executable} -c pass", "cannot be started"),
        (f"{sys.executable} -c 'import sys; sys.exit(3)'", "cannot be started"),
    ],
)
def test_a_command_that_is_no_server(line: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as told:
        Server.start(line)
    assert "\n" not in str(told.value)


def test_a_box_tells_of_a_server_that_cannot_be_started() -> None:
    with Toolbox() as box, pytest.raises(InputError, match="no-such-command: cannot be started"):
        box.run([ToolRequest(Tool("f", server="no-such-command"), "{}")])


@pytest.mark.parametrize("module", ["mcp", "mcp.client.stdio"])
def test_without_the_sdk_the_user_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match="need the MCP SDK") as told:
        server_tools("anything")
    assert told.value.hint == "pip install 'slearn[mcp]'"


def test_all_pages_of_a_list_are_read(peer: Callable[[str], str]) -> None:
    assert [tool.name for tool in server_tools(peer("pages"))] == ["first", "second"]


def test_a_server_that_dies_when_asked_for_its_tools_is_an_input_error(
    peer: Callable[[str], str],
) -> None:
    with pytest.raises(InputError):
        server_tools(peer("die"))


def test_a_server_that_never_answers_is_stopped(
    peer: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slearn.tools.server.SECONDS", 0.5)
    with pytest.raises(InputError, match=r"does not answer in 0\.5 seconds"):
        Server.start(peer("mute"))
    assert gone(int(Path("mute.pid").read_text()), 1.0)
