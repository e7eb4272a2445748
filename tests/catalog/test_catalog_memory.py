"""The memory that a model can take is computed from its header, or said to be unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slearn.catalog import GGUFHeader, Length, MemoryBound, memory_bound, read_header
from slearn.engine import AMX, EngineSettings

METADATA: dict[str, Any] = {
    "general.architecture": "llama",
    "llama.block_count": 30,
    "llama.embedding_length": 576,
    "llama.feed_forward_length": 1536,
    "llama.attention.head_count": 9,
    "llama.attention.head_count_kv": 3,
    "tokenizer.ggml.tokens": Length(49152),
}
SETTINGS = EngineSettings()


def bound(settings: EngineSettings = SETTINGS, **changes: Any) -> MemoryBound:
    metadata = METADATA | {key.replace("__", "."): value for key, value in changes.items()}
    return memory_bound(GGUFHeader(3, 1, metadata, 0, 0, 98_362_432), settings)


def test_the_figures_of_the_tiny_model() -> None:
    # The library logs 180 MiB for the cache; the process used 426 MiB after a full batch.
    found = bound()
    assert found.weights == 98_362_432
    assert found.cache == 180 << 20
    assert 426 << 20 <= found.total <= 1.4 * (426 << 20)
    assert found.text() == "weights 98 MB + cache 189 MB + buffers 236 MB = 524 MB"
    assert found.as_json()["total"] == found.total
    small = bound(EngineSettings(cells=2048, batch_size=128, flash_attention="off"))
    assert small.cache == 45 << 20
    assert 282 << 20 <= small.total <= 1.4 * (282 << 20)


def test_the_cache_follows_cells_type_and_heads() -> None:
    assert bound(EngineSettings(cells=8000)).cache == bound().cache  # padded to 8192
    assert bound(EngineSettings(cache_type="q8_0")).cache == (180 << 20) * 34 // 64
    each = bound(llama__attention__head_count_kv=[3] * 15 + [9] * 15)
    assert each.cache == (180 << 20) * 2
    wide = bound(llama__attention__key_length=128, llama__attention__value_length=64)
    assert wide.cache == (180 << 20) * 3 // 2
    assert bound(llama__attention__head_count_kv=9).cache == (180 << 20) * 3


def test_the_buffers_grow_with_what_is_computed_at_a_time() -> None:
    usual = bound().buffers or 0
    for more in ({"batch_size": 1024}, {"max_outputs": 512}, {"flash_attention": "off"}):
        assert (bound(replace(SETTINGS, **more)).buffers or 0) > usual
    assert (bound(llama__feed_forward_length=[1536] * 29 + [50_000]).buffers or 0) > usual


@pytest.mark.parametrize(
    "changes",
    [
        {"general__architecture": "unheard-of"},
        {"llama__block_count": "many"},
        {"llama__embedding_length": -1},
        {"llama__attention__head_count": 0},
        {"llama__attention__head_count": True},
        {"llama__attention__head_count_kv": Length(80)},  # more layers than the header keeps
        {"llama__attention__head_count_kv": [3] * 29},
        {"llama__attention__head_count_kv": [3] * 29 + [0.5]},
        {"llama__ssm__state_size": 16},  # a state besides keys and values
        {"tokenizer__ggml__tokens": 49152},
        {"tokenizer__ggml__tokens": []},
    ],
)
def test_what_the_header_does_not_tell_is_unknown(changes: dict[str, Any]) -> None:
    found = bound(**changes)
    assert found == MemoryBound(98_362_432, None, None)
    assert found.text() == "weights 98 MB + cache unknown + buffers unknown = at least 98 MB"


def test_tensors_that_the_library_copies_count_twice(
    tmp_path: Path, gguf: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf(tensors=(("a", (256, 8), 12), ("b", (32, 4), 8), ("c", (3,), 0))))
    header = read_header(path)
    assert header.tensor_bytes == {12: 8 * 144, 8: 4 * 34, 0: 12}
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert memory_bound(header, SETTINGS).weights == header.file_bytes + 8 * 144
    packed = memory_bound(header, EngineSettings(weights=AMX))
    assert packed.weights == header.file_bytes + 8 * 144 + 4 * 38
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert memory_bound(header, SETTINGS).weights == header.file_bytes + 8 * 144 + 4 * 34
