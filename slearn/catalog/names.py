"""What a model may be called, and what to say of a name that nobody knows."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Sequence

from slearn.catalog.entry import Entry, HubSource
from slearn.errors import ModelFileError

HUB = "hf:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


def is_path(text: str) -> bool:
    """Tell whether a model was given as a path: it has a slash, a `~` or the ending .gguf.

    >>> is_path("./m"), is_path("tiny.gguf"), is_path("tiny"), is_path("hf:org/repo/m.gguf")
    (True, True, False, False)
    """
    if text.startswith(HUB):
        return False
    return "/" in text or os.sep in text or text[:1] == "~" or text.lower().endswith(".gguf")


def check_name(name: str) -> None:
    """Refuse a name that could not be told from a path or a hub file.

    >>> check_name("my-model.Q4")

    Raises ModelFileError.
    """
    if not _NAME.fullmatch(name) or is_path(name):
        raise ModelFileError(
            f"{name!r} cannot be a model's name",
            hint="letters, digits and . _ + - , at most 100, not ending in .gguf",
        )


def name_from(stem: str) -> str:
    """Make a name of a file's stem.

    >>> name_from("My model (v2)")
    'My-model-v2'
    """
    return re.sub(r"[^A-Za-z0-9._+]+", "-", stem).strip("-._+")[:100] or "model"


def parse_hub(name: str) -> HubSource:
    """Read the name of a hub file: hf:org/repo/file.gguf or hf:org/repo:file.gguf.

    >>> parse_hub("hf:org/repo:m.gguf").file
    'm.gguf'

    Raises ModelFileError where it has another form.
    """
    parts = name.removeprefix(HUB).replace(":", "/", 1).split("/")
    if len(parts) < 3:
        raise ModelFileError("is not a name of the form hf:org/repo/file.gguf", where=name)
    return HubSource("/".join(parts[:2]), "/".join(parts[2:]))


def find_entry(name: str, entries: Sequence[Entry]) -> Entry | None:
    """Return the catalog's entry of that name, or whose file a hub name names.

    Raises ModelFileError for a malformed hub name.
    """
    if name.startswith(HUB):
        name = str(parse_hub(name))
        return next((entry for entry in entries if str(entry.source) == name), None)
    return next((entry for entry in entries if entry.name == name), None)


def unknown(name: str, known: Iterable[str]) -> ModelFileError:
    """Return the error for a name that nobody knows, with the closest one and all known ones.

    >>> str(unknown("smolm2", ["smollm2-135m"]))
    "no model is called 'smolm2' (did you mean smollm2-135m? known: smollm2-135m)"
    """
    names = sorted(known)
    folded = {known_name.lower(): known_name for known_name in names}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.5)
    hint = f"did you mean {folded[close[0]]}? " if close else ""
    return ModelFileError(
        f"no model is called {name!r}", hint=f"{hint}known: {', '.join(names) or 'none'}"
    )
