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
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from slearn.errors import SlearnError

ROOT = Path(__file__).parent.parent
Line = dict[str, Any]
Key = Callable[[Line], Any]  # what tells the cells of a table apart


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


def latest(path: Path, key: Key) -> list[Line]:
    """Return the lines; of two of the same cell the later one."""
    return list({key(line): line for line in read(path)}.values())


def make(
    cells: Sequence[Line],
    measure: Callable[[Line], Line],
    add: Callable[[Line], None],
    named: Callable[[Line], str],
    told: Callable[[Line], str],
) -> int:
    """Measure cells one after the other, add a line for each, and return how many failed.

    It says what it is at and how long the rest may take, and what was found.
    """
    failed, began = 0, time.monotonic()
    for number, cell in enumerate(cells):
        start = time.monotonic()
        left = (start - began) / number * (len(cells) - number) if number else None
        ahead = "" if left is None else f", about {clock(left)} left"
        tell(f"{number + 1} of {len(cells)}{ahead}: {named(cell)}")
        try:
            found = measure(cell)
        except SlearnError as error:
            failed += 1
            tell(f"  failed: {error}")
            continue
        seconds = round(time.monotonic() - start, 1)
        add({**cell, **found, "wall": seconds})
        tell(f"  {told(found)} in {clock(seconds)}")
    return failed


def ended(run: Callable[[], int]) -> NoReturn:
    """Make the runs, and end as they did."""
    try:
        failed = run()
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(f"{failed} runs failed" if failed else 0)


def tell(line: str) -> None:
    """Say how it goes, where results do not stand."""
    print(line, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """Return a time as people say it.

    >>> clock(75), clock(300), clock(5400)
    ('75 s', '5 min', '1 h 30 min')
    """
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


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
