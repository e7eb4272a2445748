"""Training an agent whose answer is decided by likelihood: it learns, resumes and replays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from slearn.agent import Agent, Contract, Field, agent_from_text, agent_to_text
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.errors import Interrupted
from slearn.evaluate import evaluate
from slearn.optim import DemoSets, ReasonFirst
from slearn.optim.contract import WAYS
from slearn.settings import TrainSettings
from slearn.store import Store
from tests.training import toy
from tests.training.test_train_resume import Stopping

LABEL = Field("answer", "choice", choices=tuple(toy.QUEUES), decide="likelihood")
ONE_STEP = TrainSettings(budget_tokens=10**9, budget_minutes=None, max_steps=1)


def start() -> Agent:
    return toy.start(Contract((LABEL,)))


def test_an_agent_that_decides_learns_and_a_resumed_run_ends_the_same(
    store_path: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "whole.duckdb"
    whole.write_bytes(store_path.read_bytes())
    optimizers = [DemoSets(), ReasonFirst()]
    result = toy.run(whole, agent=start(), settings=ONE_STEP, optimizers=optimizers)
    body = result.as_json()
    assert body["after"]["score"] >= body["before"]["score"] + 0.2
    assert result.agent.last.output.answer == LABEL
    read = agent_from_text(agent_to_text(result.agent))
    again = evaluate(read, toy.data().test or (), ScriptedEngine())
    assert again.scores == result.after.scores

    computed = 0
    for rounds in (1, 3):
        engine = ScriptedEngine()
        with pytest.raises(Interrupted):
            toy.run(
                store_path,
                engine=engine,
                agent=start(),
                settings=ONE_STEP,
                progress=Stopping(engine, rounds),
                optimizers=optimizers,
            )
        computed += engine.rounds
    engine = ScriptedEngine()
    toy.run(store_path, engine=engine, agent=start(), settings=ONE_STEP, optimizers=optimizers)
    assert computed == 4 and engine.rounds > 0
    assert toy.recorded(store_path) == toy.recorded(whole)
    replayed = ScriptedEngine()
    toy.run(store_path, engine=replayed, agent=start(), settings=ONE_STEP, optimizers=optimizers)
    assert replayed.rounds == 0


def test_the_reason_first_candidate_of_a_deciding_agent_decides_too(store_path: Path) -> None:
    result = toy.run(store_path, agent=start(), settings=ONE_STEP, optimizers=[ReasonFirst()])
    records = toy.recorded(store_path)["records"]["candidates"]
    (candidate,) = records
    with Store.open(store_path) as store:
        tried = agent_from_text(store.agent(candidate["agent"]) or "")
        calls = list(store.calls("last"))
    first, answer = tried.last.output.fields
    assert first in WAYS and answer == start().last.output.answer
    assert tried.last.output.decided
    opening = tried.last.output.opening().grammar()
    written = [call for call in calls if call.request["grammar"]["lark"] == opening.lark]
    assert written and all(accepts(opening, call.result["text"]) for call in written)
    assert candidate["operator"] == "reason as shown"
    assert result.calls["invalid"] == 0
    assert replace(result.agent.last, demos=()) in (start().last, tried.last)
