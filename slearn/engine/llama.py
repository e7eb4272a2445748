"""The default engine: llama.cpp in this process, many sequences at once.

>>> # with LlamaEngine(Path("model.gguf"), sha256="…") as engine:
>>> #     engine.generate([GenerateRequest((Message("user", "Say hi."),))])
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import llama_cpp
import llguidance

from slearn.engine.base import (
    Engine,
    GenerateRequest,
    Generation,
    Message,
    Score,
    ScoreRequest,
    Then,
    Watcher,
)
from slearn.engine.chat import ChatTemplate
from slearn.engine.context import Context, system_info
from slearn.engine.jobs import Choices, GenerateJob, Job, Riders, ScoreJob, choices_of
from slearn.engine.masks import Masks
from slearn.engine.scheduler import Done, Scheduler
from slearn.engine.settings import EngineSettings
from slearn.engine.vocab import Vocab
from slearn.errors import ContextError, EngineError
from slearn.values import Usage

# Raised whenever a change of this folder can move a result: stored calls then count no more.
REVISION = 3


class LlamaEngine(Engine):
    """Runs one GGUF model; owned by the thread that makes it."""

    def __init__(self, path: Path, *, sha256: str, settings: EngineSettings | None = None) -> None:
        self._settings = settings or EngineSettings()
        self._sha256 = sha256
        self._context = Context(path, self._settings)
        self._vocab = Vocab(self._context.model)
        self._chat = ChatTemplate(self._context.template(), self._vocab)
        self._masks = Masks(
            self._vocab.constraint_tokenizer, self._vocab.size, self._vocab.end_tokens
        )

    @property
    def fingerprint(self) -> dict[str, Any]:
        """The model's hash, the libraries' builds, the processor and the batch settings."""
        return {
            "engine": "llama.cpp",
            "revision": REVISION,
            "model": self._sha256,
            "llama_cpp": llama_cpp.__version__,
            "llguidance": llguidance.__version__,
            "system": system_info(),
            "machine": platform.machine(),
            **self._settings.as_json(),
        }

    @property
    def window(self) -> int:
        """How many tokens one sequence may have, prompt and answer together."""
        return min(self._context.cells, self._context.train_length)

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        """Complete every request, batched, shared prefixes computed once."""
        found = self.generate_then_score(requests, [_nothing] * len(requests), watch)
        return [made for made, _ in found]

    def generate_then_score(
        self,
        requests: Sequence[GenerateRequest],
        then: Sequence[Then],
        watch: Watcher | None = None,
    ) -> list[tuple[Generation, Score | None]]:
        """Complete every request; what is scored behind a text goes on in its sequence."""
        self._context.check()
        jobs: list[Job] = []
        for order, request in enumerate(requests):
            prompt = self._prompt(request.messages, request.max_tokens, request.where)
            self._masks.check(request.grammar, request.where)
            matcher = partial(self._masks.matcher, request.grammar, request.where)
            jobs.append(GenerateJob(order, prompt, request, matcher, self._vocab))
        made: dict[int, Generation] = {}
        scores = _Scores()

        def done(job: Job) -> list[Job]:
            if isinstance(job, ScoreJob):
                scores.take(job)
                return []
            assert isinstance(job, GenerateJob)
            made[job.order] = job.result()
            asked = then[job.order](made[job.order])
            return [] if asked is None else list(self._scoring(scores, job.order, asked))

        self._run(jobs, len(requests), done, watch)
        return [(made[order], scores.found(order)) for order in range(len(requests))]

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        """Score every target, batched, shared prefixes computed once."""
        self._context.check()
        scores = _Scores()
        jobs: list[Job] = []
        for index, request in enumerate(requests):
            jobs += self._scoring(scores, index, request)

        def done(job: Job) -> list[Job]:
            assert isinstance(job, ScoreJob)
            scores.take(job)
            return []

        self._run(jobs, len(requests), done, watch)
        return [scores[index] for index in range(len(requests))]

    def _scoring(self, scores: _Scores, index: int, request: ScoreRequest) -> Iterator[ScoreJob]:
        """Return the jobs of a request, of which `scores` takes what they find."""
        prompt = self._prompt(request.messages, 0, request.where)
        scores.expect(index, len(request.targets))
        for target, riders in self._targets(request, len(prompt)):
            yield ScoreJob(scores.order(index), prompt, target, riders)

    def _targets(self, request: ScoreRequest, prompt: int) -> Iterator[tuple[list[int], Riders]]:
        """Return the tokens that have to be computed after the prompt, and which targets need them.

        The targets of one request that need the same tokens go together: most labels do, because
        what follows their first token is forced.
        """
        grammar = request.grammar.uncapped()
        self._masks.check(grammar, request.where)

        def choices(tokens: list[int]) -> Choices | None:
            given = self._tokens_within(tokens, len(request.prefix.encode()))
            return choices_of(self._masks.path(grammar, tokens, request.where), given)

        found = [self._vocab.tokenize(request.prefix + t, special=False) for t in request.targets]
        self._check_fit(prompt + max(map(len, found), default=0), request.where)
        if len(found) == 1:  # nothing to share: its path waits until the job begins
            yield found[0], lambda: {0: choices(found[0])}
            return
        groups: dict[tuple[int, ...], dict[int, Choices | None]] = {}
        for number, tokens in enumerate(found):
            steps = choices(tokens)
            key = tuple(tokens[: max(steps, default=0)] if steps else ())
            groups.setdefault(key, {})[number] = steps
        for key, group in groups.items():
            yield list(key), partial(dict, group)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the model needs for a text."""
        self._context.check()
        return len(self._vocab.tokenize(text, special=False))

    def close(self) -> None:
        """Free the model."""
        self._context.close()

    def _prompt(self, messages: tuple[Message, ...], growth: int, where: str) -> list[int]:
        prompt = self._chat.tokens(messages)
        self._check_fit(len(prompt) + growth, where)
        return prompt

    def _check_fit(self, needed: int, where: str) -> None:
        if needed > self.window:
            raise ContextError(where=where or "prompt", needed=needed, available=self.window)

    def _tokens_within(self, tokens: list[int], size: int) -> int:
        """Count the leading tokens that lie wholly inside the first `size` bytes."""
        length = 0
        for count, token in enumerate(tokens):
            length += len(self._vocab.piece(token))
            if length > size:
                return count
        return len(tokens)

    def _run(self, jobs: list[Job], total: int, done: Done, watch: Watcher | None) -> None:
        finished, computed, expected = 0, 0, len(jobs)

        def note(job: Job) -> Sequence[Job]:
            nonlocal finished, computed, expected
            behind = done(job)
            finished, expected = finished + 1, expected + len(behind)
            computed += job.usage().computed
            if watch is not None:
                watch(finished * total // expected, total, computed)
            return behind

        Scheduler(self._context).run(jobs, note)
        if finished != expected:
            raise EngineError(f"{expected - finished} of {expected} jobs were lost")


def _nothing(_: Generation) -> None:
    """Score nothing behind a text."""


class _Scores:
    """What the jobs of score requests find: a request may have several of them."""

    def __init__(self) -> None:
        self._owners: list[int] = []  # of each job
        self._logprobs: dict[int, list[float]] = {}
        self._usage: dict[int, Usage] = {}

    def expect(self, index: int, targets: int) -> None:
        """Make room for a request; a target that no job finds has minus infinity."""
        self._logprobs[index], self._usage[index] = [float("-inf")] * targets, Usage()

    def order(self, index: int) -> int:
        """Return the number of another job of a request."""
        self._owners.append(index)
        return len(self._owners) - 1

    def take(self, job: ScoreJob) -> None:
        """Keep what a finished job has found."""
        index = self._owners[job.order]
        for number, logprob in job.logprobs.items():
            self._logprobs[index][number] = logprob
        self._usage[index] += job.usage()

    def found(self, index: int) -> Score | None:
        """Return the score of a request, None where none was asked for."""
        return self[index] if index in self._logprobs else None

    def __getitem__(self, index: int) -> Score:
        return Score(tuple(self._logprobs[index]), self._usage[index])
