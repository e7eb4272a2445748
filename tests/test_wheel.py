"""The wheel holds all it needs: grammars, catalog and type mark, found as in the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    box = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(box)]
    # Without isolation: the build needs setuptools alone, and no network.
    subprocess.run([*command, "--no-build-isolation", str(ROOT)], check=True, cwd=box)
    (built,) = box.glob("*.whl")
    return built


def test_the_wheel_holds_grammars_and_catalog(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for grammar in (
        file for end in ("yaml", "lark") for file in (ROOT / "grammars").glob(f"*.{end}")
    ):
        assert f"slearn/grammars/{grammar.name}" in names
    assert {"slearn/models/catalog.yaml", "slearn/py.typed"} <= names
    inside = {f"slearn/sandbox/{name}.py" for name in ("child", "walk")}  # read as text
    assert inside <= names
    assert not any(name.startswith(("tests/", "bench/", "data/")) for name in names)


def test_the_wheel_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """An empty environment gets the wheel; the libraries it needs come from ours by a path file."""
    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    site = next((home / "lib").glob("python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "libraries.pth").write_text(str(_without_slearn(tmp_path)) + "\n")
    python = home / "bin" / "python"
    # The sandbox's program is a part of the libraries, and stands beside our own Python.
    binary = str(Path(sys.executable).parent / "monty")
    outside = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"MONTY_BIN": binary}

    def slearn(*words: str) -> str:
        done = subprocess.run(
            [str(python), "-m", "slearn.cli", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=outside,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = "import slearn; print(slearn.__file__)"
    found = subprocess.run(
        [str(python), "-c", where], capture_output=True, text=True, cwd=tmp_path, env=outside
    )
    assert found.stdout.startswith(str(home))
    assert "train" in slearn("--help")
    rows = [
        {"input": f"{word} {n}", "target": word[-3:]}
        for n in range(10)
        for word in ("the red fox", "a blue sea", "one old oak", "my new car")
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    slearn("init", "toy", "--data", "rows.jsonl")
    line = slearn("train", "toy", "--model", "scripted", "--budget-tokens", "40000", "--json")
    result = json.loads(line.splitlines()[-1])
    assert result["status"] == "finished"
    assert result["after"]["score"] > result["before"]["score"]


def _without_slearn(tmp_path: Path) -> Path:
    """Return a folder of links to all installed libraries but slearn itself."""
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    installed = Path(next(path for path in sys.path if path.endswith("site-packages")))
    for entry in installed.iterdir():
        if "slearn" not in entry.name and entry.suffix != ".pth":
            (libraries / entry.name).symlink_to(entry)
    return libraries
