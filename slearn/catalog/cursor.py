"""A cursor over a file's header: every read is checked against what the file has left.

Lengths in a model file are written by strangers. A length is never believed: not to allocate, not
to seek past the end, not to loop. What a cursor holds in memory is one window of about a megabyte.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, final

from slearn.errors import ModelFileError

WINDOW = 1 << 20
MAX_HEADER = 128 << 20
_U64 = struct.Struct("<Q")


@final
class Cursor:
    """Reads little-endian values from the start of `stream`, which holds `size` bytes.

    >>> import io
    >>> Cursor(io.BytesIO(b"\\x02" + bytes(7) + b"hi"), 10, "x.gguf").string(10)
    b'hi'
    """

    def __init__(self, stream: BinaryIO, size: int, where: str) -> None:
        """Start at the beginning; `where` names the file in errors."""
        self._stream = stream
        self._end = min(size, MAX_HEADER)
        self._size = size
        self._where = where
        self._window = b""
        self._start = 0
        self._at = 0

    @property
    def position(self) -> int:
        """The offset in the file of the next byte."""
        return self._start + self._at

    @property
    def left(self) -> int:
        """How many bytes the header can still have."""
        return self._end - self.position

    def fail(self, message: str) -> ModelFileError:
        """Return the error that says what is wrong with this file."""
        return ModelFileError(message, where=self._where)

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes; more than are left raises ModelFileError."""
        self._fill(count)
        self._at += count
        return self._window[self._at - count : self._at]

    def rewind(self, position: int) -> None:
        """Go back to an earlier place of the file."""
        self._start, self._at, self._window = position, 0, b""

    def skip(self, count: int) -> None:
        """Move on by `count` bytes; more than are left raises ModelFileError."""
        if count > self.left:
            raise self._short()
        self._at += count
        if self._at > len(self._window):
            self._start, self._at, self._window = self.position, 0, b""

    def number(self, form: struct.Struct) -> int | float | bool:
        """Return one number of the given form."""
        value: int | float | bool = form.unpack(self.read(form.size))[0]
        return value

    def u32(self) -> int:
        """Return an unsigned 32-bit integer."""
        return int.from_bytes(self.read(4), "little")

    def u64(self) -> int:
        """Return an unsigned 64-bit integer."""
        return int.from_bytes(self.read(8), "little")

    def string(self, limit: int) -> bytes | int:
        """Return the next string, or only its length where it is longer than `limit`."""
        length = self.u64()
        if length <= limit:
            return self.read(length)
        self.skip(length)
        return length

    def skip_strings(self, count: int) -> None:
        """Move on by `count` strings; a vocabulary has some 100,000, so the loop is a tight one."""
        unpack = _U64.unpack_from
        while count:
            self._fill(8)
            window, at, last = self._window, self._at, len(self._window) - 8
            while count and at <= last:
                at += 8 + unpack(window, at)[0]
                count -= 1
            self.skip(at - self._at)

    def _fill(self, count: int) -> None:
        if count > self.left:
            raise self._short()
        if len(self._window) - self._at >= count:
            return
        self._start, self._at = self.position, 0
        self._stream.seek(self._start)
        self._window = self._stream.read(min(max(count, WINDOW), self._end - self._start))
        if len(self._window) < count:  # the file shrank while it was being read
            raise self._short()

    def _short(self) -> ModelFileError:
        if self._end < self._size:
            return self.fail(f"its header claims more than {MAX_HEADER:,} bytes: it is damaged")
        return self.fail(f"it ends inside its header ({self._size:,} bytes): cut short or damaged")
