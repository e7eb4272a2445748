"""Planted faults: right by construction, in one node alone, and found where they are plain."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from slearn.agent import Agent
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.grad import without

Load = Callable[[str], ModuleType]


@pytest.fixture
def faults(load: Load) -> ModuleType:
    return load("faults")


class Worker(ScriptedEngine):
    """Does what the instruction says, and is misled by what misleads; likely is what it does."""

    def __init__(self, faults: ModuleType) -> None:
        super().__init__(self._work)
        self._misleading = set(faults.MISLEADING)
        self._jobs = {job.line: job.make for job in faults.JOBS}

    def _work(self, request: GenerateRequest) -> str | None:
        told = set(request.messages[0].content.split("\n"))
        for line in told & set(self._jobs):
            text = request.messages[-1].content
            answer = "banana" if told & self._misleading else self._jobs[line](text)
            return answer if accepts(request.grammar, answer) else None
        return None

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        found = super().score(requests, watch)
        for place, request in enumerate(requests):
            done = self._work(GenerateRequest(request.messages, request.grammar))
            odds = tuple(-0.1 if target == done else -3.0 for target in request.targets)
            found[place] = replace(found[place], logprobs=odds)
        return found


def named(faults: ModuleType, *names: str) -> list[Any]:
    return [next(job for job in faults.JOBS if job.name == name) for name in names]


@pytest.mark.parametrize(
    ("names", "word", "right"),
    [
        (("plural", "capitals", "the"), "city", "the CITIES"),
        (("plural", "the", "capitals"), "box", "THE BOXES"),
        (("first letter", "capitals", "exclamation"), "moon", "M!"),
        (("capitals", "spaced", "the"), "cat", "the C A T"),
        (("plural", "spaced", "exclamation"), "key", "k e y s!"),
        (("exclamation", "the", "capitals"), "dog", "THE DOG!"),
    ],
)
def test_targets_are_the_jobs_one_after_the_other(
    faults: ModuleType, names: tuple[str, ...], word: str, right: str
) -> None:
    jobs = named(faults, *names)
    assert tuple(jobs) in faults.CHAINS
    assert faults.example_of(jobs, word).targets == (right,)
    agent = faults.chain_of(jobs, ["lamp", word])
    shown = [node.demos[1] for node in agent.nodes]
    assert shown[0].inputs == {"input": word} and shown[2].output == {"answer": right}
    assert shown[1].inputs == {"first": shown[0].output["answer"]}
    assert shown[2].inputs == {"second": shown[1].output["answer"]}


def test_every_job_of_a_chain_can_be_seen_in_its_answers(faults: ModuleType) -> None:
    assert len(faults.CHAINS) == 30
    for jobs in faults.CHAINS:
        for left_out in range(3):
            rest = [job for place, job in enumerate(jobs) if place != left_out]
            for word in faults.WORDS:
                assert faults.composed(rest, word) != faults.composed(jobs, word)
    assert not any(chain[-1].name in ("plural", "first letter") for chain in faults.CHAINS)


def test_words_are_many_and_their_plurals_regular(faults: ModuleType) -> None:
    assert len(set(faults.WORDS)) == len(faults.WORDS) >= 120
    assert all(word.isalpha() and not word.endswith(("f", "o", "s")) for word in faults.WORDS if
               word not in ("class", "dress", "glass"))  # fmt: skip
    irregular = {"man", "child", "foot", "mouse", "tooth", "goose", "sheep", "fish", "knife"}
    assert not irregular & set(faults.WORDS)


def parts(agent: Agent, name: str) -> tuple[object, ...]:
    node = agent.node(name)
    return node.instructions, node.demos, node.output


def test_a_fault_changes_one_node_and_of_it_what_its_kind_says(faults: ModuleType) -> None:
    changes = {
        "misleading line": [True, True, False],
        "wrong instruction": [True, True, False],
        "wrong demos": [False, True, False],
        "short contract": [False, False, True],
        "wrong answers": [False, True, False],
    }
    seen = set()
    for number in range(15):
        for attempt in range(8):
            case = faults.case_of(3, number, attempt)
            for name in faults.NODES:
                pairs = zip(parts(case.healthy, name), parts(case.faulty, name), strict=True)
                changed = [old != new for old, new in pairs]
                assert changed == (changes[case.fault] if name == case.node else [False] * 3)
            assert replace(case.faulty, nodes=case.healthy.nodes) == case.healthy
            seen.add((case.fault, case.node))
    assert len(seen) == 15, "each kind is in each node once"
    assert faults.case_of(3, 4, 1) == faults.case_of(3, 4, 1) != faults.case_of(3, 4, 2)


def test_what_is_planted_is_wrong(faults: ModuleType) -> None:
    for number in range(15):
        for attempt in range(8):
            case = faults.case_of(0, number, attempt)
            job = case.jobs[faults.NODES.index(case.node)]
            old, new = case.healthy.node(case.node), case.faulty.node(case.node)
            (source,) = new.inputs
            pairs = [(demo.inputs[source], demo.output["answer"]) for demo in new.demos]
            wrong = [answer for text, answer in pairs if job.make(text) != answer]
            match case.fault:
                case "misleading line":
                    assert case.planted in new.instructions
                    left_out = without(
                        case.faulty, case.node, "line", new.instructions.index(case.planted)
                    )
                    shown = replace(left_out.node(case.node), demos=old.demos)
                    assert left_out.with_node(shown) == case.healthy
                case "wrong instruction":
                    assert new.instructions != old.instructions and new.demos == ()
                case "wrong demos":
                    assert len(wrong) == len(pairs) == len(old.demos)
                case "short contract":
                    assert new.output.answer.max_chars in (2, 3)
                case "wrong answers":
                    assert all(demo in new.demos for demo in old.demos) and len(set(wrong)) == 1
                    assert 2 <= len(wrong) == len(pairs) - len(old.demos)


def test_no_row_is_in_two_splits_nor_shown(faults: ModuleType) -> None:
    case = faults.case_of(0, 4, 0)
    parts = [case.data.train, case.data.val, case.data.test]
    ids = [row.id for part in parts for row in part]
    assert len(set(ids)) == len(ids) == len(faults.WORDS) - faults.ASIDE
    assert len(case.data.test) == 24
    shown = {demo.inputs["input"] for demo in case.faulty.node("first").demos}
    assert not shown & set(ids)


def test_a_misleading_line_is_found_and_its_harm_undone(faults: ModuleType) -> None:
    case = faults.case_of(0, 0, 0)
    assert case.fault == "misleading line"
    found = faults.measure(case, Worker(faults), 0, 30_000)
    assert (found["healthy"], found["faulty"], found["harmless"]) == (1.0, 0.0, False)
    assert found["healthy_loss"] == pytest.approx(0.1) and found["faulty_loss"] > 2
    assert found["measured"] == found["faultiest"] == case.node
    assert found["worst_nats"][case.node] < -2
    assert set(found["weights"]) == set(found["worst_nats"]) == set(faults.NODES)
    kinds = found["kinds"][case.node]
    assert sum(kinds.values()) == 4 and kinds[found["kind"]] == max(kinds.values())
    assert (found["trained"], found["repaired"], found["edited"]) == (1.0, True, [case.node])
    assert found["training"]["accepted"] == 1 and found["training"]["tokens"]["prompt"] > 0
    assert json.loads(json.dumps(found)) == found


def test_a_fault_that_costs_nothing_is_measured_no_further(faults: ModuleType) -> None:
    case = faults.case_of(0, 2, 0)
    found = faults.measure(case, Worker(faults), 0, 30_000)
    assert found == {"rows": 24, "healthy": 1.0, "faulty": 1.0, "harmless": True}


def line(**values: Any) -> dict[str, Any]:
    """A line of a case in which all went well."""
    shape = {"model": "m", "seed": 0, "case": 0, "tokens": 9, "attempt": 0, "harmless": False}
    rates = {"healthy": 1.0, "faulty": 0.5, "trained": 1.0, "repaired": True}
    blame = {"node": "first", "words": "first", "measured": "first", "faultiest": "first"}
    named = {"fault": "short contract", "kind": "format"}
    return {**shape, **rates, **blame, **named, **values}


def test_the_table_counts_what_the_lines_say(faults: ModuleType) -> None:
    lines = [
        line(),
        line(case=1, words="third", kind="tool", trained=0.5, repaired=False),
        line(case=2, words="third", measured=None, faultiest="third", trained=0.75),
        line(case=3, fault="wrong demos", kind="missing example"),
        *(line(case=4, fault="wrong demos", harmless=True, attempt=n) for n in range(12)),
        line(case=5, harmless=True),
    ]
    rows = [row.split(" | ") for row in faults.table(lines).splitlines()]
    assert [row[2] for row in rows[2:]] == ["wrong demos", "short contract", "all"]
    short, every = rows[3], rows[4]
    assert short[3:7] == ["3", "1.00", "0.50", "0.75"]
    assert [cell[:4] for cell in short[7:12]] == ["0.33", "0.67", "0.67", "0.67", "0.67"]
    assert every[3] == "4" and every[7] == "0.50 (0.15 to 0.85)"  # Wilson, 2 of 4
    assert every[12:] == ["13", "1 |"] and rows[2][3] == "1"
    assert faults.table([line(harmless=True)]).splitlines()[-1].split(" | ")[3] == "0"


def test_a_case_is_measured_once_and_a_harmless_fault_is_drawn_again(
    faults: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = tmp_path / "results" / "faults.jsonl"
    asked: list[int] = []

    def measure(case: Any, engine: Any, seed: int, tokens: int, keep: Any) -> dict[str, Any]:
        asked.append(tokens)
        found = line(harmless=len(asked) < 3)
        kept = ("healthy", "faulty", "trained", "repaired", "harmless", "kind", *faults.BLAMES)
        return {name: found[name] for name in kept}

    def run(*words: str) -> None:
        monkeypatch.setattr(
            sys, "argv", ["faults.py", *words, "--cases", "2", "--results", str(place)]
        )
        with pytest.raises(SystemExit) as ended:
            faults.main()
        assert ended.value.code == 0

    monkeypatch.setattr(faults, "measure", measure)
    monkeypatch.setattr(faults.signal, "signal", lambda *_: None)
    run("--model", "scripted", "--tokens", "7")
    lines = [json.loads(text) for text in place.read_text().splitlines()]
    assert [(one["case"], one["attempt"]) for one in lines] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert lines[0]["fault"] == "misleading line" and lines[3]["fault"] == "wrong instruction"
    assert asked == [7] * 4
    raw = place.read_bytes()
    run("--model", "scripted", "--tokens", "7")
    assert place.read_bytes() == raw and len(asked) == 4
    shown = capsys.readouterr().out
    run("table")
    assert capsys.readouterr().out in shown
    place.write_bytes(raw[: raw.index(b"\n") + 1])  # what was harmless is not drawn again
    run("--model", "scripted", "--tokens", "7")
    assert json.loads(place.read_text().splitlines()[1])["attempt"] == 1
