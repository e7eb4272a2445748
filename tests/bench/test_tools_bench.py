"""The bench of tools: its data, its planted bugs, and what it says of the sandbox."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from slearn.engine import Engine
from slearn.engine.scripted import ScriptedEngine
from slearn.tools import Toolbox, ToolEngine
from slearn.values import Example, Tool
from tests.optim.writers import Believing, call

Load = Callable[[str], ModuleType]


@pytest.fixture
def tools(load: Load) -> ModuleType:
    return load("tools")


@pytest.fixture
def engine() -> Iterator[Engine]:
    with ToolEngine(ScriptedEngine(), Toolbox()) as opened:
        yield opened


def test_ten_kinds_of_bugs_each_break_their_function(tools: ModuleType, engine: Engine) -> None:
    words = tools.WORDS[:4]
    assert len({bug.kind for bug in tools.BUGS}) == 10
    for bug in tools.BUGS:
        if bug.kind == "endless loop":
            continue  # it takes its time
        right = Tool("solve", code=bug.right)
        made = engine.run_tools(tools._calls(right, words))
        assert all(result.ok for result in made)
        rows = [
            Example(word, {"input": word}, (result.text,))
            for word, result in zip(words, made, strict=True)
        ]
        assert tools.share(engine, right, rows) == 1
        assert tools.share(engine, bug.tool, rows) < 1


def test_an_agent_with_a_bug_is_trained_by_mending_alone(tools: ModuleType) -> None:
    bug = next(bug for bug in tools.BUGS if bug.kind == "wrong constant")
    mended = "```python\n" + bug.right.replace('    """Joins the letters with hyphens."""\n', "")

    def script(request) -> str | None:  # type: ignore[no-untyped-def]
        last = request.messages[-1].content
        if "write_tool" in request.where:
            assert "solve(text=" in last and "right is" in last
            return mended + "```"
        if request.where.startswith("trainer call"):
            return None
        if last.startswith("result: "):
            return f"answer: {last[8:]}"
        return call("solve", text=last)

    with ToolEngine(Believing(script), Toolbox()) as engine:
        found = tools.mended(bug, engine, 60_000, 0)
    assert (found["before"], found["after"], found["mended"]) == (0, 1, True)


def test_both_sorts_of_rows_become_one_task_and_a_vague_one(
    tools: ModuleType, tmp_path: Path
) -> None:
    source, out = tmp_path / "data", tmp_path / "out"
    for part, target in (("simple_python", [{"f": {"n": [1]}}]), ("irrelevance", [])):
        for split in ("train", "val", "test"):
            row = {
                "id": f"{part}_{split}",
                "input": "one",
                "target": target,
                "functions": [{"name": "f", "description": "Adds.", "parameters": {}}],
            }
            path = source / "bfcl" / part / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(row) + "\n")
    for split in ("train", "val", "test"):
        code = {"id": split, "input": "Add.", "tests": ["assert f(1) == 2", "assert f(2) == 3"]}
        path = source / "mbpp" / f"{split}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(code) + "\n")
    starts = {"bfcl/irrelevance": {"metric": "call"}, "mbpp": {"metric": "tests"}}
    (source / "starts.json").write_text(json.dumps(starts))
    assert tools.data(source, out)["rows"]["bfcl/test"] == 2
    assert 'Add.\\nassert f(1) == 2"' in (out / "mbpp" / "val.jsonl").read_text()
    text = (out / "bfcl_vague" / "train.jsonl").read_text()
    rows = list(map(json.loads, text.splitlines()))
    assert {row["functions"][0]["description"] for row in rows} == {tools.VAGUE}


def test_the_sandbox_is_timed(tools: ModuleType) -> None:
    found = tools.sandbox(20, 20)
    assert found["monty"]["n"] == 20 and found["monty"]["median_ms"] > 0
    assert found["fuzz"]["ok"] + found["fuzz"]["failed"] == 20


def test_requests_of_a_split_share_no_word_and_no_wording(
    tools: ModuleType, engine: Engine
) -> None:
    rows = tools.asked_rows(engine)
    asked = {split: {row.inputs["input"] for row in rows[split]} for split in rows}
    assert {split: len(own) for split, own in asked.items()} == dict.fromkeys(rows, 60)
    words = [{word for word in tools.WORDS if word in " ".join(own)} for own in asked.values()]
    assert not words[0] & words[1] and not words[0] & words[2] and not words[1] & words[2]
    for said in tools.REQUESTS.values():
        assert len(said) == 3 and said[2].format("x") not in {one.format("x") for one in said[:2]}


def test_vague_tools_do_not_tell_what_they_do(tools: ModuleType, engine: Engine) -> None:
    for bug in tools.BUGS:
        clear = tools.tool_from_code(bug.right)
        dim = tools.vague_tool(clear)
        assert clear.description not in dim.code and dim.description == tools.VAGUE
        assert engine.run_tools(tools._calls(dim, ["word"])) == engine.run_tools(
            tools._calls(clear, ["word"])
        )


def test_vague_descriptions_are_won_back_by_saying_them_anew(tools: ModuleType) -> None:
    """A model that calls the right tool only where the tool says "right now" of itself."""

    def script(request) -> str | None:  # type: ignore[no-untyped-def]
        last, told = request.messages[-1].content, request.messages[0].content
        if "describe_tool" in request.where:
            said = {"description": "It gives right now.", "arguments": {"text": "a word"}}
            return json.dumps(said)
        if request.where.startswith("trainer call"):
            return None
        if last.startswith("result: "):
            return f"answer: {last[8:]}"
        clear = "right now" in told or tools.VAGUE not in told
        place = next(
            n
            for n, asked in enumerate(tools.REQUESTS.values())
            for said in asked
            if re.fullmatch(re.escape(said).replace(r"\{\}", r"(\w+)"), last)
        )
        word = next(word for word in tools.WORDS if re.search(rf"\b{word}\b", last))
        there = re.findall(r"tool_\d", told)  # attribution leaves each out once
        name = f"tool_{place if clear else (place + 1) % 10}"
        return call(name if name in there else there[0], text=word)

    with ToolEngine(Believing(script), Toolbox()) as engine:
        found = tools.won_back(engine, 200_000, 0)
    assert (found["clear"], found["learnt"], found["won_back"]) == (1, 1, 1)
    assert found["vague"] < 0.5
