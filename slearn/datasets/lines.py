"""Text lines of a UTF-8 file, one at a time, with the place of whatever is not UTF-8."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from slearn.errors import DataError


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the file's lines with their numbers from 1, line ends kept, a leading BOM dropped.

    >>> list(text_lines(Path("data/animals.csv")))[0]  # doctest: +SKIP
    (1, 'input,target\\n')

    Raises DataError, with line and byte, for what is not UTF-8 or cannot be read.
    """
    offset = 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                start = (
                    len(codecs.BOM_UTF8) if number == 1 and raw.startswith(codecs.BOM_UTF8) else 0
                )
                try:
                    text = raw[start:].decode("utf-8")
                except UnicodeDecodeError as error:
                    raise DataError(
                        f"not UTF-8 at byte {offset + start + error.start} of the file",
                        where=f"{path}:{number}",
                        hint="save the file as UTF-8",
                    ) from error
                yield number, text
                offset += len(raw)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from error
