"""What is worth trying: threads, form of the weights, attention, batch size, cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from slearn.engine import EngineSettings

BATCHES = (256, 512, 1024)

Axis = Callable[[EngineSettings], list[EngineSettings]]


def axes_for(cores: int, prompt: int, *, weights: Sequence[str] = ("file",)) -> list[Axis]:
    """Return the axes of a search on so many cores; `prompt` is the tokens of one round.

    `weights` are the forms of the weights to try: only on a processor, a GPU has its own.

    Flash attention `auto` is on wherever the model allows it, so only off is another choice. Two
    batch sizes that both hold the whole round cannot be told apart by it.

    >>> threads, *_ = axes_for(4, 600)
    >>> [settings.threads for settings in threads(EngineSettings(threads=4))]
    [4, 3, 2, 1]
    """

    def threads(now: EngineSettings) -> list[EngineSettings]:
        counts = dict.fromkeys(cores * quarters // 4 for quarters in (4, 3, 2, 1))
        return [replace(now, threads=count) for count in counts if count]

    def attention(now: EngineSettings) -> list[EngineSettings]:
        kinds = ("auto", "off") if now.cache_type == "f16" else ("auto",)
        return [replace(now, flash_attention=kind) for kind in kinds]

    def batch(now: EngineSettings) -> list[EngineSettings]:
        sizes = [size for size in BATCHES if min(size, now.batch_size) < prompt]
        return [replace(now, batch_size=size) for size in sizes]

    def cache(now: EngineSettings) -> list[EngineSettings]:
        # A cache in eight bits needs flash attention.
        kinds = ("f16",) if now.flash_attention == "off" else ("f16", "q8_0")
        return [replace(now, cache_type=kind) for kind in kinds]

    def forms(now: EngineSettings) -> list[EngineSettings]:
        return [replace(now, weights=kind) for kind in weights]

    return [threads, forms, attention, batch, cache]
