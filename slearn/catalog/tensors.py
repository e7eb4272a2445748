"""Reads the table of tensors of a GGUF file and says how far their data reaches.

Block and byte sizes are those of ggml (as llama-cpp-python 0.3.36 reports them). A type that is
not in the table is newer than this file: its tensor counts with its offset alone, so that what is
computed is a lower bound and a good file is never called short.
"""

from __future__ import annotations

from slearn.catalog.cursor import Cursor

MAX_TENSORS = 16_384
LONGEST_NAME = 1_024
MAX_DIMENSIONS = 4
_SMALLEST_TENSOR = 8 + 4 + 4 + 8  # a name's length, the dimensions' count, the type, the offset

# type number: (values in a block, bytes of a block)
BLOCKS = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    9: (32, 36),  # Q8_1
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    15: (256, 292),  # Q8_K
    16: (256, 66),  # IQ2_XXS
    17: (256, 74),  # IQ2_XS
    18: (256, 98),  # IQ3_XXS
    19: (256, 50),  # IQ1_S
    20: (32, 18),  # IQ4_NL
    21: (256, 110),  # IQ3_S
    22: (256, 82),  # IQ2_S
    23: (256, 136),  # IQ4_XS
    24: (1, 1),  # I8
    25: (1, 2),  # I16
    26: (1, 4),  # I32
    27: (1, 8),  # I64
    28: (1, 8),  # F64
    29: (256, 56),  # IQ1_M
    30: (1, 2),  # BF16
    34: (256, 54),  # TQ1_0
    35: (256, 66),  # TQ2_0
    39: (32, 17),  # MXFP4
    40: (64, 36),  # NVFP4
    41: (128, 18),  # Q1_0
    42: (64, 18),  # Q2_0
}


def read_tensors(cursor: Cursor, count: int) -> tuple[int, dict[int, int]]:
    """Read `count` tensor entries; return the bytes their data needs, and those of each type.

    >>> read_tensors(cursor, 272)  # doctest: +SKIP
    (96576768, {8: 30081024, 0: 140544, 3: 66355200})

    Raises ModelFileError for absurd counts and shapes and for a file cut short.
    """
    if count > MAX_TENSORS or count * _SMALLEST_TENSOR > cursor.left:
        raise cursor.fail(f"its header claims {count:,} tensors: cut short or damaged")
    extent, sizes = 0, dict[int, int]()
    for _ in range(count):
        kind, offset, size = _tensor(cursor)
        extent = max(extent, offset + size)
        sizes[kind] = sizes.get(kind, 0) + size
    return extent, sizes


def _tensor(cursor: Cursor) -> tuple[int, int, int]:
    """Read one entry; return its type, its offset and the bytes of its data."""
    name = cursor.string(LONGEST_NAME)
    if isinstance(name, int):
        raise cursor.fail(f"a tensor's name has {name:,} bytes: it is damaged")
    shown = ascii(name[:60].decode("utf-8", "replace"))
    dimensions = cursor.u32()
    if dimensions > MAX_DIMENSIONS:
        raise cursor.fail(f"tensor {shown} has {dimensions:,} dimensions: it is damaged")
    values, row = 1, 1
    for axis in range(dimensions):
        length = cursor.u64()
        row = length if axis == 0 else row
        values *= length
    kind, offset = cursor.u32(), cursor.u64()
    if values >= 1 << 63 or offset >= 1 << 63:
        raise cursor.fail(f"tensor {shown} has an absurd size or place: it is damaged")
    block, size = BLOCKS.get(kind, (1, 0))
    if row % block:
        raise cursor.fail(f"tensor {shown} has rows of {row:,} values, not a multiple of {block}")
    return kind, offset, values // block * size
