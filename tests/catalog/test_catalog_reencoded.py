"""Weights in another form: written once, whole or not at all, and made again when damaged."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

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
    (copy.parent / f"{SHA[:32]}-f16-0.0.1.gguf").write_text("by an older library")
    forget_weights(SHA, home=home)
    assert list(copy.parent.iterdir()) == []


def test_a_copy_of_the_right_size_with_other_bytes_is_written_again(
    source: Path, tmp_path: Path, written: list[str]
) -> None:
    copy = weights_file(source, SHA, "f16", home=tmp_path / "home")
    good = copy.read_bytes()
    with copy.open("r+b") as stream:  # the header still fits
        stream.seek(-1, os.SEEK_END)
        stream.write(bytes([good[-1] ^ 1]))
    # A clock that ticks slowly could give both writes the same time; damage comes later.
    os.utime(copy, ns=(10**18, 10**18))
    assert copy.stat().st_size == len(good)
    assert weights_file(source, SHA, "f16", home=tmp_path / "home") == copy
    assert written == ["f16", "f16"] and copy.read_bytes() == good
    assert weights_file(source, SHA, "f16", home=tmp_path / "home") == copy
    assert written == ["f16", "f16"]


def test_a_copy_is_hashed_once(
    source: Path, tmp_path: Path, written: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, hashed, digest = tmp_path / "home", [], hashlib.file_digest

    def count(stream: Any, name: str) -> Any:
        hashed.append(name)
        return digest(stream, name)

    monkeypatch.setattr(hashlib, "file_digest", count)
    copy = weights_file(source, SHA, "f16", home=home)
    weights_file(source, SHA, "f16", home=home)
    assert len(hashed) == len(written) == 1
    assert list(json.loads((home / "hashes.json").read_text())) == [str(copy.resolve())]
    (home / "hashes.json").unlink()  # which may be lost at any time
    weights_file(source, SHA, "f16", home=home)
    assert (len(hashed), len(written)) == (2, 1)


@pytest.mark.parametrize(
    "note", [None, b"", b"{", b"[]", b"\xff", b'{"sha256": 1}', b"[" * 10**5, b'{"sha256": "00"}']
)
def test_a_copy_whose_hash_is_not_noted_is_not_believed(
    source: Path, tmp_path: Path, written: list[str], note: bytes | None
) -> None:
    copy = weights_file(source, SHA, "f16", home=tmp_path / "home")
    noted = copy.with_suffix(".json")
    right = noted.read_bytes()
    assert hashlib.sha256(copy.read_bytes()).hexdigest().encode() in right
    noted.unlink() if note is None else noted.write_bytes(note)
    assert weights_file(source, SHA, "f16", home=tmp_path / "home") == copy
    assert written == ["f16", "f16"] and noted.read_bytes() == right


def test_a_note_that_cannot_be_written_leaves_no_copy(
    source: Path, tmp_path: Path, written: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, value: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(reencoded, "write_json", full)
    with pytest.raises(InputError, match="cannot be written: the disk is full"):
        weights_file(source, SHA, "f16", home=tmp_path / "home")
    assert [p.suffix for p in (tmp_path / "home" / "reencoded").iterdir()] == [".lock"]


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
