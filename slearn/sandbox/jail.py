"""The command line of bwrap: what code in its sandbox can see.

It sees Python, the libraries that Python loads, /dev/null and an empty /tmp; all but /tmp is
read-only. It has no processes but its own, no network, no environment, no name on the host, and
is nobody. There is no /proc, no shell and no program to run. What is not bounded by a number but
only by the time limit is how many empty files it makes: each takes a kilobyte of the kernel's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

SCRATCH = 8 * 2**20  # bytes of /tmp, and of the longest file in it
_LIBRARIES = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/lib", "/lib32", "/lib64")
_FLAGS = (
    "--unshare-all --unshare-user --disable-userns --die-with-parent --new-session --clearenv "
    "--uid 65534 --gid 65534 --cap-drop ALL --hostname sandbox"
)


def jailed(bwrap: str, call_filter: int, program: str) -> list[str]:
    """Return the command that runs `program`, Python text, inside; `call_filter` is a descriptor.

    >>> jailed("bwrap", 9, "pass")[-2:]
    ['-c', 'pass']
    """
    return [
        bwrap,
        *_FLAGS.split(),
        *(part for path in _LIBRARIES for part in _library(Path(path))),
        *_shown(Path(sys.base_prefix)),
        *("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"),
        *("--size", str(SCRATCH), "--tmpfs", "/tmp"),
        *("--dir", "/dev", "--dev-bind", "/dev/null", "/dev/null"),
        *("--remount-ro", "/", "--chdir", "/tmp"),
        *("--seccomp", str(call_filter)),
        # The environment is ours, so Python may read it (no -I): a fixed seed makes hashes equal.
        *("--setenv", "PYTHONHASHSEED", "0"),
        *("--", str(_python()), *"-s -S -P -B -X utf8 -W ignore".split(), "-c", program),
    ]


def _python() -> Path:
    # Not sys.executable, which in a virtual environment is a link in the user's project.
    return Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")


def _library(path: Path) -> Iterator[str]:
    if path.is_symlink():
        yield from ("--symlink", str(path.readlink()), str(path))
    elif path.is_dir():
        yield from ("--ro-bind", str(path), str(path))


def _shown(prefix: Path) -> Iterator[str]:
    if prefix == Path("/usr"):  # Debian's Python: not all of /usr for its sake
        yield from ("--ro-bind", str(_python()), str(_python()))
    else:
        yield from ("--ro-bind", str(prefix), str(prefix))
