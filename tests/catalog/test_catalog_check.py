"""A file that is no whole model is refused with a line that says what it is instead."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from slearn.catalog import check_file, resolve
from slearn.errors import ModelFileError

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 98362432\n"
LOOKS = [
    (b"", "an empty file"),
    (b"<!DOCTYPE html>\n<html>", "an HTML page"),
    (b"\n  <html lang='en'>", "an HTML page"),
    (b"<?xml version='1.0'?><Error/>", "an XML document"),
    (POINTER, "a Git LFS pointer file"),
    (b"/annex/objects/SHA256E-s98--00\n", "a git-annex pointer file"),
    (b"\x10" + bytes(7) + b'{"__metadata__":{}}', "a safetensors file"),
    (b"PK\x03\x04 archive/data.pkl", "a PyTorch checkpoint"),
    (b"\x80\x02}q\x00.", "a Python pickle"),
    (b"tjgg\x03\0\0\0", "an old GGML file"),
    (b'{"error": "no"}', "a JSON document"),
    (b"\x1f\x8b\x08\0", "a gzip archive"),
    (bytes(100), "nothing but zeros"),
    (b"hello there", "a text file"),
    (b"\x01\x02\x03\x04\x05", "something unknown"),
]


@pytest.mark.parametrize(("content", "name"), LOOKS, ids=[name for _, name in LOOKS])
def test_says_what_a_file_looks_like(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=f"is not a GGUF file: it looks like {name}"):
        resolve(str(path))


def test_a_file_cut_short_says_by_how_much(model_file: Callable[..., Path]) -> None:
    path = model_file()
    size = path.stat().st_size
    os.truncate(path, size - 7)
    with pytest.raises(ModelFileError, match=f"is cut short: {size - 7} of {size} bytes"):
        resolve(str(path))


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"general.type": "adapter"}, "is a LoRA adapter, not a language model"),
        ({"split.count": 3}, "is one of 3 parts"),
        ({"general.architecture": 1}, "does not say its architecture"),
    ],
)
def test_what_is_no_whole_model_is_refused(
    model_file: Callable[..., Path], metadata: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelFileError, match=message):
        check_file(model_file(metadata=metadata))


def test_a_vocabulary_is_no_model(model_file: Callable[..., Path]) -> None:
    with pytest.raises(ModelFileError, match="has no weights"):
        check_file(model_file(tensors=()))


def test_directories_missing_files_and_pipes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="is a directory"):
        check_file(tmp_path)
    with pytest.raises(ModelFileError, match="there is no such file"):
        check_file(tmp_path / "none.gguf")
    with pytest.raises(ModelFileError, match="cannot be read"):
        check_file(Path("a\0b.gguf"))
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe.gguf")
        with pytest.raises(ModelFileError, match="is not a regular file"):
            check_file(tmp_path / "pipe.gguf")
