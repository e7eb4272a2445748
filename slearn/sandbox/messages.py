"""The words for what a sandbox stops, the same whichever sandbox it was.

Where code ran over a limit, its outcome must not depend on by how much: replays compare outcomes.
"""

from __future__ import annotations

from slearn.sandbox.limits import Limits

LONGEST = 500


def out_of_time(limits: Limits) -> str:
    """Say that the code ran for too long.

    >>> out_of_time(Limits())
    'TimeoutError: ran for more than 2 s'
    """
    return f"TimeoutError: ran for more than {limits.seconds:g} s"


def out_of_memory(limits: Limits) -> str:
    """Say that the code asked for too much memory.

    >>> out_of_memory(Limits())
    'MemoryError: needed more than 64 MiB'
    """
    return f"MemoryError: needed more than {limits.memory / 2**20:g} MiB"


def too_much_printed(limits: Limits) -> str:
    """Say that the code printed too much.

    >>> too_much_printed(Limits())
    'printed more than 65,536 bytes'
    """
    return f"printed more than {limits.output:,} bytes"


def one_line(text: str, longest: int = LONGEST) -> str:
    """Return untrusted text as one line that is safe to show: no control characters, not too long.

    >>> one_line("a\\x1b[31m\\nb")
    'a [31m b'
    """
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * longest])
    line = " ".join(shown.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
