"""The catalog that comes with slearn is well-formed, and is read from wherever it was installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from slearn.catalog import HubSource, load_entries, parse_entries
from slearn.catalog.names import check_name
from slearn.errors import ModelFileError, SlearnError
from slearn.resources import list_resources, read_resource

ROOT = Path(__file__).parents[2]
GOOD = """
- name: a
  file: a.gguf
  source: {kind: hub, repo: org/repo}
  sha256: "%s"
  bytes: 9
  licence: MIT
  about: one
""" % ("0" * 64)


def test_the_catalog_is_well_formed() -> None:
    entries = load_entries()
    assert [entry.name for entry in entries] == [
        "smollm2-135m",
        "qwen2.5-coder-0.5b",
        "qwen2.5-coder-1.5b",
    ]
    for entry in entries:
        check_name(entry.name)
        assert entry.bytes > 90_000_000
        assert entry.licence == "Apache-2.0"
    assert str(entries[1].source) == (
        "hf:Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind: hub", "kind: ftp"),
        ("kind: hub, ", ""),
        ("org/repo", "../repo"),
        ("a.gguf", "a.bin"),
        ("bytes: 9", "bytes: many"),
        ('"000', '"xyz'),
        ("licence: MIT", "licence: 5"),
        ("about: one", ""),
        ("- name", "name"),
        ("{", "{{"),
    ],
)
def test_a_malformed_catalog_is_refused(old: str, new: str) -> None:
    assert parse_entries(GOOD, "c.yaml")[0].source == HubSource("org/repo", "a.gguf")
    with pytest.raises(ModelFileError) as caught:
        parse_entries(GOOD.replace(old, new, 1), "c.yaml")
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelFileError, match=r"c\.yaml: has two models of one name"):
        parse_entries(GOOD + GOOD, "c.yaml")


def test_resources_are_listed_without_code() -> None:
    names = list_resources("models")
    assert names == sorted(names)
    assert "catalog.yaml" in names
    assert not any(name.endswith(".py") for name in names)


def test_a_resource_that_is_missing_blames_the_installation() -> None:
    with pytest.raises(SlearnError, match=r"models/none\.yaml: cannot be read"):
        read_resource("models", "none.yaml")


def test_a_checkout_on_the_path_reads_the_same_file_and_importing_touches_nothing(
    tmp_path: Path,
) -> None:
    program = (
        "import sys; from slearn.resources import read_resource; import slearn.catalog;"
        "assert not {'llama_cpp', 'duckdb', 'click'} & set(sys.modules);"
        "print(len(read_resource('models', 'catalog.yaml')))"
    )
    environment = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == len(read_resource("models", "catalog.yaml"))
    assert list(tmp_path.iterdir()) == []
