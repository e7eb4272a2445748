"""What Monty says went wrong, in the words that all sandboxes use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from slearn.sandbox.limits import Limits
from slearn.sandbox.messages import one_line, out_of_memory, out_of_time, too_much_printed

if TYPE_CHECKING:
    from pydantic_monty import MontyRuntimeError, MontySyntaxError

_SYNTAX = re.compile(r" \(<string>, line (\d+)\)$")


def fault(error: MontyRuntimeError | MontySyntaxError, limits: Limits) -> str:
    """Return one line: the kind of error, its message, and the line of the code it is about.

    >>> fault(error, Limits())  # doctest: +SKIP
    'ZeroDivisionError: division by zero (line 2)'
    """
    text = error.display("type-msg")
    if text.startswith("TimeoutError: feed time limit exceeded"):
        return out_of_time(limits)
    if text.startswith("MemoryError: memory limit exceeded"):
        # Monty counts what is printed as memory too, but it does so outside of the code.
        printing = not error.traceback() and text.endswith(f"> {limits.output} bytes")
        return too_much_printed(limits) if printing else out_of_memory(limits)
    if text.startswith("MemoryError: the worker exceeded its memory limit"):
        return out_of_memory(limits)
    # The code is run by `exec`, so its frames are those of a string.
    lines = [frame.line for frame in error.traceback() if frame.filename == "<string>"]
    if found := _SYNTAX.search(text):
        text, lines = text[: found.start()], [int(found[1])]
    return one_line(text) + (f" (line {lines[-1]})" if lines else "")
