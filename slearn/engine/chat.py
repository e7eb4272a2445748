"""Messages to tokens by the model's own chat template.

The template comes with the model file, so it is untrusted code: it runs in llama-cpp-python's
immutable Jinja sandbox. What users and models write is tokenized apart from the template, without
control tokens: a text that contains `<|im_end|>` stays a text and ends no turn.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from slearn.engine.base import Message
from slearn.engine.vocab import Vocab
from slearn.errors import ModelFileError

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)

DATE = datetime(2026, 1, 1)
_MARK = "\u2063slot{}\u2063"
_MARKS = re.compile("\u2063slot(\\d+)\u2063")


class ChatTemplate:
    """Renders messages as the model was trained to read them, ready for its answer.

    >>> # ChatTemplate(None, vocab).tokens((Message("user", "Hi"),))
    """

    def __init__(self, template: str | None, vocab: Vocab) -> None:
        self._vocab = vocab
        try:
            self._formatter = Jinja2ChatFormatter(
                template or CHATML,
                eos_token=vocab.special_text(vocab.eos),
                bos_token=vocab.special_text(vocab.bos),
            )
            # A template may print today's date: the same prompt every day, or nothing repeats.
            setattr(self._formatter, "strftime_now", DATE.strftime)  # noqa: B010
            self._pieces(("user",))
        except Exception as problem:
            raise ModelFileError(
                f"the model's chat template does not work: {problem}",
                hint="use a chat model whose file carries a working template",
            ) from None
        self._folds_system = not self._takes(("system", "user"))
        self._content = lru_cache(maxsize=4096)(self._tokenize_content)
        self._frame = lru_cache(maxsize=256)(self._pieces)

    def tokens(self, messages: tuple[Message, ...]) -> list[int]:
        """Return the prompt's tokens, up to where the assistant's answer begins."""
        if self._folds_system and len(messages) > 1 and messages[0].role == "system":
            joined = f"{messages[0].content}\n\n{messages[1].content}"
            messages = (Message(messages[1].role, joined), *messages[2:])
        tokens: list[int] = []
        for piece in self._frame(tuple(message.role for message in messages)):
            if isinstance(piece, int):
                tokens.extend(self._content(messages[piece].content))
            else:
                tokens.extend(piece)
        return tokens

    def _takes(self, roles: tuple[str, ...]) -> bool:
        """Whether the template can show messages of these roles; some refuse a system turn."""
        try:
            self._pieces(roles)
        except Exception:
            return False
        return True

    def _tokenize_content(self, text: str) -> tuple[int, ...]:
        return tuple(self._vocab.tokenize(text.strip(), special=False))

    def _pieces(self, roles: tuple[str, ...]) -> list[int | list[int]]:
        """Render the template once for a sequence of roles: token runs and message numbers."""
        messages = [
            {"role": role, "content": _MARK.format(index)} for index, role in enumerate(roles)
        ]
        try:
            prompt = self._formatter(messages=cast(Any, messages)).prompt
        except Exception as problem:
            raise ModelFileError(
                f"the model's chat template refuses {', '.join(roles)}: {problem}"
            ) from None
        pieces: list[int | list[int]] = []
        seen: list[int] = []
        for index, part in enumerate(_MARKS.split(prompt)):
            if index % 2:
                seen.append(int(part))
                pieces.append(int(part))
            elif part:
                pieces.append(self._vocab.tokenize(part, special=True))
        if seen != list(range(len(roles))):
            raise ModelFileError(
                f"the model's chat template cannot show messages of the roles {', '.join(roles)}",
                hint="use a model whose template knows system, user and assistant turns",
            )
        bos = self._vocab.bos
        first = pieces[0] if pieces else None
        if self._vocab.add_bos and not (isinstance(first, list) and first[:1] == [bos]):
            pieces.insert(0, [bos])
        return pieces
