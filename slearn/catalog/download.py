"""Pulls a model from the hub: the only place of slearn's catalog that uses the network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from slearn.catalog.check import check_file
from slearn.catalog.confirm import confirm, licence_of, wrong_hash
from slearn.catalog.entry import Entry, HubSource, load_entries
from slearn.catalog.hashes import remember, sha256_of
from slearn.catalog.home import download_path, home_dir, partial_path
from slearn.catalog.hub import Hub
from slearn.catalog.lock import hold
from slearn.catalog.lookup import resolve
from slearn.catalog.model import Model
from slearn.catalog.names import HUB, find_entry, parse_hub
from slearn.catalog.registry import changing, read_registry
from slearn.catalog.request import Facts
from slearn.catalog.transfer import Progress, transfer
from slearn.errors import ModelFileError


def pull(
    name: str,
    *,
    progress: Progress | None = None,
    home: Path | None = None,
    entries: Sequence[Entry] | None = None,
    hub: Hub | None = None,
) -> Model:
    """Download a model if it is not here yet, and return it.

    `name` is a name of the catalog, or `hf:org/repo/file.gguf`, which is then registered with the
    hash that the hub gives. `progress` is called with (bytes here, bytes of the whole). `hub` says
    where to ask; by default HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE do.

    >>> pull("qwen2.5-coder-0.5b").path.name  # doctest: +SKIP
    'qwen2.5-coder-0.5b-instruct-q4_k_m.gguf'

    Raises ModelFileError: unknown name, offline, no access, no such file, no connection, disk full,
    wrong hash, being downloaded by another process.
    """
    base = home_dir(home)
    entries = load_entries() if entries is None else entries
    entry = find_entry(name, entries)
    source = entry.source if entry else parse_hub(name) if name.startswith(HUB) else None
    if not isinstance(source, HubSource):
        return resolve(name, home=base, entries=entries)
    target = download_path(base, source)
    lock = base / "locks" / ("--".join(target.relative_to(base).parts) + ".lock")
    try:
        with hold(lock, wait=0):
            known = entry.at(target) if entry else read_registry(base).get(str(source))
            if known and known.path == target and target.exists():
                with suppress(ModelFileError):  # a damaged file is downloaded anew
                    return confirm(known, home=base)
            expected = Facts(entry.sha256, entry.bytes) if entry else Facts()
            model = _download(hub or Hub.from_env(), source, target, expected, base, progress)
            if entry:
                model = entry.at(target)
            else:  # registered first: a crash in between leaves a whole partial file to go on from
                with changing(base) as registered:
                    registered[model.name] = model
            os.replace(partial_path(target), target)
            remember(target, model.sha256, home=base)
            return model
    except TimeoutError as error:
        raise ModelFileError("is being downloaded by another process", where=name) from error
    except OSError as error:
        raise ModelFileError(f"cannot be saved: {error.strerror or error}", where=name) from error


def _download(
    hub: Hub,
    source: HubSource,
    target: Path,
    expected: Facts,
    home: Path,
    progress: Progress | None,
) -> Model:
    """Bring a file as far as a partial file that has been checked; return the model it will be."""
    if hub.offline:
        raise ModelFileError(
            "is not downloaded, and HF_HUB_OFFLINE forbids the network", where=str(source)
        )
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = partial_path(target)
    facts = transfer(hub, source, partial, expected, progress or (lambda done, total: None))
    found = sha256_of(partial, home=home, fresh=True)
    try:
        if found != facts.sha256:
            raise wrong_hash(target, str(facts.sha256), found)
        header = check_file(partial)
    except ModelFileError as error:
        partial.unlink(missing_ok=True)
        raise ModelFileError(
            error.message, where=str(source), hint="the download was removed; pull again"
        ) from error
    name = str(source)
    return Model(name, target, found, header.file_bytes, licence_of(header), name)
