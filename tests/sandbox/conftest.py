"""What the tests of sandboxes share: each sandbox in turn, what it must not reach, what it left."""

from __future__ import annotations

import importlib.util
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from slearn.errors import SandboxError
from slearn.sandbox import SANDBOXES, Limits, Outcome, Sandbox, open_sandbox
from slearn.values import canonical

GOOD = "def good(n):\n    return [n, 'fine']\n"
Opener = Callable[..., Sandbox]


@pytest.fixture(scope="session")
def programs() -> ModuleType:
    """The module programs.py, which stands in no package."""
    path = Path(__file__).with_name("programs.py")
    spec = importlib.util.spec_from_file_location("sandbox_programs", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["sandbox_programs"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=SANDBOXES)
def name(request: pytest.FixtureRequest) -> str:
    """The name of each sandbox that this machine has."""
    return ready(str(request.param))


@pytest.fixture(scope="module")
def bwrap() -> str:
    """The name of the sandbox that has all of CPython, where it can be had."""
    return ready("bwrap")


def ready(name: str) -> str:
    try:
        open_sandbox(name).close()
    except SandboxError as error:
        pytest.skip(str(error))
    return name


@pytest.fixture(scope="module")
def sandbox(name: str) -> Iterator[Sandbox]:
    """A sandbox with time enough for a busy machine."""
    with open_sandbox(name, Limits(seconds=10)) as opened:
        yield opened


@pytest.fixture(scope="module")
def hasty(name: str) -> Iterator[Sandbox]:
    """A sandbox for code that does not end by itself."""
    with open_sandbox(name, Limits(seconds=0.4)) as opened:
        yield opened


@pytest.fixture(scope="module")
def cpython(bwrap: str) -> Iterator[Sandbox]:
    """The sandbox that has all of CPython, to attack the system from."""
    with open_sandbox(bwrap, Limits(seconds=10)) as opened:
        yield opened


@pytest.fixture
def unharmed(request: pytest.FixtureRequest) -> Iterator[None]:
    """After the test, its sandbox must answer a good call, and no process may be left."""
    yield
    for used in ("sandbox", "hasty", "cpython"):
        if used in request.fixturenames:
            opened: Sandbox = request.getfixturevalue(used)
            assert opened.run(GOOD, "good", {"n": 1}) == Outcome(True, [1, "fine"])
    left, deadline = strays(), time.monotonic() + 5
    while left and time.monotonic() < deadline:  # the kernel takes a moment to end a namespace
        time.sleep(0.02)
        left &= strays()
    assert left == set()


@dataclass(frozen=True)
class Outside:
    """What code in a sandbox must not read (`token`, in three places), nor write (`marker`)."""

    token: str
    secret: Path
    marker: Path
    descriptor: int

    def filled(self, code: str) -> str:
        """Return attack code with its targets filled in."""
        for word, value in {
            "SECRET": repr(str(self.secret)),
            "MARKER": repr(str(self.marker)),
            "PARENT": str(os.getpid()),
            "PROJECT": repr(str(Path(__file__).parents[2])),
        }.items():
            code = code.replace(word, value)
        return code

    def untouched_by(self, outcome: Outcome) -> bool:
        """Whether the code got no token and left no mark."""
        seen = canonical(outcome.as_json()) + outcome.printed
        return self.token not in seen and not os.path.lexists(self.marker)


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    """A secret in a file, in the environment and behind an inheritable descriptor."""
    token = secrets.token_hex(16)
    secret, marker = tmp_path / "secret.txt", tmp_path / "marker"
    secret.write_text(token, "utf-8")
    monkeypatch.setenv("SLEARN_SECRET", token)
    with secret.open("rb") as file:
        os.set_inheritable(file.fileno(), True)
        yield Outside(token, secret, marker, file.fileno())


def strays() -> set[str]:
    """Return the processes that a sandbox has left running without a parent, or as our child."""
    if not Path("/proc/self/stat").exists():
        return set()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            command = folder.joinpath("cmdline").read_bytes().decode(errors="replace")
        except OSError:  # gone by now
            continue
        # Monty's worker stays; another process's sandbox is its own business.
        if "def walk(" in command and parent in (1, os.getpid()):
            found.add(f"{folder.name} of {parent}: {command[:60]}")
    return found
