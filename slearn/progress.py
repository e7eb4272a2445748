"""What a run tells about itself while it goes on, and how it is asked to stop."""

from __future__ import annotations


class Progress:
    """Hears of phases, tokens, the best score and the budget; this one shows nothing.

    `interrupted` is set by whoever wants the run to end after the round in flight.
    """

    interrupted: bool = False

    def phase(self, name: str, step: int = 0, detail: str = "") -> None:
        """A phase begins: what, and in which step."""

    def tokens(self, computed: int, done: int, total: int) -> None:
        """Some requests of the round in flight are done; `computed` tokens so far."""

    def best(self, score: float | None) -> None:
        """The best validation score changed."""

    def budget(self, used: int, total: int) -> None:
        """So many tokens of the budget are used."""

    def warn(self, text: str) -> None:
        """There is something that the user should know, in a line."""
