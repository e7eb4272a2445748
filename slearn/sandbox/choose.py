"""Which sandbox, by its name."""

from __future__ import annotations

from slearn.errors import InputError, SandboxError
from slearn.sandbox.base import Sandbox
from slearn.sandbox.bwrap import BwrapSandbox
from slearn.sandbox.limits import Limits
from slearn.sandbox.monty import MontySandbox

SANDBOXES = ("bwrap", "monty")


def open_sandbox(name: str = "monty", limits: Limits | None = None) -> Sandbox:
    """Open a sandbox and try it: `monty` is there everywhere, `bwrap` has all of CPython.

    >>> with open_sandbox("monty", Limits(seconds=1)) as sandbox:
    ...     sandbox.execute("1 / 0").error
    'ZeroDivisionError: division by zero (line 1)'

    Raises InputError for another name, SandboxError where the sandbox does not work here: it is
    never replaced by a weaker one.
    """
    if name not in SANDBOXES:
        raise InputError(f"there is no sandbox {name!r}", hint=f"one of {', '.join(SANDBOXES)}")
    sandbox = BwrapSandbox(limits) if name == "bwrap" else MontySandbox(limits)
    try:
        _try(sandbox)
    except BaseException:
        sandbox.close()
        raise
    return sandbox


def _try(sandbox: Sandbox) -> None:
    outcome = sandbox.execute("1 + 1")
    if not outcome.ok:
        raise SandboxError(f"the sandbox {sandbox.name} does not work here: {outcome.error}")
