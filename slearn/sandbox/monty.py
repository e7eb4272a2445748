"""The sandbox that is there everywhere: Monty, a Python written in Rust, in a worker process.

Monty has no files, no network, no environment and no clock to give away, and reaches the host by
no call at all. Every call gets a new session, so nothing outlives it. A worker that ran into a
limit or crashed is stopped, and the next call starts another. Equal calls give equal outcomes:
`random` starts from a fixed seed, and code that asks for the time is refused.
"""

from __future__ import annotations

import threading
from importlib import resources
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, final

from slearn.errors import SandboxError
from slearn.sandbox.base import Job, Outcome, Sandbox
from slearn.sandbox.faults import fault
from slearn.sandbox.launcher import Launcher
from slearn.sandbox.limits import Limits
from slearn.sandbox.messages import one_line, out_of_memory, out_of_time
from slearn.sandbox.plain import as_plain

if TYPE_CHECKING:
    import pydantic_monty

STARTUP = 20.0  # seconds; on a busy machine even a worker takes long to start
GRACE = 0.5  # seconds past the limit in which Monty may stop its code itself
_SUSPENSIONS = 100  # questions to the host that it answers with no, such as an unknown name
_CALL = """
_space = {"__name__": _name}
exec(_code, _space)
_found = [True, None]
if _function:
    if _function not in _space:
        raise NameError(f"name '{_function}' is not defined")
    _value = _space[_function](**_arguments)
    try:
        _found = [True, walk(_value, [_limit])]
    except ValueError as error:
        _found = [False, str(error)]
_found
"""


@final
class MontySandbox(Sandbox):
    """Runs code in Monty; its worker starts with the first call, then a call takes half a ms.

    >>> with MontySandbox() as sandbox:
    ...     sandbox.run("def shout(text): return text.upper()", "shout", {"text": "hi"}).value
    'HI'

    The time limit holds over the definition and the call together; code that is deaf to it (one
    multiplication of huge integers) is killed half a second later. One call runs at a time. A
    Ctrl-C takes effect when the call ends. Raises SandboxError where Monty is not installed.
    """

    name = "monty"

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits)
        if find_spec("pydantic_monty") is None:
            raise SandboxError("Monty is not installed", hint="pip install pydantic-monty")
        self._lock = threading.Lock()
        self._launcher = Launcher()
        self._pool: pydantic_monty.Monty | None = None
        self._ran = False  # whether the last job came so far that its code ran
        # The walk runs inside too: outside, a function is a text that looks like one.
        self._text = (
            resources.files("slearn.sandbox").joinpath("walk.py").read_text("utf-8") + _CALL
        )

    @property
    def version(self) -> str:
        """The version of Monty."""
        return version("pydantic-monty")

    def close(self) -> None:
        """Stop the worker; closing twice is fine."""
        super().close()
        with self._lock:
            self._stop()
            self._launcher.close()

    def _perform(self, job: Job) -> Outcome:
        with self._lock:
            for _ in range(2):  # a worker that something else has killed says nothing of the code
                try:
                    return self._feed(job)
                except Exception as error:
                    self._stop()
                    failed = error
                    if self._ran and getattr(error, "timed_out", False):
                        return Outcome(False, error=out_of_time(self.limits))
                except BaseException:  # Ctrl-C: the worker may still be busy
                    self._stop()
                    raise
        if not self._ran:
            hint = "pip install --force-reinstall pydantic-monty"
            raise SandboxError(f"cannot start Monty: {failed}", hint=hint)
        return Outcome(False, error="the code crashed its interpreter")

    def _feed(self, job: Job) -> Outcome:
        import pydantic_monty as monty

        printed = monty.CollectString(max_bytes=self.limits.output)
        self._ran = False
        with self._start().checkout(limits=self._resources(), os_policy=_policy()) as session:
            self._ran = True
            try:
                ok, value = session.feed_run(
                    self._text, inputs=self._inputs(job), print_callback=printed
                )
            except (monty.MontyRuntimeError, monty.MontySyntaxError) as error:
                found = Outcome(False, error=fault(error, self.limits))
            else:
                found = self._result(ok, value)
        self._launcher.close()  # the worker has read it, and a killed host would leave it
        if found.error in (out_of_time(self.limits), out_of_memory(self.limits)):
            self._stop()  # it was stopped in the middle of something
        return Outcome(found.ok, found.value, found.error, printed=printed.output)

    def _start(self) -> pydantic_monty.Monty:
        if self._pool is None:
            import pydantic_monty as monty

            pool = monty.Monty(
                binary_path=self._launcher.path(),
                min_processes=1,
                max_processes=1,
                request_timeout=self.limits.seconds + STARTUP,
                feed_duration_limit_grace=GRACE,
            )
            self._pool = pool.__enter__()
        return self._pool

    def _stop(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            pool.__exit__(None, None, None)

    def _resources(self) -> pydantic_monty.ResourceLimits:
        return {
            "max_feed_duration_secs": self.limits.seconds,
            "max_memory": self.limits.memory,
            "max_suspensions": _SUSPENSIONS,
            "max_total_sleep_secs": 0.0,
        }

    def _inputs(self, job: Job) -> dict[str, Any]:
        return {
            "_name": "tool" if job.function else "__main__",
            "_code": job.code,
            "_function": job.function,
            "_arguments": job.arguments,
            "_limit": self.limits.output,
        }

    def _result(self, ok: object, value: object) -> Outcome:
        if ok is not True:
            return Outcome(False, error=one_line(f"returned {value}"))
        try:
            return Outcome(True, as_plain(value, self.limits.output))
        except ValueError as error:
            return Outcome(False, error=one_line(f"returned {error}"))


def _policy() -> pydantic_monty.OSPolicy:
    # A question to the host that no one answers is an error; so is asking for the time.
    return {"datetime": "call_host", "sleep": "zero", "random_start": {"seed": 0}}
