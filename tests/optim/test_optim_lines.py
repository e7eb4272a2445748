"""Line edits: what the model writes under the grammar can be applied, and means what it says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slearn.agent import Agent, Branch, Flow, Node, Step, Trajectory
from slearn.call import call
from slearn.engine import GenerateRequest, Sampling
from slearn.engine.scripted import ScriptedEngine
from slearn.grad import Attribution
from slearn.optim import InsertLine, LineEdits, ReplaceLine, Tips, apply_all
from slearn.optim.blame import by_blame, faultiest, suspicion
from slearn.optim.lines import TIPS, numbered, read_line_edits
from slearn.values import Usage
from tests.optim.proposals import CHOICE, chain, fault, proposal, rows, single

TEXTS = st.text("abc ", min_size=1, max_size=6).filter(lambda text: text.strip() != "")


def operations(lines: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    """What the grammar of `edit_lines` lets a model say of so many lines, and a longer list."""
    line = st.integers(1, lines)
    after = st.builds(
        lambda n, text: {"op": "insert", "after": n, "text": text}, st.integers(0, lines), TEXTS
    )
    options = [after]
    if lines:
        options += [
            st.builds(lambda n, text: {"op": "replace", "line": n, "text": text}, line, TEXTS)
        ]
    if lines > 1:
        options += [
            st.builds(lambda n: {"op": "drop", "line": n}, line),
            st.builds(lambda n, to: {"op": "move", "line": n, "to": to}, line, line),
        ]
    return st.lists(st.one_of(options), max_size=6)


def reference(lines: list[str], said: list[dict[str, Any]]) -> list[str]:
    """The lines after the edits, each line followed by the number under which it was shown."""
    shown: list[tuple[int, str]] = list(enumerate(lines, 1))

    def place(number: int) -> int | None:
        return next((p for p, (n, _) in enumerate(shown) if n == number), None)

    for entry in said:
        if entry["op"] == "insert":
            at = -1 if entry["after"] == 0 else place(entry["after"])
            if at is not None:
                shown.insert(at + 1, (-1, entry["text"].strip()))
            continue
        at = place(entry["line"])
        if at is None:
            continue
        if entry["op"] == "replace" and entry["text"] != lines[entry["line"] - 1]:
            shown[at] = (entry["line"], entry["text"].strip())
        elif entry["op"] == "drop" and len(shown) > 1:
            del shown[at]
        elif entry["op"] == "move":
            to = place(entry["to"])
            if to is not None:
                moved = shown.pop(at)
                shown.insert(to, moved)
    return [text for _, text in shown]


@given(st.data(), st.integers(0, 4))
def test_numbers_are_those_that_the_model_saw(data: st.DataObject, count: int) -> None:
    lines = [f"line {n}" for n in range(1, count + 1)]
    said = data.draw(operations(count))
    agent = single(lines)
    edits = read_line_edits(agent.last, said)
    assert list(apply_all(agent, edits).last.instructions) == reference(lines, said)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 5), st.integers(0, 10_000))
def test_any_answer_under_the_grammar_can_be_applied(count: int, seed: int) -> None:
    agent = single([f"Instruction number {n}." for n in range(count)])
    engine = ScriptedEngine()
    candidates = LineEdits(drafts=2).propose(
        proposal(agent, rows(3), engine=engine, seed=seed, step=seed % 7)
    )
    assert engine.rounds == 1
    for candidate in candidates:
        assert candidate.edits
        assert apply_all(agent, candidate.edits) == candidate.agent
        assert candidate.agent.last.instructions
        assert all(line.strip() for line in candidate.agent.last.instructions)


def test_edits_that_change_nothing_fall_away() -> None:
    node = Node("answer", ("A line here.", "Another one."))
    said = [
        {"op": "replace", "line": 1, "text": "A line here."},
        {"op": "move", "line": 2, "to": 2},
    ]
    assert read_line_edits(node, said) == []
    only = Node("answer", ("Alone.",))
    assert read_line_edits(only, [{"op": "drop", "line": 1}]) == []
    blank = [{"op": "insert", "after": 0, "text": "\u3000\u3000"},
             {"op": "replace", "line": 1, "text": "\u3000"}]  # fmt: skip
    assert read_line_edits(only, blank) == []


class Asked:
    """Answers with one edit per draft and keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[GenerateRequest] = []

    def __call__(self, request: GenerateRequest) -> str | None:
        self.requests.append(request)
        return None


def test_a_proposal_asks_for_drafts_that_differ_in_one_round() -> None:
    asked = Asked()
    engine = ScriptedEngine(asked)
    agent = single(["First line.", "Second line."])
    given_ = proposal(agent, rows(6), gradients=[fault("answer", "Name CHANGES.")], engine=engine)
    candidates = LineEdits(drafts=3).propose(given_)
    assert engine.rounds == 1 and len(asked.requests) == 3
    assert len({(request.seed, request.grammar) for request in asked.requests}) == 3
    for request in asked.requests:
        text = request.messages[-1].content
        for shown in (
            "1. First line.\n2. Second line.",
            "Name CHANGES.",
            "request number 0",
            "billing",
        ):
            assert shown in text
        assert request.sampling == Sampling(0.8, 0.95)
    assert all(candidate.operator == "edit lines" for candidate in candidates)
    again = LineEdits(drafts=3).propose(
        proposal(agent, rows(6), gradients=[fault("answer", "Name CHANGES.")])
    )
    assert again == candidates
    other = proposal(agent, rows(6), gradients=[fault("answer", "Name CHANGES.")], seed=1)
    assert LineEdits(drafts=3).propose(other) != candidates


