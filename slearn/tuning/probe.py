"""Trying settings in a process of its own first: a fault in native code ends all of a process."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from slearn.engine import EngineSettings
from slearn.errors import EngineError

_SECONDS = 300
_WORK = """\
import json, sys
from pathlib import Path
from slearn.engine import EngineSettings, GenerateRequest, Message, open_engine

settings = EngineSettings(**json.loads(sys.argv[2]))
with open_engine(Path(sys.argv[1]), settings=settings) as engine:
    engine.generate([GenerateRequest((Message("user", "Say it. " * 40),), max_tokens=2)])
"""


def try_apart(path: Path, settings: EngineSettings) -> None:
    """Run a model once with some settings, in another process.

    >>> try_apart(Path("model.gguf"), EngineSettings(weights="amx"))  # doctest: +SKIP

    Raises EngineError where that process does not end well.
    """
    command = [sys.executable, "-c", _WORK, str(path), json.dumps(asdict(settings))]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"a trial has not ended after {_SECONDS} seconds") from error
    if done.returncode < 0:
        raise EngineError(f"the library ended the process (signal {-done.returncode})")
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise EngineError(f"a trial failed: {said[-1]}")
