"""How a model is run: cache, batches, threads, layers on a GPU."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

AMX = "amx"  # weights packed for the matrix kernels of some server processors


@dataclass(frozen=True)
class EngineSettings:
    """How a model is run; part of the engine's fingerprint, since it can change last bits.

    `cells` is the size of the key-value cache in tokens, shared by all `sequences`; `max_outputs`
    caps the rows of logits of one batch (and so their memory); `gpu_layers` -1 means all, where
    the library was built for a GPU; `threads` 0 means as many as the cores that this process has.
    `flash_attention` is on, off or auto (wherever the model allows it); `cache_type` is what the
    cache keeps its numbers as: f16, or q8_0 for half the memory, which needs flash attention.
    `weights` is the form of the weights in the file that is opened: as it came (file), or written
    anew for this machine as f16 or q8_0 (`reencode`); amx is q8_0 for the kernels of AMX.

    >>> EngineSettings(threads=2, cache_type="q8_0").as_json()["cells"]
    8192
    """

    cells: int = 8192
    sequences: int = 16
    batch_size: int = 512
    max_outputs: int = 64
    threads: int = 0
    gpu_layers: int = -1
    flash_attention: str = "auto"
    cache_type: str = "f16"
    weights: str = "file"

    def as_json(self) -> dict[str, Any]:
        """Return the settings with the thread count filled in."""
        return {**asdict(self), "threads": self.threads or available_threads()}


def available_threads() -> int:
    """Return how many threads decoding should use: the cores this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return cores if cores <= 4 else max(4, cores // 2)  # beyond four, half are hyperthreads
