"""The header parser reads well-formed files and refuses hostile ones, quickly and in one line."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from slearn.catalog import Length, load_entries, read_header, resolve
from slearn.catalog.metadata import MAX_STRINGS
from slearn.errors import ModelFileError

Build = Callable[..., bytes]


def refuse(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        read_header(path)
    assert caught.value.where == str(path)
    assert "\n" not in str(caught.value)
    return caught.value.message


@pytest.mark.parametrize("version", [2, 3])
def test_reads_metadata_and_says_how_large_the_file_is(
    tmp_path: Path, gguf: Build, version: int
) -> None:
    values = {"a.int": 7, "a.float": 0.5, "a.bool": True, "a.text": "hé"}
    content = gguf(values, version=version)
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    header = read_header(path)
    assert (header.version, header.tensor_count) == (version, 2)
    assert values.items() <= header.metadata.items()
    assert header.data_offset % 32 == 0
    # Q8_0: two blocks of 34 bytes, padded to 96; then five floats.
    assert header.needed_bytes == header.data_offset + 96 + 20 == len(content) == header.file_bytes


def test_arrays_are_kept_when_small_and_counted_when_large(tmp_path: Path, gguf: Build) -> None:
    def array(kind: int, form: str, count: int) -> bytes:
        return struct.pack(f"<IIQ{count}{form}", 9, kind, count, *range(count))

    words = struct.pack("<IIQ", 9, 8, 70_000) + (struct.pack("<Q", 3) + b"abc") * 70_000
    path = tmp_path / "m.gguf"
    path.write_bytes(
        gguf({"few": array(5, "i", 3), "many": array(4, "I", 1000), "words": words, "last": 9})
    )
    found = read_header(path).metadata
    assert found["few"] == [0, 1, 2]
    assert (found["many"], found["words"], found["last"]) == (1000, 70_000, 9)
    assert isinstance(found["words"], Length)


def test_a_huge_string_is_passed_over(tmp_path: Path, gguf: Build) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf({"tokenizer.huggingface.json": "x" * 3_000_000, "last": 9}))
    found = read_header(path).metadata
    assert (found["tokenizer.huggingface.json"], found["last"]) == (Length(3_000_000), 9)


def test_alignment_is_the_files_own(tmp_path: Path, gguf: Build) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf({"general.alignment": 256}, alignment=256))
    assert read_header(path).data_offset % 256 == 0
    assert "alignment" in refuse(path, gguf({"general.alignment": 24}))
    assert "alignment" in refuse(path, gguf({"general.alignment": 0}))
    assert "alignment" in refuse(path, gguf({"general.alignment": "32"}))


def test_an_unknown_tensor_type_never_calls_a_file_short(tmp_path: Path, gguf: Build) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf(tensors=(("w", (8,), 0), ("new", (64,), 99))))
    assert read_header(path).needed_bytes == path.stat().st_size


U32, U64 = struct.Struct("<I"), struct.Struct("<Q")
NESTED = U32.pack(9) + U32.pack(9) + U64.pack(1)
HOSTILE: dict[str, tuple[dict[str, object], str]] = {
    "tensor count": ({"counts": (1 << 62, 2)}, "tensors"),
    "key count": ({"counts": (2, 1 << 63)}, "metadata keys"),
    "nested arrays": ({"metadata": {"a": NESTED}}, "nests arrays"),
    "string array": ({"metadata": {"a": U32.pack(9) + U32.pack(8) + U64.pack(1 << 61)}}, "strings"),
    "number array": ({"metadata": {"a": U32.pack(9) + U32.pack(0) + U64.pack(1 << 63)}}, "numbers"),
    "array of unknown": ({"metadata": {"a": U32.pack(9) + U32.pack(77) + U64.pack(1)}}, "type 77"),
    "unknown type": ({"metadata": {"a": U32.pack(13)}}, "unknown type 13"),
    "long string": ({"metadata": {"a": U32.pack(8) + U64.pack((1 << 64) - 1)}}, "ends inside"),
    "dimensions": ({"tensors": (("w", (1,) * 5, 0),)}, "5 dimensions"),
    "huge shape": ({"tensors": (("w", (1 << 40, 1 << 40), 0),), "fill": b""}, "absurd size"),
    "uneven rows": ({"tensors": (("w", (33,), 8),)}, "not a multiple of 32"),
    "version 1": ({"version": 1}, "is GGUF version 1:"),
    "version 4": ({"version": 4}, "is GGUF version 4:"),
    "big-endian": ({"version": 3 << 24}, "big-endian"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_headers_are_refused(tmp_path: Path, gguf: Build, case: str) -> None:
    given, message = HOSTILE[case]
    assert message in refuse(tmp_path / "m.gguf", gguf(**given))


def test_a_key_that_is_there_twice_is_refused(tmp_path: Path, gguf: Build) -> None:
    twice = gguf({"aaaa": 1, "bbbb": 2}).replace(b"bbbb", b"aaaa")
    assert "twice" in refuse(tmp_path / "m.gguf", twice)


def test_control_characters_of_a_stranger_do_not_reach_the_terminal(
    tmp_path: Path, gguf: Build
) -> None:
    assert refuse(tmp_path / "m.gguf", gguf({"\x1b[31m\n": NESTED})).isprintable()


def test_the_worst_header_is_read_without_the_rest_of_the_file(tmp_path: Path, gguf: Build) -> None:
    path = tmp_path / "m.gguf"
    words = U32.pack(9) + U32.pack(8) + U64.pack(MAX_STRINGS) + bytes(8 * MAX_STRINGS)
    path.write_bytes(gguf({"words": words}))
    read_header(path)
    with path.open("r+b") as stream:  # four gigabytes of nothing: the file system stores no zeros
        stream.write(gguf({"a": U32.pack(8) + U64.pack(1 << 31)}))
        stream.truncate(1 << 32)
    tracemalloc.start()
    with pytest.raises(ModelFileError, match="claims more than"):
        read_header(path)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_reads_the_installed_model() -> None:
    model = resolve("smollm2-135m")
    header = read_header(model.path)
    assert header.metadata["general.architecture"] == "llama"
    assert header.metadata["tokenizer.ggml.tokens"] == Length(49_152)
    assert header.needed_bytes == header.file_bytes == load_entries()[0].bytes
