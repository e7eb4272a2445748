"""A model's vocabulary: text to tokens, tokens to bytes, and which tokens end an answer.

The id-to-bytes table is our own because the library's `detokenize` drops pieces over 32 bytes.
"""

from __future__ import annotations

import ctypes
import warnings
from functools import cached_property
from typing import Any

import llama_cpp
from llguidance import LLTokenizer
from llguidance.llamacpp import lltokenizer_from_vocab

from slearn.errors import EngineError

# What ends code: its fence, then what is open inside a line, then the line.
_CLOSERS = (b"\n```", b"```", b")", b"]", b"}", b"\n", b":", b'"', b"'")
_QUOTES = (b'"', b"'")


def _open_quote(line: bytes) -> bytes:
    """Return the quote of the text literal that a line of code ends in, none outside of any."""
    found, place = b"", 0
    while place < len(line):
        letter = line[place : place + 1]
        if found and letter == b"\\":
            place += 1
        elif found:
            found = b"" if letter == found else found
        elif letter in _QUOTES:
            found = letter
        place += 1
    return found


class Vocab:
    """Tokenizes for one loaded model.

    >>> # Vocab(model).tokenize("Hello", special=False)
    """

    def __init__(self, model: Any) -> None:
        self._vocab = llama_cpp.llama_model_get_vocab(model)
        self.size: int = llama_cpp.llama_vocab_n_tokens(self._vocab)
        self.end_tokens = frozenset(
            token for token in range(self.size) if llama_cpp.llama_vocab_is_eog(self._vocab, token)
        )
        self.ends = sorted(self.end_tokens)
        self.add_bos = bool(llama_cpp.llama_vocab_get_add_bos(self._vocab))
        self.bos: int = llama_cpp.llama_vocab_bos(self._vocab)
        self.eos: int = llama_cpp.llama_vocab_eos(self._vocab)
        self._pieces: dict[int, bytes] = {}
        self._pads = any(self.piece(t).startswith(b" ") for t in self._tokenize("a", False))

    @cached_property
    def constraint_tokenizer(self) -> LLTokenizer:
        """The vocabulary as grammars need it, made when first asked for: it takes a second."""
        with warnings.catch_warnings():  # the helper asks for an attribute by a deprecated name
            warnings.simplefilter("ignore", DeprecationWarning)
            return lltokenizer_from_vocab(self._vocab, eos_token=self.ends)

    @cached_property
    def _closers(self) -> dict[bytes, int]:
        """Those of the closers that are one token of this vocabulary."""
        spelled = {each: self.tokenize(each.decode(), special=False) for each in _CLOSERS}
        return {each: tokens[0] for each, tokens in spelled.items() if len(tokens) == 1}

    def closers(self, text: bytes) -> list[int]:
        """Return the tokens that close what is open behind a text, those first that close most.

        Inside a text literal only its own quote closes anything, in a comment the end of the line.
        """
        line = text.rpartition(b"\n")[2]
        only = b"\n" if line.lstrip().startswith(b"#") else _open_quote(line)
        wanted = [only] if only else [each for each in _CLOSERS if each not in _QUOTES]
        return [self._closers[each] for each in wanted if each in self._closers]

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Return the tokens of a text; control tokens are recognised only if `special`.

        Vocabularies that put a space before a text would change it: they get it behind a line
        break, whose tokens are taken off again.
        """
        if text and self._pads:
            break_only = self._tokenize("\n", special)
            tokens = self._tokenize("\n" + text, special)
            if tokens[: len(break_only)] == break_only:
                return tokens[len(break_only) :]
        return self._tokenize(text, special)

    def _tokenize(self, text: str, special: bool) -> list[int]:
        raw = text.encode("utf-8", "replace")
        size = len(raw) + 8
        buffer = (llama_cpp.llama_token * size)()
        count = llama_cpp.llama_tokenize(self._vocab, raw, len(raw), buffer, size, False, special)
        if count < 0:
            raise EngineError(f"the tokenizer asked for {-count} tokens for {len(raw)} bytes")
        return list(buffer[:count])

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token; control tokens give none."""
        found = self._pieces.get(token)
        if found is None:
            size = 64
            while True:
                buffer = ctypes.create_string_buffer(size)
                count = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, size, 0, False)
                if count >= 0:
                    break
                size = -count
            found = self._pieces[token] = buffer.raw[:count]
        return found

    def text(self, tokens: list[int]) -> str:
        """Return the text of tokens; bytes that are no UTF-8 become replacement marks."""
        return b"".join(map(self.piece, tokens)).decode("utf-8", "replace")

    def special_text(self, token: int) -> str:
        """Return a control token as the chat template writes it ('' for no token)."""
        if token < 0:
            return ""
        text: bytes = llama_cpp.llama_vocab_get_text(self._vocab, token)
        return text.decode("utf-8", "replace")
