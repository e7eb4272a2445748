"""Layers go to a GPU wherever the library was built for one; no model is loaded here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from slearn.engine import EngineSettings, describe_library
from slearn.errors import ModelFileError


@pytest.mark.parametrize(("offload", "given", "layers"), [
    (True, -1, -1), (True, 7, 7), (False, -1, 0), (False, 7, 0),
])  # fmt: skip
def test_all_layers_go_to_the_gpu_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, offload: bool, given: int, layers: int
) -> None:
    import llama_cpp

    from slearn.engine.context import Context

    asked: list[int] = []

    def refuse(path: bytes, params: Any) -> None:
        asked.append(params.n_gpu_layers)

    monkeypatch.setattr(llama_cpp, "llama_supports_gpu_offload", lambda: offload)
    monkeypatch.setattr(llama_cpp, "llama_model_load_from_file", refuse)
    with pytest.raises(ModelFileError):
        Context(Path("none.gguf"), EngineSettings(gpu_layers=given))
    assert asked == [layers]  # a negative number means all of them


@pytest.mark.parametrize(("offload", "said"), [
    (True, "all"), (False, "none: the library was built for the CPU alone"),
])  # fmt: skip
def test_the_library_says_where_layers_go(
    monkeypatch: pytest.MonkeyPatch, offload: bool, said: str
) -> None:
    import llama_cpp

    assert EngineSettings().gpu_layers == -1
    monkeypatch.setattr(llama_cpp, "llama_supports_gpu_offload", lambda: offload)
    assert describe_library()["gpu_offload"] is offload
    assert describe_library()["gpu_layers"] == said
