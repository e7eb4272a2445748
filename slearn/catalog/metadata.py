"""Reads the metadata of a GGUF file: names and values, with what is large left out.

Bounded in every direction: the number of keys, of strings in arrays, and of bytes kept.
"""

from __future__ import annotations

import struct
from typing import final

from slearn.catalog.cursor import Cursor

Scalar = int | float | bool | str
Value = Scalar | list[Scalar]

MAX_KEYS = 8_192
MAX_STRINGS = 1_500_000
MAX_KEPT = 16 << 20
LONGEST_KEY = 65_535
LONGEST_STRING = 1 << 20
LONGEST_ARRAY = 64

_STRING, _ARRAY = 8, 9
_FORMS = {
    kind: struct.Struct("<" + form)
    for kind, form in enumerate("BbHhIif?  Qqd")
    if kind not in (_STRING, _ARRAY)
}
_SMALLEST_PAIR = 8 + 4 + 1  # a key's length, the type, a value of one byte


@final
class Length(int):
    """Stands in for an array or string too large to keep: how many items or bytes it has.

    >>> Length(49152)
    Length(49152)
    """

    def __repr__(self) -> str:
        """Show that this is a length and no value."""
        return f"Length({int(self)})"


def read_metadata(cursor: Cursor, count: int) -> dict[str, Value]:
    """Read `count` pairs of key and value; arrays of more than 64 items become their `Length`.

    >>> read_metadata(cursor, 26)["general.architecture"]  # doctest: +SKIP
    'llama'

    Raises ModelFileError for absurd counts, unknown types, nested arrays and a file cut short.
    """
    if count > MAX_KEYS or count * _SMALLEST_PAIR > cursor.left:
        raise cursor.fail(f"its header claims {count:,} metadata keys: it is damaged")
    return _Reader(cursor).pairs(count)


@final
class _Reader:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._strings = 0
        self._kept = 0

    def pairs(self, count: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for _ in range(count):
            key = self._cursor.string(LONGEST_KEY)
            if isinstance(key, int):
                raise self._cursor.fail(f"a metadata key has {key:,} bytes: it is damaged")
            self._keep(len(key))
            name = key.decode("utf-8", "replace")
            if name in found:
                raise self._cursor.fail(f"metadata key {ascii(name[:60])} is there twice")
            found[name] = self._value(name)
        return found

    def _value(self, name: str) -> Value:
        kind = self._cursor.u32()
        return self._array(name) if kind == _ARRAY else self._scalar(kind, name)

    def _scalar(self, kind: int, name: str) -> Scalar:
        if kind == _STRING:
            text = self._cursor.string(min(LONGEST_STRING, MAX_KEPT - self._kept))
            if isinstance(text, int):
                return Length(text)
            self._keep(len(text))
            return text.decode("utf-8", "replace")
        return self._cursor.number(self._form(kind, name))

    def _array(self, name: str) -> Value:
        kind, count = self._cursor.u32(), self._cursor.u64()
        if kind == _ARRAY:
            raise self._cursor.fail(f"metadata {ascii(name[:60])} nests arrays: not supported")
        if kind == _STRING:
            self._strings += count
            if self._strings > MAX_STRINGS or count * 8 > self._cursor.left:
                raise self._cursor.fail(
                    f"metadata {ascii(name[:60])} claims {count:,} strings: cut short or damaged"
                )
        elif count * self._form(kind, name).size > self._cursor.left:
            raise self._cursor.fail(
                f"metadata {ascii(name[:60])} claims {count:,} numbers: cut short or damaged"
            )
        if count <= LONGEST_ARRAY:
            return [self._scalar(kind, name) for _ in range(count)]
        if kind == _STRING:
            self._cursor.skip_strings(count)
        else:
            self._cursor.skip(count * self._form(kind, name).size)
        return Length(count)

    def _form(self, kind: int, name: str) -> struct.Struct:
        if kind not in _FORMS:
            raise self._cursor.fail(f"metadata {ascii(name[:60])} has unknown type {kind}")
        return _FORMS[kind]

    def _keep(self, count: int) -> None:
        self._kept += count
        if self._kept > MAX_KEPT:
            raise self._cursor.fail(f"its metadata keys need more than {MAX_KEPT:,} bytes")
