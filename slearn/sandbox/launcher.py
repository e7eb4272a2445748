"""How Monty's worker is started: apart from the terminal, and with nothing of the trainer's.

A Ctrl-C reaches every process of the terminal's group; the first one only asks the trainer to
stop at its next step, so the worker must live through it. What the worker says on its way out
would land in the middle of the trainer's display, and its environment is no business of the code.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import final

_SCRIPT = """#!/bin/sh
trap '' INT
cd /
exec env -i {binary} "$@" 2>/dev/null
"""


@final
class Launcher:
    """Holds the small script that starts the worker, for as long as that takes.

    >>> launcher = Launcher()
    >>> launcher.close()
    """

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def path(self) -> str | None:
        """Return the script's path, None where Monty is better started by itself.

        That is so on Windows, where the temporary folder is mounted as one that nothing runs from,
        and where Monty's program is not found: it then says so itself.
        """
        binary = os.environ.get("MONTY_BIN") or _found()
        if sys.platform == "win32" or not binary:
            return None
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="slearn-")
        script = Path(self._folder.name, "monty")
        script.write_text(_SCRIPT.format(binary=shlex.quote(os.path.abspath(binary))), "utf-8")
        script.chmod(0o700)
        return str(script) if os.access(script, os.X_OK) else None

    def close(self) -> None:
        """Remove the script; the next `path` writes another."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def _found() -> str | None:
    return shutil.which("monty", path=sysconfig.get_path("scripts")) or shutil.which("monty")
