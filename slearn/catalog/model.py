"""The values that the catalog hands out: a model that is ready, one's status, and a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

State = Literal["ready", "not downloaded", "missing", "damaged"]


@dataclass(frozen=True)
class Model:
    """A model file on this machine; `sha256` is its identity, `source` says where it came from.

    `source` is `package:DISTRIBUTION`, `hf:ORG/REPO/FILE` or `file`.

    >>> Model("tiny", Path("/m/tiny.gguf"), "ab" * 32, 9, "MIT", "file").name
    'tiny'
    """

    name: str
    path: Path
    sha256: str
    bytes: int
    licence: str
    source: str


@dataclass(frozen=True)
class ModelStatus:
    """One line of the list of models: `path` is where the file is, or where a pull will put it.

    `ready` means that a file of the right size is there (nothing is hashed), `not downloaded` that
    a pull or pip install brings it, `missing` that a registered file is gone, `damaged` that the
    size is wrong. `path` is None for a package that is not installed.
    """

    name: str
    state: State
    path: Path | None
    sha256: str
    bytes: int
    licence: str
    source: str
    about: str = ""


class Verdict(NamedTuple):
    """What verifying a model found: `message` says why where it is not ok."""

    model: Model
    ok: bool
    message: str
