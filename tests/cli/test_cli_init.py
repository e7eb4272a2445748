"""`slearn init`: what is written, what is said, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from slearn.agent import load_agent
from slearn.datasets import read_rows

ROWS = [{"input": f"{n}+{n}", "target": 2 * n, "note": f"n{n}"} for n in range(12)]


def test_a_project_is_written_and_every_decision_explained(project: Path, slearn: Any) -> None:
    names = ["agent.yaml", "data.json", "test.jsonl", "train.jsonl", "val.jsonl"]
    assert sorted(path.name for path in project.iterdir()) == names
    agent = load_agent(project / "agent.yaml")
    assert (agent.name, agent.metric, agent.last.inputs) == ("demo", "choice", ("request",))
    assert json.loads((project / "data.json").read_text(encoding="utf-8")) == {
        "inputs": ["request"], "target": "queue", "choices": None
    }  # fmt: skip
    assert list(next(read_rows(project / "train.jsonl"))) == ["id", "request", "queue"]


def test_what_is_said(slearn: Any, here: Path, rows_file: Any) -> None:
    rows_file(here / "sums.jsonl", ROWS)
    said = slearn("init", "sums", "--data", "sums.jsonl", "--instruction", "Add.")
    assert said.stdout.splitlines() == [
        "columns not read: note (name what to read with --input)",
        "metric number (every target is a number)",
        "answers are a number (every target is a plain number)",
        "wrote sums/agent.yaml, sums/train.jsonl, sums/val.jsonl, sums/test.jsonl, sums/data.json",
        "next: slearn train sums --model MODEL",
    ]
    assert load_agent("sums/agent.yaml").last.instructions == ("Add.",)
    assert "note" in next(read_rows("sums/val.jsonl"))


def test_columns_that_training_or_the_metric_reads_are_no_loss(
    slearn: Any, here: Path, rows_file: Any
) -> None:
    rows = [{"input": f"{n}+1", "target": n + 1, "equation": f"{n} + 1"} for n in range(12)]
    rows_file(here / "sums.jsonl", rows)
    assert "not read" not in slearn("init", "s", "--data", "sums.jsonl").stdout


def test_json_says_the_same(slearn: Any, here: Path, rows_file: Any) -> None:
    rows_file(here / "sums.jsonl", ROWS)
    said = json.loads(slearn("init", "s", "--data", "sums.jsonl", "--json").stdout)
    assert said["rows"] == {"train": 5, "val": 3, "test": 4}
    assert (said["metric"], said["answer"]["type"]) == ("number", "number")
    assert [set(decision) for decision in said["decisions"]] == [{"what", "why"}] * 3
    assert said["agent"] == "s/agent.yaml"


def test_tables_with_several_inputs_and_odd_names(slearn: Any, here: Path) -> None:
    with (here / "größe.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["frage", "kontext, lang", "antwort"])
        writer.writerows([f"wer {n}?", f"es war {n}", f"niemand {n}"] for n in range(8))
    slearn("init", "ordner ü", "--data", "größe.csv", "--input", "frage", "--target", "antwort")
    assert load_agent("ordner ü/agent.yaml").metric == "exact"
    comma = ("--input", "kontext, lang", "--target", "antwort", "--force")
    slearn("init", "ordner ü", "--data", "größe.csv", *comma)
    assert load_agent("ordner ü/agent.yaml").last.inputs == ("kontext, lang",)


def test_parquet(slearn: Any, here: Path) -> None:
    import duckdb

    query = "SELECT 'q' || i AS question, 'c' AS context, i * 3 AS target FROM range(12) t(i)"
    duckdb.sql(f"COPY ({query}) TO '{here / 'rows.parquet'}'")
    slearn("init", "p", "--data", "rows.parquet", "--input", "question, context")
    assert load_agent("p/agent.yaml").last.inputs == ("question", "context")


def test_the_seed_decides_the_split(slearn: Any, here: Path, rows_file: Any) -> None:
    rows_file(here / "sums.jsonl", ROWS)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        slearn("init", name, "--data", "sums.jsonl", "--seed", seed)
    texts = [(here / name / "test.jsonl").read_text(encoding="utf-8") for name in "abc"]
    assert texts[0] == texts[1] != texts[2]


def test_nothing_is_overwritten_unless_forced(project: Path, slearn: Any) -> None:
    again = ("init", "demo", "--data", "rows.jsonl", "--input", "request", "--target", "queue")
    (project / "agent.yaml").write_text("mine", encoding="utf-8")
    assert "is there already (--force overwrites it)" in slearn(*again, code=2).stderr
    assert (project / "agent.yaml").read_text(encoding="utf-8") == "mine"
    slearn(*again, "--force")
    assert load_agent(project / "agent.yaml").metric == "choice"
    own = ("init", "demo", "--data", "demo/train.jsonl", "--input", "request", "--force")
    assert "is the data itself" in slearn(*own, code=2).stderr


def test_a_function_as_the_metric(slearn: Any, here: Path, rows_file: Any) -> None:
    rows_file(here / "sums.jsonl", ROWS)
    (here / "initmetric.py").write_text("def near(a, t): return a == t", encoding="utf-8")
    slearn("init", "s", "--data", "sums.jsonl", "--metric", "initmetric:near")
    assert load_agent("s/agent.yaml").metric == "initmetric:near"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nothing.jsonl"), "nothing.jsonl: no such file"),
        (("--data", "rows.xml"), "rows.xml"),
        (("--data", "sums.jsonl", "--input", "inputs"), "did you mean 'input'?"),
        (("--data", "sums.jsonl", "--target", "answer"), "no column 'answer'"),
        (("--data", "sums.jsonl", "--choices", "options"), "no column 'options'"),
        (("--data", "sums.jsonl", "--target", "input"), "cannot be an input as well"),
        (("--data", "sums.jsonl", "--input", " , "), "no input column is named"),
        (("--data", "sums.jsonl", "--metric", "accuracy"), "unknown metric 'accuracy'"),
        (("--data", "sums.jsonl", "--metric", "nomodule:f"), "cannot import 'nomodule'"),
        (("--data", "sums.jsonl", "--model", "smollm2"), "did you mean smollm2-135m?"),
        (("--data", "broken.jsonl"), "broken.jsonl:2: not JSON"),
        ((), "Missing option '--data'"),
    ],
)
def test_what_is_refused(
    slearn: Any, here: Path, rows_file: Any, arguments: tuple[str, ...], message: str
) -> None:
    rows_file(here / "sums.jsonl", ROWS)
    (here / "broken.jsonl").write_text('{"input": "a"}\n{"input":\n', encoding="utf-8")
    assert message in slearn("init", "s", *arguments, code=2).stderr
    assert not (here / "s").exists()


def written(folder: Path) -> set[str]:
    files = (folder / f"{name}.jsonl" for name in ("train", "val", "test"))
    return {row["id"] for file in files for row in read_rows(file)}


@pytest.mark.parametrize("targets", [["two", *range(11)], [*range(11), "n/a"]])
def test_rows_whose_target_the_metric_cannot_read_are_left_out_and_named(
    slearn: Any, here: Path, rows_file: Any, targets: list[Any]
) -> None:
    rows = [{"id": f"r{n}", "input": f"q{n}", "target": t} for n, t in enumerate(targets)]
    rows_file(here / "rows.jsonl", rows)
    odd = next(row["id"] for row in rows if isinstance(row["target"], str))
    said = slearn("init", "s", "--data", "rows.jsonl", "--metric", "number")
    assert f"1 rows left out (row {odd}: its target" in said.stdout
    assert load_agent("s/agent.yaml").last.output.answer.type == "number"
    assert written(here / "s") == {row["id"] for row in rows} - {odd}
    slearn("init", "c", "--data", "rows.jsonl", "--metric", "choice")
    assert written(here / "c") == {row["id"] for row in rows}


def test_where_the_metric_can_read_no_target_the_first_is_told(
    slearn: Any, here: Path, rows_file: Any
) -> None:
    rows_file(here / "rows.jsonl", [{"input": f"q{n}", "target": f"t {n}x"} for n in "abcdef"])
    wrong = slearn("init", "s", "--data", "rows.jsonl", "--metric", "number", code=2)
    assert "rows.jsonl, row 1: its target 't ax' is not a number" in wrong.stderr
    assert "name another --metric" in wrong.stderr
    assert not (here / "s").exists()


def test_calls_with_acceptable_values_inside_an_open_object(
    slearn: Any, here: Path, rows_file: Any
) -> None:
    parameters = {"type": "dict", "properties": {"cards": {"type": "dict"}}, "required": ["cards"]}
    functions = [{"name": "winner", "parameters": parameters}]
    rows = [
        {
            "id": f"r{n}",
            "input": f"Ann has {n}?",
            "functions": functions,
            "target": [{"winner": {"cards": [{"Ann": [[f"{n}"], [f"{n} of hearts"]]}]}}],
        }
        for n in range(8)
    ]
    unread = {**rows[0], "id": "odd", "target": [{"winner": {"cards": [{"Ann": []}]}}]}
    rows_file(here / "rows.jsonl", [*rows, unread])
    said = slearn("init", "s", "--data", "rows.jsonl")
    assert "1 rows left out (row odd: the metric 'call' cannot read its target" in said.stdout
    assert written(here / "s") == {row["id"] for row in rows}


def test_a_directory_that_cannot_be_made_is_told(slearn: Any, here: Path, rows_file: Any) -> None:
    rows_file(here / "sums.jsonl", ROWS)
    wrong = slearn("init", "sums.jsonl/x", "--data", "sums.jsonl", code=2)
    assert "cannot be written" in wrong.stderr
