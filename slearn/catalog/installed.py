"""Finds the file that an installed Python package carries, without importing the package."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from slearn.catalog.entry import PackageSource


def installed_file(source: PackageSource) -> Path | None:
    """Return the path of a package's file, or None where package or file is not installed.

    >>> installed_file(PackageSource("no-such-package", "x.gguf")) is None
    True
    """
    found = [*_from_record(source), *_from_folder(source)]
    named = [path for path in found if path.name == source.file]
    return next((path for path in named or found if path.is_file()), None)


def _from_record(source: PackageSource) -> list[Path]:
    try:
        installed = distribution(source.distribution)
    except (PackageNotFoundError, ValueError):
        return []
    suffix = Path(source.file).suffix
    files = [file for file in installed.files or [] if file.name.endswith(suffix)]
    return [Path(str(installed.locate_file(file))) for file in files]


def _from_folder(source: PackageSource) -> list[Path]:
    # A top-level name is found on the path; nothing of the package runs.
    try:
        spec = find_spec(source.distribution.replace("-", "_").replace(".", "_"))
    except (ImportError, ValueError):
        return []
    folders = (spec.submodule_search_locations if spec else None) or []
    return [
        path
        for folder in folders
        for path in sorted(Path(folder).glob("*"))
        if path.suffix == Path(source.file).suffix
    ]
