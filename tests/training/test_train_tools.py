"""A whole training where the model cannot spell, and writes the function that does."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from slearn.agent import Agent, Contract, Field, agent_from_text, agent_to_text
from slearn.engine import Engine, GenerateRequest
from slearn.engine.scripted import accepts
from slearn.errors import Interrupted
from slearn.evaluate import evaluate
from slearn.optim import OPTIMIZERS, CreateTool, DescribeTool, HandTools, MendTool
from slearn.result import RunResult
from slearn.settings import TrainSettings
from slearn.step import measurable
from slearn.tools import Toolbox, ToolEngine
from slearn.train import TrainData
from slearn.values import Tool
from tests.optim.writers import Believing, call, caller, solving, word_rows
from tests.training import toy
from tests.training.conftest import Finished
from tests.training.test_train_resume import Stopping

SETTINGS = TrainSettings(budget_tokens=60_000, budget_minutes=None, max_steps=2)
RIGHT = solving("return ' '.join(text)", said="")
TOOLS = (CreateTool, MendTool, HandTools, DescribeTool)


def data() -> TrainData:
    """Words of five letters, and how they are spelled."""
    chance = random.Random(0)
    words = ["".join(chance.sample("abcdefghijklmnoprstuvwy", 5)) for _ in range(60)]
    rows = word_rows(" ".join, words)
    return TrainData(rows[:28], rows[28:44], rows[44:])


def start(*tools: Tool, **settings: Any) -> Agent:
    return caller(*tools, output=Contract((Field(max_chars=20, max_tokens=16),)), **settings)


class Speller(Believing):
    """Spells nothing itself, but writes the function, calls it, and believes its results."""

    def __init__(self) -> None:
        super().__init__(self._written)

    def _written(self, request: GenerateRequest) -> str | None:
        last = request.messages[-1].content
        if "write_tool" in request.where:
            code = f"```python\n{RIGHT.code}```"
            return code if accepts(request.grammar, code) else None
        if request.where.startswith("trainer call"):
            return None
        plain, result = "not known", last.removeprefix("result: ")
        said = result if result != last else plain
        options = [call("solve", text=last), plain, f"answer: {said}"]
        return next((text for text in options if accepts(request.grammar, text)), None)


def run(path: Path, engine: Engine | None = None, **named: Any) -> RunResult:
    """Train on the words; go on where the store has a run."""
    engine = engine or ToolEngine(Speller(), Toolbox())
    try:
        return toy.run(
            path, engine=engine, given=data(), **{"agent": start(), "settings": SETTINGS, **named}
        )
    finally:
        engine.close()


@pytest.fixture(scope="module")
def trained(blank_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    path = Path(shutil.copy(blank_store, tmp_path_factory.mktemp("spelled") / "s.duckdb"))
    inner = Speller()
    return Finished(run(path, ToolEngine(inner, Toolbox())), path, inner.rounds)


def test_the_trained_agent_has_the_tool_and_its_score_rises(trained: Finished) -> None:
    body = trained.result.as_json()
    assert (body["before"]["score"], body["after"]["score"]) == (0, 1)
    assert trained.result.accepted >= 1 and body["calls"]["invalid"] == 0
    node = trained.result.agent.last
    (tool,) = node.tools
    assert tool.code == RIGHT.code
    assert (tool.name, node.tool_choice, node.max_calls) == ("solve", "required", 1)
    train = {row.id for row in data().train}
    assert node.demos and {demo.source for demo in node.demos} <= train
    assert all(demo.calls[0].result == demo.output["answer"] for demo in node.demos)


def test_the_figures_are_those_of_the_agent_in_the_file(trained: Finished) -> None:
    read = agent_from_text(agent_to_text(trained.result.agent))
    assert read == trained.result.agent
    with ToolEngine(Speller(), Toolbox()) as engine:
        again = evaluate(read, data().test or (), engine)
    assert again.scores == trained.result.after.scores


def test_the_store_tells_how_the_tool_came(trained: Finished) -> None:
    found = toy.recorded(trained.path)
    accepted = [one for one in found["records"]["candidates"] if one["status"] == "accepted"]
    assert accepted[0]["operator"] == "create tool"
    (edit,) = accepted[0]["edits"]
    assert edit["op"] == "SetTools" and "' '.join" in edit["tools"][0]["code"]
    kinds = [kind for _, kind, _, _ in found["calls"]]
    assert kinds.count("tools") > 10


def test_cut_off_again_and_again_it_ends_at_the_same_agent(
    trained: Finished, store_path: Path
) -> None:
    computed = 0
    for rounds in (1, 5, 7, 9):
        inner = Speller()
        with pytest.raises(Interrupted):
            run(store_path, ToolEngine(inner, Toolbox()), progress=Stopping(inner, rounds))
        computed += inner.rounds
    inner = Speller()
    result = run(store_path, ToolEngine(inner, Toolbox()))
    assert computed + inner.rounds == trained.rounds
    assert toy.figures(result) == toy.figures(trained.result)
    assert result.agent == trained.result.agent
    assert toy.recorded(store_path) == toy.recorded(trained.path)


class Broken(Toolbox):
    """Has a sandbox, and must not need it."""

    @property
    def ready(self) -> bool:
        return True

    def run(self, requests):  # type: ignore[no-untyped-def]
        raise AssertionError(f"asked for {len(requests)} calls again")


def test_a_finished_run_replays_without_model_or_sandbox(trained: Finished, tmp_path: Path) -> None:
    path = Path(shutil.copy(trained.path, tmp_path / "copy.duckdb"))
    inner = Speller()
    again = run(path, ToolEngine(inner, Broken()))
    assert inner.rounds == 0 and again.as_json() == trained.result.as_json()


class Without(Toolbox):
    """Has no sandbox."""

    @property
    def ready(self) -> bool:
        return False


def test_without_a_sandbox_it_trains_as_if_there_were_no_tools(
    store_path: Path, blank_store: Path, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, max_steps=1)
    plain = [one for one in OPTIMIZERS if not isinstance(one, TOOLS)]
    result = run(store_path, Speller(), settings=settings, optimizers=plain)
    assert result.agent.tools == () and result.calls["total"] > 40
    for number, engine in enumerate((Speller(), ToolEngine(Speller(), Without()))):
        path = Path(shutil.copy(blank_store, tmp_path / f"{number}.duckdb"))
        other = run(path, engine, settings=settings)
        assert toy.figures(other) == toy.figures(result)
        assert toy.recorded(path)["records"] == toy.recorded(store_path)["records"]


def test_an_agent_with_a_wrong_tool_has_it_mended(store_path: Path) -> None:
    wrong = solving("return '-'.join(text)", said="")
    agent = start(wrong, tool_choice="required", max_calls=1)
    result = run(store_path, agent=agent, settings=replace(SETTINGS, max_steps=1))
    assert result.as_json()["after"]["score"] == 1
    assert result.agent.last.tools == (RIGHT,)
    candidates = toy.recorded(store_path)["records"]["candidates"]
    accepted = [one["operator"] for one in candidates if one["status"] == "accepted"]
    assert accepted == ["mend tool"]


@pytest.mark.parametrize(("left", "most"), [(1_000_000, 11), (10_000, 5), (100, 1)])
def test_where_many_tools_are_told_at_length_only_some_are_measured(left: int, most: int) -> None:
    """Leaving each out once would read ten long prompts anew, and nothing would be left to race."""
    tools = [solving("return text", name=f"other_{n}") for n in range(10)]
    guards = SimpleNamespace(count=lambda text: len(text.split()), size=lambda _: 800)
    frame: Any = SimpleNamespace(guards=guards, session=SimpleNamespace(left=left))
    rows = word_rows(" ".join, ["word"] * 12)
    assert measurable(frame, start(*tools), rows) == most
