"""Models that take turns in memory: where two do not fit, the one that is asked is the one loaded.

A model is loaded when a round is handed to it, and whoever had the seat before is closed first.
What a trainer asks between rounds (how long a text is, which engine this is) loads nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, final

from slearn.engine.base import (
    Engine,
    GenerateRequest,
    Generation,
    Score,
    ScoreRequest,
    Then,
    Watcher,
)
from slearn.errors import EngineError


class Counting(Protocol):
    """What counts tokens; a whole engine does, and so does a tokenizer alone."""

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the model needs for a text."""

    def close(self) -> None:
        """Free what is held."""


@final
class Seat:
    """Room for one model; `changes` counts how often another one has taken it.

    >>> Seat().changes
    0
    """

    def __init__(self) -> None:
        self._sitting: SeatedEngine | None = None
        self.changes = 0

    def take(self, engine: SeatedEngine) -> None:
        """Give the seat to an engine: the one that sits there is closed before."""
        if self._sitting is engine:
            return
        if self._sitting is not None:
            self._sitting.stand_up()
            self.changes += 1
        self._sitting = engine

    def leave(self, engine: SeatedEngine) -> None:
        """Free the seat where the engine has it."""
        if self._sitting is engine:
            self._sitting = None


@final
class SeatedEngine(Engine):
    """An engine that is loaded while it has the seat.

    `load` opens the model, `tokenizer` counts tokens without it. It is loaded once to learn what it
    is, and stays until another one is asked.

    >>> from slearn.engine.scripted import ScriptedEngine
    >>> SeatedEngine(Seat(), ScriptedEngine, ScriptedEngine()).count_tokens("two words")
    2
    """

    def __init__(self, seat: Seat, load: Callable[[], Engine], tokenizer: Counting) -> None:
        self._seat, self._load, self._tokenizer = seat, load, tokenizer
        self._inner: Engine | None = None
        self._closed = False
        loaded = self._loaded()
        self._fingerprint, self._window = loaded.fingerprint, loaded.window

    @property
    def fingerprint(self) -> dict[str, Any]:
        """The loaded engine's: taking turns changes no result."""
        return self._fingerprint

    @property
    def window(self) -> int:
        """The loaded engine's."""
        return self._window

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        """Complete every request, in order."""
        return self._loaded().generate(requests, watch) if requests else []

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        """Score every request's targets, in order."""
        return self._loaded().score(requests, watch) if requests else []

    def generate_then_score(
        self,
        requests: Sequence[GenerateRequest],
        then: Sequence[Then],
        watch: Watcher | None = None,
    ) -> list[tuple[Generation, Score | None]]:
        """Complete every request, and score what is asked behind its text."""
        return self._loaded().generate_then_score(requests, then, watch) if requests else []

    def count_tokens(self, text: str) -> int:
        """Count as the engine does, loaded or not."""
        return self._tokenizer.count_tokens(text)

    def stand_up(self) -> None:
        """Free the model; it is loaded again when it is asked."""
        if self._inner is not None:
            self._inner.close()
        self._inner = None

    def close(self) -> None:
        """Free the model and the seat."""
        self._closed = True
        self.stand_up()
        self._seat.leave(self)
        self._tokenizer.close()

    def _loaded(self) -> Engine:
        if self._closed:
            raise EngineError("the engine is closed")
        self._seat.take(self)
        if self._inner is None:
            self._inner = self._load()
        return self._inner
