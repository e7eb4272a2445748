"""Names what a file looks like from its first bytes, for files that should be GGUF and are not."""

from __future__ import annotations

_STARTS = (
    (b"version https://git-lfs", "a Git LFS pointer file: run `git lfs pull` to get the model"),
    (b"PK\x03\x04", "a PyTorch checkpoint or zip archive"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x1f\x8b", "a gzip archive: unpack it"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive: unpack it"),
    (b"lmgg", "an old GGML file: convert it to GGUF"),
    (b"tjgg", "an old GGML file: convert it to GGUF"),
    (b"fmgg", "an old GGML file: convert it to GGUF"),
    (b"FUGG", "a GGUF file with its bytes swapped"),
    (b"\x7fELF", "a program"),
)


def looks_like(head: bytes) -> str:
    """Return a short description of a file by its first bytes (some 512 are enough).

    >>> looks_like(b"<!doctype html><title>Sign in</title>")
    'an HTML page: the download was not the file itself'
    """
    if not head:
        return "an empty file"
    for start, name in _STARTS:
        if head.startswith(start):
            return name
    if head[8:10] == b'{"' and int.from_bytes(head[:8], "little") < 1 << 30:
        return "a safetensors file: convert it to GGUF"
    if not head.strip(b"\0"):
        return "nothing but zeros: a download that never filled in"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        return "an HTML page: the download was not the file itself"
    if start.startswith(b"<?xml"):
        return "an XML document: perhaps a server's error message"
    if start.startswith((b"{", b"[")):
        return "a JSON document"
    if b"/annex/objects/" in head:
        return "a git-annex pointer file: run `git annex get` to get the model"
    if all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return "a text file"
    return "something unknown"
