"""The memory that the models of one command may take together, looked at before each is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slearn.cli.output import say
from slearn.errors import InputError

if TYPE_CHECKING:
    from slearn.catalog import MemoryBound


class Room:
    """Refuses a model that cannot fit; what it lets in counts until it is given back.

    The limit is `max_memory` in megabytes, by default what is free as the first model comes: a
    model in memory is a mapped file, which the system goes on counting as free. Where a GPU takes
    the weights only a limit that was given holds, because the GPU's memory is not known here.

    `last` is the bound of the model that came in last, for those who show it.

    >>> Room(max_memory=500).take("scripted", {}, None) is None
    True
    """

    def __init__(self, max_memory: int | None = None, *, tell: bool = False) -> None:
        self._given = max_memory
        self._tell = tell
        self._taken = 0
        self.last: MemoryBound | None = None

    def take(self, name: str, settings: Mapping[str, Any], path: Path | None) -> MemoryBound | None:
        """Return what a model may take and count it; None for the scripted one, which takes none.

        `path` is the file that will be opened: not always the model's own, which may be smaller.

        Raises InputError, with the numbers, where it is more than is left.
        """
        self.last = bound = None if path is None else _bound(path, settings)
        if bound is None:
            return None
        if self._tell:
            say(f"memory of {name}, at most: {bound.text()}")
        if not self._fits(bound.total):
            limit = self._limit or 0
            raise InputError(
                f"does not fit into memory: {bound.text()}, {self._left(limit)}",
                where=name,
                hint="use a smaller --context, or a smaller model",
            )
        self._taken += bound.total
        return bound

    def holds(self, *models: tuple[Mapping[str, Any], Path | None]) -> bool:
        """Say whether some models fit together: their settings and the files that will be opened.

        >>> Room(max_memory=500).holds(({}, None), ({}, None))
        True
        """
        bounds = [_bound(path, settings) for settings, path in models if path is not None]
        return self._fits(sum(bound.total for bound in bounds))

    def _fits(self, size: int) -> bool:
        return self._limit is None or self._taken + size <= self._limit

    def give_back(self, bound: MemoryBound | None) -> None:
        """Count a model that was closed no longer."""
        self._taken -= bound.total if bound else 0

    def _left(self, limit: int) -> str:
        what = "are free" if self._given is None else "is what --max-memory allows"
        taken = f", of which the model before takes {self._taken / 1e6:,.0f} MB"
        return f"{limit / 1e6:,.0f} MB {what}{taken if self._taken else ''}"

    @cached_property
    def _limit(self) -> int | None:
        from slearn.catalog import available_memory
        from slearn.engine import describe_library

        if self._given is not None:
            return self._given * 1_000_000
        return None if describe_library()["gpu_offload"] else available_memory()


def _bound(path: Path, settings: Mapping[str, Any]) -> MemoryBound:
    from slearn.catalog import memory_bound, read_header
    from slearn.engine import EngineSettings

    return memory_bound(read_header(path), EngineSettings(**settings))
