"""The default engine: llama.cpp in this process, many sequences at once.

>>> # with LlamaEngine(Path("model.gguf"), sha256="…") as engine:
>>> #     engine.generate([GenerateRequest((Message("user", "Say hi."),))])
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
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
    Watcher,
)
from slearn.engine.chat import ChatTemplate
from slearn.engine.context import Context
from slearn.engine.jobs import Choices, GenerateJob, Job, Riders, ScoreJob, choices_of
from slearn.engine.masks import Masks
from slearn.engine.scheduler import Scheduler
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
            "system": llama_cpp.llama_print_system_info().decode("utf-8", "replace"),
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
        self._context.check()
        jobs: list[Job] = []
        for order, request in enumerate(requests):
            prompt = self._prompt(request.messages, request.max_tokens, request.where)
            self._masks.check(request.grammar, request.where)
            matcher = partial(self._masks.matcher, request.grammar, request.where)
            jobs.append(GenerateJob(order, prompt, request, matcher, self._vocab))
        results: dict[int, Generation] = {}

        def done(job: Job) -> int:
            assert isinstance(job, GenerateJob)
            results[job.order] = job.result()
            return results[job.order].usage.computed

        self._run(jobs, len(requests), done, watch)
        return [results[order] for order in range(len(requests))]

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        """Score every target, batched, shared prefixes computed once."""
        self._context.check()
        logprobs = [[float("-inf")] * len(request.targets) for request in requests]
        usage = [Usage() for _ in requests]
        owners: list[int] = []  # of each job
        jobs: list[Job] = []
        for index, request in enumerate(requests):
            prompt = self._prompt(request.messages, 0, request.where)
            for target, riders in self._targets(request, len(prompt)):
                jobs.append(ScoreJob(len(owners), prompt, target, riders))
                owners.append(index)

        def done(job: Job) -> int:
            assert isinstance(job, ScoreJob)
            index = owners[job.order]
            for number, logprob in job.logprobs.items():
                logprobs[index][number] = logprob
            usage[index] += job.usage()
            return job.usage().computed

        self._run(jobs, len(requests), done, watch)
        return [Score(tuple(logprobs[i]), usage[i]) for i in range(len(requests))]

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

    def _run(
        self, jobs: list[Job], total: int, done: Callable[[Job], int], watch: Watcher | None
    ) -> None:
        finished = 0
        computed = 0

        def note(job: Job) -> None:
            nonlocal finished, computed
            finished += 1
            computed += done(job)
            if watch is not None:
                watch(finished * total // max(1, len(jobs)), total, computed)

        Scheduler(self._context).run(jobs, note)
        if finished != len(jobs):
            raise EngineError(f"{len(jobs) - finished} of {len(jobs)} jobs were lost")
