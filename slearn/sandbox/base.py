"""What every sandbox is: code in, plain data or one line of error out, within limits.

Code that was not written here never runs in this process. Whatever it does wrong (an exception, an
endless loop, a crash, a result that is no data) is an Outcome; only a sandbox that cannot be had,
and a caller's own mistakes, are exceptions.
"""

from __future__ import annotations

import keyword
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from slearn.errors import InputError, SandboxError
from slearn.sandbox.limits import Limits
from slearn.sandbox.plain import as_plain
from slearn.values import JSON


@dataclass(frozen=True)
class Outcome:
    """What a call gave: a value, or one line that says what went wrong.

    >>> Outcome(False, error="ZeroDivisionError: division by zero (line 3)").ok
    False

    `printed` is the text that the code printed, as far as it is known.
    """

    ok: bool
    value: JSON = None
    error: str = ""
    seconds: float = field(default=0.0, compare=False)
    printed: str = field(default="", compare=False)

    def as_json(self) -> dict[str, Any]:
        """Return what a store or a report keeps of it."""
        return {"ok": self.ok, "value": self.value, "error": self.error, "seconds": self.seconds}


@dataclass(frozen=True)
class Job:
    """Code to define and, where `function` is named, a call of it. The host has checked it."""

    code: str
    function: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


class Sandbox(ABC):
    """Runs code that nobody has checked; a context manager.

    >>> from slearn.sandbox import open_sandbox
    >>> with open_sandbox() as sandbox:
    ...     sandbox.run("def double(n): return 2 * n", "double", {"n": 4}).value
    8

    Every call starts from nothing: no call sees what another one defined or changed.
    """

    name: str

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._closed = False

    @property
    @abstractmethod
    def version(self) -> str:
        """The version of the interpreter."""

    @property
    def fingerprint(self) -> dict[str, Any]:
        """All that can change a result: the interpreter and the limits."""
        return {"name": self.name, "version": self.version, "limits": asdict(self.limits)}

    def run(self, code: str, function: str, arguments: Mapping[str, JSON]) -> Outcome:
        """Define `code`, call one of its functions by keyword, and return what it returned.

        >>> from slearn.sandbox import open_sandbox
        >>> with open_sandbox() as sandbox:
        ...     sandbox.run("def half(n):\\n  return 1 / n", "half", {"n": 0}).error
        'ZeroDivisionError: division by zero (line 2)'

        Raises InputError where the arguments are no plain data, or `function` is no identifier.
        """
        if not isinstance(function, str) or not function.isidentifier():
            raise InputError(f"{function!r} cannot be the name of a function")
        if keyword.iskeyword(function):
            raise InputError(f"{function!r} is a word of the language, not the name of a function")
        if not isinstance(arguments, Mapping):
            raise InputError("the arguments are no object of names and values")
        return self._timed(Job(code, function, self._checked(arguments)))

    def execute(self, code: str) -> Outcome:
        """Run a program to its end, as unit tests are: it is ok where nothing was raised.

        >>> from slearn.sandbox import open_sandbox
        >>> with open_sandbox() as sandbox:
        ...     sandbox.execute("assert sum([1, 2]) == 3").ok
        True

        A program that ends itself (`sys.exit(0)`) did not reach its end, and is not ok.
        """
        return self._timed(Job(code))

    def close(self) -> None:
        """Stop whatever runs; closing twice is fine, a call afterwards raises SandboxError."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def _perform(self, job: Job) -> Outcome:
        """Run a job; raises SandboxError where the sandbox cannot be started."""

    def _timed(self, job: Job) -> Outcome:
        if not isinstance(job.code, str):
            raise InputError("the code is no text")
        if self._closed:
            raise SandboxError(f"the sandbox {self.name} is closed")
        began = time.monotonic()
        outcome = self._perform(job)
        return replace(outcome, seconds=time.monotonic() - began)

    def _checked(self, arguments: Mapping[str, JSON]) -> dict[str, Any]:
        checked = {}
        for key, value in arguments.items():
            if not isinstance(key, str):
                raise InputError(f"an argument's name is {key!r}, which is no text")
            try:
                as_plain(key, self.limits.memory)
                checked[key] = as_plain(value, self.limits.memory)
            except ValueError as error:
                raise InputError(f"argument {key!r} is {error}") from None
        return checked
