"""Settings of the engine that were found fastest, remembered for each machine and model.

They lie in tuned.json in slearn's home. The file may be lost or damaged at any time: what cannot be
read counts as never tuned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from slearn.catalog.files import write_json
from slearn.catalog.home import home_dir
from slearn.catalog.lock import hold
from slearn.catalog.machine import machine_identity
from slearn.engine import AMX, EngineSettings

FILE = "tuned.json"
_MOST = 1 << 16  # of threads, and of tokens in a batch
_FITS: dict[str, Callable[[Any], bool]] = {
    "threads": lambda value: type(value) is int and 0 < value <= _MOST,
    "batch_size": lambda value: type(value) is int and 0 < value <= _MOST,
    "flash_attention": lambda value: value in ("auto", "on", "off"),
    "cache_type": lambda value: value in ("f16", "q8_0"),
    "weights": lambda value: value in ("file", "f16", "q8_0", AMX),
}


def tuned_part(settings: EngineSettings) -> dict[str, Any]:
    """Return what tuning may change of the settings: all but the size of the cache.

    >>> tuned_part(EngineSettings(threads=2))["batch_size"]
    512
    """
    values = settings.as_json()
    return {name: values[name] for name in _FITS}


def recall_tuned(
    sha256: str, *, machine: str | None = None, home: Path | None = None
) -> dict[str, Any] | None:
    """Return what was found for a model on this machine, None where it was never tuned.

    >>> recall_tuned("ab" * 32, machine="mine", home=Path("/no/such/home")) is None
    True
    """
    known = _read(home_dir(home) / FILE)
    if not any(sha256 in models for models in known.values()):
        return None  # said without loading the library
    return known.get(machine_identity() if machine is None else machine, {}).get(sha256)


def remember_tuned(
    sha256: str,
    settings: Mapping[str, Any],
    *,
    machine: str | None = None,
    home: Path | None = None,
) -> Path:
    """Remember the settings of a model on this machine; return the file.

    >>> remember_tuned("ab" * 32, tuned_part(EngineSettings()))  # doctest: +SKIP
    PosixPath('/home/me/.slearn/tuned.json')

    Raises OSError where the home cannot be written, or another process holds the file.
    """
    base = home_dir(home)
    machine = machine_identity() if machine is None else machine
    with hold(base / "locks" / "tuned.lock", wait=10):
        known = _read(base / FILE)
        known.setdefault(machine, {})[sha256] = {name: settings[name] for name in _FITS}
        write_json(base / FILE, known)
    return base / FILE


def _read(file: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the settings by machine and model, without whatever is damaged."""
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {
        machine: {model: found for model, found in models.items() if _whole(found)}
        for machine, models in known.items()
        if isinstance(models, dict)
    }


def _whole(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and found.keys() == _FITS.keys()
        and all(fits(found[name]) for name, fits in _FITS.items())
    )
