"""A hub on localhost: an endpoint that redirects to a second server, as the real one does.

It keeps what it was asked, and misbehaves where a test tells it to.
"""

from __future__ import annotations

import hashlib
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class FakeHub:
    """Files by `org/repo/file`; `faults` are used up by the requests that bring bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: list[str] = []
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.headers: dict[str, str] = {}
        self.token = ""
        self.ranges = True
        self.location = ""
        self.endpoint = self.store = ""

    def asked(self, server: str, header: str) -> list[str | None]:
        """Return what each request to `server` (hub or store) had in a header."""
        return [headers.get(header) for name, headers in self.seen if name == server]


class Handler(BaseHTTPRequestHandler):
    """Answers for both servers; `fake` and `role` are set by the fixture's subclasses."""

    fake: FakeHub
    role: str

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.fake.seen.append((self.role, {k.lower(): v for k, v in self.headers.items()}))
        if self.role == "hub":
            return self.redirect()
        fault, _, number = (self.fake.faults.pop(0) if self.fake.faults else "").partition(":")
        if fault == "status":
            return self.answer(int(number))
        if fault == "html":
            return self.answer(200, {"Content-Type": "text/html"}, b"<html>sign in")
        content = self.fake.files[self.path[1:]]
        if fault == "wrong":
            content = content[:-1] + b"\x07"
        if fault == "longer":
            content += b"more"
        start = int(re.sub(r"bytes=(\d+)-|.*", r"\1", self.headers.get("Range", "")) or 0)
        if not (self.fake.ranges and start):
            return self.answer(200, {}, content, fault, number)
        if start >= len(content):
            return self.answer(416, {"Content-Type": "text/html"}, b"<html>416")
        start = 0 if fault == "misplaced" else start
        place = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self.answer(206, {"Content-Range": place}, content[start:], fault, number)

    def redirect(self) -> None:
        if self.fake.token and self.headers.get("Authorization") != f"Bearer {self.fake.token}":
            return self.answer(401)
        name = self.path[1:].replace("/resolve/main", "")
        if name not in self.fake.files:
            return self.answer(404)
        content = self.fake.files[name]
        linked = {
            "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
            "X-Linked-Size": str(len(content)),
            "Location": self.fake.location or f"{self.fake.store}/{name}",
        }
        return self.answer(302, linked | self.fake.headers, b"Found. Redirecting")

    def answer(
        self,
        status: int,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        fault: str = "",
        number: str = "",
    ) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: int(number)] if fault in ("drop", "reset") else body)
        if fault == "reset":  # closing with a zero linger sends RST instead of FIN
            self.wfile.flush()
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


@pytest.fixture
def fake() -> Iterator[FakeHub]:
    """Run both servers for a test."""
    hub = FakeHub()
    with ExitStack() as stack:
        for role in ("hub", "store"):
            handler = type(role, (Handler,), {"fake": hub, "role": role})
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            address = f"http://127.0.0.1:{server.server_port}"
            setattr(hub, "endpoint" if role == "hub" else "store", address)
        yield hub
