"""A finished training that tests share, and blank stores, which are quicker copied than made."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from slearn.engine.scripted import ScriptedEngine
from slearn.result import RunResult
from slearn.store import Store
from tests.training import toy


class Finished(NamedTuple):
    """An uninterrupted training: its result, its store, and how many rounds it computed."""

    result: RunResult
    path: Path
    rounds: int


@pytest.fixture(scope="session")
def blank_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("blank-training") / "store.duckdb"
    Store.open(path).close()
    return path


@pytest.fixture
def store_path(blank_store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(blank_store, tmp_path / "store.duckdb"))


@pytest.fixture(scope="session")
def finished(blank_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    path = Path(shutil.copy(blank_store, tmp_path_factory.mktemp("finished-training") / "s.duckdb"))
    engine = ScriptedEngine()
    return Finished(toy.run(path, engine=engine), path, engine.rounds)
