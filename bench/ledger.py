"""The file of results: one JSON line a run, each durable before the next run begins.

What an interruption left of a line is no line: it is not read, and the next one takes its place.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
Line = dict[str, Any]


def read(path: Path) -> list[Line]:
    """Return the whole lines, none where there is no file."""
    raw = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in raw[: raw.rfind(b"\n") + 1].split(b"\n") if line]


@contextmanager
def writing(path: Path) -> Iterator[Callable[[Line], None]]:
    """Give a function that adds a line; one process at a time, so that runs do not disturb others.

    >>> with writing(Path("suite.jsonl")) as add:  # doctest: +SKIP
    ...     add({"task": "svamp"})
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"{path}: another process is measuring")
        file.truncate(path.read_bytes().rfind(b"\n") + 1)

        def add(line: Line) -> None:
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

        yield add


@contextmanager
def folder_of(keep: Path | None, names: Iterable[object]) -> Iterator[Path]:
    """Give a run an empty folder: a temporary one, or of the run's names in `keep`, which stays.

    >>> with folder_of(None, ["svamp", 0]) as folder:
    ...     folder.is_dir()
    True
    """
    if keep is None:
        with tempfile.TemporaryDirectory() as made:
            yield Path(made)
        return
    folder = keep / "-".join(map(slug, names))
    shutil.rmtree(folder, ignore_errors=True)  # of a run that failed
    folder.mkdir(parents=True)
    yield folder


def slug(name: object) -> str:
    """Return a name as a part of a folder's name.

    >>> slug("cls/snips7")
    'cls-snips7'
    """
    return re.sub(r"\W+", "-", str(name))


def code() -> str | None:
    """Return the commit that is measured, with a plus where its code is changed; None without."""
    commit = _git("rev-parse", "--short", "HEAD")
    return commit and commit + "+" * bool(_git("status", "-s", "slearn", "grammars", "models"))


def _git(*command: str) -> str | None:
    done = subprocess.run(["git", "-C", str(ROOT), *command], capture_output=True, text=True)
    return None if done.returncode else done.stdout.strip()
