"""The ways in which two texts count as the same, from strict to loose.

Everything here keeps the letters and marks of every script; only case, composition, spaces and
the outermost punctuation are levelled.
"""

from __future__ import annotations

import unicodedata

_PAIRS = {
    "(": ")", "[": "]", "{": "}", '"': '"', "'": "'", "`": "`", "*": "*",
    "“": "”", "”": "”", "„": "“", "‘": "’", "’": "’", "‚": "‘", "«": "»", "»": "«",
    "‹": "›", "「": "」", "『": "』", "（": "）",
}  # fmt: skip
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FFF),  # CJK radicals
    (0x3005, 0x3007),  # iteration marks
    (0x3041, 0x9FFF),  # kana, Han
    (0xAC00, 0xD7AF),  # Hangul, whose particles are written onto the word
    (0xF900, 0xFAFF),  # CJK compatibility
    (0x20000, 0x3FFFF),  # rarer Han
)


def caseless(text: str) -> str:
    """Return the text composed and without case, so that equal-looking texts are equal.

    >>> caseless("STRASSE") == caseless("Straße")
    True
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def fold(text: str) -> str:
    """Return the caseless text without outer spaces and without one trailing full stop.

    >>> fold(" Paris. ")
    'paris'
    """
    text = caseless(text).strip()
    return text[:-1].rstrip() if len(text) > 1 and text.endswith(".") else text


def bare(text: str) -> str:
    """Return the folded text without the brackets and quotes that enclose all of it.

    >>> bare('"(A)."')
    'a'
    """
    while True:
        inner = fold(text)
        if len(inner) > 2 and _PAIRS.get(inner[0]) == inner[-1]:
            core = inner.strip(inner[0] + inner[-1])
            if core and inner[0] not in core and inner[-1] not in core:  # not "a" or "b"
                inner = inner[1:-1]
        if inner == text:
            return inner
        text = inner


def is_unspaced(char: str) -> bool:
    """Tell whether the character belongs to a script that is written without spaces.

    >>> is_unspaced("京"), is_unspaced("é")
    (True, False)
    """
    code = ord(char)
    return code >= 0x0E00 and any(low <= code <= high for low, high in _UNSPACED)


def is_wordlike(char: str) -> bool:
    """Tell whether the character is part of a word: a letter, digit, underscore or vowel mark.

    >>> is_wordlike("ñ"), is_wordlike("-")
    (True, False)
    """
    return char.isalnum() or char == "_" or unicodedata.category(char).startswith("M")
