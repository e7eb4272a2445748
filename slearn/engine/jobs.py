"""Jobs: what a sequence of the scheduler works off, for a generation or for a scored target.

A job knows all its tokens so far and which positions' logits it wants; the scheduler feeds the
tokens to the model and hands the logits back. Generation appends a token for each row it gets.
A job that waits is small: its tokens are packed, and its matcher is made when it begins.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from slearn.engine.base import GenerateRequest, Generation
from slearn.engine.masks import Matcher, Step
from slearn.engine.numeric import Logits, greedy, sample, step_logprob, with_leaving
from slearn.engine.vocab import Vocab
from slearn.values import Usage

# The steps of a target where the grammar leaves a choice, by index; of each target by its number.
Choices = dict[int, Step]
Riders = Callable[[], dict[int, Choices | None]]


_CLOSING = 64  # tokens that are left: enough to close what can be open


class Job(ABC):
    """Tokens to compute for one sequence; `finished` when no more logits are wanted.

    `packed` are the tokens it starts with as big-endian bytes, which sort as the tokens do.
    """

    def __init__(self, order: int, prompt: list[int], target: list[int], growth: int) -> None:
        self.order = order  # position of the request in its round
        self.prompt_size = len(prompt)
        self.packed = np.array([*prompt, *target], dtype=">u4").tobytes()
        self.tokens: list[int] = []  # once it has begun
        self.growth = growth  # tokens it may still append
        self.finished = False
        self.shared = 0  # prompt tokens copied from another sequence
        self.computed = 0  # tokens the model computed for this job

    def begin(self) -> None:
        """Unpack; called once, when the scheduler takes the job from the queue."""
        self.tokens = np.frombuffer(self.packed, dtype=">u4").tolist()

    @property
    @abstractmethod
    def first_wanted(self) -> int:
        """The first position whose logits are needed; what stands before it may be copied."""

    @abstractmethod
    def wants(self, position: int) -> bool:
        """Whether the logits after the token at this position are needed."""

    @abstractmethod
    def receive(self, position: int, logits: Logits) -> None:
        """Take the logits after the token at this position."""

    @abstractmethod
    def usage(self) -> Usage:
        """Return what the job has cost."""


class GenerateJob(Job):
    """Completes one request token by token under its grammar."""

    def __init__(
        self,
        order: int,
        prompt: list[int],
        request: GenerateRequest,
        matcher: Callable[[], Matcher],
        vocab: Vocab,
    ) -> None:
        super().__init__(order, prompt, [], request.max_tokens)
        self._request = request
        self._make_matcher = matcher
        self._vocab = vocab
        self._stops = [stop.encode() for stop in request.stop]
        self._answer = b""
        self._finish = "length"
        self._chosen: list[int] = []  # where the tokens stand that were chosen from logits
        self._logprob = 0.0  # of the text so far, where it is asked for

    def begin(self) -> None:
        """Unpack, and write what the grammar forces at once."""
        super().begin()
        self._matcher = self._make_matcher()
        self._random = np.random.default_rng(self._request.seed)
        if self.growth <= 0:
            self.finished = True
        else:
            self._append_forced()

    @property
    def first_wanted(self) -> int:
        """Only the last token's logits are needed."""
        return len(self.tokens) - 1

    def wants(self, position: int) -> bool:
        """Only the last token's logits are needed."""
        return position == len(self.tokens) - 1

    def receive(self, position: int, logits: Logits) -> None:
        """Choose the next token, or finish."""
        token = self._weighed(logits) if self._request.weigh else self._choose(logits)
        if token in self._vocab.end_tokens:
            return self._end("end")
        self._chosen.append(len(self.tokens))
        self._append(token)
        if not self.finished:
            self._append_forced()
        return None

    def usage(self) -> Usage:
        """Return what it cost: forced tokens that were sent were read, and count as prompt."""
        sent = sum(place < self.shared + self.computed for place in self._chosen)
        return Usage(prompt=self.computed - sent, shared=self.shared, generated=len(self._chosen))

    def result(self) -> Generation:
        """Return the finished generation."""
        text, finish = self._answer.decode("utf-8", "replace"), self._finish
        logprob = self._logprob if self._request.weigh else None
        return Generation(text, finish, self._matcher.accepting, self.usage(), logprob=logprob)

    def _append(self, token: int) -> None:
        """Lengthen the answer by a token that the matcher has taken."""
        self.tokens.append(token)
        self.growth -= 1
        self._answer += self._vocab.piece(token)
        for stop in self._stops:
            cut = self._answer.find(stop)
            if cut >= 0:
                self._answer = self._answer[:cut]
                return self._end("stop")
        if self._matcher.stopped:
            return self._end("end")
        if self.growth <= 0:
            self._end("length")
        return None

    def _append_forced(self) -> None:
        """Append what the grammar leaves no choice about: keys of JSON, the rest of a label.

        No logits are needed for it, so it is read with the next batch as a prompt is; where it
        leads to the end of the answer nothing is computed at all.
        """
        for token in self._matcher.forced():
            if self.finished or token in self._vocab.end_tokens or not self._matcher.take(token):
                return
            self._append(token)

    def _weighed(self, logits: Logits) -> int:
        """Return the next token and add its likelihood to the text's."""
        before, complete = self._matcher.copy(), self._complete
        token = self._choose(logits)
        step = before.step(-1 if token in self._vocab.end_tokens else token, complete=complete)
        if step is not None and not step.forced:
            self._logprob += step_logprob(logits, step)
        return token

    def _choose(self, logits: Logits) -> int:
        """Return the next token.

        A model that would go on with what is not allowed has said all that it was asked for, if the
        answer is complete: it ends there. Else a number that the model would follow with a unit
        grows digits, because nothing but digits is left to it.
        """
        sampling = self._request.sampling
        if self._request.closing and self.growth <= _CLOSING:
            return self._close(logits)
        if sampling.temperature == 0:
            token = greedy(logits, None)  # most often allowed: ask before making a mask
            if self._matcher.take(token):
                return token
            # "1,000" is not 1: a comma between digits goes on with the number.
            counts = self._answer[-1:].isdigit() and self._vocab.piece(token)[:1] == b","
            if self._complete and not counts:
                return self._vocab.ends[0]
            token = greedy(logits, self._matcher.allowed())
        else:
            allowed = self._matcher.allowed()
            if allowed is not None and self._complete:
                logits = with_leaving(logits, allowed, np.array(self._vocab.ends))
            token = sample(logits, allowed, sampling, self._random)
        self._matcher.take(token)
        return token

    def _close(self, logits: Logits) -> int:
        """Return the token that brings the text nearest to its end."""
        if self._complete:
            return self._vocab.ends[0]
        token = next(filter(self._matcher.take, self._vocab.closers(self._answer)), None)
        if token is None:
            token = greedy(logits, self._matcher.allowed())
            self._matcher.take(token)
        return token

    @property
    def _complete(self) -> bool:
        return bool(self._answer) and self._matcher.accepting

    def _end(self, finish: str) -> None:
        self._finish = finish
        self.finished = True


