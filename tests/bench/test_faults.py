"""Planted faults: right by construction, in one node alone, and found where they are plain."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from slearn.agent import Agent, agent_from_text, agent_to_text, forward
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.grad import without
from slearn.values import digest

Load = Callable[[str], ModuleType]


@pytest.fixture
def faults(load: Load) -> ModuleType:
    return load("faults")


@pytest.fixture
def networks(load: Load) -> ModuleType:
    return load("networks")


class Worker(ScriptedEngine):
    """Does what the instruction says, and is misled by what misleads; likely is what it does."""

    def __init__(self, networks: ModuleType) -> None:
        super().__init__(self._work)
        self._misleading = {*networks.MISLEADING, *networks.MISLEADING_ROUTER}
        jobs = (*networks.JOBS, networks.ROUTE, *networks.ROUTED_WRONG)
        self._jobs = {job.line: job.make for job in jobs}

    def _work(self, request: GenerateRequest) -> str | None:
        told = set(request.messages[0].content.split("\n"))
        for line in told & set(self._jobs):
            misled = ("banana", "quiet") if told & self._misleading else ()
            text = request.messages[-1].content
            answers = misled or (self._jobs[line](text),)
            return next((one for one in answers if accepts(request.grammar, one)), None)
        return None

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        found = super().score(requests, watch)
        for place, request in enumerate(requests):
            done = self._work(GenerateRequest(request.messages, request.grammar))
            odds = tuple(-0.1 if target == done else -3.0 for target in request.targets)
            found[place] = replace(found[place], logprobs=odds)
        return found


def named(networks: ModuleType, *names: str) -> list[Any]:
    return [next(job for job in networks.JOBS if job.name == name) for name in names]


def composed(jobs: Sequence[Any], text: str) -> str:
    return reduce(lambda made, job: str(job.make(made)), jobs, text)


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
    networks: ModuleType, names: tuple[str, ...], word: str, right: str
) -> None:
    jobs = named(networks, *names)
    assert tuple(jobs) in networks.CHAINS
    chain = networks.chain_of(jobs, ["lamp", word])
    assert chain.example(word).targets == (right,)
    shown = [node.demos[1] for node in chain.agent.nodes]
    assert shown[0].inputs == {"input": word} and shown[2].output == {"answer": right}
    assert shown[1].inputs == {"first": shown[0].output["answer"]}
    assert shown[2].inputs == {"second": shown[1].output["answer"]}


def test_every_job_of_a_chain_can_be_seen_in_its_answers(networks: ModuleType) -> None:
    assert len(networks.CHAINS) == 30
    for jobs in networks.CHAINS:
        for left_out in range(3):
            rest = [job for place, job in enumerate(jobs) if place != left_out]
            for word in networks.WORDS:
                assert composed(rest, word) != composed(jobs, word)
    assert not any(chain[-1].name in ("plural", "first letter") for chain in networks.CHAINS)


def test_the_ways_of_a_flow_differ_and_so_does_every_job_on_them(networks: ModuleType) -> None:
    assert [layout.name for layout in networks.LAYOUTS] == ["fork", "join", "routed", "long"]
    for layout in networks.LAYOUTS:
        assert len(layout.jobs()) > 30
        start = int(layout.before)
        for jobs in layout.jobs():
            ways = [(*jobs[:start], way, *jobs[start + 2 :]) for way in jobs[start : start + 2]]
            for word in networks.WORDS:
                assert composed(ways[0], word) != composed(ways[1], word)
                for way in ways:
                    rests = [way[:place] + way[place + 1 :] for place in range(len(way))]
                    assert composed(way, word) not in [composed(rest, word) for rest in rests]


@pytest.mark.parametrize(
    ("layout", "jobs", "counts", "last"),
    [
        (0, ("plural", "capitals", "the"), (1, 1, 1), ["the cats"]),
        (1, ("plural", "the", "exclamation", "capitals"), (1, 1, 1, 2), ["THE CATS", "CATS!"]),
        (2, ("plural", "the", "capitals"), (2, 1, 1, 2), ["CATS", "THE CAT"]),
        (3, ("plural", "the", "exclamation", "capitals"), (2, 1, 1, 1, 2), ["THE CATS", "CATS!"]),
    ],
)
def test_nodes_of_a_flow_show_a_word_each_way(
    networks: ModuleType, layout: int, jobs: tuple[str, ...], counts: list[int], last: list[str]
) -> None:
    form = networks.LAYOUTS[layout]
    agent = networks.flow_of(form, named(networks, *jobs), ["cat"]).agent
    assert agent.flow.names() == networks.NODES[: len(counts)]
    assert tuple(len(node.demos) for node in agent.nodes) == counts
    assert [demo.output["answer"] for demo in agent.last.demos] == last
    assert agent.columns == (("order", "input") if form.router else ("input", "mode"))
    if form.router:
        demos = agent.node("first").demos
        assert [demo.output["answer"] for demo in demos] == ["loud", "quiet"]
        assert demos[1].inputs["order"] == "Please make the cat quiet."


def test_words_are_many_and_their_plurals_regular(networks: ModuleType) -> None:
    assert len(set(networks.WORDS)) == len(networks.WORDS) >= 120
    assert all(word.isalpha() and not word.endswith(("f", "o", "s")) for word in networks.WORDS if
               word not in ("class", "dress", "glass"))  # fmt: skip
    irregular = {"man", "child", "foot", "mouse", "tooth", "goose", "sheep", "fish", "knife"}
    assert not irregular & set(networks.WORDS)


def parts(agent: Agent, name: str) -> tuple[object, ...]:
    node = agent.node(name)
    return node.instructions, node.demos, node.output


@pytest.mark.parametrize("shape", ["chain", "flow"])
def test_a_fault_changes_one_node_and_of_it_what_its_kind_says(
    faults: ModuleType, shape: str
) -> None:
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
            case = faults.case_of(3, number, attempt, shape)
            for name in case.network.names:
                pairs = zip(parts(case.healthy, name), parts(case.faulty, name), strict=True)
                changed = [old != new for old, new in pairs]
                assert changed == (changes[case.fault] if name == case.node else [False] * 3)
            assert replace(case.faulty, nodes=case.healthy.nodes) == case.healthy
            seen.add((case.fault, case.node))
    assert len(seen) == 15 or shape == "flow", "each kind is in each node once"
    first, again, other = (faults.case_of(3, 4, attempt, shape) for attempt in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("shape", ["chain", "flow"])
def test_what_is_planted_is_wrong(faults: ModuleType, shape: str) -> None:
    for number in range(20):
        for attempt in range(8):
            case = faults.case_of(0, number, attempt, shape)
            job = case.network.jobs[case.node]
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


def test_chains_are_those_of_the_results_that_are_kept(faults: ModuleType) -> None:
    """Digests from before there were flows."""
    kept = {
        (0, 0, 0): "5776bf8426fdd3a391a1d1632a3db13c",
        (0, 1, 3): "a864308ec2e41a9c7f39875780aeb1d6",
        (0, 4, 0): "5678f3fe8baa0e30d7873ae926803109",
        (3, 14, 7): "e04c0f63c4969fae7e43a397a4bed532",
    }
    for key, known in kept.items():
        case = faults.case_of(*key)
        agents = [agent_to_text(case.healthy), agent_to_text(case.faulty)]
        splits = (case.data.train, case.data.val, case.data.test)
        rows = [[[row.id, dict(row.inputs), list(row.targets)] for row in part] for part in splits]
        assert digest([case.as_json(), *agents, rows]) == known


def flows(faults: ModuleType, count: int = 40) -> list[Any]:
    return [faults.case_of(0, number, number // 20, "flow") for number in range(count)]


def test_flows_answer_what_is_right(faults: ModuleType, networks: ModuleType) -> None:
    engine = Worker(networks)
    for case in flows(faults):
        assert 3 <= len(case.network.names) <= 5 and not case.healthy.flow.plain
        done = forward(case.healthy, case.data.test, engine)
        for trajectory in done:
            assert (trajectory.answer,) == trajectory.example.targets
            walked = case.network.walk(trajectory.example.inputs)
            steps = {step.node: step.output["answer"] for step in trajectory.steps}
            assert steps == {name: answer for name, (_, answer) in walked.items()}


def test_both_ways_of_a_flow_are_in_all_splits(faults: ModuleType, networks: ModuleType) -> None:
    begins = set()
    for case in flows(faults):
        for rows in (case.data.train, case.data.val, case.data.test):
            ways = [tuple(case.network.walk(row.inputs)) for row in rows]
            often = Counter(ways).values()
            assert len(often) == 2 and max(often) - min(often) <= 1
            begins.add(tuple(way == max(ways) for way in ways[:4]))
            orders = {row.inputs.get("order", "").replace(row.id, "it") for row in rows}
            routed = "order" in case.healthy.columns
            assert len(orders) == (2 * len(networks.ORDERS) if routed else 1)
    assert len(begins) == 16, "which way a place leads is not the same in all cases"


def test_a_flow_survives_its_file_and_its_fault_is_in_one_node(faults: ModuleType) -> None:
    for case in flows(faults):
        for agent in (case.healthy, case.faulty):
            assert agent_from_text(agent_to_text(agent)) == agent
        pairs = zip(case.healthy.nodes, case.faulty.nodes, strict=True)
        assert [old.name for old, new in pairs if old != new] == [case.node]
        assert replace(case.faulty, nodes=case.healthy.nodes) == case.healthy
        assert json.loads(json.dumps(case.as_json())) == case.as_json()


def test_flows_take_turns_and_are_the_same_again(faults: ModuleType) -> None:
    cases = flows(faults, 20)
    assert Counter(case.healthy.name for case in cases) == dict(fork=5, join=5, routed=5, long=5)
    assert set(Counter(case.fault for case in cases).values()) == {4}
    where = {(case.healthy.name, case.node) for case in cases}
    assert len(where) == 3 + 4 + 4 + 5, "each node of each layout is at fault"
    assert cases == flows(faults, 20)
    assert faults.case_of(0, 3, 1, "flow") != cases[3] != faults.case_of(1, 3, 0, "flow")
    turns = {faults.turn_of(0, 4 * turn, cases[0].network) for turn in range(15)}
    assert len(turns) == 15, "each kind is in each node once"
    turns = {faults.turn_of(0, 4 * turn + 1, cases[1].network) for turn in range(20)}
    assert len(turns) == 20
    turns = {faults.turn_of(0, 4 * turn + 3, cases[3].network) for turn in range(25)}
    assert len(turns) == 4 * 5 + 3, "a router has three kinds"


def test_a_router_is_wrong_as_a_choice_can_be(faults: ModuleType, networks: ModuleType) -> None:
    seen = set()
    for number in range(60):
        case = faults.case_of(0, number, 0, "flow")
        if case.network.jobs[case.node] != networks.ROUTE:
            continue
        old, new = case.healthy.node(case.node), case.faulty.node(case.node)
        seen.add(case.fault)
        match case.fault:
            case "misleading line":
                assert new.instructions == (*old.instructions, case.planted) and not new.demos
                assert case.planted in networks.MISLEADING_ROUTER
            case "wrong instruction":
                assert len(new.instructions) == 1 and new.instructions != old.instructions
            case _:
                pairs = zip(old.demos, new.demos, strict=True)
                assert all(a.inputs == b.inputs and a.output != b.output for a, b in pairs)
        assert new.output == old.output
    assert seen == set(faults.ROUTER_FAULTS)


def test_no_row_of_a_flow_is_in_two_splits_nor_shown(faults: ModuleType) -> None:
    for case in flows(faults):
        parts = (case.data.train, case.data.val, case.data.test)
        ids = [row.id for part in parts for row in part]
        assert len(set(ids)) == len(ids)
        for demo in (demo for node in case.faulty.nodes for demo in node.demos):
            text = demo.inputs.get("order", demo.inputs.get("input", ""))
            assert not set(text.strip(".?").replace(",", "").split()) & set(ids)


def test_no_row_is_in_two_splits_nor_shown(faults: ModuleType, networks: ModuleType) -> None:
    case = faults.case_of(0, 4, 0)
    parts = [case.data.train, case.data.val, case.data.test]
    ids = [row.id for part in parts for row in part]
    assert len(set(ids)) == len(ids) == len(networks.WORDS) - faults.ASIDE
    assert len(case.data.test) == 24
    shown = {demo.inputs["input"] for demo in case.faulty.node("first").demos}
    assert not shown & set(ids)


def test_a_misleading_line_is_found_and_its_harm_undone(
    faults: ModuleType, networks: ModuleType
) -> None:
    case = faults.case_of(0, 0, 0)
    assert case.fault == "misleading line"
    found = faults.measure(case, Worker(networks), 0, 30_000)
    assert (found["healthy"], found["faulty"], found["harmless"]) == (1.0, 0.0, False)
    assert found["healthy_loss"] == pytest.approx(0.1) and found["faulty_loss"] > 2
    assert found["measured"] == found["faultiest"] == case.node
    assert found["worst_nats"][case.node] < -2
    assert set(found["weights"]) == set(found["worst_nats"]) == set(case.network.names)
    kinds = found["kinds"][case.node]
    assert sum(kinds.values()) == 4 and kinds[found["kind"]] == max(kinds.values())
    assert (found["trained"], found["repaired"], found["edited"]) == (1.0, True, [case.node])
    assert found["training"]["accepted"] == 1 and found["training"]["tokens"]["prompt"] > 0
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("number", [0, 10, 15])
def test_a_misleading_line_is_found_in_a_flow(
    faults: ModuleType, networks: ModuleType, number: int
) -> None:
    case = faults.case_of(0, number, 0, "flow")
    assert case.fault == "misleading line"
    found = faults.measure(case, Worker(networks), 0, 30_000)
    assert found["healthy"] == 1.0 and found["faulty"] <= 0.5 and not found["harmless"]
    assert found["measured"] == found["faultiest"] == case.node
    assert set(found["weights"]) == set(found["worst_nats"]) == set(case.network.names)
    assert (found["trained"], found["repaired"], found["edited"]) == (1.0, True, [case.node])
    assert json.loads(json.dumps(found)) == found


def test_a_fault_that_costs_nothing_is_measured_no_further(
    faults: ModuleType, networks: ModuleType
) -> None:
    case = faults.case_of(0, 2, 0)
    found = faults.measure(case, Worker(networks), 0, 30_000)
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
    rows = [row.split(" | ") for row in faults.table(lines).splitlines()[2:]]
    assert [row[2] for row in rows[2:]] == ["wrong demos", "short contract", "all"]
    short, every = rows[3], rows[4]
    assert short[3:7] == ["3", "1.00", "0.50", "0.75"]
    assert [cell[:4] for cell in short[7:12]] == ["0.33", "0.67", "0.67", "0.67", "0.67"]
    assert every[3] == "4" and every[7] == "0.50 (0.15 to 0.85)"  # Wilson, 2 of 4
    assert every[12:] == ["13", "1 |"] and rows[2][3] == "1"
    assert faults.table([line(harmless=True)]).splitlines()[-1].split(" | ")[3] == "0"


def test_each_shape_has_its_table(faults: ModuleType) -> None:
    old, flow = line(), line(shape="flow", trained=0.5, repaired=False)
    both = faults.table([flow, line(shape="chain", case=1), old])
    chains, flows = both.split("\n\nflows\n\n")
    assert chains == faults.table([old, line(case=1)])
    assert chains.startswith("chains\n\n| model |") and "| all | 2 |" in chains
    assert f"flows\n\n{flows}" == faults.table([flow]) and "| all | 1 |" in flows
    assert faults.attempts([old], ("m", 0, 0, 9, "chain")) == faults.TRIES
    assert faults.attempts([old], ("m", 0, 0, 9, "flow")) == 0


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
    assert all(one["shape"] == "chain" and len(one["chain"]) == 3 for one in lines)
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
    raw = place.read_bytes()
    run("--model", "scripted", "--tokens", "7", "--shape", "flow")
    assert place.read_bytes().startswith(raw)
    flows = [json.loads(text) for text in place.read_text().splitlines()[len(raw.splitlines()) :]]
    assert [(one["shape"], one["case"], one["flow"]) for one in flows] == [
        ("flow", 0, "fork"),
        ("flow", 1, "join"),
    ]
    assert flows[0]["jobs"].keys() == {"first", "second", "third"} and "chain" not in flows[0]
