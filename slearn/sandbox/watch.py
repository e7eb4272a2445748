"""The host's side of a process that it does not trust: it reads, counts, and ends it in time.

Nothing that the process does can make the host wait past the deadline or hold more than the caps.
When `watch` returns or raises, the process and all that it started have been killed.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from slearn.sandbox.limits import Limits

STARTUP = 20.0  # seconds; on a busy machine even Python takes long to start
READY = b"ready\n"
_AFTERMATH = 2.0
_CHUNK = 65536

Why = Literal["done", "gone", "time", "printed", "answer"]


@dataclass(frozen=True)
class Watched:
    """What a process left: its answer and prints, both cut at their caps, and why it ended.

    `ready` is False where it never came so far as to run the code. `status` is the exit status of
    one that was gone before it had answered.
    """

    why: Why
    ready: bool
    answer: bytes
    printed: bytes
    status: int | None = None


def watch(process: subprocess.Popen[bytes], channel: int, limits: Limits) -> Watched:
    """Read a process until it has answered, is gone, or must be stopped; then kill it.

    >>> watch(process, channel, Limits())  # doctest: +SKIP
    Watched(why='done', ready=True, answer=b'{"ok": true, "value": 8}', printed=b'')

    `process` leads a process group of its own, and prints to its `stdout`; `channel` is the
    descriptor on which it first says that it is ready, and then answers with one line.
    """
    assert process.stdout is not None
    reader = _Reader(channel, process.stdout.fileno(), limits)
    status = None
    try:
        why = reader.read()
        if why == "gone":
            with suppress(subprocess.TimeoutExpired):  # it may have closed its pipes and stayed
                status = process.wait(_AFTERMATH)
    finally:
        _kill(process)
    if why == "done" and not reader.drain():
        why = "printed"
    return Watched(why, reader.ready, bytes(reader.answer), bytes(reader.printed), status)


class _Reader:
    def __init__(self, channel: int, stdout: int, limits: Limits) -> None:
        self._limits = limits
        # Six bytes of JSON a byte of text, and the error.
        self._caps = {channel: 6 * limits.output + 2**14, stdout: limits.output}
        self._buffers = {channel: bytearray(), stdout: bytearray()}
        self._stdout = stdout
        self.answer, self.printed = self._buffers[channel], self._buffers[stdout]
        self.ready = False
        self._deadline = 0.0
        self._open = [channel, stdout]

    def read(self) -> Why:
        self._deadline = time.monotonic() + STARTUP
        while self._open:
            if stopped := self._step():
                return stopped
            if self.ready and self.answer.endswith(b"\n"):
                return "done"
        return "gone"

    def drain(self) -> bool:
        """Read what the killed process had printed; False where it was too much."""
        self._open = [fd for fd in self._open if fd == self._stdout]
        self._deadline = time.monotonic() + _AFTERMATH
        while self._open:
            if stopped := self._step():
                return stopped == "time"
        return True

    def _step(self) -> Why | None:
        wait = self._deadline - time.monotonic()
        if wait <= 0:
            return "time"
        # The channel first: what was printed after "ready" must not be taken for a failed start.
        for fd in sorted(_readable(self._open, wait), key=lambda fd: fd == self._stdout):
            data = os.read(fd, _CHUNK)
            if not data:
                self._open.remove(fd)
            self._buffers[fd] += data
            if not self.ready and self.answer.startswith(READY):
                self.ready = True
                del self.answer[: len(READY)]
                self._deadline = time.monotonic() + self._limits.seconds
            if len(self._buffers[fd]) > self._caps[fd]:
                del self._buffers[fd][self._caps[fd] :]
                return "printed" if fd == self._stdout else "answer"
        return None


def _readable(descriptors: list[int], wait: float) -> list[int]:
    with selectors.DefaultSelector() as selector:
        for descriptor in descriptors:
            selector.register(descriptor, selectors.EVENT_READ)
        return [key.fd for key, _ in selector.select(wait)]


def _kill(process: subprocess.Popen[bytes]) -> None:
    # bwrap dies, and with it the first process of the sandbox, and with that all others.
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
