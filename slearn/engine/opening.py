"""Opening an engine by the model's path; llama.cpp is loaded only here, and only when asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slearn.engine.base import Engine
from slearn.engine.seat import Counting
from slearn.engine.settings import EngineSettings


def open_engine(
    path: Path | None, *, sha256: str = "", settings: EngineSettings | None = None
) -> Engine:
    """Load a GGUF model into this process; None opens the scripted engine.

    >>> open_engine(None).count_tokens("two words")
    2

    Raises ModelFileError when the library cannot load the file.
    """
    if path is None:
        from slearn.engine.scripted import ScriptedEngine

        return ScriptedEngine()
    from slearn.engine.llama import LlamaEngine

    return LlamaEngine(path, sha256=sha256, settings=settings)


def open_tokenizer(path: Path | None) -> Counting:
    """Load a model's vocabulary alone, to count tokens while its weights are not in memory.

    >>> open_tokenizer(None).count_tokens("two words")
    2

    Raises ModelFileError when the library cannot load the file.
    """
    if path is None:
        from slearn.engine.scripted import ScriptedEngine

        return ScriptedEngine()
    from slearn.engine.tokenizer import Tokenizer

    return Tokenizer(path)


def reencode(source: Path, target: Path, kind: str) -> None:
    """Write the model at `source` to `target` with its weights as `kind`, f16 or q8_0.

    >>> reencode(Path("model.gguf"), Path("model-f16.gguf"), "f16")  # doctest: +SKIP

    Raises EngineError where the library cannot.
    """
    from slearn.engine import reencoding

    reencoding.reencode(source, target, kind)


def describe_library() -> dict[str, Any]:
    """Return what the inference library here was built for; loads it.

    >>> sorted(describe_library())  # doctest: +SKIP
    ['amx', 'gpu_layers', 'gpu_offload', 'system']
    """
    from slearn.engine.context import library

    return library()
