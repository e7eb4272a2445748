"""Where slearn keeps what belongs to the user: registered names, hashes and downloads."""

from __future__ import annotations

import os
from pathlib import Path

from slearn.catalog.entry import HubSource
from slearn.errors import ModelFileError


def home_dir(home: Path | None = None) -> Path:
    """Return the home as an absolute path: `home`, else $SLEARN_HOME, else ~/.slearn.

    >>> home_dir(Path("/tmp/here")).name
    'here'
    """
    return absolute(home or os.environ.get("SLEARN_HOME") or "~/.slearn")


def models_dir(home: Path) -> Path:
    """Return the folder of downloads."""
    return home / "models"


def download_path(home: Path, source: HubSource) -> Path:
    """Return where a file of the hub lies once it is downloaded.

    >>> download_path(Path("/h"), HubSource("org/repo", "m.gguf")).as_posix()
    '/h/models/org/repo/m.gguf'
    """
    place = models_dir(home) / source.repo
    if source.revision != "main":
        place = place / f"@{source.revision}"
    return place / source.file


def partial_path(path: Path) -> Path:
    """Return where a download lies until it is whole."""
    return path.with_name(f"{path.name}.incomplete")


def absolute(path: str | Path) -> Path:
    """Return a path made absolute, with `~` expanded; links are kept as they are.

    Raises ModelFileError where `~name` is no user of this machine.
    """
    try:
        return Path(os.path.abspath(Path(path).expanduser()))
    except (RuntimeError, ValueError) as error:
        raise ModelFileError(f"is not a path: {error}", where=str(path)) from error
