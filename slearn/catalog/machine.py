"""What a machine is to the speed of a model: its processor, the cores we may use, the library."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from slearn.engine import describe_library


def machine_identity(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return in one line what has to be the same for measured speeds to hold; loads the library.

    >>> machine_identity()  # doctest: +SKIP
    'AMD EPYC, 2 cores, llama_cpp 0.3.36, CPU : SSE3 = 1 | AVX2 = 1'
    """
    try:
        build = version("llama-cpp-python")
    except PackageNotFoundError:
        build = "unknown"
    system = describe_library()["system"]
    text = f"{_processor(cpuinfo)}, {usable_cores()} cores, llama_cpp {build}, {system}"
    return " ".join(text.split()).rstrip(" |")


def usable_cores() -> int:
    """Return how many cores this process may run on.

    >>> usable_cores() > 0
    True
    """
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _processor(cpuinfo: Path) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
