"""A model's tokenizer alone: its vocabulary is loaded, its weights are not."""

from __future__ import annotations

from pathlib import Path

import llama_cpp

from slearn.engine.context import last_words, silence
from slearn.engine.vocab import Vocab
from slearn.errors import EngineError, ModelFileError


class Tokenizer:
    """Counts tokens as the engine of the same file does, within a few megabytes.

    >>> # Tokenizer(Path("model.gguf")).count_tokens("two words")
    """

    def __init__(self, path: Path) -> None:
        silence()
        llama_cpp.llama_backend_init()
        params = llama_cpp.llama_model_default_params()
        params.vocab_only = True
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self._model:
            raise ModelFileError(f"the model cannot be loaded: {last_words()}", where=str(path))
        self._vocab = Vocab(self._model)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the model needs for a text."""
        if not self._model:
            raise EngineError("the tokenizer is closed")
        return len(self._vocab.tokenize(text, special=False))

    def close(self) -> None:
        """Free the vocabulary; safe to call twice."""
        if self._model:
            llama_cpp.llama_model_free(self._model)
        self._model = None
