"""`slearn runs`, `show`, `diff` and `export`: what the store tells about runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from slearn.agent import Agent, Branch, Demo, Flow, Node, agent_from_text, load_agent, save_agent
from slearn.cli import main
from slearn.cli.changes import changes_text, compare
from slearn.cli.story import edit_text, story_text
from slearn.optim import DropDemo, InsertLine, MoveLine, ReplaceDemo, ReplaceLine, edit_as_json
from slearn.store import RECORD_TABLES, Store
from slearn.store.migrations import MIGRATIONS, migrate


def test_runs_are_listed_newest_last(trained: Any, slearn: Any, here: Path) -> None:
    with Store.open(here / ".slearn" / "store.duckdb") as store:
        store.begin(store.run("r1").config)
    rows = json.loads(slearn("runs", "--json").stdout)
    assert [(row["run"], row["status"]) for row in rows] == [("r1", "finished"), ("r2", "stopped")]
    result = json.loads(trained.stdout)
    assert rows[0]["before"] == result["before"]["score"]
    assert rows[0]["after"] == result["after"]["score"]
    assert (rows[1]["metric"], rows[1]["after"]) == ("choice", None)
    lines = slearn("runs").stdout.splitlines()
    assert lines[0].split() == ["run", "status", "metric", "before", "after", "created"]
    assert lines[2].split()[:5] == ["r2", "stopped", "choice", "-", "-"]


def test_a_store_without_runs_or_none_at_all(slearn: Any, here: Path) -> None:
    assert "no store here" in slearn("runs", code=2).stderr
    Store.open(here / "s.duckdb").close()
    assert slearn("runs", "--store", "s.duckdb").stdout == "no runs yet\n"
    assert slearn("runs", "--store", "s.duckdb", "--json").stdout == "[]\n"
    assert "no runs yet" in slearn("show", "last", "--store", "s.duckdb", code=2).stderr
    (here / "text").write_text("no store", encoding="utf-8")
    assert "text: " in slearn("runs", "--store", "text", code=2).stderr


def test_show_tells_what_happened(trained: Any, slearn: Any) -> None:
    shown = slearn("show", "r1").stdout
    assert shown.startswith("run r1: finished")
    for part in ("before  ", "after   ", "steps (the best", "accepted: ", "validation ", " lost",
                 "a loss in words (example ", "requirement: ", "weight change: "):  # fmt: skip
        assert part in shown
    assert slearn("show", "last").stdout == shown


def test_show_as_json(trained: Any, slearn: Any) -> None:
    story = json.loads(slearn("show", "r1", "--json").stdout)
    assert story["run"] == "r1" and story["result"]["run"] == "r1"
    steps = story["steps"]
    assert [step["step"] for step in steps] == list(range(1, len(steps) + 1))
    assert {"operator", "status", "reason", "edits", "race", "validation"} <= set(steps[0])
    assert sum(step["candidates"]["accepted"] for step in steps) == story["result"]["accepted"]
    assert {"assessment", "requirement", "score"} <= set(story["loss"])
    assert story["gradient"]["example"] == story["loss"]["example"]


def test_show_names_the_test_that_p_belongs_to(trained: Any, slearn: Any) -> None:
    story = json.loads(slearn("show", "r1", "--json").stdout)
    step = next(step for step in story["steps"] if step["status"] == "accepted")
    for reason, p in (
        ("better on the metric", ", p 0.01)"),
        ("no worse on the metric, better in measured loss", ", loss p 0.01)"),
    ):
        found = {**step, "reason": reason, "validation": {**step["validation"], "p": 0.01}}
        assert p in story_text({**story, "steps": [found]})
    assert "\n    1  " in slearn("show", "r1").stdout


@pytest.fixture(scope="module")
def measured(finished: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a run of an agent of two lines, whose parts are measured; never changed."""
    folder: Path = tmp_path_factory.mktemp("measured")
    lines = "- Choose the right answer.\n"
    text = (finished[0] / "demo" / "agent.yaml").read_text(encoding="utf-8")
    assert lines in text
    text = text.replace(lines, f"{lines}  - Be brief.\n")
    (folder / "agent.yaml").write_text(text, encoding="utf-8")
    where = ["--data", str(finished[0] / "demo"), "--store", str(folder / "store.duckdb")]
    budget = ["--model", "scripted", "--budget-tokens", "10000"]
    run = CliRunner().invoke(main, ["train", str(folder / "agent.yaml"), *where, *budget])
    assert run.exit_code == 0, run.output
    return folder / "store.duckdb"


