"""The house rules that a machine can hold: imports go one way, libraries stay in their folder."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "slearn"

# Each may import what stands before it, and its own folder.
ORDER = [
    "errors", "values", "resources", "imported", "progress", "settings",
    "engine", "sandbox", "tools", "metrics", "store", "catalog", "tuning",
    "agent", "datasets", "call", "loss", "evaluate", "grad", "optim", "select",
    "result", "batches", "budget", "session", "state", "settle", "choose", "step", "train", "cli",
]  # fmt: skip
OWNERS = {
    "llama_cpp": "engine",
    "llguidance": "engine",
    "pydantic_monty": "sandbox",
    "mcp": "tools",
    "duckdb": "store",
    "click": "cli",
}
LONGEST = 400


def modules() -> Iterator[tuple[Path, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        yield path, relative.parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_every_module_has_a_place() -> None:
    assert {room for _, room in modules()} - {"__init__"} == set(ORDER)


def test_imports_go_one_way() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, room in modules()
        for name in imports(path)
        if name.startswith("slearn.")
        and room != "__init__"
        and (target := name.split(".")[1]) != room
        and ORDER.index(target) > ORDER.index(room)
    ]
    assert wrong == []


def test_nobody_imports_another_folders_private_file() -> None:
    # engine.scripted is public too: a real engine, for tests and dry runs.
    allowed = {"slearn.engine.scripted", "slearn.store.parquet"}
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, room in modules()
        for name in imports(path)
        if (parts := name.split("."))[0] == "slearn"
        and len(parts) > 2
        and parts[1] in folders
        and parts[1] != room
        and name not in allowed
    ]
    assert wrong == []


def test_libraries_stay_in_their_folder() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, room in modules()
        for name in imports(path)
        if OWNERS.get(name.split(".")[0], room) != room
    ]
    assert wrong == []


def test_modules_are_small_and_say_what_they_are() -> None:
    for path, _ in modules():
        text = path.read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)), f"{path} has no docstring"
        assert len(text.splitlines()) < LONGEST, f"{path} is too long"


def test_importing_slearn_loads_neither_models_nor_database() -> None:
    code = (
        "import sys, slearn, slearn.agent, slearn.engine, slearn.train;"
        "print([m for m in ('llama_cpp', 'duckdb', 'outlines', 'click') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
