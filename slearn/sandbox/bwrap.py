"""The sandbox for tools that need all of CPython: a new process in namespaces of its own.

Each call starts Python under bubblewrap, limits it from inside before the code runs, and kills it
when it has answered; so nothing outlives a call. The answer comes as one line of JSON, of bounded
size, on a descriptor of its own, and is checked like anything that a stranger sends. Where
bubblewrap is missing or cannot make namespaces there is no such sandbox: never a weaker one.
"""

from __future__ import annotations

import json
import marshal
import math
import os
import platform
import shutil
import signal
import subprocess
from contextlib import ExitStack
from dataclasses import asdict
from importlib import resources
from typing import Any, final

from slearn.errors import SandboxError
from slearn.sandbox.base import Job, Outcome, Sandbox
from slearn.sandbox.jail import SCRATCH, jailed
from slearn.sandbox.limits import Limits
from slearn.sandbox.messages import one_line, out_of_memory, out_of_time, too_much_printed
from slearn.sandbox.plain import as_plain
from slearn.sandbox.syscalls import call_filter
from slearn.sandbox.watch import Watched, watch
from slearn.values import JSON

_INTERPRETER = 32 * 2**20  # bytes that Python takes before the code has any
_KEPT_BACK = 16 * 2**20  # bytes for the answer, where the code has used up all of its own
_BROKEN = "the code broke the sandbox's answer"


@final
class BwrapSandbox(Sandbox):
    """Runs code in CPython under bubblewrap, on Linux; a call takes some 45 ms.

    >>> with BwrapSandbox() as sandbox:  # doctest: +SKIP
    ...     code = "import statistics\\ndef mid(of): return statistics.median(of)"
    ...     sandbox.run(code, "mid", {"of": [3, 1, 2]}).value
    2

    The time limit starts when the code does. The memory limit holds beside what the interpreter
    itself takes. Code has the standard library, and may write 8 MiB to /tmp; it starts no
    processes. It can read the clock: of equal calls, equal outcomes are up to the code.
    """

    name = "bwrap"

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits)
        files = resources.files("slearn.sandbox")
        parts = [files.joinpath(name).read_text("utf-8") for name in ("walk.py", "child.py")]
        self._program = "\n".join([*parts, "main()"])

    @property
    def version(self) -> str:
        """The version of Python, which is the one that slearn runs on."""
        return platform.python_version()

    def _perform(self, job: Job) -> Outcome:
        with ExitStack() as stack:
            calls = _file(stack, _filter())
            channel, theirs = (stack.enter_context(os.fdopen(end, "rb")) for end in os.pipe())
            request = _file(stack, marshal.dumps(self._request(job, theirs.fileno())))
            try:
                process = subprocess.Popen(
                    jailed(_bwrap(), calls, self._program),
                    stdin=request,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    pass_fds=(theirs.fileno(), calls),
                    start_new_session=True,
                    env={},
                )
            except OSError as error:
                raise SandboxError(f"cannot start bwrap: {error}") from None
            stack.enter_context(process)
            theirs.close()  # or its end would never be seen
            return self._outcome(watch(process, channel.fileno(), self.limits))

    def _request(self, job: Job, channel: int) -> dict[str, Any]:
        seconds = math.ceil(self.limits.seconds)
        memory = self.limits.memory + _INTERPRETER
        limits = {"FSIZE": SCRATCH, "NPROC": 64, "NOFILE": 64, "CORE": 0}
        limits |= {"STACK": 8 * 2**20, "MEMLOCK": 0, "MSGQUEUE": 0}
        rlimits = [("RLIMIT_" + name, bound, bound) for name, bound in limits.items()]
        return asdict(job) | {
            "channel": channel,
            "output": self.limits.output,
            "out_of_memory": out_of_memory(self.limits),
            "rlimits": [
                ("RLIMIT_CPU", seconds + 1, seconds + 2),
                ("RLIMIT_AS", memory, memory + _KEPT_BACK),
                *rlimits,
            ],
        }

    def _outcome(self, seen: Watched) -> Outcome:
        printed = seen.printed.decode("utf-8", "replace")
        if not seen.ready:
            said = one_line(printed) or f"no sign of life ({seen.why})"
            hint = "user namespaces must be allowed: see `sysctl kernel.unprivileged_userns_clone`"
            raise SandboxError(f"cannot start the sandbox: {said}", hint=hint)
        match seen.why:
            case "done":
                ok, value, error = _read(seen.answer, self.limits)
            case "time":
                ok, value, error = False, None, out_of_time(self.limits)
            case "printed":
                ok, value, error = False, None, too_much_printed(self.limits)
            case "answer":
                ok, value, error = False, None, _BROKEN
            case "gone":
                ok, value, error = False, None, _ending(seen.status, self.limits)
        return Outcome(ok, value, error, printed=printed)


def _read(answer: bytes, limits: Limits) -> tuple[bool, JSON, str]:
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        said = None
    match said:
        case {"ok": True, "value": value}:
            try:
                return True, as_plain(value, limits.output), ""
            except ValueError as error:
                return False, None, one_line(f"returned {error}")
        case {"ok": False, "error": str(text)}:
            return False, None, one_line(text) or _BROKEN
    return False, None, _BROKEN


def _ending(status: int | None, limits: Limits) -> str:
    if status is None:
        return _BROKEN
    if status == 128 + signal.SIGXCPU:
        return out_of_time(limits)
    if status in {128 + known for known in signal.Signals}:
        return f"the code crashed its interpreter ({signal.Signals(status - 128).name})"
    return f"the code ended its own process (status {status})"


def _bwrap() -> str:
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxError("bwrap is not installed", hint="on Linux: apt install bubblewrap")
    return found


def _filter() -> bytes:
    machine = platform.machine()
    try:
        return call_filter(machine)
    except KeyError:
        message = f"the sandbox bwrap does not know the system calls of {machine}"
        raise SandboxError(message, hint="the sandbox monty runs everywhere") from None


def _file(stack: ExitStack, data: bytes) -> int:
    """Return a descriptor to read `data` from, in memory; a pipe could fill up and block."""
    descriptor = os.memfd_create("slearn")
    stack.callback(os.close, descriptor)
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