def test_show_tells_what_the_parts_do(measured: Path, slearn: Any, here: Path) -> None:
    named = ("r1", "--store", shutil.copy(measured, here))
    with Store.open(here / measured.name) as store:
        rows = {record["step"]: record["rows"] for record in store.records("r1", "attributions")}
    found = json.loads(slearn("show", *named, "--json").stdout)["attributions"]
    assert [(part["node"], part["part"], part["index"]) for part in found[:2]] == [
        ("answer", "line", 0),
        ("answer", "line", 1),
    ]
    assert {part["n"] for part in found} == {rows[max(rows)]}
    shown = slearn("show", *named).stdout.splitlines()
    at = shown.index(f"what its parts do, left out one by one (nats, n {found[0]['n']}, + helps):")
    assert shown[at + 1 :] == [
        f"  answer, {part['part']} {part['index'] + 1}: {part['nats']:+.3f}" for part in found
    ]


def test_a_store_of_schema_1_is_shown_and_exported(measured: Path, slearn: Any, here: Path) -> None:
    with duckdb.connect(str(here / "old.duckdb")) as connection:
        migrate(connection, "old", MIGRATIONS[:1])
        connection.execute(f"ATTACH '{measured}' AS new (READ_ONLY)")
        kept = [*RECORD_TABLES, "runs", "events", "rounds", "calls", "round_calls", "agents"]
        for table in set(kept) - {"attributions"}:
            connection.execute(f"INSERT INTO {table} SELECT * FROM new.{table}")
        connection.execute(
            """
            INSERT INTO gradients SELECT run, n, step, id,
                replace(replace(body, '{"node"', '{"measured": true, "node"'), '"rows"', '"n"')
            FROM new.attributions
            """
        )
    told = []
    for store in ("old.duckdb", shutil.copy(measured, here)):
        named = ("r1", "--store", store)
        slearn("export", *named, "-o", "agent.yaml")
        exported = Path("agent.yaml").read_text(encoding="utf-8")
        told.append(
            (exported, slearn("show", *named).stdout, slearn("show", *named, "--json").stdout)
        )
    assert "left out one by one" in told[0][1]
    assert told[0] == told[1]


def test_show_of_a_run_that_has_done_nothing(trained: Any, slearn: Any, here: Path) -> None:
    with Store.open(here / ".slearn" / "store.duckdb") as store:
        store.begin(store.run("r1").config)
    assert "no step yet" in slearn("show", "r2").stdout
    wrong = slearn("show", "r7", code=2)
    assert "no run named r7 (the last: r1, r2)" in wrong.stderr


def test_export_writes_what_the_run_ended_with(
    trained: Any, slearn: Any, here: Path, finished: Any
) -> None:
    slearn("export", "r1", "-o", "neu/agent ü.yaml")
    said = json.loads(slearn("export", "last", "-o", "b.yaml", "--json").stdout)
    assert said == {"run": "r1", "file": "b.yaml"}
    agent = load_agent("b.yaml")
    assert agent == load_agent("neu/agent ü.yaml")
    assert agent.last.demos and agent != load_agent(finished[0] / "demo" / "agent.yaml")
    slearn("run", "b.yaml", "where is my parcel", "--model", "scripted")
    (here / "file").write_text("", encoding="utf-8")
    assert (
        "neu: is a directory (-o takes a file)"
        in slearn("export", "r1", "-o", "neu", code=2).stderr
    )
    assert "cannot be written" in slearn("export", "r1", "-o", "file/x.yaml", code=2).stderr


def test_a_link_that_is_written_to_stays_one_and_a_pipe_is_not_replaced(
    trained: Any, slearn: Any, here: Path
) -> None:
    (here / "link.yaml").symlink_to(here / "real.yaml")
    slearn("export", "r1", "-o", "link.yaml")
    assert (here / "link.yaml").is_symlink() and load_agent("real.yaml").last.demos
    os.mkfifo(here / "pipe")
    reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE)
    slearn("export", "r1", "-o", "pipe")
    assert reader.communicate(timeout=20)[0].decode() == Path("real.yaml").read_text("utf-8")
    assert (here / "pipe").is_fifo()
    (here / "circle").symlink_to("circle")
    (here / "astray").symlink_to("real.yaml/x")
    for place in ("circle", "astray"):
        assert "cannot be written" in slearn("export", "r1", "-o", place, code=2).stderr


