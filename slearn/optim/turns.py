"""Whose turn it is: a bandit over the optimizers, with finals per token as the reward.

Those that do not pay wait, twice as long after each try in vain; of the others, who reached more
finals for the tokens of his proposals is asked first, and has his candidates in front of the field.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from slearn.optim.base import Candidate, Proposal

_CREDIT = 1000  # tokens: about what a proposal costs that a model writes


@dataclass
class Turns:
    """Remembers which optimizer reached a final, what it spent, and when it may propose again.

    After a try in vain an optimizer leaves one step out, after two in a row three, then seven: it
    costs little, and is asked again when the agent has become another one.

    >>> turns = Turns()
    >>> turns.note("tip", 0, [], [])
    >>> [step for step in range(1, 9) if turns.due("tip", step)]
    [2, 3, 4, 5, 6, 7, 8]
    """

    _misses: dict[str, int] = field(default_factory=dict)
    _asked: Counter[str] = field(default_factory=Counter)
    _next: dict[str, int] = field(default_factory=dict)
    _finals: Counter[str] = field(default_factory=Counter)
    _tokens: Counter[str] = field(default_factory=Counter)

    def order(self, names: Iterable[str], step: int) -> list[str]:
        """Return who may propose in a step, the best reward for a token first.

        Nobody starts without credit, so that all are tried; among equals the given order holds.

        >>> turns = Turns()
        >>> turns.paid("induce", 1800)
        >>> turns.order(["induce", "demos"], 0)
        ['demos', 'induce']
        """
        due = [name for name in names if self.due(name, step)]
        return sorted(due, key=self._reward, reverse=True)

    def _reward(self, name: str) -> float:
        return (1 + self._finals[name]) / (_CREDIT + self._tokens[name])

    def shown(self, proposal: Proposal, name: str) -> Proposal:
        """Return a proposal with what an optimizer may know of its own tries."""
        return replace(proposal, misses=self._misses.get(name, 0), asked=self._asked[name])

    def paid(self, name: str, tokens: int, made: int = 0) -> None:
        """Note what an optimizer's proposals have cost, and how many it made."""
        self._tokens[name] += tokens
        self._asked[name] += bool(tokens or made)

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
            self._finals[name] += 1
            return
        self._misses[name] = misses = self._misses.get(name, 0) + 1
        self._next[name] = step + 2**misses
