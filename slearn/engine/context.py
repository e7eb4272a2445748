"""The one place that talks to llama.cpp: a loaded model, its cache and its batches.

A context belongs to the thread that made it: the library crashes when two threads use it or when
it is used after close, so both are refused here.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from slearn.engine.settings import AMX, EngineSettings, available_threads
from slearn.errors import EngineError, ModelFileError

_MESSAGES: deque[str] = deque(maxlen=20)
_FLASH = {
    "auto": llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "on": llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}
_TYPES = {"f16": llama_cpp.GGML_TYPE_F16, "q8_0": llama_cpp.GGML_TYPE_Q8_0}


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _keep_errors(level: int, text: bytes, _: ctypes.c_void_p) -> None:
    if level >= 3:  # warnings and errors (4); the rest is chatter
        _MESSAGES.append(text.decode("utf-8", "replace").strip())


def silence() -> None:
    """Send the library's log to us; what it says last is quoted when something fails."""
    llama_cpp.llama_log_set(_keep_errors, ctypes.c_void_p(0))


def last_words() -> str:
    """Return the library's last complaint, for an error message."""
    return _MESSAGES[-1] if _MESSAGES else "no reason given"


def system_info() -> str:
    """Return what the library says of the processor and of how it was built."""
    text: bytes = llama_cpp.llama_print_system_info()
    return text.decode("utf-8", "replace")


def library() -> dict[str, Any]:
    """Return what the library was built for, and how many layers would go to a GPU."""
    silence()
    offload = bool(llama_cpp.llama_supports_gpu_offload())
    return {
        "gpu_offload": offload,
        "gpu_layers": "all" if offload else "none: the library was built for the CPU alone",
        "amx": has_amx(),
        "system": system_info().strip(),
    }


def has_amx() -> bool:
    """Return whether the library was built with the matrix kernels of AMX.

    They are used where `slearn tune` has seen them work, and not else: compilers (GCC 12 is one)
    drop the stores that configure the tiles, and then the first product of matrices ends the
    process with an illegal instruction. Weights are packed for these kernels or for no others.

    >>> isinstance(has_amx(), bool)
    True
    """
    return "AMX_INT8 = 1" in system_info()


class Batch:
    """Tokens to decode together, written straight into the library's structure."""

    def __init__(self, size: int) -> None:
        self.raw = llama_cpp.llama_batch_init(size, 0, 1)
        self.count = 0

    def add(self, token: int, position: int, seq: int, wants: bool) -> None:
        """Append one token of one sequence."""
        raw, index = self.raw, self.count
        raw.token[index] = token
        raw.pos[index] = position
        raw.n_seq_id[index] = 1
        raw.seq_id[index][0] = seq
        raw.logits[index] = wants
        self.count += 1


class Context:
    """A model in memory with a unified cache of many sequences.

    >>> # Context(Path("model.gguf"), EngineSettings())
    """

    def __init__(self, path: Path, settings: EngineSettings) -> None:
        silence()
        self._owner = threading.get_ident()
        self._model: Any = None
        self._context: Any = None
        llama_cpp.llama_backend_init()
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = settings.gpu_layers if llama_cpp.llama_supports_gpu_offload() else 0
        params.use_extra_bufts = settings.weights == AMX or not has_amx()
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self._model:
            raise ModelFileError(f"the model cannot be loaded: {last_words()}", where=str(path))
        self.train_length: int = llama_cpp.llama_model_n_ctx_train(self._model)
        self.cells = (settings.cells + 255) // 256 * 256  # the library pads to 256
        self.sequences = settings.sequences
        self.batch_size = settings.batch_size
        self.max_outputs = max(settings.max_outputs, settings.sequences)
        self._context = llama_cpp.llama_init_from_model(self._model, self._params(settings))
        if not self._context:
            self.close()
            raise EngineError(
                f"no memory for a cache of {self.cells} tokens: {last_words()}",
                hint="use a smaller --context",
            )
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = Batch(self.batch_size)
        self.decode_seconds = 0.0  # spent inside the library: what is not is our overhead
        self.vocab_size: int = llama_cpp.llama_vocab_n_tokens(
            llama_cpp.llama_model_get_vocab(self._model)
        )

    def _params(self, settings: EngineSettings) -> Any:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = self.cells
        params.n_batch = params.n_ubatch = self.batch_size
        params.n_seq_max = self.sequences
        params.n_outputs_max = self.max_outputs
        params.n_threads = params.n_threads_batch = settings.threads or available_threads()
        params.kv_unified = True
        params.swa_full = True  # a sliding window would lose shared prefixes
        params.flash_attn_type = _FLASH[settings.flash_attention]
        params.type_k = params.type_v = _TYPES[settings.cache_type]
        params.no_perf = True
        return params

    @property
    def model(self) -> Any:
        """The library's model handle, for the vocabulary."""
        self.check()
        return self._model

    def template(self) -> str | None:
        """Return the chat template that the model file carries."""
        found = llama_cpp.llama_model_chat_template(self.model, None)
        return found.decode("utf-8", "replace") if found else None

    def clear(self) -> None:
        """Empty the cache."""
        self.check()
        llama_cpp.llama_memory_clear(self._memory, False)

    def copy(self, source: int, target: int, length: int) -> None:
        """Let a sequence share the first `length` tokens of another; no data moves."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def remove(self, seq: int, start: int) -> None:
        """Drop a sequence's tokens from a position on."""
        if not llama_cpp.llama_memory_seq_rm(self._memory, seq, start, -1):
            raise EngineError("this model's memory cannot forget part of a sequence")

    def batch(self) -> Batch:
        """Return the batch, emptied."""
        self._batch.count = 0
        return self._batch

    def decode(self, batch: Batch) -> None:
        """Compute a batch."""
        self.check()
        batch.raw.n_tokens = batch.count
        start = time.perf_counter()
        status = llama_cpp.llama_decode(self._context, batch.raw)
        self.decode_seconds += time.perf_counter() - start
        if status != 0:
            raise EngineError(f"decoding failed with status {status}: {last_words()}")

    def logits(self, row: int) -> NDArray[np.float32]:
        """Return the logits after the batch's token at `row`; valid until the next decode."""
        pointer = llama_cpp.llama_get_logits_ith(self._context, row)
        return np.ctypeslib.as_array(pointer, shape=(self.vocab_size,))

    def close(self) -> None:
        """Free model and cache; safe to call twice."""
        if self._context:
            llama_cpp.llama_batch_free(self._batch.raw)
            llama_cpp.llama_free(self._context)
        if self._model:
            llama_cpp.llama_model_free(self._model)
        self._context = self._model = None

    def check(self) -> None:
        """Refuse a closed engine and a foreign thread: the library would crash on either."""
        if self._model is None:
            raise EngineError("the engine is closed")
        if threading.get_ident() != self._owner:
            raise EngineError("an engine belongs to the thread that opened it")