class ScoreJob(Job):
    """Sums the log-likelihoods of one or more targets that need the same tokens computed.

    Labels that differ in their first token, and are forced after it, all rest on the logits at the
    end of the prompt: they are riders of one job.
    """

    def __init__(self, order: int, prompt: list[int], target: list[int], riders: Riders) -> None:
        super().__init__(order, prompt, target, 0)
        self._make_riders = riders
        self._steps: dict[int, list[tuple[int, Step]]] = {}
        self.logprobs: dict[int, float] = {}  # by the targets' numbers

    def begin(self) -> None:
        """Unpack, and see where the targets are a choice."""
        super().begin()
        for number, choices in self._make_riders().items():
            self.logprobs[number] = float("-inf") if choices is None else 0.0
            for index, step in (choices or {}).items():
                place = self.prompt_size - 1 + index
                self._steps.setdefault(place, []).append((number, step))
        # Nothing after the last choice is computed.
        del self.tokens[max(self._steps, default=-1) + 1 :]
        self.finished = not self._steps

    @property
    def first_wanted(self) -> int:
        """Where the first choice is made."""
        return min(self._steps, default=0)

    def wants(self, position: int) -> bool:
        """Only positions where the grammar leaves a choice matter."""
        return position in self._steps

    def receive(self, position: int, logits: Logits) -> None:
        """Add the log-likelihoods of the steps taken after this position."""
        for number, step in self._steps.pop(position):
            self.logprobs[number] += step_logprob(logits, step)
        self.finished = not self._steps

    def usage(self) -> Usage:
        """Return what the job cost: prompt tokens, shared ones, and scored ones."""
        if not self.computed:
            return Usage()
        scored = max(0, len(self.tokens) - max(self.prompt_size, self.shared))
        return Usage(prompt=self.computed - scored, shared=self.shared, scored=scored)


def choices_of(steps: list[Step] | None, given: int) -> Choices | None:
    """Return the steps of a target that are a choice, by index; None for a forbidden target.

    steps[i] is the choice of the target's token i; one more is the end of the answer. The first
    `given` tokens count as written already.
    """
    if steps is None:
        return None
    return {i: step for i, step in enumerate(steps) if i >= given and not step.forced}
