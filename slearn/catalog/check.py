"""Decides whether a file is a model that can be loaded, before anything tries to load it."""

from __future__ import annotations

from pathlib import Path

from slearn.catalog.gguf import GGUFHeader, read_header
from slearn.errors import ModelFileError

NOT_MODELS = {
    "adapter": "a LoRA adapter",
    "imatrix": "an importance matrix",
    "mmproj": "a vision projector",
}


def check_file(path: Path) -> GGUFHeader:
    """Return the header of a file that is one whole language model.

    >>> check_file(Path("SmolLM2.gguf")).tensor_count  # doctest: +SKIP
    272

    Raises ModelFileError where it is no GGUF file, is cut short, has no tensors, is one of several
    parts, or holds something other than a model.
    """
    header = read_header(path)
    where = str(path)
    if header.file_bytes < header.needed_bytes:
        raise ModelFileError(
            f"is cut short: {header.file_bytes:,} of {header.needed_bytes:,} bytes",
            where=where,
            hint="get it again",
        )
    kind = header.metadata.get("general.type")
    if isinstance(kind, str) and kind in NOT_MODELS:
        raise ModelFileError(f"is {NOT_MODELS[kind]}, not a language model", where=where)
    if not header.tensor_count:
        raise ModelFileError("has no weights (a vocabulary on its own)", where=where)
    if not isinstance(header.metadata.get("general.architecture"), str):
        raise ModelFileError("does not say its architecture (general.architecture)", where=where)
    parts = header.metadata.get("split.count")
    if isinstance(parts, int) and parts > 1:
        raise ModelFileError(
            f"is one of {parts:,} parts of a model",
            where=where,
            hint="join them with `llama-gguf-split --merge`, or take a file that is whole",
        )
    return header
