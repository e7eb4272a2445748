"""Whose turn it is: optimizers that do not pay wait, twice as long after each try in vain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from slearn.optim.base import Candidate


@dataclass
class Turns:
    """Remembers which optimizer reached a final, and when each may propose again.

    After a try in vain an optimizer leaves one step out, after two in a row three, then seven: it
    costs little, and is asked again when the agent has become another one.

    >>> turns = Turns()
    >>> turns.note("tip", 0, [], [])
    >>> [step for step in range(1, 9) if turns.due("tip", step)]
    [2, 3, 4, 5, 6, 7, 8]
    """

    _misses: dict[str, int] = field(default_factory=dict)
    _next: dict[str, int] = field(default_factory=dict)

    def due(self, name: str, step: int) -> bool:
        """Whether an optimizer may propose in a step."""
        return step >= self._next.get(name, 0)

    def note(
        self, name: str, step: int, made: Iterable[Candidate], finalists: Iterable[Candidate]
    ) -> None:
        """Note what became of an optimizer's candidates."""
        won = set(map(id, finalists))
        if any(id(candidate) in won for candidate in made):
            self._misses[name] = 0
            return
        self._misses[name] = misses = self._misses.get(name, 0) + 1
        self._next[name] = step + 2**misses
