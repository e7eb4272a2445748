"""Whatever bytes a file holds, reading it gives a header or a ModelFileError, within a second."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slearn.catalog import check_file
from slearn.errors import ModelFileError

Build = Callable[..., bytes]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "m.gguf"


def read(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with suppress(ModelFileError):
        check_file(path)


@settings(max_examples=100, deadline=1000)
@given(head=st.sampled_from([b"", b"GGUF", b"GGUF\x03\0\0\0"]), rest=st.binary(max_size=400))
def test_random_bytes(path: Path, head: bytes, rest: bytes) -> None:
    read(path, head + rest)


@settings(max_examples=200, deadline=1000)
@given(data=st.data())
def test_a_valid_file_with_bytes_changed(path: Path, gguf: Build, data: st.DataObject) -> None:
    words = b"\x09\0\0\0\x08\0\0\0\x02" + bytes(7) + (b"\x01" + bytes(7) + b"x") * 2
    content = bytearray(gguf({"words": words, "n": 5, "f": 1.5, "b": True}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(4, len(content) - 1))
        new = data.draw(st.sampled_from([b"\xff", b"\0", b"\xff" * 8, b"\x09", b"\x7f", b"\x80"]))
        content[at : at + len(new)] = new
    read(path, bytes(content))


def test_a_valid_file_cut_anywhere(path: Path, gguf: Build) -> None:
    content = gguf()
    for end in [*range(0, len(content), 3), len(content) - 1]:
        path.write_bytes(content[:end])
        with pytest.raises(ModelFileError):
            check_file(path)
    path.write_bytes(content)
    assert check_file(path).tensor_count == 2
