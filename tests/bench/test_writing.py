"""Creative writing: end sentences counted on known texts, blind judgements, one run to its end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from slearn.cli.plan import make_plan
from slearn.engine import Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.store import Store

Load = Callable[[str], ModuleType]
ROOT = Path(__file__).parents[2]
ENDS = ["It rained.", "Nobody’s dog barked.", "The heat", 'She said "no".']
WELL = "\n\n".join(
    f"Then, for a while, {word}. {end}" for word, end in zip("abcd", ENDS, strict=True)
)
SECRET = "zymurgy"


@pytest.fixture
def bench(load: Load) -> ModuleType:
    return load("writing")


class Judge(ScriptedEngine):
    """Leads by what a text is worth to it, and by a bias for the text that stands first."""

    def __init__(self, worth: Callable[[str], float], bias: float = 0.0) -> None:
        super().__init__()
        self._worth, self._bias = worth, bias
        self.asked: list[str] = []

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        found = super().score(requests, watch)
        for place, request in enumerate(requests):
            text = request.messages[-1].content
            self.asked.append(text)
            first, second = text.split("Text A:\n")[1].split("\n\nText B:\n")
            odds = self._worth(first) + self._bias, self._worth(second.split("\n\nWhich")[0])
            found[place] = replace(found[place], logprobs=odds)
        return found


def test_all_four_end_their_paragraphs(bench: ModuleType) -> None:
    assert bench.ending(WELL, ENDS) == bench.occurring(WELL, ENDS) == 4
    assert bench.ending(WELL.replace("\n\n", "\n"), ENDS) == 4, "lines are paragraphs, if none is"
    assert bench.own_words(WELL, ENDS) == 4 * 5
    assert bench.own_words("\n".join(ENDS), ENDS) == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("’", "'").replace('"', "”"),
        lambda text: text.replace(" ", "\u00a0 ").replace("\n\n", "\n \n\n"),
        lambda text: text.replace("\n\n", "\r\n\r\n") + "  \n",
        lambda text: text.replace("It rained.", "“It rained.”"),
        lambda text: text.replace("It rained.", "**It rained.**"),
        lambda text: text.replace("The heat", "The heat."),
        lambda text: text.replace("dog barked", "dog\nbarked"),
        lambda text: f"A title\n\n{text}",
    ],
)
def test_quotes_and_spaces_are_no_matter(bench: ModuleType, change: Callable[[str], str]) -> None:
    assert bench.ending(change(WELL), ENDS) == bench.occurring(change(WELL), ENDS) == 4


@pytest.mark.parametrize(
    ("text", "ending", "occurring"),
    [
        (" ".join(WELL.split()), 1, 4),  # one paragraph
        ("\n\n".join(reversed(WELL.split("\n\n"))), 1, 4),  # the wrong order
        (WELL.replace("It rained.", "It rained. So what?"), 3, 4),
        (WELL.replace("It rained.", "It poured."), 3, 3),
        (WELL.replace("It rained.", "it rained."), 3, 3),
        (WELL.replace("It rained.", "IsIt rained."), 3, 4),
        (WELL.rpartition("\n\n")[0], 3, 3),  # cut off
        ("", 0, 0),
    ],
)
def test_what_is_missing_is_not_counted(
    bench: ModuleType, text: str, ending: int, occurring: int
) -> None:
    assert (bench.ending(text, ENDS), bench.occurring(text, ENDS)) == (ending, occurring)


def test_texts_are_summed_up(bench: ModuleType) -> None:
    mixed = "\n\n".join(reversed(WELL.split("\n\n")))
    found = bench.held([WELL, mixed, "It rained."], [ENDS] * 3)
    assert found["strict"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["loose"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["of_four"] == 3 and found["ending"] == 2
    assert found["items"] == [[4, 4], [1, 4], [1, 1]]
    assert 0 < found["strict"]["low"] < 1 / 3 < found["strict"]["high"] < 1


def test_a_preference_counts_where_both_orders_agree(bench: ModuleType) -> None:
    inputs = ["one", "two", "three", "four"]
    before, after = ["x", "xx", "xxx", "x"], ["xx", "xxx", "x", "x"]
    judge = Judge(len, bias=0.5)
    found = bench.preferred("Write four.", inputs, before, after, judge)
    assert (found["wins"], found["losses"], found["ties"]) == (2, 1, 1)
    assert found["of_all"]["value"] == 0.5 and found["of_all"]["n"] == 4
    assert found["of_decided"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["of_decided"]["n"] == 3 and found["of_decided"]["low"] > 0
    assert found["first"] == 0.625 and found["leads"][0] == [0.5, 1.5]


def test_a_judge_that_looks_at_places_alone_decides_nothing(bench: ModuleType) -> None:
    for bias, first in ((3.0, 1.0), (-3.0, 0.0)):
        judge = Judge(len, bias)
        found = bench.preferred("Write.", ["a", "b"], ["x", "xx"], ["xx", "x"], judge)
        assert (found["wins"], found["losses"], found["ties"]) == (0, 0, 2)
        assert found["first"] == first and found["of_all"]["value"] == 0
        assert found["of_decided"] == {"value": 0, "n": 0, "low": 0, "high": 1}


def test_a_judge_is_told_the_task_and_not_who_wrote_what(bench: ModuleType) -> None:
    judge = Judge(len)
    bench.preferred("Write four {short} ones.", ["Some input."], ["old text"], ["new text"], judge)
    one, other = judge.asked
    for text in judge.asked:
        assert "Write four {short} ones." in text and "Some input." in text
        assert "train" not in text and "start" not in text
    swapped = one.replace("old text", "@").replace("new text", "old text").replace("@", "new text")
    assert one != other == swapped


def test_nothing_outside_the_bench_knows_of_end_sentences() -> None:
    files = [*(ROOT / "slearn").rglob("*.py"), *(ROOT / "grammars").iterdir()]
    assert len(files) > 100
    assert not [f for f in files if f.is_file() and "end_sentences" in f.read_text("utf-8")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "creative_writing"
    folder.mkdir(parents=True)
    for split, count in (("train", 8), ("val", 12), ("test", 22)):
        rows = [
            {"id": f"{split}{n}", "input": f"The {split} ran {n} miles.", "target": None,
             "end_sentences": [f"{SECRET} {part}." for part in range(4)]}
            for n in range(count)
        ]  # fmt: skip
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = {"metric": "judge", "bare": "Answer.", "described": "Write four short paragraphs."}
    (tmp_path / "data" / "starts.json").write_text(json.dumps({"creative_writing": told}))
    return tmp_path / "data"


def test_a_run_is_made_once_and_in_the_blind(
    bench: ModuleType,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bench.signal, "signal", lambda *_: None)  # pytest's own stays
    results, keep = tmp_path / "writing.jsonl", tmp_path / "keep"

    def run(*words: str) -> object:
        monkeypatch.setattr(sys, "argv", ["writing.py", "--results", str(results), *words])
        with pytest.raises(SystemExit) as ended:
            bench.main()
        return ended.value.code

    asked = ["run", "--model", "scripted", "--seeds", "0", "--tokens", "3000"]
    asked += ["--settings", "full,no-structure", "--data", str(data), "--keep", str(keep)]
    assert run("table") == "nothing was measured yet"
    assert run(*asked) == 0
    raw = results.read_bytes()
    full, other = map(json.loads, raw.splitlines())
    assert (full["setting"], other["setting"]) == ("full", "no-structure")
    assert (full["model"], full["judge"], full["budget"]) == ("scripted", "scripted", "3000 tokens")
    assert full["split"] == "test" and full["before"]["n"] == len(full["texts"]) == 20
    assert [one["id"] for one in full["texts"]] == [f"test{n}" for n in range(20)]
    assert full["nodes"] >= 1 and len(full["operators"]) == full["accepted"]
    assert "answer" in full["flow"] and "Write four short paragraphs." in full["trained"]
    judged = full["preferred"]
    assert judged["wins"] + judged["losses"] + judged["ties"] == judged["of_all"]["n"] == 20
    assert full["held"]["start"]["loose"]["value"] == 0

    stores = list(keep.glob("*/store.duckdb"))
    assert len(stores) == 2
    with Store.open(stores[0], create=False) as store:
        calls = [json.dumps(call.request) for call in store.calls("last")]
        evaluated = store.records("last", "evaluations")
    assert calls and not any(SECRET in call or "end_sentences" in call for call in calls)
    assert {one["split"]: one["rows"] for one in evaluated}["test"] == 20
    assert any("val ran 9" in call for call in calls)
    assert not any("val ran 10" in call or "test ran 20" in call for call in calls)

    assert run(*asked) == 0 and results.read_bytes() == raw, "a line is a run that is made"
    assert run(*asked, "--judge", "scripted") == 0 and results.read_bytes() == raw
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["writing.py", "--results", str(results), "table"])
    bench.main()
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 2 and {row.count("|") for row in (head, *rows)} == {head.count("|")}
    assert run("run", "--model", "scripted", "--settings", "untrained") == 2


def test_rows_that_hold_more_than_their_input_are_refused(
    bench: ModuleType, data: Path, tmp_path: Path
) -> None:
    bench.save_agent(bench.start_agent("Write."), tmp_path / "agent.yaml")
    asked: dict[str, Any] = {
        **dict.fromkeys(("data", "out", "optimizer_model", "threads", "test_limit", "test")),
        **{"model": "scripted", "context": 8192, "seed": 0, "budget_minutes": 1.0},
        "budget_tokens": None,
    }
    open_files = {name: data / "creative_writing" / f"{name}.jsonl" for name in ("train", "val")}
    with pytest.raises(AssertionError):
        bench.check_blind(make_plan(tmp_path / "agent.yaml", {**asked, **open_files}))
    blind = {name: bench.bare(data, name, tmp_path) for name in ("train", "val")}
    plan = make_plan(tmp_path / "agent.yaml", {**asked, **blind})
    bench.check_blind(plan)
    assert (len(plan.data.train), len(plan.data.val)) == (8, 10)
