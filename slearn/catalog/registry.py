"""The user's own names for models: a JSON file in the home, always written whole.

A registered model stays where it is; the registry notes the path and the hash that it had.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from slearn.catalog.files import write_json
from slearn.catalog.lock import hold
from slearn.catalog.model import Model
from slearn.errors import ModelFileError

VERSION = 1


def read_registry(home: Path) -> dict[str, Model]:
    """Return the registered models by name; none where nothing was ever registered.

    >>> read_registry(Path("/no/such/home"))
    {}

    Raises ModelFileError that names the file where it is damaged.
    """
    place = home / "models.json"
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']!r} is not {VERSION}")
        return {name: _model(name, row) for name, row in content["models"].items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ModelFileError(f"cannot be read: {error.strerror}", where=str(place)) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelFileError(
            f"the list of registered models is damaged: {type(error).__name__}: {error}",
            where=str(place),
            hint="repair it, or move it away and add your models again",
        ) from error


@contextmanager
def changing(home: Path) -> Iterator[dict[str, Model]]:
    """Hand out the registered models to change; write them back when the block ends well.

    >>> with changing(home) as registered:  # doctest: +SKIP
    ...     del registered["tiny"]

    Raises ModelFileError where it is damaged, cannot be written or is held by another process.
    """
    place = home / "models.json"
    try:
        with hold(home / "locks" / "registry.lock", wait=10):
            registered = read_registry(home)
            yield registered
            rows = {name: _row(model) for name, model in registered.items()}
            write_json(place, {"version": VERSION, "models": rows})
    except TimeoutError as error:
        raise ModelFileError("is being changed by another process", where=str(place)) from error
    except OSError as error:
        raise ModelFileError(f"cannot be written: {error.strerror}", where=str(place)) from error


def _row(model: Model) -> dict[str, Any]:
    row = asdict(model) | {"path": str(model.path)}
    del row["name"]
    return row


def _model(name: str, row: Mapping[str, Any]) -> Model:
    texts = {key: row[key] for key in ("path", "sha256", "licence", "source")}
    if not all(isinstance(text, str) for text in texts.values()) or type(row["bytes"]) is not int:
        raise ValueError(f"{name}: a value has the wrong type")
    return Model(name, bytes=row["bytes"], **(texts | {"path": Path(texts["path"])}))
