"""A user's own Python, imported by name: `module:function`.

Its code runs in this process. Take such a name from the user's own command or configuration,
never from a file that somebody else wrote.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from operator import attrgetter
from typing import Any

from slearn.errors import InputError


def import_named(name: str) -> Any:
    """Import what is named `module:function`, with the working directory importable.

    >>> import_named("math:gcd")(4, 6)
    2

    Raises InputError where the module or the function is missing.
    """
    module_name, _, path = name.partition(":")
    try:
        with _working_directory_first(), redirect_stdout(sys.stderr):
            module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        fault = f"cannot import {module_name!r}: {type(error).__name__}: {error}"
        hint = "a module in the working directory or an installed one, without .py"
        raise InputError(fault, where=name, hint=hint) from error
    try:
        return attrgetter(path)(module)
    except AttributeError as error:
        raise InputError(f"no function {path!r} in {module_name!r}", where=name) from error


@contextmanager
def _working_directory_first() -> Iterator[None]:
    """Search the working directory first for one import, and last from then on."""
    here = os.getcwd()
    importlib.invalidate_caches()
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)
        if here not in sys.path:  # the function may import its neighbours when it is called
            sys.path.append(here)
