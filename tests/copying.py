"""An engine that believes what it was last shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine


class Copying(ScriptedEngine):
    """Finds likely what the demonstration next to the input answers."""

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        found = super().score(requests, watch)
        for place, request in enumerate(requests):
            said = [message.content for message in request.messages if message.role == "assistant"]
            odds = tuple(-0.1 if said[-1:] == [target] else -3.0 for target in request.targets)
            found[place] = replace(found[place], logprobs=odds)
        return found


def copied(request: GenerateRequest) -> str | None:
    """Answer what the demonstration next to the input answers; a script for the engine."""
    said = [message.content for message in request.messages if message.role == "assistant"]
    return said[-1] if said else None
