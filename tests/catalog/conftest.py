"""Isolates home and environment; builds tiny GGUF files by hand; runs a fake hub on localhost."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def text(value: str) -> bytes:
    """Encode a GGUF string."""
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def pair(key: str, value: object) -> bytes:
    """Encode a key and a value: str, bool, int (u32), float, or bytes (type and value, raw)."""
    if isinstance(value, bytes):
        return text(key) + value
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, bool):
        return text(key) + struct.pack("<IB", 7, value)
    if isinstance(value, float):
        return text(key) + struct.pack("<If", 6, value)
    assert isinstance(value, int)
    return text(key) + struct.pack("<II", 4, value)


def build(
    metadata: dict[str, object] | None = None,
    tensors: tuple[tuple[str, tuple[int, ...], int], ...] = (("w", (32, 2), 8), ("b", (5,), 0)),
    *,
    version: int = 3,
    alignment: int = 32,
    counts: tuple[int, int] | None = None,
    fill: bytes = b"\x01",
) -> bytes:
    """Build a whole GGUF file: by default a Q8_0 tensor of 64 values and an F32 one of 5."""
    pairs = {"general.architecture": "llama", "general.license": "MIT"} | (metadata or {})
    sizes = {0: (1, 4), 1: (1, 2), 8: (32, 34), 12: (256, 144)}
    body, offset, end = b"".join(pair(*item) for item in pairs.items()), 0, 0
    for name, shape, kind in tensors:
        values = 1
        for length in shape:
            values *= length
        block, size = sizes.get(kind, (1, 0))
        body += text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        body += struct.pack("<IQ", kind, offset)
        end = offset + values // block * size
        offset = -(-end // alignment) * alignment
    head = b"GGUF" + struct.pack("<IQQ", version, *(counts or (len(tensors), len(pairs))))
    header = head + body
    if not tensors:
        return header
    return header + b"\0" * (-len(header) % alignment) + fill * min(end, 1 << 20)


@pytest.fixture(scope="session")
def gguf() -> Callable[..., bytes]:
    """Hand out the builder of GGUF files."""
    return build


@pytest.fixture
def model_file(tmp_path: Path) -> Callable[..., Path]:
    """Hand out a function that writes a small model to a file and returns its path."""

    def write(name: str = "tiny.gguf", **more: object) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(build(**more))  # type: ignore[arg-type]
        return path

    return write


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give each test its own home, and no hub, token or proxy."""
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("NO_PROXY", "*")
    place = tmp_path / "home"
    monkeypatch.setenv("SLEARN_HOME", str(place))
    yield place
