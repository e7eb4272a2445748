"""How much memory this process may still take: what the machine and its group of processes leave.

A group's count holds the cache of files too, which the system gives back when memory is short; so
does a model file that was just hashed. That part counts as free.
"""

from __future__ import annotations

import os
from pathlib import Path

_INACTIVE = ("inactive_file", "active_file")
_UNLIMITED = 1 << 60  # what the first version of groups writes for no limit is near 2**63


def available_memory(root: Path = Path("/")) -> int | None:
    """Return the bytes that are free, None where the system does not say.

    Linux says what is available, also within a control group (a container, a batch job); elsewhere
    it is all the memory that the machine has. `root` stands for the file system in tests.

    >>> (available_memory() or 1) > 0
    True
    """
    known = [_machine(root), *_groups(root)]
    free = [size for size in known if size is not None]
    if not free:
        return _physical()
    return max(0, min(free))


def _machine(root: Path) -> int | None:
    words = _text(root / "proc/meminfo").split()
    try:
        return int(words[words.index("MemAvailable:") + 1]) * 1024
    except (ValueError, IndexError):
        return None


def _physical() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def _groups(root: Path) -> list[int | None]:
    """Return what each group that this process is in leaves, and each group around those."""
    mount = root / "sys/fs/cgroup"
    found: list[int | None] = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, kinds, inside = (line.split(":", 2) + ["", ""])[:3]
        place = inside.strip("/").split("/") if inside.strip("/") else []
        # A container may see its own group as the root, whatever the path says.
        for depth in range(len(place) + 1):
            part = Path(*place[:depth])
            if not kinds:
                for base in (mount, mount / "unified"):
                    found.append(_left(base / part, "memory.max", "memory.current", ""))
            elif "memory" in kinds.split(","):
                names = "memory.limit_in_bytes", "memory.usage_in_bytes"
                found.append(_left(mount / "memory" / part, *names, "total_"))
    return found


def _left(folder: Path, limit: str, usage: str, prefix: str) -> int | None:
    try:
        most, used = int(_text(folder / limit)), int(_text(folder / usage))
    except ValueError:  # no such file, or "max"
        return None
    if most >= _UNLIMITED:
        return None
    pairs = (line.split() for line in _text(folder / "memory.stat").splitlines())
    stat = {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
    return most - used + sum(stat.get(prefix + name, 0) for name in _INACTIVE)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
