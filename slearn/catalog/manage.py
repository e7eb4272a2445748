"""Adds and removes models: adding copies nothing, removing deletes only downloads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from slearn.catalog.confirm import model_of_file
from slearn.catalog.entry import Entry, PackageSource, load_entries
from slearn.catalog.home import absolute, download_path, home_dir, models_dir, partial_path
from slearn.catalog.lookup import not_downloaded
from slearn.catalog.model import Model
from slearn.catalog.names import HUB, check_name, find_entry, parse_hub, unknown
from slearn.catalog.reencoded import forget_weights
from slearn.catalog.registry import changing
from slearn.errors import ModelFileError


def add(
    path: str | Path,
    name: str | None = None,
    *,
    home: Path | None = None,
    entries: Sequence[Entry] | None = None,
) -> Model:
    """Register a model file where it lies, under `name` or else under its own name.

    Adding the same file again takes note of its new hash.

    >>> add("~/models/tiny.gguf", "tiny").name  # doctest: +SKIP
    'tiny'

    Raises ModelFileError where the file is no whole GGUF model or the name is taken.
    """
    base = home_dir(home)
    if name is not None:
        check_name(name)
    model = model_of_file(absolute(path), home=base, name=name)
    check_name(model.name)
    taken = {entry.name for entry in (load_entries() if entries is None else entries)}
    with changing(base) as registered:
        known = registered.get(model.name)
        if model.name in taken or (known and known.path != model.path):
            place = f" for {known.path}" if known else " in the catalog"
            raise ModelFileError(
                f"the name {model.name} is taken{place}",
                hint="give another name, or remove it first",
            )
        registered[model.name] = model
    return model


def remove(name: str, *, home: Path | None = None, entries: Sequence[Entry] | None = None) -> bool:
    """Forget a model; delete its file only if it lies in the home. Returns whether it did.

    >>> remove("tiny")  # doctest: +SKIP
    False

    Raises ModelFileError for an unknown name, a package's model, and one not downloaded.
    """
    base = home_dir(home)
    entries = load_entries() if entries is None else entries
    entry = find_entry(name, entries)
    if entry:
        return _remove_download(entry, base)
    with changing(base) as registered:
        name = str(parse_hub(name)) if name.startswith(HUB) else name
        model = registered.pop(name, None)
        if model is None:
            raise unknown(name, [*(entry.name for entry in entries), *registered])
        shared = any(other.path == model.path for other in registered.values())
    if not shared:
        forget_weights(model.sha256, home=base)
    return not shared and _delete(model.path, models_dir(base))


def _remove_download(entry: Entry, home: Path) -> bool:
    if isinstance(entry.source, PackageSource):
        raise ModelFileError(
            f"is part of the Python package {entry.source.distribution}",
            where=entry.name,
            hint=f"pip uninstall {entry.source.distribution}",
        )
    if not _delete(download_path(home, entry.source), models_dir(home)):
        raise not_downloaded(entry.name)
    forget_weights(entry.sha256, home=home)
    return True


def _delete(path: Path, folder: Path) -> bool:
    """Delete a download and what is left of an unfinished one, never anything outside `folder`."""
    folder = folder.resolve()
    path = path.parent.resolve() / path.name
    if folder not in path.parents:
        return False
    gone = False
    try:
        for leftover in (path, partial_path(path)):
            if leftover.is_symlink() or leftover.exists():
                leftover.unlink()
                gone = True
        for parent in path.parents if gone else ():
            if parent == folder or any(parent.iterdir()):
                break
            parent.rmdir()
    except OSError as error:
        raise ModelFileError(f"cannot be deleted: {error.strerror}", where=str(path)) from error
    return gone
