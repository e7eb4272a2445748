"""Makes sure that a file is the model it should be; the one place where hashes are compared."""

from __future__ import annotations

from pathlib import Path

from slearn.catalog.check import check_file
from slearn.catalog.gguf import GGUFHeader
from slearn.catalog.hashes import sha256_of
from slearn.catalog.model import Model
from slearn.catalog.names import name_from
from slearn.errors import ModelFileError


def confirm(model: Model, *, home: Path, fresh: bool = False) -> Model:
    """Return `model` if its file is there, is whole and has its hash; `fresh` hashes it anew.

    >>> confirm(model, home=Path("~/.slearn")).path  # doctest: +SKIP
    PosixPath('/home/me/models/tiny.gguf')

    Raises ModelFileError that says what is wrong.
    """
    check_file(model.path)
    found = sha256_of(model.path, home=home, fresh=fresh)
    if found != model.sha256:
        raise wrong_hash(model.path, model.sha256, found)
    return model


def wrong_hash(path: Path, expected: str, found: str) -> ModelFileError:
    """Return the error for a file that is not the one it should be."""
    return ModelFileError(
        f"has the wrong hash: expected {expected[:12]}, got {found[:12]}", where=str(path)
    )


def model_of_file(path: Path, *, home: Path, name: str | None = None) -> Model:
    """Return the model that lies at an absolute path; its licence is what its header says.

    >>> model_of_file(Path("/m/tiny.gguf"), home=Path("~/.slearn")).name  # doctest: +SKIP
    'tiny'

    Raises ModelFileError where the file is no model.
    """
    header = check_file(path)
    return Model(
        name or name_from(path.stem),
        path,
        sha256_of(path, home=home),
        header.file_bytes,
        licence_of(header),
        "file",
    )


def licence_of(header: GGUFHeader) -> str:
    """Return the licence that a header names, else `unknown`; only what a terminal may be shown."""
    said = header.metadata.get("general.license")
    shown = "".join(filter(str.isprintable, said))[:80] if isinstance(said, str) else ""
    return shown or "unknown"
