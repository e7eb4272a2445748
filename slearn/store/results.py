"""Results and failures of the engine as JSON objects, and back, without losing a bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slearn.engine import Generation, Result, Score, ToolResult
from slearn.errors import ContextError, EngineError, SlearnError
from slearn.values import Usage

# What an engine may raise that a program may survive; anything else ends the run.
Failure = ContextError | EngineError


def result_json(result: Result) -> dict[str, Any]:
    """Return a result as a JSON object; whether it came from the store is no part of it.

    >>> result_json(Score((-0.5,), Usage(scored=1)))["logprobs"]
    [-0.5]
    """
    if isinstance(result, ToolResult):
        return {"text": result.text, "ok": result.ok}
    if isinstance(result, Score):
        return {
            "logprobs": [float(value) for value in result.logprobs],
            "usage": result.usage.as_json(),
        }
    return {
        "text": result.text,
        "finish": result.finish,
        "valid": bool(result.valid),
        "usage": result.usage.as_json(),
        **({} if result.logprob is None else {"logprob": float(result.logprob)}),
    }


def result_of(body: Mapping[str, Any], cached: bool) -> Result:
    """Return the result that `result_json` wrote; a cached one has cost nothing.

    >>> result_of(result_json(Score((-0.5,), Usage(scored=1))), cached=True)
    Score(logprobs=(-0.5,), usage=Usage(prompt=0, shared=0, generated=0, scored=0), cached=True)
    """
    if "ok" in body:
        return ToolResult(body["text"], body["ok"], cached)
    usage = Usage() if cached else Usage(**body["usage"])
    if "logprobs" in body:
        return Score(tuple(float(value) for value in body["logprobs"]), usage, cached)
    logprob = body.get("logprob")
    return Generation(body["text"], body["finish"], body["valid"], usage, cached, logprob)


def failure_json(failure: Failure, keys: Sequence[str]) -> dict[str, Any]:
    """Return a failed round as a JSON object: the error, and the keys that were asked for.

    >>> failure_json(EngineError("no answer"), ["k"])["message"]
    'no answer'
    """
    body: dict[str, Any] = {"keys": list(keys), "where": failure.where, "hint": failure.hint}
    if isinstance(failure, ContextError):
        return {**body, "needed": failure.needed, "available": failure.available}
    return {**body, "message": failure.message}


def failure_of(body: Mapping[str, Any]) -> SlearnError:
    """Return the error that `failure_json` wrote.

    >>> str(failure_of(failure_json(EngineError("no answer"), ["k"])))
    'no answer'
    """
    if "needed" in body:
        return ContextError(
            where=body["where"],
            needed=body["needed"],
            available=body["available"],
            hint=body["hint"],
        )
    return EngineError(body["message"], where=body["where"], hint=body["hint"])