def test_export_of_a_run_under_way_takes_the_last_accepted(
    trained: Any, slearn: Any, here: Path
) -> None:
    with Store.open(here / ".slearn" / "store.duckdb") as store:
        accepted = [r for r in store.records("r1", "candidates") if r["status"] == "accepted"]
        log = store.begin(store.run("r1").config)
        slearn_start = store.run("r1").config["agent"]
    slearn("export", "r2", "-o", "start.yaml")
    assert Path("start.yaml").read_text(encoding="utf-8") == slearn_start
    with Store.open(here / ".slearn" / "store.duckdb") as store:
        log = store.resume("r2")
        body = {"status": "accepted", "agent": accepted[-1]["agent"]}
        log.record("candidates", "0/0", body)
    slearn("export", "r2", "-o", "now.yaml")
    slearn("export", "r1", "-o", "end.yaml")
    assert load_agent("now.yaml") == load_agent("end.yaml")


def test_a_run_alone_is_compared_with_its_start(trained: Any, slearn: Any) -> None:
    shown = slearn("diff", "r1").stdout.splitlines()
    assert shown[:2] == ["node answer", "  demos"]
    assert all(line.startswith("    + ") and " => " in line for line in shown[2:])
    parts = json.loads(slearn("diff", "r1", "--json").stdout)
    assert [(part["node"], part["part"]) for part in parts] == [("answer", "demos")]


def test_files_and_runs_are_compared_with_each_other(
    trained: Any, slearn: Any, finished: Any
) -> None:
    start = finished[0] / "demo"
    assert slearn("diff", start, "r1").stdout == slearn("diff", "r1").stdout
    slearn("export", "r1", "-o", "end.yaml")
    assert slearn("diff", "end.yaml", "r1").stdout == "no differences\n"
    assert slearn("diff", start / "agent.yaml", start, "--json").stdout == "[]\n"
    assert "    - " in slearn("diff", "r1", start).stdout
    assert "a file alone" in slearn("diff", start, code=2).stderr
    assert "missing.yaml: cannot be read" in slearn("diff", "missing.yaml", "r1", code=2).stderr
    assert "no run named r9" in slearn("diff", "r9", code=2).stderr


def test_every_part_of_an_agent_that_differs_is_shown(slearn: Any, here: Path) -> None:
    one = """\
slearn: 1
metric: exact
nodes:
- {name: answer, instructions: [Say it., Be brief.], output: [{max_chars: 9}]}
"""
    two = """\
slearn: 1
metric: f1
nodes:
- {name: plan, instructions: [Think.]}
- name: answer
  instructions: [Say it., Be very brief., "Be\\nnice."]
  inputs: [plan]
  layout: inputs-first
  output: [{type: regex, pattern: "a+"}]
  demos: [{inputs: {plan: hot}, output: {answer: a}}]
"""
    (here / "1.yaml").write_text(one, encoding="utf-8")
    (here / "2.yaml").write_text(two, encoding="utf-8")
    parts = json.loads(slearn("diff", "1.yaml", "2.yaml", "--json").stdout)
    assert [(part["node"], part["part"]) for part in parts] == [
        (None, "metric"), (None, "flow"), ("answer", "inputs"), ("answer", "instructions"),
        ("answer", "demos"), ("answer", "output"), ("answer", "layout"), ("plan", "inputs"),
        ("plan", "instructions"), ("plan", "output"), ("plan", "layout"),
    ]  # fmt: skip
    assert parts[3]["lines"] == ["  Say it.", "- Be brief.", "+ Be very brief.", "+ Be nice."]
    assert parts[4]["lines"] == ["+ hot => a"]
    assert parts[5]["lines"][1] == "+ answer: regex, a+"


def test_another_way_to_decide_is_a_difference() -> None:
    head = "slearn: 1\nnodes:\n- name: a\n  instructions: []\n"
    choice = head + "  output: {type: choice, choices: [yes, no]"
    one, two = (agent_from_text(choice + end) for end in ("}\n", ", decide: likelihood}\n"))
    (part,) = compare(one, two)
    assert (part["node"], part["part"]) == ("a", "output")
    assert part["lines"][1] == "+ answer: choice, one of yes, no, decided by likelihood"


