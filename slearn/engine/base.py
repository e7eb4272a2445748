"""The engine's interface: `generate` and `score` of a model, and `run_tools`, over rounds.

A round is the set of requests handed over in one call. It is computed from an empty cache, so its
results are a function of the round alone (and of the engine's fingerprint): the same round gives
the same bits. The company that a request keeps within a round can change the last bits of a logit;
that is why the store replays rounds and not single calls.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from slearn.engine.grammar import TEXT, Grammar
from slearn.errors import InputError
from slearn.values import Tool, Usage, digest, plain


@dataclass(frozen=True)
class Message:
    """One chat message: role is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn; temperature 0 is greedy and ignores the rest.

    >>> Sampling(temperature=0.8, top_p=0.95)
    Sampling(temperature=0.8, top_p=0.95, top_k=0)
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0


GREEDY = Sampling()


@dataclass(frozen=True)
class GenerateRequest:
    """Ask for one completion of `messages` that the grammar accepts.

    `weigh` asks for the text's likelihood too. `closing` brings a text that comes near its limit to
    an end, where its grammar has no bound: brackets, quotes and lines are closed, for which the
    last 64 tokens are kept. `where` names the node (or trainer call) for error messages; it is no
    part of the identity.
    """

    messages: tuple[Message, ...]
    grammar: Grammar = TEXT
    sampling: Sampling = GREEDY
    seed: int = 0
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    weigh: bool = False
    closing: bool = False
    where: str = field(default="", compare=False)

    def key(self) -> str:
        """Return the content address of the request (without the model)."""
        body = plain(self)
        del body["where"]
        if not self.closing:  # as with `weigh`, below
            del body["closing"]
        if self.sampling.temperature == 0:
            body["seed"] = 0
        if not self.weigh:  # so that what was asked before there was such a wish is found again
            del body["weigh"]
        return digest({"generate": body})


@dataclass(frozen=True)
class ScoreRequest:
    """Ask how likely each target is as the answer to `messages` under the grammar.

    `prefix` is the part of the answer already given (a field written before the target, say);
    the likelihood is that of what follows it, end of answer included, renormalised at every step
    over the tokens that the grammar allows.
    """

    messages: tuple[Message, ...]
    targets: tuple[str, ...]
    grammar: Grammar = TEXT
    prefix: str = ""
    where: str = field(default="", compare=False)

    def key(self) -> str:
        """Return the content address of the request (without the model)."""
        body = plain(self)
        del body["where"]
        return digest({"score": body})


@dataclass(frozen=True)
class Generation:
    """A completion: its text, why it ended ("end", "stop" or "length"), and what it cost.

    `valid` is False when the text does not satisfy the request's grammar (cut off by the limit).
    `logprob` is the natural-log likelihood of the tokens that were chosen, at temperature 1 and
    renormalised as in `score` (which may spell the text in other tokens), where the request asked
    for it; else None.
    """

    text: str
    finish: str
    valid: bool
    usage: Usage
    cached: bool = False
    logprob: float | None = None


@dataclass(frozen=True)
class Score:
    """Natural-log likelihoods of the targets, in their order, and what they cost.

    A target that the grammar cannot produce has minus infinity.
    """

    logprobs: tuple[float, ...]
    usage: Usage
    cached: bool = False


@dataclass(frozen=True)
class ToolRequest:
    """Ask for one call of a tool; `arguments` is a JSON object as text.

    >>> ToolRequest(Tool("double"), '{"n": 2}').tool.name
    'double'
    """

    tool: Tool
    arguments: str
    where: str = field(default="", compare=False)

    def key(self) -> str:
        """Return the content address of the request."""
        return digest({"tool": plain(self.tool), "arguments": self.arguments})


@dataclass(frozen=True)
class ToolResult:
    """What a tool gave: its value as text, or where `ok` is False what went wrong."""

    text: str
    ok: bool = True
    cached: bool = False


Request = GenerateRequest | ScoreRequest | ToolRequest
Result = Generation | Score | ToolResult

# What is to be scored behind a text that was just written, None where nothing is.
Then = Callable[[Generation], ScoreRequest | None]
# Called as work goes on with (requests done, requests in the round, tokens computed so far).
Watcher = Callable[[int, int, int], None]


class Engine(ABC):
    """What runs requests. Engines are final; `WrappedEngine` extends one.

    >>> # engine.generate([GenerateRequest((Message("user", "Hi"),))])[0].text
    """

    @property
    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """All that can change a result: model hash, library build, threads, batch settings."""

    @property
    @abstractmethod
    def window(self) -> int:
        """How many tokens one request may have, prompt and answer together."""

    @abstractmethod
    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        """Complete every request, in order; raise ContextError when a prompt does not fit."""

    @abstractmethod
    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        """Score every request's targets, in order; raise ContextError when one does not fit."""

    def generate_then_score(
        self,
        requests: Sequence[GenerateRequest],
        then: Sequence[Then],
        watch: Watcher | None = None,
    ) -> list[tuple[Generation, Score | None]]:
        """Complete every request, and score what its `then` asks for once the text is known.

        As `generate` and `score` one after the other; an engine with a cache reads a prompt and the
        text behind it once for both.

        >>> # engine.generate_then_score([request], [lambda made: None])[0][0].text
        """
        made = self.generate(requests, watch)
        asked = [after(one) for after, one in zip(then, made, strict=True)]
        known = [request for request in asked if request is not None]
        scores = iter(self.score(known, watch) if known else ())
        pairs = zip(made, asked, strict=True)
        return [(one, None if request is None else next(scores)) for one, request in pairs]

    @property
    def runs_tools(self) -> bool:
        """Whether there is anything to run tools with."""
        return False

    def run_tools(self, requests: Sequence[ToolRequest]) -> list[ToolResult]:
        """Call tools, in order; a model alone runs none: `slearn.tools` wraps it."""
        for request in requests:
            raise InputError("this engine runs no tools", where=request.where or request.tool.name)
        return []

    @abstractmethod
    def count_tokens(self, text: str) -> int:
        """Return how many tokens the model needs for a text."""

    def close(self) -> None:  # noqa: B027 - most engines hold nothing
        """Free what the engine holds; using it afterwards is an error."""

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
