"""The catalog's entries, and where each one's file comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from slearn.catalog.model import Model
from slearn.errors import ModelFileError
from slearn.resources import read_resource

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class PackageSource:
    """A file inside an installed Python package."""

    distribution: str
    file: str

    def __str__(self) -> str:
        """Write the source as a run's record has it: package:DISTRIBUTION."""
        return f"package:{self.distribution}"


@dataclass(frozen=True)
class HubSource:
    """A file in a repository of the Hugging Face hub.

    >>> str(HubSource("org/repo", "file.gguf"))
    'hf:org/repo/file.gguf'
    """

    repo: str
    file: str
    revision: str = "main"

    def __post_init__(self) -> None:
        """Refuse names that are not plain: they become paths on this machine and in a URL."""
        parts = [*self.repo.split("/"), *self.file.split("/"), *self.revision.split("/")]
        if self.repo.count("/") != 1 or not all(_PART.fullmatch(part) for part in parts):
            raise ModelFileError("is not a name of the form hf:org/repo/file.gguf", where=str(self))
        if not self.file.lower().endswith(".gguf"):
            raise ModelFileError(
                "names no .gguf file", where=str(self), hint="give the file's whole name"
            )

    def __str__(self) -> str:
        """Write the source as users type it: hf:org/repo/file.gguf."""
        revision = "" if self.revision == "main" else f"@{self.revision}"
        return f"hf:{self.repo}/{self.file}{revision}"


@dataclass(frozen=True)
class Entry:
    """One model that slearn knows by name: where it comes from and what it must hash to."""

    name: str
    source: PackageSource | HubSource
    sha256: str
    bytes: int
    licence: str
    about: str

    def at(self, path: Path) -> Model:
        """Return the model that this entry is when its file lies at `path`."""
        return Model(self.name, path, self.sha256, self.bytes, self.licence, str(self.source))


def load_entries() -> tuple[Entry, ...]:
    """Read the catalog that comes with slearn.

    >>> load_entries()[0].name
    'smollm2-135m'

    Raises ModelFileError where an entry is malformed.
    """
    return parse_entries(read_resource("models", "catalog.yaml"), "models/catalog.yaml")


def parse_entries(text: str, where: str) -> tuple[Entry, ...]:
    """Parse a catalog's text; `where` names it in errors.

    >>> parse_entries("[]", "my.yaml")
    ()

    Raises ModelFileError where the text is no list of entries, or a name is there twice.
    """
    try:
        rows = yaml.safe_load(text)
        entries = tuple(_entry(row) for row in rows)
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise ModelFileError(f"is no catalog of models: {reason}", where=where) from error
    if len({entry.name for entry in entries}) < len(entries):
        raise ModelFileError("has two models of one name", where=where)
    return entries


def _entry(row: dict[str, Any]) -> Entry:
    given = row["source"]
    source: PackageSource | HubSource
    if given["kind"] == "package":
        source = PackageSource(given["distribution"], row["file"])
    elif given["kind"] == "hub":
        source = HubSource(given["repo"], row["file"], given.get("revision", "main"))
    else:
        raise ValueError(f"source kind {given['kind']!r} is neither package nor hub")
    if not _SHA256.fullmatch(row["sha256"]) or not isinstance(row["bytes"], int):
        raise ValueError(f"{row['name']}: sha256 must be 64 hex digits and bytes a number")
    texts = row["name"], row["licence"], row["about"]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{row['name']}: name, licence and about must be text")
    return Entry(row["name"], source, row["sha256"], row["bytes"], row["licence"], row["about"])
