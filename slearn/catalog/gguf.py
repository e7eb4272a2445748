"""Reads the header of a GGUF file without loading the model, and says how large the file must be.

The file may come from anywhere: whatever it holds, reading ends within a second and a few
megabytes, with a `GGUFHeader` or with a ModelFileError. Versions 2 and 3 are read, little-endian.
Format: github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from slearn.catalog.cursor import Cursor
from slearn.catalog.metadata import Value, read_metadata
from slearn.catalog.sniff import looks_like
from slearn.catalog.tensors import read_tensors
from slearn.errors import ModelFileError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32


@dataclass(frozen=True)
class GGUFHeader:
    """What a GGUF file says of itself; `needed_bytes` is the least size that holds all tensors.

    `file_bytes` is the size that it has, `tensor_bytes` how much of it is of which type (ggml's
    numbers). An array of more than 64 items is kept as its `Length`.
    """

    version: int
    tensor_count: int
    metadata: dict[str, Value]
    data_offset: int
    needed_bytes: int
    file_bytes: int
    tensor_bytes: dict[int, int] = field(default_factory=dict)


def read_header(path: Path) -> GGUFHeader:
    """Read the header of a GGUF file; that its data is all there is for the caller to compare.

    >>> read_header(Path("SmolLM2.gguf")).metadata["general.architecture"]  # doctest: +SKIP
    'llama'

    Raises ModelFileError for whatever is not a well-formed GGUF file that can be read.
    """
    where = str(path)
    try:
        # Opening a pipe would wait for its writer, so the kind of file is looked at first.
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise ModelFileError("is a directory, not a model file", where=where)
        if not stat.S_ISREG(mode):
            raise ModelFileError("is not a regular file", where=where)
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            return _parse(Cursor(stream, size, where), size)
    except FileNotFoundError as error:
        raise ModelFileError("there is no such file", where=where) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ModelFileError(f"cannot be read: {reason}", where=where) from error


def _parse(cursor: Cursor, size: int) -> GGUFHeader:
    head = cursor.read(min(size, 512))
    if head[:4] != MAGIC:
        raise cursor.fail(f"is not a GGUF file: it looks like {looks_like(head)}")
    cursor.rewind(4)
    version = cursor.u32()
    if version and version & 0xFFFF == 0:
        raise cursor.fail("is a big-endian GGUF file: only little-endian ones can be read")
    if version not in VERSIONS:
        raise cursor.fail(f"is GGUF version {version:,}: versions 2 and 3 can be read")
    tensors, keys = cursor.u64(), cursor.u64()
    metadata = read_metadata(cursor, keys)
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if type(alignment) is not int or not 0 < alignment < 1 << 32 or alignment & (alignment - 1):
        raise cursor.fail(f"its alignment is {ascii(alignment)[:60]}, not a power of two")
    extent, sizes = read_tensors(cursor, tensors)
    start = -(-cursor.position // alignment) * alignment
    needed = start + extent if extent else cursor.position
    return GGUFHeader(version, tensors, metadata, start, needed, size, sizes)