def test_an_edit_of_a_line_is_read_from_the_answer() -> None:
    def script(request: GenerateRequest) -> str:
        start = (
            request.grammar.lark.split('\\"text\\": " "\\"', 1)[1]
            .split('" ')[0]
            .replace('\\"', '"')
        )
        return json.dumps(
            {"edits": [{"op": "replace", "line": 1, "text": f"{start}Name the queue."}]}
        )

    agent = single(["Old line."])
    candidates = LineEdits(drafts=1).propose(
        proposal(agent, rows(3), engine=ScriptedEngine(script))
    )
    (edit,) = candidates[0].edits
    assert isinstance(edit, ReplaceLine) and edit.text.endswith("Name the queue.")
    assert candidates[0].agent.last.instructions == (edit.text,)


def test_the_faultiest_node_is_edited_and_the_last_where_none_is() -> None:
    agent = chain()
    blamed = [fault("first"), fault("answer", share="some")]
    assert faultiest(proposal(agent, [], gradients=blamed)).name == "first"
    assert faultiest(proposal(agent, [], gradients=blamed[1:])).name == "answer"
    assert faultiest(proposal(agent, [])).name == "answer"
    words = proposal(agent, [], gradients=blamed[1:])
    measured = [Attribution("first", "line", 0, -0.4, 8), Attribution("answer", "demo", 0, -0.2, 8)]
    assert faultiest(replace(words, attributions=measured)).name == "first"
    turns = [faultiest(replace(words, attributions=measured, misses=n)).name for n in range(4)]
    assert turns == ["first", "answer", "first", "answer"]  # who was edited in vain lets others
    noise = [Attribution("first", "line", 0, -0.02, 8)]
    assert faultiest(replace(words, attributions=noise)).name == "answer"


def test_who_stands_on_the_ways_that_fail_is_suspected_before_words_decide() -> None:
    kind = Node("kind", ("Sort.",), output=CHOICE)
    left, right = Node("left", ("Say.",), output=CHOICE), Node("right", ("Say.",), output=CHOICE)
    flow = Flow(("kind", Branch("kind", (("billing", ("left",)),), ("right",))))
    agent = Agent("b", (kind, left, right), flow)
    taken = [
        Trajectory(row, tuple(Step(name, {}, {}, "", True, Usage()) for name in way), "")
        for row, way in zip(rows(6), [("kind", "left"), ("kind", "right")] * 3, strict=True)
    ]
    asked = replace(proposal(agent, [], gradients=[fault("kind")]), trajectories=taken)
    told = replace(asked, scores=[0.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    assert suspicion(told) == {"kind": 0.577350269, "left": 0.816496581, "right": 0.0}
    assert by_blame(told) == ["left", "kind", "right"]
    both = replace(asked, scores=[0.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    assert by_blame(both)[0] == "kind"  # failing on every way, what they share is suspected
    assert set(suspicion(replace(asked, scores=[1.0] * 6)).values()) == {0.0}
    measured = [Attribution("right", "line", 0, -0.4, 8)]
    assert by_blame(replace(told, attributions=measured)) == ["right", "left", "kind"]


def test_tips_come_in_turn_and_each_once() -> None:
    agent = single()
    seen: list[str] = []
    for step in range(len(TIPS)):
        (candidate,) = Tips().propose(proposal(agent, [], step=step))
        (edit,) = candidate.edits
        assert isinstance(edit, InsertLine) and edit.after == len(agent.last.instructions)
        seen.append(edit.text)
        assert candidate.agent.last.instructions == (*agent.last.instructions, edit.text)
    assert sorted(seen) == sorted(TIPS)
    assert Tips().propose(proposal(single(TIPS), [])) == []
    partly = single(("Name the queue.", TIPS[0]))
    assert Tips().propose(proposal(partly, []))[0].agent.last.instructions[-1] == TIPS[1]


@pytest.mark.parametrize(("lines", "text"), [((), "(none)"), (("a", "b"), "1. a\n2. b")])
def test_lines_are_numbered_from_one(lines: tuple[str, ...], text: str) -> None:
    assert numbered(lines) == text


def test_the_grammar_of_a_node_names_its_own_lines() -> None:
    kind = call("edit_lines")
    asked = Asked()
    LineEdits(drafts=1).propose(proposal(single(["A."]), rows(2), engine=ScriptedEngine(asked)))
    lark = asked.requests[0].grammar.lark.replace("\\", "")
    assert '"replace"' in lark and '"drop"' not in lark and '"move"' not in lark
    assert asked.requests[0].max_tokens > 50 and kind.name == "edit_lines"
