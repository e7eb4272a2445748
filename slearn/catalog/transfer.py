"""Brings a file of the hub into a partial file, going on where an earlier attempt stopped.

The partial file only ever holds a beginning of the file. Broken connections are tried again as
long as that gets further; anything else ends in one clear error, and the partial file stays.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from slearn.catalog.entry import HubSource
from slearn.catalog.hub import Hub
from slearn.catalog.request import Answer, Dropped, Facts, request
from slearn.errors import ModelFileError

Progress = Callable[[int, int], None]
CHUNK = 1 << 20
_RANGE = re.compile(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15}|\*)")


def transfer(
    hub: Hub, source: HubSource, partial: Path, expected: Facts, progress: Progress
) -> Facts:
    """Fill `partial` up to the file's size; return the file's facts, for the caller to compare.

    `expected` is what is already known and wins; the hub must not contradict it. `progress` is
    called with the bytes that are here and the bytes of the whole.

    >>> transfer(Hub(), source, Path("m.gguf.incomplete"), Facts(), print)  # doctest: +SKIP

    Raises ModelFileError where the file cannot be had, OSError where it cannot be written.
    """
    best, failures = _size(partial), 0
    while True:
        try:
            return _attempt(hub, source, partial, expected, progress)
        except Dropped as error:
            done = _size(partial)
            failures = 0 if done > best else failures + 1
            best = max(best, done)
            if failures > hub.retries:
                raise ModelFileError(
                    str(error),
                    where=str(source),
                    hint=f"{done:,} bytes are here; pull again to go on" if done else "",
                ) from error
            time.sleep(hub.pause * 2 ** (failures - 1) if failures else 0.0)


def _attempt(
    hub: Hub, source: HubSource, partial: Path, expected: Facts, progress: Progress
) -> Facts:
    offset = _size(partial)
    answer = request(hub, source, offset)
    with answer.body:
        if answer.status not in (200, 206, 416):
            raise _refused(answer, source, bool(hub.token))
        facts = _agree(expected, answer, source)
        total = facts.bytes or 0
        if answer.status == 416:
            if offset == total:
                return facts
            partial.unlink(missing_ok=True)  # no beginning of this file: start over
            raise Dropped(f"{answer.host} has no bytes from {offset:,} on")
        start = _start(answer, offset, total)
        if start != offset and answer.status == 206:
            partial.unlink(missing_ok=True)
            raise Dropped(f"{answer.host} sent another part of the file than was asked for")
        free = shutil.disk_usage(partial.parent).free
        if total - start > free:
            raise ModelFileError(
                f"needs {total - start:,} bytes on the disk, {free:,} are free", where=str(source)
            )
        _receive(answer, partial, start, total, progress)
    return facts


def _receive(answer: Answer, partial: Path, start: int, total: int, progress: Progress) -> None:
    done = start
    with partial.open("ab" if start else "wb") as out:
        progress(done, total)
        while piece := _read(answer):
            done += len(piece)
            if done > total:
                raise Dropped(f"{answer.host} sent more than the {total:,} bytes of the file")
            out.write(piece)
            progress(done, total)
    if done < total:
        raise Dropped(f"{answer.host} closed the connection at {done:,} of {total:,} bytes")


def _read(answer: Answer) -> bytes:
    try:
        piece: bytes = answer.body.read1(CHUNK)
    except (OSError, HTTPException, ValueError) as error:
        raise Dropped(f"the connection to {answer.host} broke: {error}") from error
    return piece


def _agree(expected: Facts, answer: Answer, source: HubSource) -> Facts:
    if answer.status != 416 and answer.headers.get("Content-Type", "").startswith("text/html"):
        raise ModelFileError(
            f"{answer.host} sent a web page, not the file",
            where=str(source),
            hint="does this network ask you to sign in?",
        )
    said = answer.facts
    for known, told in ((expected.sha256, said.sha256), (expected.bytes, said.bytes)):
        if known and told and known != told:
            raise ModelFileError(
                f"the hub has another file: expected {str(known)[:12]}, got {str(told)[:12]}",
                where=str(source),
            )
    sha256, size = expected.sha256 or said.sha256, expected.bytes or said.bytes
    if sha256 is None or size is None:
        raise ModelFileError("the hub does not say the file's sha256 and size", where=str(source))
    return Facts(sha256, size)


def _start(answer: Answer, offset: int, total: int) -> int:
    if answer.status == 200:
        return 0
    part = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    good = part and int(part[1]) == offset and part[2] in ("*", str(total))
    return offset if good else -1


def _refused(answer: Answer, source: HubSource, token: bool) -> Exception:
    if answer.status == 429 or answer.status >= 500:
        return Dropped(f"{answer.host} answered {answer.status}")
    message, hint = f"{answer.host} answered {answer.status}", ""
    if answer.status in (401, 403):
        message = f"{answer.host} refuses access ({answer.status}): not there, private or gated"
        hint = "does HF_TOKEN have access to it?" if token else "set HF_TOKEN if you have access"
    elif answer.status == 404:
        message = f"{answer.host} has no such file (404)"
    return ModelFileError(message, where=str(source), hint=hint)


def _size(partial: Path) -> int:
    return partial.stat().st_size if partial.exists() else 0
