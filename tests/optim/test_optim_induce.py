"""Induction: instructions written from examples alone."""

from __future__ import annotations

import json

from slearn.engine import GenerateRequest
from slearn.engine.scripted import ScriptedEngine
from slearn.optim import Induce, InsertLine, ReplaceLine
from slearn.optim.induce import STARTS
from slearn.values import Example
from tests.optim.proposals import chain, proposal, rows, single


def engine_saying(asked: list[GenerateRequest]) -> ScriptedEngine:
    def script(request: GenerateRequest) -> str:
        start = STARTS[len(asked) % len(STARTS)]
        asked.append(request)
        text = f"{start or 'Say '}rule number {len(asked)} of them."
        return json.dumps({"instruction": text})

    return ScriptedEngine(script)


def test_drafts_replace_the_first_line_or_stand_after_the_last() -> None:
    asked: list[GenerateRequest] = []
    found = Induce(4).propose(proposal(single(), rows(20), engine=engine_saying(asked)))
    kinds = [type(candidate.edits[0]) for candidate in found]
    assert kinds == [ReplaceLine, InsertLine] * 2
    shown = [request.messages[-1].content for request in asked]
    assert all("request number" in text and "Output: " in text for text in shown)
    assert len(set(shown)) == len(shown)  # other examples for each draft
    assert not any("Name the queue." in text for text in shown)  # nor what is there now


def test_nothing_to_induce_from() -> None:
    untold = [Example(f"u{n}", {"input": "x"}) for n in range(9)]
    for agent, pool in ((single(), rows(1)), (single(), untold), (chain(), untold)):
        assert Induce().propose(proposal(agent, pool)) == []


def test_of_a_chain_the_last_node_is_told_what_it_did_with_what_it_read() -> None:
    asked: list[GenerateRequest] = []
    found = Induce(2).propose(proposal(chain(), rows(20), engine=engine_saying(asked)))
    assert {candidate.edits[0].node for candidate in found} == {"answer"}
    shown = [request.messages[-1].content for request in asked]
    assert all("answer of e" in text and "request number" not in text for text in shown)
