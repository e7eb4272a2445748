from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import slearn
from slearn.store import RememberingEngine, Store

SCRIPT = Path(__file__).with_name("program.py")


@pytest.fixture(scope="session")
def program() -> ModuleType:
    """The module program.py, which tests also run as a script."""
    spec = importlib.util.spec_from_file_location("store_program", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["store_program"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A blank store; a copy of it is quicker to have than a new one."""
    path = tmp_path_factory.mktemp("blank") / "s.duckdb"
    Store.open(path).close()
    return path


@pytest.fixture
def path(blank: Path, tmp_path: Path) -> Path:
    """The path of a blank store."""
    return Path(shutil.copy(blank, tmp_path / "s.duckdb"))


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path) as opened:
        yield opened


@pytest.fixture
def engine(program: ModuleType) -> Callable[..., RememberingEngine]:
    """Wrap a fake engine, which the wrapper shows as `.fake`."""

    def make(log, fake=None, **options):  # type: ignore[no-untyped-def]
        fake = fake or program.FakeEngine()
        wrapper = RememberingEngine(fake, log, **options)
        wrapper.fake = fake
        return wrapper

    return make


@pytest.fixture
def python() -> Callable[..., subprocess.Popen[str]]:
    """Start a Python process that can import slearn."""

    def start(*arguments: str) -> subprocess.Popen[str]:
        root = str(Path(slearn.__file__).parents[1])
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": root},
        )

    return start


@pytest.fixture
def image(tmp_path: Path) -> Callable[[Path], Path]:
    """Copy a store's files as they are now: what a kill at this moment would leave."""
    count = iter(range(1000))

    def copy(path: Path) -> Path:
        folder = tmp_path / f"image{next(count)}"
        folder.mkdir()
        for file in path.parent.glob(f"{path.name}*"):
            if file.suffix != ".lock":
                shutil.copy(file, folder / file.name)
        return folder / path.name

    return copy
