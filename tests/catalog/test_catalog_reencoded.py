"""Weights in another form: written once, whole or not at all, and made again when damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from slearn.catalog import forget_weights, reencoded, weights_file
from slearn.errors import EngineError, InputError

SHA = "ab" * 32


@pytest.fixture
def source(tmp_path: Path, gguf: object) -> Path:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf({}))  # type: ignore[operator]
    return path


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand in for the library: the copy has the same bytes."""
    calls: list[str] = []

    def write(source: Path, target: Path, kind: str) -> None:
        calls.append(kind)
        target.write_bytes(source.read_bytes())

    monkeypatch.setattr(reencoded, "reencode", write)
    return calls


def test_the_files_own_form_is_the_file(source: Path, tmp_path: Path) -> None:
    assert weights_file(source, SHA, "file", home=tmp_path / "home") == source
    assert not (tmp_path / "home").exists()


def test_it_is_written_once_and_again_when_it_is_cut_short(
    source: Path, tmp_path: Path, written: list[str]
) -> None:
    home = tmp_path / "home"
    copy = weights_file(source, SHA, "f16", home=home)
    assert weights_file(source, SHA, "f16", home=home) == copy != source
    assert written == ["f16"]
    copy.write_bytes(copy.read_bytes()[:10])
    assert weights_file(source, SHA, "f16", home=home) == copy
    assert written == ["f16", "f16"] and copy.read_bytes() == source.read_bytes()
    assert weights_file(source, SHA, "q8_0", home=home) != copy
    forget_weights(SHA, "f16", home=home)
    assert [path.suffix for path in copy.parent.iterdir() if "f16" in path.name] == []
    forget_weights(SHA, home=home)
    assert list(copy.parent.iterdir()) == []


def test_a_failure_leaves_nothing_behind(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: Path, target: Path, kind: str) -> None:
        target.write_bytes(b"half")
        raise EngineError("no")

    monkeypatch.setattr(reencoded, "reencode", fail)
    with pytest.raises(EngineError):
        weights_file(source, SHA, "f16", home=tmp_path / "home")
    assert [p.suffix for p in (tmp_path / "home" / "reencoded").iterdir()] == [".lock"]


def test_no_room_and_no_home_are_said_in_one_line(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match="cannot be written"):
        weights_file(source, SHA, "f16", home=tmp_path / "file")
    monkeypatch.setattr(reencoded.shutil, "disk_usage", lambda _: type("U", (), {"free": -1}))
    with pytest.raises(InputError, match="MB are free"):
        weights_file(source, SHA, "f16", home=tmp_path / "home")
