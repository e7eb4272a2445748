"""Every error slearn raises, in one tree; each says where it happened and what to do about it.

    SlearnError                 a fault of ours                          exit code 1
    ├── InputError              what the user gave cannot be used        exit code 2
    │   ├── AgentFileError      an agent file, with its line
    │   ├── DataError           a data file, with its row
    │   ├── ModelFileError      a model file or a model's name
    │   ├── ContextError        a prompt that does not fit the context
    │   ├── SandboxError        a sandbox that this machine does not have
    │   └── StoreError          a store that cannot be opened or lacks what was asked for
    ├── EngineError             the engine failed on a well-formed request
    ├── Interrupted             the user pressed Ctrl-C                  exit code 130
    └── BelowMinimum            an evaluation scored below --min-score   exit code 4

The command line is the one place that turns an error into a message and an exit code.
"""

from __future__ import annotations


class SlearnError(Exception):
    """Root of all errors: a message, the place it is about, and a hint for the user.

    >>> str(DataError("not a JSON object", where="train.jsonl:3", hint="one object a line"))
    'train.jsonl:3: not a JSON object (one object a line)'
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.message}{hint}"


class InputError(SlearnError):
    """What the user gave cannot be used."""

    exit_code = 2


class AgentFileError(InputError):
    """An agent file that cannot be read; `where` is file:line."""


class DataError(InputError):
    """A data file that cannot be read; `where` is file:row."""


class ModelFileError(InputError):
    """A model that cannot be found, is damaged, or is not a GGUF file."""


class ContextError(InputError):
    """A prompt that needs more tokens than the context has.

    `where` names the node; the message names the tokens needed and available.
    """

    def __init__(self, *, where: str, needed: int, available: int, hint: str = "") -> None:
        super().__init__(
            f"needs {needed} tokens, {available} are available",
            where=where,
            hint=hint or "shorten the instructions, demos or input, or raise --context",
        )
        self.needed = needed
        self.available = available


class SandboxError(InputError):
    """The sandbox cannot be had, or cannot be started; never what the code in it did."""


class StoreError(InputError):
    """A store that cannot be opened, or that lacks what was asked for."""


class EngineError(SlearnError):
    """The engine failed on a request that was well formed."""


class Interrupted(SlearnError):
    """The user pressed Ctrl-C; what was earned so far is saved."""

    exit_code = 130


class BelowMinimum(SlearnError):
    """An evaluation scored below the minimum that the user asked for."""

    exit_code = 4
