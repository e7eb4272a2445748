"""Lists every known model by looking, and verifies models by hashing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from slearn.catalog.confirm import confirm
from slearn.catalog.entry import Entry, load_entries
from slearn.catalog.home import home_dir
from slearn.catalog.lookup import confirm_registered, place_of, resolve
from slearn.catalog.model import Model, ModelStatus, State, Verdict
from slearn.catalog.names import HUB, find_entry, parse_hub
from slearn.catalog.registry import read_registry
from slearn.errors import ModelFileError


def list_models(
    *, home: Path | None = None, entries: Sequence[Entry] | None = None
) -> list[ModelStatus]:
    """Return all models of the catalog, then the registered ones by name; hashes nothing.

    >>> [(m.name, m.state) for m in list_models()][0]  # doctest: +SKIP
    ('smollm2-135m', 'ready')

    Raises ModelFileError where the list of registered models is damaged.
    """
    base = home_dir(home)
    found = []
    for entry in load_entries() if entries is None else entries:
        path = place_of(entry, base)
        state = _state(path, entry.bytes, gone="not downloaded")
        facts = entry.sha256, entry.bytes, entry.licence, str(entry.source), entry.about
        found.append(ModelStatus(entry.name, state, path, *facts))
    for name, model in sorted(read_registry(base).items()):
        state = _state(model.path, model.bytes, gone="missing")
        facts = model.sha256, model.bytes, model.licence, model.source, ""
        found.append(ModelStatus(name, state, model.path, *facts))
    return found


def verify(
    name: str | None = None, *, home: Path | None = None, entries: Sequence[Entry] | None = None
) -> list[Verdict]:
    """Hash one model, or all that should be on this machine, and compare with the record.

    >>> [(model.name, ok) for model, ok, message in verify()]  # doctest: +SKIP
    [('smollm2-135m', True)]

    Raises ModelFileError for a name that is unknown or not downloaded; a model that fails is no
    error but a verdict with `ok` False.
    """
    base = home_dir(home)
    entries = load_entries() if entries is None else entries
    places = [(entry, place_of(entry, base)) for entry in entries]
    present = [entry.at(path) for entry, path in places if path and path.exists()]
    registered = read_registry(base)
    if name is None:
        models = [*present, *(model for _, model in sorted(registered.items()))]
        return [_verdict(model, base, registered) for model in models]
    entry = find_entry(name, entries)
    wanted = entry.name if entry else str(parse_hub(name)) if name.startswith(HUB) else name
    models = [model for model in [*present, *registered.values()] if model.name == wanted]
    if not models:
        # Not a name with a record: let resolve say what it is, or check a path as far as it goes.
        return [
            Verdict(resolve(name, home=home, entries=entries), True, "whole; no hash on record")
        ]
    return [_verdict(model, base, registered) for model in models]


def _verdict(model: Model, home: Path, registered: dict[str, Model]) -> Verdict:
    try:
        if model.name in registered:
            confirm_registered(model, home=home, fresh=True)
        else:
            confirm(model, home=home, fresh=True)
    except ModelFileError as error:
        return Verdict(model, False, str(error))
    return Verdict(model, True, "ok")


def _state(path: Path | None, size: int, *, gone: State) -> State:
    if path is None:
        return gone
    try:
        return "ready" if path.stat().st_size == size else "damaged"
    except OSError:
        return gone
