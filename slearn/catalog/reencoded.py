"""Models with their weights written in a form that suits this machine, kept in slearn's home.

They are copies: made from the model's own file when they are asked for and not there, and removed
with it. The model stays who it is by the sha256 of its own file; the form is a setting. A copy is
checked like any model: its own sha256 is noted beside it, and one that differs is made again.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from slearn.catalog.files import write_json
from slearn.catalog.gguf import read_header
from slearn.catalog.hashes import reading_only, remember, sha256_of
from slearn.catalog.home import home_dir
from slearn.catalog.lock import hold
from slearn.catalog.tensors import BLOCKS
from slearn.engine import AMX, reencode
from slearn.errors import InputError, ModelFileError

AS_IT_IS = "file"
_BYTES = {"f16": 2.0, "q8_0": 34 / 32, AMX: 34 / 32}
_WAIT = 600.0  # for another process that is writing the same file


def weights_file(path: Path, sha256: str, kind: str, *, home: Path | None = None) -> Path:
    """Return the file with the weights of a model as `kind`, written if it is not there and whole.

    >>> weights_file(Path("model.gguf"), "ab" * 32, "file")
    PosixPath('model.gguf')

    Raises InputError where the disk has no room for it, EngineError where the library cannot.
    """
    if kind == AS_IT_IS:
        return path
    target = _place(sha256, kind, home)
    if _as_noted(target, home):
        return target
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with hold(target.with_suffix(".lock"), wait=_WAIT):
            if not _as_noted(target, home):
                _check_room(path, target, kind)
                _write(path, target, kind, home)
    except OSError as error:
        raise InputError(f"cannot be written: {error}", where=str(target)) from error
    return target


def forget_weights(sha256: str, kind: str | None = None, *, home: Path | None = None) -> None:
    """Remove what was written for a model: of one kind, or all; by any version of the library.

    >>> forget_weights("ab" * 32, home=Path("/no/such/home"))
    """
    for one in _BYTES if kind is None else (kind,):
        if one != AS_IT_IS:
            folder = _place(sha256, one, home).parent
            with suppress(OSError):  # what cannot be removed does no harm
                for file in folder.glob(f"{sha256[:32]}-{one}-*"):
                    file.unlink(missing_ok=True)


def _write(path: Path, target: Path, kind: str, home: Path | None) -> None:
    new = target.with_suffix(".new")
    try:
        reencode(path, new, kind)
        with reading_only():  # it is to be remembered under the name that it gets
            written = sha256_of(new, home=home)
        # The note comes first: a crash in between leaves no file that is whole but not believed.
        write_json(_note(target), {"sha256": written})
        os.replace(new, target)
    finally:
        new.unlink(missing_ok=True)
    # Nobody else writes here, so a file this young may be remembered: the next command is quick.
    remember(target, written, home=home)


def _place(sha256: str, kind: str, home: Path | None) -> Path:
    # The library's version is part of the name: another one may round otherwise.
    name = f"{sha256[:32]}-{kind}-{version('llama-cpp-python')}.gguf"
    return home_dir(home) / "reencoded" / name


def _note(target: Path) -> Path:
    return target.with_suffix(".json")


def _as_noted(target: Path, home: Path | None) -> bool:
    """Return whether a copy is there with the sha256 that was noted as it was written."""
    try:
        noted = json.loads(_note(target).read_text(encoding="utf-8"))
        return bool(noted == {"sha256": sha256_of(target, home=home)})
    except (OSError, ValueError, RecursionError, ModelFileError):
        return False


def _check_room(path: Path, target: Path, kind: str) -> None:
    tensors = read_header(path).tensor_bytes
    weights = sum(BLOCKS[t][0] * size / BLOCKS[t][1] for t, size in tensors.items() if t in BLOCKS)
    needed, free = weights * _BYTES[kind], shutil.disk_usage(target.parent).free
    if needed > free:
        raise InputError(
            f"writing the weights as {kind} takes {needed / 1e6:,.0f} MB, "
            f"{free / 1e6:,.0f} MB are free",
            where=str(target.parent),
            hint="make room, or give --threads to use the model's own file",
        )
