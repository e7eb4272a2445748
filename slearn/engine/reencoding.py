"""Writing a model's weights in another form, one that this processor multiplies faster.

A file is made small for the download: its blocks of four to six bits are unpacked at every use,
and for some of them the library has no fast kernel on some processors. Sixteen bits a weight hold
the same numbers (to a rounding far below that of the blocks), and on a processor without the
newer integer instructions they are read twice as fast; see docs/lab.md. It costs memory.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

import llama_cpp

from slearn.engine.context import last_words, silence
from slearn.engine.settings import AMX, available_threads
from slearn.errors import EngineError

_KINDS = {
    "f16": llama_cpp.LLAMA_FTYPE_MOSTLY_F16,
    "q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    AMX: llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
}


def reencode(source: Path, target: Path, kind: str) -> None:
    """Write the model at `source` with its weights as `kind`: f16, q8_0, or amx for q8_0.

    The tables of the vocabulary are written as q8_0: of them a row or a few are needed at a time.

    >>> # reencode(Path("model.gguf"), Path("model-f16.gguf"), "f16")

    Raises EngineError where the library cannot.
    """
    silence()
    params = llama_cpp.llama_model_quantize_default_params()
    params.allow_requantize = True
    params.nthread = available_threads()
    params.ftype = _KINDS[kind]
    params.token_embedding_type = params.output_tensor_type = llama_cpp.GGML_TYPE_Q8_0
    status = llama_cpp.llama_model_quantize(
        str(source).encode(), str(target).encode(), ctypes.byref(params)
    )
    if status != 0:
        raise EngineError(f"the weights cannot be written as {kind}: {last_words()}")
