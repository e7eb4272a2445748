"""Work like that of training: prompts that share a beginning, answered and scored in rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from slearn.engine import Engine, GenerateRequest, Message, ScoreRequest, grammar_of

ROWS = 16
_RULES = 18  # sentences of about eleven tokens
_ANSWER = 8  # tokens of a free text
_TARGETS = ("account", "billing", "delivery", "returns")
_CHOICE = grammar_of(Literal["account", "billing", "delivery", "returns"])


@dataclass(frozen=True)
class Workload:
    """One round of answers, half of them choices and half free text, and one round of scores.

    At share 1 there are 16 prompts that share some 200 tokens and have some 30 of their own; a
    smaller share has fewer of all, for slow machines.

    >>> from slearn.engine import open_engine
    >>> Workload(0.25).run(open_engine(None)) > 0
    True
    """

    share: float = 1.0

    @property
    def rows(self) -> int:
        """How many prompts the round of answers has."""
        return max(2, round(ROWS * self.share))

    def run(self, engine: Engine) -> int:
        """Do the work; return how many tokens the model computed."""
        answers = engine.generate([self._answer(row) for row in range(self.rows)])
        scores = engine.score([self._score(row) for row in range(max(1, self.rows // 4))])
        usages = (*(answer.usage for answer in answers), *(score.usage for score in scores))
        return max(1, sum(usage.computed for usage in usages))

    def prompt_tokens(self, engine: Engine) -> int:
        """Return about how many tokens the prompts of the round of answers have, shared ones once.

        >>> from slearn.engine import open_engine
        >>> Workload(0.25).prompt_tokens(open_engine(None)) > 100
        True
        """
        shared, own = (engine.count_tokens(message.content) for message in self._messages(0))
        return shared + own * self.rows

    def _messages(self, row: int) -> tuple[Message, Message]:
        rules = "Name the queue and be as exact as can be. " * max(1, round(_RULES * self.share))
        own = (
            f"Order {row * 79}: it was sent to the address where I lived years ago, and nobody "
            "there knows me. Why?"
        )
        return Message("system", rules), Message("user", own)

    def _answer(self, row: int) -> GenerateRequest:
        if row % 2:
            return GenerateRequest(self._messages(row), max_tokens=_ANSWER)
        return GenerateRequest(self._messages(row), _CHOICE, max_tokens=_ANSWER)

    def _score(self, row: int) -> ScoreRequest:
        return ScoreRequest(self._messages(row), (_TARGETS[row % len(_TARGETS)],), _CHOICE)
