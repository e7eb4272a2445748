"""Reads the data folders `models/` and `grammars/` by one path in checkout, install and wheel.

Installed, the folders are the packages `slearn.models` and `slearn.grammars`; in a checkout that is
only on PYTHONPATH they lie beside the package's own folder.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from slearn.errors import SlearnError

Folder = Literal["models", "grammars"]


def read_resource(folder: Folder, name: str) -> str:
    """Return the text of one file of a data folder.

    >>> read_resource("models", "catalog.yaml").startswith("# The models")
    True

    Raises SlearnError where the installation lacks the file.
    """
    try:
        return _root(folder).joinpath(name).read_text(encoding="utf-8")
    except OSError as error:
        raise SlearnError(
            "cannot be read: this installation of slearn is not whole",
            where=f"{folder}/{name}",
            hint="install slearn again",
        ) from error


def list_resources(folder: Folder) -> list[str]:
    """Return the sorted names of the data files in a folder, without its Python code.

    >>> "catalog.yaml" in list_resources("models")
    True

    Raises SlearnError where the installation lacks the folder.
    """
    try:
        return sorted(
            item.name
            for item in _root(folder).iterdir()
            if item.is_file() and not item.name.startswith(".") and not item.name.endswith(".py")
        )
    except OSError as error:
        raise SlearnError(
            "cannot be listed: this installation of slearn is not whole",
            where=folder,
            hint="install slearn again",
        ) from error


def _root(folder: Folder) -> Traversable:
    package = f"slearn.{folder}"
    try:
        return files(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        return Path(__file__).resolve().parent.parent / folder
