"""`slearn train`, from a directory, a file, and a run; and what stands in the store afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from slearn.agent import agent_to_text, load_agent
from slearn.cli.plan import Plan, make_plan, plan_from
from slearn.datasets import read_rows
from slearn.engine import open_engine
from slearn.errors import Interrupted, SandboxError
from slearn.progress import Progress
from slearn.settings import TrainSettings
from slearn.store import Store
from slearn.tools import Toolbox, ToolEngine
from slearn.train import Engines, train
from tests.cli.conftest import BUDGET


def result_of(run: Any) -> dict[str, Any]:
    lines = run.stdout.splitlines()
    assert len(lines) == 1
    found: dict[str, Any] = json.loads(lines[0])
    return found


def test_a_directory_is_all_that_training_needs(trained: Any) -> None:
    result = result_of(trained)
    assert (result["run"], result["status"], result["metric"]) == ("r1", "finished", "choice")
    assert result["split"] == "test"
    for part in ("before", "after"):
        assert set(result[part]) == {"score", "n", "low", "high"}
    assert result["after"]["score"] > result["before"]["score"]
    assert trained.stderr.startswith(
        "run r1 · 32 train, 18 val, 22 test rows · about 28,000 tokens"
    )


def test_without_a_sandbox_it_says_that_no_tools_are_written(
    project: Path, slearn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: Any) -> Any:
        raise SandboxError("no sandbox here", hint="get one")

    monkeypatch.setattr("slearn.tools.toolbox.open_sandbox", none)
    said = slearn("train", project, *BUDGET).stderr.splitlines()[0]
    assert said == "warning: no tools are written: no sandbox here (get one)"


TOOLS = """
tools:
- {{name: f, {runs}}}
"""


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ("code: 'def f(n: int): return n'", "agent.yaml: tool 'f': no sandbox here (get one)"),
        ("function: 'nowhere:f', parameters: {}", "agent.yaml: tool 'f': cannot import 'nowhere'"),
        ("function: 'math:pi', parameters: {}", "agent.yaml: tool 'f': math:pi is no function"),
    ],
)
def test_tools_that_cannot_be_run_are_told_before_a_run_begins(
    project: Path, slearn: Any, monkeypatch: pytest.MonkeyPatch, runs: str, said: str
) -> None:
    def none(*_: Any) -> Any:
        raise SandboxError("no sandbox here", hint="get one")

    monkeypatch.setattr("slearn.tools.toolbox.open_sandbox", none)
    file = project / "agent.yaml"
    text = file.read_text().replace("  output:", "  tools: [f]\n  output:", 1)
    file.write_text(text + TOOLS.format(runs=runs))
    failed = slearn("train", project, *BUDGET, code=2)
    assert said in failed.stderr and "run r1" not in failed.stderr
    assert slearn("runs", "--json").stdout.strip() in ("", "[]")
    data = ("--data", project / "val.jsonl", "--model", "scripted")
    assert said in slearn("eval", project, *data, code=2).stderr
    assert said in slearn("run", project, "hi", "--model", "scripted", code=2).stderr


def test_a_metric_that_runs_tests_is_told_without_a_sandbox(
    project: Path, slearn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: Any) -> Any:
        raise SandboxError("no sandbox here", hint="get one")

    monkeypatch.setattr("slearn.tools.toolbox.open_sandbox", none)
    file = project / "agent.yaml"
    file.write_text(file.read_text().replace("metric: choice", "metric: tests"))
    wrong = slearn("run", project, "hi", "--model", "scripted", code=2)
    assert "agent.yaml: metric tests: no sandbox here (get one)" in wrong.stderr


def test_a_function_that_training_may_hand_on_is_looked_for(project: Path, slearn: Any) -> None:
    file = project / "agent.yaml"
    file.write_text(file.read_text() + TOOLS.format(runs="function: 'nowhere:f', parameters: {}"))
    assert "cannot import 'nowhere'" in slearn("train", project, *BUDGET, code=2).stderr
    slearn("run", project, "hi", "--model", "scripted")  # no node has it


@pytest.mark.parametrize("row", [0, 20])
def test_a_train_row_that_is_far_too_long_is_left_out(
    project: Path, slearn: Any, rows_file: Any, row: int
) -> None:
    rows = list(read_rows(project / "train.jsonl"))
    rows[row]["request"] = "parcel " * 50_000
    rows_file(project / "train.jsonl", rows)
    done = slearn("train", project, *BUDGET, "--json")
    (said,) = (line for line in done.stderr.splitlines() if line.startswith("warning"))
    assert said == "warning: 1 of 32 train rows are left out: they have more than 25,000 tokens"
    assert (result_of(done)["accepted"] > 0, result_of(done)["left_out"]) == (True, 1)
    assert "1 train rows left out" in slearn("show", "last").stdout


def test_text_output_says_before_and_after(project: Path, slearn: Any) -> None:
    lines = slearn("train", project, *BUDGET).stdout.splitlines()
    assert Path(".slearn/store.duckdb").exists()
    assert lines[0].startswith("run r1: finished")
    assert [line.split()[0] for line in lines[1:4]] == ["before", "after", "gain"]
    assert "n 22, 95% interval" in lines[1]


def test_the_note_in_the_store_holds_all_that_a_resume_needs(
    trained: Any, finished: tuple[Path, Any]
) -> None:
    with Store.open(".slearn/store.duckdb", create=False) as store:
        config = store.run("r1").config
    project = finished[0] / "demo"
    assert config["agent"] == agent_to_text(load_agent(project / "agent.yaml"))
    assert config["data"]["train"]["path"] == str(project / "train.jsonl")
    assert len(config["data"]["val"]["sha256"]) == 64
    columns = {"inputs": ["request"], "target": "queue", "choices": None, "functions": None}
    assert config["data"]["columns"] == columns
    assert config["model"] == {"name": "scripted", "path": None, "sha256": "scripted"}
    assert config["optimizer_model"] is None
    assert config["settings"]["budget_tokens"] == 28_000
    assert config["engine"]["cells"] == 8192 and config["engine"]["threads"] >= 1


def test_files_and_the_trained_agent(project: Path, slearn: Any, here: Path) -> None:
    run = slearn(
        "train", project / "agent.yaml", "--train", project / "train.jsonl",
        "--val", project / "val.jsonl", "-o", here / "neu" / "ü.yaml", "--json", *BUDGET,
        "--optimizer-model", "scripted", "--store", here / "other.duckdb",
    )  # fmt: skip
    assert result_of(run)["split"] == "validation"
    assert load_agent(here / "neu" / "ü.yaml").metric == "choice"
    assert not (here / ".slearn").exists()


def test_the_same_command_gives_the_same_agent(project: Path, slearn: Any, here: Path) -> None:
    texts = []
    for name in ("one", "two"):
        slearn("train", project, *BUDGET, "--store", here / f"{name}.duckdb", "-o", here / name)
        texts.append((here / name).read_text(encoding="utf-8"))
    assert texts[0] == texts[1]


def test_resuming_what_has_finished_repeats_the_result(trained: Any, slearn: Any) -> None:
    again = slearn("train", "--resume", "r1", "--json", "-o", "agent2.yaml")
    assert result_of(again) == result_of(trained)
    assert "nothing to go on with" in again.stderr
    assert load_agent("agent2.yaml")


class Impatient(Progress):
    """Asks a run to stop when its first race begins."""

    def phase(self, name: str, step: int = 0, detail: str = "") -> None:
        self.interrupted = self.interrupted or name == "race"


def test_a_run_cut_off_goes_on_and_ends_the_same(trained: Any, slearn: Any, here: Path) -> None:
    with Store.open(here / ".slearn" / "store.duckdb") as store:
        plan = plan_from(store.run("r1").config, "r1")
    settings = TrainSettings.from_json(plan.config["settings"])
    tools = ToolEngine(open_engine(None), Toolbox())
    with Store.open(here / "cut.duckdb") as store, tools as engine:
        log = store.begin(plan.config)
        with pytest.raises(Interrupted):
            train(plan.agent, plan.data, Engines(engine, engine), log, settings, Impatient())
    resumed = slearn("train", "--resume", "last", "--store", here / "cut.duckdb", "--json")
    assert "run r1 · resumed" in resumed.stderr
    whole, cut = result_of(trained), result_of(resumed)
    del whole["seconds"], cut["seconds"]
    assert whole == cut


def begin_without_end(here: Path, **changes: Any) -> None:
    """Add a run r2 that is like r1 but for the changes, and has not ended."""
    with Store.open(here / ".slearn" / "store.duckdb") as store:
        store.begin({**store.run("r1").config, **changes})


def test_a_changed_data_file_is_told(trained: Any, slearn: Any, here: Path, rows_file: Any) -> None:
    val = rows_file(here / "val.jsonl", [{"id": "1", "request": "x", "queue": "billing"}])
    with Store.open(here / ".slearn" / "store.duckdb") as store:
        data = store.run("r1").config["data"]
    begin_without_end(here, data={**data, "val": {**data["val"], "path": str(val)}})
    wrong = slearn("train", "--resume", "r2", code=2)
    assert f"{val}: has changed since run r2 began" in wrong.stderr
    val.unlink()
    assert "val.jsonl: no such file" in slearn("train", "--resume", "r2", code=2).stderr


def test_a_changed_model_is_told(trained: Any, slearn: Any, here: Path, tiny_model: Path) -> None:
    noted = {"name": "tiny", "path": str(tiny_model), "sha256": "a" * 64}
    begin_without_end(here, model=noted)
    wrong = slearn("train", "--resume", "r2", code=2)
    assert "the model has changed since the run began" in wrong.stderr


def test_a_fault_during_training_is_noted(trained: Any, slearn: Any, here: Path) -> None:
    (here / "faulty.py").write_text("def score(answer): raise KeyError(answer)", encoding="utf-8")
    with Store.open(here / ".slearn" / "store.duckdb") as store:
        text = store.run("r1").config["agent"].replace("metric: choice", "metric: faulty:score")
    begin_without_end(here, agent=text)
    assert "faulty:score: raised KeyError" in slearn("train", "--resume", "r2", code=2).stderr
    assert json.loads(slearn("runs", "--json").stdout)[1]["status"] == "failed"
    assert "error: faulty:score: raised KeyError" in slearn("show", "r2").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("demo", "--data", "demo", "--train", "x"), "give --data or --train, not both"),
        (("demo", "--train", "demo/train.jsonl"), "--val is missing"),
        (("demo/agent.yaml",), "no data: give --data DIR"),
        (("demo", "--data", "demo/train.jsonl"), "is a file; --data takes a directory"),
        (("demo", "--data", "nowhere"), "nowhere/train.jsonl: no such file"),
        (("nowhere.yaml", "--data", "demo"), "nowhere.yaml: cannot be read"),
        (("demo", "--budget-minutes", "-1"), "Invalid value for '--budget-minutes'"),
        (("demo", "--budget-minutes", "nan"), "not a finite number"),
        (("demo", "--budget-tokens", "0"), "Invalid value for '--budget-tokens'"),
        (("demo", "--model", "smolm2-135m"), "did you mean smollm2-135m?"),
        (("demo", "--optimizer-model", "nothing.gguf"), "nothing.gguf"),
        (("demo", "-o", "demo"), "demo: is a directory"),
        (("demo", "--resume", "r1"), "leave AGENT out"),
        (("--resume", "r1"), "no store here"),
        ((), "AGENT is missing"),
    ],
)
def test_what_cannot_be_trained_on(
    project: Path, slearn: Any, here: Path, arguments: tuple[str, ...], message: str
) -> None:
    model = () if "--resume" in arguments or "--model" in arguments else ("--model", "scripted")
    assert message in slearn("train", *arguments, *model, code=2).stderr
    assert not (here / ".slearn").exists()


def rewrite(path: Path, change: Any, rows_file: Any) -> list[dict[str, Any]]:
    rows = [change(n, row) for n, row in enumerate(read_rows(path))]
    rows_file(path, rows)
    return rows


def plan_of(project: Path, **given: Any) -> Plan:
    names = ("data", "train", "val", "test", "out", "optimizer_model", "budget_tokens",
             "budget_minutes", "test_limit", "threads", "inputs", "target", "choices")  # fmt: skip
    usual = {"model": "scripted", "seed": 0, "context": 8192}
    return make_plan(project, {**dict.fromkeys(names), **usual, **given})


def test_targets_are_spelled_as_the_contract_does_but_for_test(
    project: Path, rows_file: Any, capsys: Any
) -> None:
    for name in ("train", "val", "test"):
        path = project / f"{name}.jsonl"
        rewrite(path, lambda n, row: {**row, "queue": f" {row['queue'].title()}"}, rows_file)
    data = plan_of(project).data
    assert {e.targets for e in [*data.train, *data.val]} == {
        ("account",), ("billing",), ("delivery",)
    }  # fmt: skip
    assert data.train[0].row["queue"] == f" {(data.train[0].targets or ('',))[0].title()}"
    assert {(e.targets or ("",))[0][:2] for e in data.test or ()} == {"Ac", "Bi", "De"}
    assert capsys.readouterr().err == ""


def test_a_few_rows_that_nobody_can_answer_are_left_out(
    project: Path, rows_file: Any, capsys: Any, slearn: Any
) -> None:
    def odd(every: int) -> Any:
        return lambda n, row: row if n % every else {**row, "queue": ["returns", "refunds"]}

    rows = rewrite(project / "train.jsonl", odd(9), rows_file)
    rewrite(project / "test.jsonl", odd(1), rows_file)
    data = plan_of(project).data
    assert (len(data.train), len(data.val)) == (len(rows) - 4, 18)
    assert {e.targets for e in data.test or ()} == {("returns", "refunds")}
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"4 of {len(rows)} train rows left out" in said
    assert f"row {rows[0]['id']}: 'returns'" in said
    rewrite(project / "val.jsonl", odd(4), rows_file)
    wrong = slearn("train", project, *BUDGET, code=2).stderr
    assert "val.jsonl, row " in wrong and "cannot say its target 'returns'" in wrong
    assert "val rows; widen the contract or fix the data)" in wrong


def test_rows_that_stand_in_two_splits_are_told(project: Path, rows_file: Any, capsys: Any) -> None:
    first = next(read_rows(project / "train.jsonl"))
    for name, count in (("val", 1), ("test", 2)):
        same = {"request": first["request"]}
        rewrite(
            project / f"{name}.jsonl",
            lambda n, row, k=count, s=same: {**row, **s} if n < k else row,
            rows_file,
        )
    plan_of(project)
    assert capsys.readouterr().err == (
        "warning: 1 val row, 2 test rows with the same inputs as a train row: the figures flatter\n"
    )


def test_named_columns_are_kept_for_the_resume(project: Path, rows_file: Any) -> None:
    def renamed(n: int, row: dict[str, Any]) -> dict[str, Any]:
        return {"id": row["id"], "request": row["request"], "label": row["queue"]}

    for name in ("train", "val", "test"):
        rewrite(project / f"{name}.jsonl", renamed, rows_file)
    plan = plan_of(project, target="label", inputs="request, id")
    named = {"inputs": ("request", "id"), "target": "label", "choices": None, "functions": None}
    assert plan.config["data"]["columns"] == named
    assert plan_from(plan.config, "r1").data == plan.data


def test_without_a_model_there_is_no_training(project: Path, slearn: Any) -> None:
    assert "--model is missing" in slearn("train", "demo", code=2).stderr
