"""How much memory a model can take at most, computed from its header before anything is loaded.

The bound is meant to be kept: where it holds, loading and running the model cannot run out of
memory. So every part is counted at its worst: a full cache, a full batch, each row of logits. What
the header does not say is `unknown`, never a guess. Calibrated against the buffers that the library
(llama-cpp-python 0.3.36) logs and the resident memory of the process, on a CPU.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slearn.catalog.gguf import GGUFHeader
from slearn.catalog.metadata import Length
from slearn.engine import AMX, EngineSettings

# Types (ggml's numbers) whose tensors the library copies into another order for the processor,
# while the file stays mapped: Q4_0, Q2_K, Q4_K, IQ4_NL, MXFP4; on ARM also Q8_0, Q5_K, Q6_K.
_COPIED = {2, 10, 12, 20, 39}
_COPIED_ON_ARM = _COPIED | {8, 13, 14}
_Q8_0 = 8
_PACKED = 38 / 34  # for AMX: four bytes more for 32 numbers
_ELEMENT = {"f16": 2.0, "q8_0": 34 / 32}  # bytes of a number in the cache
_FLOAT = 4
_ACTIVATIONS = 4  # rows as wide as the widest layer that a batch holds at the same time
_TOKEN = 800  # bytes for a token of the vocabulary: here, in the library and in the grammars
_PROGRAM = 128 << 20  # Python, the libraries, the store
# Models with these keep a state of another kind than keys and values.
_RECURRENT = ("ssm.", "wkv.", "shortconv.", "kda.")


@dataclass(frozen=True)
class MemoryBound:
    """The most bytes that a model takes: its weights, its cache, and all that computing needs.

    None where the header does not say enough; the total is then of what is known.

    >>> MemoryBound(492_000_000, 98_000_000, 61_000_000).text()
    'weights 492 MB + cache 98 MB + buffers 61 MB = 651 MB'
    """

    weights: int
    cache: int | None
    buffers: int | None

    @property
    def total(self) -> int:
        """The sum of what is known."""
        return self.weights + (self.cache or 0) + (self.buffers or 0)

    def text(self) -> str:
        """Return the bound in one line; a part that is unknown makes the sum a lower bound."""
        parts = {"weights": self.weights, "cache": self.cache, "buffers": self.buffers}
        least = "at least " if None in parts.values() else ""
        shown = (f"{name} {_megabytes(size)}" for name, size in parts.items())
        return f"{' + '.join(shown)} = {least}{_megabytes(self.total)}"

    def as_json(self) -> dict[str, int | None]:
        """Return the parts and the total as a JSON object."""
        parts = {"weights": self.weights, "cache": self.cache, "buffers": self.buffers}
        return {**parts, "total": self.total}


def memory_bound(header: GGUFHeader, settings: EngineSettings) -> MemoryBound:
    """Return the most memory that a model of this header takes under these settings.

    >>> header = GGUFHeader(3, 1, {"general.architecture": "new"}, 0, 0, 5_000_000)
    >>> memory_bound(header, EngineSettings()).text()
    'weights 5 MB + cache unknown + buffers unknown = at least 5 MB'
    """
    shape = _Shape.of(header.metadata)
    arm = platform.machine().lower() in ("arm64", "aarch64")
    copied = _COPIED_ON_ARM if arm else _COPIED
    weights = header.file_bytes + sum(
        size for kind, size in header.tensor_bytes.items() if kind in copied
    )
    if settings.weights == AMX:
        weights += round(_PACKED * header.tensor_bytes.get(_Q8_0, 0))
    if shape is None:
        return MemoryBound(weights, None, None)
    cells = -(-settings.cells // 256) * 256  # as the library pads them
    cache = round(cells * shape.cached * _ELEMENT[settings.cache_type])
    return MemoryBound(weights, cache, _buffers(shape, settings, cells))


def _buffers(shape: _Shape, settings: EngineSettings, cells: int) -> int:
    batch = settings.batch_size
    rows = max(settings.max_outputs, settings.sequences)
    logits = 2 * rows * shape.vocabulary * _FLOAT  # the library's copy, and the graph's own
    masks = batch * cells * (2 + _FLOAT)  # in both precisions
    activations = _ACTIVATIONS * batch * shape.width * _FLOAT
    # Without flash attention the weights of attention stand there for all heads at once.
    attention = shape.heads * batch * cells * _FLOAT if settings.flash_attention == "off" else 0
    tokens = shape.vocabulary * _TOKEN
    return logits + masks + activations + attention + tokens + _PROGRAM


@dataclass(frozen=True)
class _Shape:
    """What of a model's shape decides its memory."""

    cached: int  # numbers that the cache holds for a token, in all layers
    heads: int
    width: int  # of the widest row of a layer
    vocabulary: int

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> _Shape | None:
        """Return the shape that a header tells, None where it does not tell all of it."""
        name = metadata.get("general.architecture")
        if any(key.startswith(f"{name}.{kind}") for key in metadata for kind in _RECURRENT):
            return None

        def most(key: str, default: int = 0) -> int:
            return max(_numbers(metadata.get(f"{name}.{key}")), default=default)

        layers, embedding = most("block_count"), most("embedding_length")
        heads, vocabulary = most("attention.head_count"), _count(metadata, "tokenizer.ggml.tokens")
        kv_heads = _numbers(metadata.get(f"{name}.attention.head_count_kv", heads))
        if not (layers and embedding and heads and vocabulary and len(kv_heads) in (1, layers)):
            return None
        usual = embedding // heads
        key = max(most("attention.key_length", usual), most("attention.key_length_swa"))
        value = max(most("attention.value_length", usual), most("attention.value_length_swa"))
        cached = sum(kv_heads) * (layers if len(kv_heads) == 1 else 1) * (key + value)
        experts = most("expert_feed_forward_length") * most("expert_used_count")
        width = max(most("feed_forward_length"), experts, embedding, heads * max(key, value))
        return cls(cached, heads, width, vocabulary)


def _count(metadata: Mapping[str, Any], key: str) -> int:
    """Return how many items an array has, whether it was kept or only counted."""
    found = metadata.get(key)
    return len(found) if isinstance(found, list) else found if isinstance(found, Length) else 0


def _numbers(value: Any) -> list[int]:
    """Return a count, or one for each layer, as a list; nothing for what is not such a thing."""
    items = value if isinstance(value, list) else [value]
    fine = all(type(item) is int and item >= 0 for item in items)  # a Length is no number
    return items if fine else []


def _megabytes(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e6:,.0f} MB"
