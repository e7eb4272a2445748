"""The bench's files are scripts that import each other by their bare names."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Return what imports a file of the bench as `python bench/X.py` would."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module
