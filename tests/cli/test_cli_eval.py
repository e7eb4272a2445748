"""`slearn eval` and `slearn run`: scores and answers, from nothing but an agent file and data."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from slearn.cli.engines import identify
from slearn.cli.scoring import answer_one
from slearn.engine import open_engine

TWO_INPUTS = """\
slearn: 1
nodes:
- name: draft
  instructions: [Say it.]
  inputs: [question]
  output: [{type: choice, choices: [one, two]}]
- name: answer
  instructions: [Choose.]
  inputs: [draft, context]
  output: [{type: choice, choices: [yes, no]}]
flow: {steps: [draft, answer]}
"""
OWN_CHOICES = """\
slearn: 1
metric: choice
nodes:
- name: answer
  instructions: []
  output: [{type: choice}]
"""


def test_scores_in_words_and_as_json(project: Path, slearn: Any, here: Path) -> None:
    command = ("eval", "demo", "--data", "demo/val.jsonl", "--model", "scripted")
    assert slearn(*command).stdout.startswith("choice 0.")
    found = json.loads(slearn(*command, "--json").stdout)
    assert list(found) == ["metric", "score", "n", "low", "high", "tokens", "seconds"]
    assert found["metric"] == "choice" and found["n"] == 18
    assert found["low"] <= found["score"] <= found["high"]
    assert json.loads(slearn(*command, "--json", "--limit", 5).stdout)["n"] == 5
    assert not (here / ".slearn").exists()


def test_a_score_below_the_minimum_exits_with_4(project: Path, slearn: Any) -> None:
    command = ("eval", project, "--data", "demo/val.jsonl", "--model", "scripted")
    slearn(*command, "--min-score", "0")
    low = slearn(*command, "--min-score", "1", "--json", code=4)
    assert "is below --min-score 1" in low.stderr
    assert json.loads(low.stdout)["n"] == 18


def test_a_lone_agent_file_reads_the_columns_it_names(
    slearn: Any, here: Path, rows_file: Any
) -> None:
    (here / "two.yaml").write_text(TWO_INPUTS, encoding="utf-8")
    rows = [{"question": "q", "context": "c", "target": "yes"}] * 3
    data = rows_file(here / "data" / "rows.jsonl", rows)
    assert "n 3" in slearn("eval", "two.yaml", "--data", data, "--model", "scripted").stdout
    (here / "own.yaml").write_text(OWN_CHOICES, encoding="utf-8")
    rows = [{"input": "q", "target": "b", "choices": ["a", "b"]}, {"input": "q", "target": "c",
            "choices": "c|d"}]  # fmt: skip
    data = rows_file(here / "data" / "own.jsonl", rows)
    assert "n 2" in slearn("eval", "own.yaml", "--data", data, "--model", "scripted").stdout


@pytest.mark.parametrize(
    ("row", "agent", "message"),
    [
        ({"question": "q", "target": "yes"}, TWO_INPUTS, "no column 'context'"),
        ({"input": "q", "target": "a"}, OWN_CHOICES, "row 1: has no choices"),
        ({"input": "q"}, OWN_CHOICES.replace("metric: choice\n", ""), "row 1: has no target"),
        ({"input": "q"}, "slearn: 1\nnodes: [", "agent.yaml:2: not valid YAML"),
        ({"input": "q"}, "slearn: 1\nnodes:\n- name: a\n  lines: []\n", "agent.yaml:4: "),
        ({"input": "q"}, OWN_CHOICES.replace("choice\nn", "best\nn"), "unknown metric 'best'"),
        ({"a": "q", "target": "a"}, OWN_CHOICES.replace("[]", "[]\n  inputs: [target]"),
         "cannot be an input as well"),
    ],
)  # fmt: skip
def test_an_agent_and_data_that_do_not_fit(
    slearn: Any, here: Path, rows_file: Any, row: dict[str, str], agent: str, message: str
) -> None:
    (here / "agent.yaml").write_text(agent, encoding="utf-8")
    rows_file(here / "rows.jsonl", [row])
    wrong = slearn("eval", "agent.yaml", "--data", "rows.jsonl", "--model", "scripted", code=2)
    assert message in wrong.stderr


def test_columns_that_init_named_are_the_only_ones(project: Path, slearn: Any) -> None:
    agent = project / "agent.yaml"
    text = agent.read_text(encoding="utf-8").replace("- request", "- requests")
    agent.write_text(text, encoding="utf-8")
    wrong = slearn("eval", "demo", "--data", "demo/val.jsonl", "--model", "scripted", code=2)
    assert "the agent reads 'requests'" in wrong.stderr
    assert "did you mean 'request'? the inputs are: request" in wrong.stderr


def test_named_columns_of_a_lone_agent(
    project: Path, slearn: Any, here: Path, rows_file: Any
) -> None:
    rows = [{"request": "a parcel", "queue": "delivery", "other": "billing"}] * 3
    agent = here / "lone" / "agent.yaml"
    agent.parent.mkdir()
    agent.write_bytes((project / "agent.yaml").read_bytes())
    rows_file(here / "fresh.jsonl", rows)
    command = ("eval", agent, "--data", "fresh.jsonl", "--model", "scripted")
    assert "row 1: has no target" in slearn(*command, code=2).stderr
    assert "n 3" in slearn(*command, "--target", "queue").stdout
    wrong = slearn(*command, "--target", "queu", code=2)
    assert "fresh.jsonl: no column 'queu' (did you mean 'queue'?" in wrong.stderr
    named = ("--target", "queue", "--input", "request,other", "--choices", "other")
    assert "n 3" in slearn(*command, *named).stdout
    assert (
        "the agent reads 'request'"
        in slearn(*command, "--target", "queue", "--input", "other", code=2).stderr
    )
    # data.json beside the agent says queue
    found = slearn("eval", project, *command[2:], "--json", "--target", "other")
    assert json.loads(found.stdout)["n"] == 3


def test_the_judge_costs_tokens_too(project: Path, slearn: Any) -> None:
    command = ("eval", project, "--data", project / "val.jsonl", "--model", "scripted", "--json")
    alone = json.loads(slearn(*command).stdout)["tokens"]
    agent = project / "agent.yaml"
    text = agent.read_text(encoding="utf-8").replace("metric: choice", "metric: judge")
    agent.write_text(text, encoding="utf-8")
    assert json.loads(slearn(*command).stdout)["tokens"] > 2 * alone


def test_a_run_leaves_the_hashes_alone(
    project: Path, here: Path, tiny_model: Path, monkeypatch: Any
) -> None:
    os.utime(tiny_model, ns=(10**18, 10**18))
    monkeypatch.setattr("slearn.cli.engines.open_noted", lambda *_: open_engine(None))
    answer_one(project, "where is my parcel?", str(tiny_model), 8192, 2)
    assert not (here / "home").exists()
    identify(str(tiny_model))
    assert (here / "home" / ".slearn" / "hashes.json").exists()


def test_one_input_as_an_argument_or_on_standard_input(
    project: Path, slearn: Any, here: Path
) -> None:
    before = sorted(here.rglob("*"))
    command = ("run", project / "agent.yaml", "--model", "scripted")
    answer = slearn(*command, "where is my parcel?").stdout
    assert answer.strip() in ("account", "billing", "delivery")
    assert slearn(*command, stdin="where is my parcel?\n").stdout == answer
    steps = json.loads(slearn(*command, "where is my parcel?", "--json").stdout)
    assert steps["answer"] == answer.strip()
    assert steps["steps"][0]["inputs"] == {"request": "where is my parcel?"}
    assert set(steps["steps"][0]) == {"node", "inputs", "output", "text"}
    assert sorted(here.rglob("*")) == before


def test_several_inputs_as_a_json_object(slearn: Any, here: Path) -> None:
    (here / "two.yaml").write_text(TWO_INPUTS, encoding="utf-8")
    given = json.dumps({"question": "wer?", "context": ["ü"]})
    command = ("run", "two.yaml", "--model", "scripted")
    assert slearn(*command, given).stdout.strip() in ("yes", "no")
    steps = json.loads(slearn(*command, "--json", stdin=given).stdout)["steps"]
    assert [step["node"] for step in steps] == ["draft", "answer"]
    assert steps[1]["inputs"]["context"] == '["ü"]'
    for wrong, message in (
        ("plain", "the agent reads several values"),
        ('{"question": 1}', "lacks 'context'"),
        ("[1]", '{"question": …, "context": …}'),
    ):
        assert message in slearn(*command, wrong, code=2).stderr


def test_choices_of_its_own_come_with_the_input(slearn: Any, here: Path) -> None:
    (here / "own.yaml").write_text(OWN_CHOICES, encoding="utf-8")
    command = ("run", "own.yaml", "--model", "scripted")
    given = json.dumps({"input": "x", "choices": ["north", "south"]})
    assert slearn(*command, given).stdout.strip() in ("north", "south")
    assert "lacks 'choices'" in slearn(*command, '{"input": "x"}', code=2).stderr
    assert "no choices" in slearn(*command, '{"input": "x", "choices": []}', code=2).stderr


def test_no_input_at_all(project: Path, slearn: Any) -> None:
    wrong = slearn("run", project, "--model", "scripted", code=2, stdin="")
    assert "standard input is empty" in wrong.stderr


def test_after_its_seconds_a_flow_begins_no_other_turn(here: Path, slearn: Any) -> None:
    text = (
        "slearn: 1\nnodes:\n- {name: write, instructions: [Write.]}\n"
        "flow:\n  steps:\n  - loop: [write]\n    until: {write: never}\n    most: 3\n"
    )
    (here / "loop.yaml").write_text(text, encoding="utf-8")
    run = ("run", here / "loop.yaml", "hello", "--model", "scripted", "--json")
    assert len(json.loads(slearn(*run).stdout)["steps"]) == 3
    assert len(json.loads(slearn(*run, "--max-seconds", 0.0000001).stdout)["steps"]) == 1


def test_items_of_a_list_that_are_left_out_are_told(here: Path, slearn: Any) -> None:
    text = (
        "slearn: 1\nnodes:\n- {name: part, instructions: [Write.], inputs: [item]}\n"
        "- {name: whole, instructions: [Write.], inputs: [all]}\nflow:\n  steps:\n"
        "  - {each: item, of: input, do: [part], as: all, most: 2}\n  - whole\n"
    )
    (here / "list.yaml").write_text(text, encoding="utf-8")
    run = ("run", here / "list.yaml", "--model", "scripted")
    said = "of the list 'input' only 2 of the 3 items counted: `most` is 2"
    assert slearn(*run, "a\nb\nc").stderr.splitlines()[-1] == f"warning: {said}"
    told = slearn(*run, "a\nb\nc", "--json")
    assert json.loads(told.stdout)["warnings"] == [said] and said in told.stderr
    assert json.loads(slearn(*run, "a\nb", "--json").stdout)["warnings"] == []
    late = slearn(*run, "a\nb", "--max-seconds", 0.0000001).stderr
    assert "only 1 of the 2 items counted: time or tokens are up" in late
    rows = [{"input": "a\nb", "target": "x"}, {"input": "a\nb\nc", "target": "y"}]
    (here / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    score = slearn("eval", here / "list.yaml", "--data", here / "rows.jsonl", "--model", "scripted")
    assert f"warning: 1 of 2 rows: {said} (first row " in score.stderr
    splits = [f"--{split}={here / 'rows.jsonl'}" for split in ("train", "val", "test")]
    budget = ("--model", "scripted", "--budget-tokens", 2000)
    report = slearn("train", here / "list.yaml", *splits, *budget).stdout
    assert f"warning: 1 of 2 rows: {said} (first row " in report


@pytest.mark.parametrize("metric", ["number", "call"])
def test_targets_that_the_metric_cannot_read_are_told_with_their_row(
    project: Path, slearn: Any, metric: str
) -> None:
    text = (project / "agent.yaml").read_text(encoding="utf-8")
    (project / "agent.yaml").write_text(text.replace("metric: choice", f"metric: {metric}"))
    command = ("--model", "scripted", "--budget-tokens", 3000)
    wrong = slearn("train", project, *command, code=2).stderr
    assert "train.jsonl, row " in wrong and f"and the metric {metric!r} needs one" in wrong
    assert not Path(".slearn").exists()


def test_targets_that_count_the_choices_are_read_where_init_wrote_them(
    slearn: Any, here: Path, rows_file: Any
) -> None:
    rows = [{"q": f"q{n}", "options": [f"x{n}", f"y{n}"], "answer": n % 2} for n in range(40)]
    rows_file(here / "raw.jsonl", rows)
    said = slearn("init", "demo", "--data", "raw.jsonl", "--input", "q", "--target", "answer",
                  "--choices", "options").stdout  # fmt: skip
    assert "targets are places in the choices (0 is the first of them)" in said
    command = ("eval", "demo", "--model", "scripted", "--json", "--data")
    assert json.loads(slearn(*command, "demo/val.jsonl").stdout)["metric"] == "choice"
    wrong = slearn(*command, "raw.jsonl", code=2).stderr
    assert "raw.jsonl: no target is one of its row's choices (where they count" in wrong
