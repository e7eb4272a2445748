"""What all tests share: an isolated home, and the tiny model where a test asks for it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from slearn.engine import Engine, EngineSettings, open_engine

_HOMES = itertools.count()
# A deadline fails on a busy machine: speed is measured in bench/. Every run draws anew, so that
# many short runs see as much as a long one, which is for `make test-slow`.
hypothesis.settings.register_profile("slearn", deadline=None, max_examples=25)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=200)
hypothesis.settings.load_profile("slearn")


@pytest.fixture(autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests out of the user's home and away from every model hub.

    The home of a test is made by whoever writes into it: most write nothing.
    """
    home = tmp_path_factory.getbasetemp() / f"home-{next(_HOMES)}"
    monkeypatch.setenv("SLEARN_HOME", str(home))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def shared_box() -> Iterator[None]:
    """Close the toolbox that tests of tools share, when a module of them is done."""
    yield
    from tests.optim.writers import BOX

    BOX.close()


@pytest.fixture(scope="session")
def tiny_path() -> Path:
    """Return the path of the tiny model's file."""
    from slearn.catalog import resolve

    return resolve("smollm2-135m").path


@pytest.fixture(scope="module")
def tiny(tiny_path: Path) -> Iterator[Engine]:
    """Open the tiny model, small and with few sequences: that is where scheduling goes wrong."""
    settings = EngineSettings(cells=2048, sequences=4, batch_size=64, max_outputs=8)
    with open_engine(tiny_path, sha256="tiny", settings=settings) as engine:
        yield engine


@pytest.fixture(scope="session")
def slow_path() -> Path:
    """Return the path of a model of about 0.5B, which SLEARN_SLOW_MODEL names."""
    named = os.environ.get("SLEARN_SLOW_MODEL")
    if not named:
        pytest.skip("SLEARN_SLOW_MODEL names no model")
    return Path(named)
