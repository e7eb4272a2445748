"""What can go wrong with a pull ends in one line, and never in a file that looks whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slearn.catalog import Entry, Hub, HubSource, pull
from slearn.catalog.lock import hold
from slearn.errors import ModelFileError

NAME = "hf:org/repo/m.gguf"


@pytest.fixture
def content(fake: Any, gguf: Callable[..., bytes]) -> bytes:
    """Put a small model on the hub."""
    fake.files["org/repo/m.gguf"] = made = gguf()
    return made


@pytest.fixture
def refuse(fake: Any, content: bytes, home: Path) -> Callable[..., ModelFileError]:
    """Return a function that pulls and returns the error; no finished file may be there."""

    def attempt(name: str = NAME, **more: Any) -> ModelFileError:
        hub = more.pop("hub", None) or Hub(endpoint=fake.endpoint, timeout=5, pause=0.0)
        with pytest.raises(ModelFileError) as caught:
            pull(name, hub=hub, **more)
        assert "\n" not in str(caught.value)
        assert not (home / "models" / "org" / "repo" / "m.gguf").exists()
        return caught.value

    return attempt


Refuse = Callable[..., ModelFileError]


def entry_of(sha256: str, size: int) -> Entry:
    return Entry("small", HubSource("org/repo", "m.gguf"), sha256, size, "MIT", "a test's model")


def partial(home: Path) -> Path:
    return home / "models" / "org" / "repo" / "m.gguf.incomplete"


def test_wrong_bytes_are_removed(fake: Any, refuse: Refuse, content: bytes, home: Path) -> None:
    fake.faults = ["wrong"]
    error = refuse()
    expected = hashlib.sha256(content).hexdigest()[:12]
    found = hashlib.sha256(content[:-1] + b"\x07").hexdigest()[:12]
    assert error.message == f"has the wrong hash: expected {expected}, got {found}"
    assert error.hint == "the download was removed; pull again"
    assert not partial(home).exists()


def test_a_hub_with_another_file_than_the_catalog_is_refused_early(
    fake: Any, refuse: Refuse, content: bytes
) -> None:
    error = refuse("small", entries=[entry_of("0" * 64, len(content))])
    assert "the hub has another file: expected 000000000000, got" in str(error)
    sha256 = hashlib.sha256(content).hexdigest()
    assert "another file" in str(refuse("small", entries=[entry_of(sha256, 5)]))


def test_more_bytes_than_the_file_has(fake: Any, refuse: Refuse, home: Path) -> None:
    fake.faults = ["longer"] * 4
    assert "sent more than" in str(refuse())


def test_a_connection_that_never_holds(
    fake: Any, refuse: Refuse, content: bytes, home: Path
) -> None:
    fake.faults = ["drop:100"] + ["drop:0"] * 9
    error = refuse()
    assert "closed the connection at 100 of" in error.message
    assert error.hint == "100 bytes are here; pull again to go on"
    assert partial(home).read_bytes() == content[:100]
    assert len(fake.asked("store", "range")) == 5  # one that brought bytes, three more, the last


@pytest.mark.parametrize(
    ("token", "hint"), [("", "set HF_TOKEN if"), ("hf_bad", "does HF_TOKEN have access")]
)
def test_no_access(fake: Any, refuse: Refuse, token: str, hint: str) -> None:
    fake.token = "hf_good"
    error = refuse(hub=Hub(endpoint=fake.endpoint, token=token, pause=0.0))
    assert "refuses access (401)" in error.message
    assert hint in error.hint
    assert len(fake.seen) == 1
    assert "hf_" not in str(error)


def test_no_such_file(fake: Any, refuse: Refuse) -> None:
    assert "has no such file (404)" in str(refuse("hf:org/repo/other.gguf"))
    assert "no model is called 'other'" in str(refuse("other"))
    fake.faults = ["status:418"]
    assert "answered 418" in str(refuse())


def test_a_sign_in_page_is_not_taken_for_the_file(fake: Any, refuse: Refuse, home: Path) -> None:
    fake.faults = ["html"]
    assert "sent a web page, not the file" in str(refuse())
    assert not partial(home).exists()


def test_what_is_no_model_is_removed(fake: Any, refuse: Refuse, home: Path) -> None:
    fake.files["org/repo/m.gguf"] = b"PK\x03\x04 archive"
    assert "it looks like a PyTorch checkpoint" in str(refuse())
    assert not partial(home).exists()


def test_a_hub_that_gives_no_hash(fake: Any, refuse: Refuse) -> None:
    fake.headers = {"X-Linked-Etag": '"0123abcd"'}
    assert "does not say the file's sha256 and size" in str(refuse())


def test_offline(fake: Any, refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("1", "TRUE", "yes", "On"):
        monkeypatch.setenv("HF_HUB_OFFLINE", value)
        assert "HF_HUB_OFFLINE forbids the network" in str(refuse(hub=Hub.from_env()))
    assert fake.seen == []


def test_a_hub_that_is_not_there(refuse: Refuse) -> None:
    error = refuse(hub=Hub(endpoint="http://127.0.0.1:9", retries=1, pause=0.0))
    assert "127.0.0.1 cannot be reached" in error.message


def test_a_name_being_downloaded_by_another_process(refuse: Refuse, home: Path) -> None:
    with hold(home / "locks" / "models--org--repo--m.gguf.lock", wait=0):
        assert "is being downloaded by another process" in str(refuse())


def test_a_home_that_cannot_be_written(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert "cannot be saved" in str(refuse(home=tmp_path / "file"))


def test_a_file_larger_than_the_disk(fake: Any, refuse: Refuse, home: Path) -> None:
    fake.headers = {"X-Linked-Size": "900000000000000"}
    assert "needs 900,000,000,000,000 bytes on the disk" in str(refuse())
    assert not partial(home).exists()
