"""Hashes are remembered for one state of one file, and never believed by `fresh`."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from slearn.catalog import sha256_of
from slearn.catalog.hashes import MAX_REMEMBERED, reading_only
from slearn.errors import ModelFileError

OLD = 1_700_000_000_000_000_000


def settle(path: Path, content: bytes, when: int = OLD) -> str:
    with path.open("r+b" if path.exists() else "wb") as stream:  # the same inode
        stream.write(content)
    os.utime(path, ns=(when, when))
    return hashlib.sha256(content).hexdigest()


def test_a_file_of_the_same_state_is_not_hashed_again(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "x"
    first = settle(path, b"one")
    assert sha256_of(path) == first
    second = settle(path, b"two")  # same size, time and inode: only `fresh` can tell
    assert sha256_of(path) == first
    assert sha256_of(path, fresh=True) == second
    assert sha256_of(path) == second
    third = settle(path, b"six", OLD + 1)
    assert sha256_of(path) == third


def test_a_file_that_just_changed_is_not_remembered(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"one")
    sha256_of(path)
    assert not (home / "hashes.json").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', '{"a": [1, "b", 2, "c"]}', "\xff"])
def test_a_damaged_cache_is_written_anew(tmp_path: Path, home: Path, content: str) -> None:
    home.mkdir()
    (home / "hashes.json").write_text(content, encoding="latin-1")
    expected = settle(tmp_path / "x", b"one")
    assert sha256_of(tmp_path / "x") == expected
    assert expected in (home / "hashes.json").read_text()


def test_a_home_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    expected = settle(tmp_path / "x", b"one")
    assert sha256_of(tmp_path / "x", home=tmp_path / "file") == expected


def test_a_cache_that_is_only_read(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "x"
    first = settle(path, b"one")
    with reading_only():
        assert sha256_of(path) == first
        assert not home.exists()
    sha256_of(path)
    settle(path, b"two")
    with reading_only():
        assert sha256_of(path) == first  # from the cache
    assert sha256_of(path, fresh=True) != first


def test_the_cache_does_not_grow_without_end(tmp_path: Path, home: Path) -> None:
    home.mkdir()
    many = {f"/gone/{number}": [1, 2, 3, "ab"] for number in range(MAX_REMEMBERED + 9)}
    (home / "hashes.json").write_text(json.dumps(many))
    settle(tmp_path / "x", b"one")
    found = sha256_of(tmp_path / "x")
    known = json.loads((home / "hashes.json").read_text())
    assert len(known) == MAX_REMEMBERED
    assert known[str((tmp_path / "x").resolve())][-1] == found


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot be read"):
        sha256_of(tmp_path / "none")
