"""The registry is written whole or not at all, and a damaged one is named and left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from slearn.catalog import add, list_models, resolve
from slearn.catalog.lock import hold
from slearn.catalog.registry import changing
from slearn.errors import ModelFileError

Write = Callable[..., Path]

DAMAGED = ["", "{", "[]", "null", '{"version": 2, "models": {}}', '{"version": 1}',
           '{"version": 1, "models": []}', '{"version": 1, "models": {"a": 5}}',
           '{"version": 1, "models": {"a": {"path": 1}}}', "[" * 100_000, "\xff"]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_registry_is_named_and_left_alone(
    model_file: Write, home: Path, content: str
) -> None:
    place = home / "models.json"
    home.mkdir()
    place.write_text(content, encoding="latin-1")
    for action in (lambda: resolve("mine"), lambda: add(model_file(), "mine"), list_models):
        with pytest.raises(ModelFileError, match="is damaged") as caught:
            action()
        assert caught.value.where == str(place)
    assert place.read_text(encoding="latin-1") == content
    assert resolve(str(model_file())).name == "tiny"


def test_the_catalog_works_on_beside_a_damaged_registry(home: Path) -> None:
    home.mkdir()
    (home / "models.json").write_text("{")
    assert resolve("smollm2-135m").name == "smollm2-135m"


def test_the_registry_is_plain_json_and_changes_are_all_or_nothing(
    model_file: Write, home: Path
) -> None:
    add(model_file(), "mine")
    before = (home / "models.json").read_text()
    assert json.loads(before)["models"]["mine"]["licence"] == "MIT"
    with pytest.raises(RuntimeError), changing(home) as registered:
        registered.clear()
        raise RuntimeError("in the middle")
    assert (home / "models.json").read_text() == before
    assert sorted(path.name for path in home.iterdir()) == ["locks", "models.json"]


def test_a_lock_excludes_others_until_it_is_let_go(tmp_path: Path) -> None:
    with hold(tmp_path / "x.lock", wait=0):
        with pytest.raises(TimeoutError), hold(tmp_path / "x.lock", wait=0.05):
            pass
    with hold(tmp_path / "x.lock", wait=0):
        pass