def test_a_diff_tells_of_the_flow_shared_names_and_roles() -> None:
    from dataclasses import replace

    from slearn.agent import Agent, Flow, Node, Role, Vote
    from slearn.cli.changes import compare

    one = Agent("a", (Node("answer", ("Say it.",)),), Flow(("answer",)))
    node = replace(one.last, writes="said", roles=(Role("critic", "Doubt it."),))
    other = replace(one.with_node(node), flow=Flow((Vote(("answer",), 3),)))
    parts = {part["part"]: part["lines"] for part in compare(one, other)}
    assert parts["flow"] == ["+ vote of 3", "- answer", "+ └─ answer"]
    assert parts["writes"] == ["+ said"] and parts["roles"] == ["+ critic: Doubt it."]


def test_show_draws_a_flow_of_more_than_one_line(trained: Any, slearn: Any) -> None:
    story = json.loads(slearn("show", "r1", "--json").stdout)
    assert story["flow"] == ["answer"] and "the flow:" not in story_text(story)
    drawn = story_text({**story, "flow": ["vote of 3", "└─ answer"]})
    assert "the flow:\n  vote of 3\n  └─ answer\n" in drawn


NODES = (Node("kind", ("Say it.",)), Node("pay", ("Pay.",), ("input", "kind")))
FLOW = Flow(("kind", Branch("kind", (("x", ("pay",)), ("y", ("pay",))), ("kind",))))


def test_a_diff_keeps_the_spaces_of_a_drawing_and_of_code() -> None:
    one = Agent("a", NODES, Flow(("kind", "pay")))
    shown = changes_text(compare(one, Agent("a", NODES, FLOW))).splitlines()
    assert "    + │  └─ pay" in shown and "    +    └─ kind" in shown
    head = "slearn: 1\nnodes:\n- {name: a, instructions: [x], tools: [f]}\ntools:\n- name: f\n"
    codes = ["def f():\n    return 1", "def f():\n    return  1", "def f():\n\treturn  1"]
    plain, wide, tab = (agent_from_text(f"{head}  code: {json.dumps(code)}\n") for code in codes)
    (part,) = compare(plain, wide)
    assert part["lines"][-2:] == ["-     return 1", "+     return  1"]
    (part,) = compare(wide, tab)
    assert part["lines"][-2:] == ["-     return  1", "+  return  1"]


def test_a_diff_of_what_is_not_shown_is_no_heading_alone() -> None:
    one, two = (Agent("a", (Node("n", (f"one{gap}two",)),), Flow(("n",))) for gap in " \t")
    assert compare(one, two)[0]["lines"] == ["- one two", "+ one\\ttwo"]


def test_edits_count_from_1_for_people_and_from_0_in_json() -> None:
    told = {
        "line 1, text X": ReplaceLine("n", 0, "X"),
        "after 0, text X": InsertLine("n", 0, "X"),  # in front of line 1
        "line 3, to 1": MoveLine("n", 2, 0),
        "index 1": DropDemo("n", 0),
    }
    for words, edit in told.items():
        assert edit_text(edit_as_json(edit)) == f"{type(edit).__name__}: node n, {words}"
    other = edit_as_json(ReplaceDemo("n", 1, Demo({"input": "a"}, {"answer": "b"})))
    assert edit_text(other).startswith("ReplaceDemo: node n, index 2, ") and other["index"] == 1


def test_show_draws_an_agent_file(slearn: Any, here: Path) -> None:
    save_agent(Agent("a", NODES, FLOW), here / "agent.yaml")
    shown = slearn("show", "agent.yaml").stdout
    assert shown.startswith("agent a: reads input, scored by exact\n\nthe flow:\n  kind\n")
    assert "\n  │  └─ pay\n" in shown
    assert "\n  pay: reads input, kind, 1 line, 0 demos\n    answer: text, up to" in shown
    told = json.loads(slearn("show", "agent.yaml", "--json").stdout)
    assert told["flow"][:2] == ["kind", "branch on kind"]
    assert [node["node"] for node in told["nodes"]] == ["kind", "pay"]
    (here / "r1").write_text("slearn: 1", encoding="utf-8")  # a file that is there is one
    assert "r1:1: the file: expected `nodes`" in slearn("show", "r1", code=2).stderr
    assert "no.yml: cannot be read" in slearn("show", "no.yml", code=2).stderr
    assert "no store here" in slearn("show", "r2", code=2).stderr
