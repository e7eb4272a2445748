"""Pulling brings a file whole and right, or leaves a partial file to go on from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slearn.catalog import Entry, Hub, HubSource, Model, list_models, pull, remove, resolve, verify

Build = Callable[..., bytes]
NAME = "hf:org/repo/m.gguf"


@pytest.fixture
def content(fake: Any, gguf: Build) -> bytes:
    """Put a model of some three megabytes on the hub."""
    made = gguf(tensors=(("w", (1 << 20,), 0),))
    fake.files["org/repo/m.gguf"] = made = made + b"\x05" * (3 << 20)
    return made


@pytest.fixture
def hub(fake: Any) -> Hub:
    return Hub(endpoint=fake.endpoint, timeout=5, pause=0.0)


def entry_of(content: bytes) -> Entry:
    source, sha256 = HubSource("org/repo", "m.gguf"), hashlib.sha256(content).hexdigest()
    return Entry("small", source, sha256, len(content), "MIT", "a test's model")


def partial(home: Path) -> Path:
    return home / "models" / "org" / "repo" / "m.gguf.incomplete"


def test_pull_a_model_of_the_catalog(fake: Any, hub: Hub, content: bytes, home: Path) -> None:
    entries, seen = [entry_of(content)], list[tuple[int, int]]()
    model = pull("small", hub=hub, entries=entries, progress=lambda *now: seen.append(now))
    assert model == entries[0].at(home / "models" / "org" / "repo" / "m.gguf")
    assert model.path.read_bytes() == content
    assert not partial(home).exists()
    assert seen[0] == (0, len(content)) and seen[-1] == (len(content), len(content))
    assert seen == sorted(seen)
    assert resolve("small", entries=entries) == model
    assert list_models(entries=entries)[0].state == "ready"
    requests = len(fake.seen)
    assert pull("small", hub=hub, entries=entries) == model
    assert len(fake.seen) == requests  # nothing is asked for what is here
    assert remove("small", entries=entries) is True


def test_pull_a_file_without_an_entry(hub: Hub, content: bytes, home: Path) -> None:
    model = pull("hf:org/repo:m.gguf", hub=hub, entries=[])
    sha256 = hashlib.sha256(content).hexdigest()
    path = home / "models" / "org" / "repo" / "m.gguf"
    assert model == Model(NAME, path, sha256, len(content), "MIT", NAME)
    assert resolve(NAME) == resolve("hf:org/repo:m.gguf") == model
    assert verify(NAME) == verify("hf:org/repo:m.gguf") == [(model, True, "ok")]
    assert pull(NAME, hub=Hub(offline=True)) == model
    assert remove(NAME) is True
    assert not path.exists()


def test_the_environment_says_where_the_hub_is(
    fake: Any, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.token = "hf_secret"
    monkeypatch.setenv("HF_ENDPOINT", fake.endpoint + "/")
    monkeypatch.setenv("HF_TOKEN", " hf_secret\n")
    assert pull(NAME).bytes == len(content)
    assert fake.asked("hub", "authorization") == ["Bearer hf_secret"]
    assert fake.asked("store", "authorization") == [None]  # another host gets no token
    assert "hf_secret" not in repr(Hub.from_env())


@pytest.mark.parametrize("fault", ["drop", "reset"])
def test_a_dropped_connection_is_taken_up_where_it_broke(
    fake: Any, hub: Hub, content: bytes, fault: str
) -> None:
    fake.faults = [f"{fault}:1000000", "status:503", "status:429", f"{fault}:2000000"]
    assert pull(NAME, hub=hub).path.read_bytes() == content
    starts = [int((asked or "0-").strip("bytes=-")) for asked in fake.asked("store", "range")]
    assert len(starts) == 5
    assert starts == sorted(starts)
    if fault == "drop":
        assert starts == [0, 1_000_000, 1_000_000, 1_000_000, 3_000_000]


def test_an_earlier_attempt_is_gone_on_with(
    fake: Any, hub: Hub, content: bytes, home: Path
) -> None:
    partial(home).parent.mkdir(parents=True)
    partial(home).write_bytes(content[:5000])
    assert pull("small", hub=hub, entries=[entry_of(content)]).path.read_bytes() == content
    assert fake.asked("store", "range") == ["bytes=5000-"]


def test_a_server_without_ranges_starts_over(
    fake: Any, hub: Hub, content: bytes, home: Path
) -> None:
    fake.ranges = False
    partial(home).parent.mkdir(parents=True)
    partial(home).write_bytes(b"something else" * 1000)
    assert pull(NAME, hub=hub).path.read_bytes() == content
    assert len(fake.asked("store", "range")) == 1


def test_a_partial_file_that_is_whole_is_checked_and_taken(
    fake: Any, hub: Hub, content: bytes, home: Path
) -> None:
    partial(home).parent.mkdir(parents=True)
    partial(home).write_bytes(content)
    assert pull(NAME, hub=hub).path.read_bytes() == content
    assert fake.asked("store", "range") == [f"bytes={len(content)}-"]


def test_a_partial_file_that_is_too_long_is_thrown_away(
    fake: Any, hub: Hub, content: bytes, home: Path
) -> None:
    partial(home).parent.mkdir(parents=True)
    partial(home).write_bytes(content + b"more")
    assert pull(NAME, hub=hub).path.read_bytes() == content
    assert fake.asked("store", "range") == [f"bytes={len(content) + 4}-", None]


def test_another_part_than_asked_for_is_not_appended(
    fake: Any, hub: Hub, content: bytes, home: Path
) -> None:
    partial(home).parent.mkdir(parents=True)
    partial(home).write_bytes(content[:5000])
    fake.faults = ["misplaced"]
    assert pull(NAME, hub=hub).path.read_bytes() == content


def test_a_damaged_download_is_brought_anew(hub: Hub, content: bytes) -> None:
    for name, entries in (("small", [entry_of(content)]), (NAME, [])):
        model = pull(name, hub=hub, entries=entries)
        model.path.write_bytes(content[:-1] + b"\x07")
        assert pull(name, hub=hub, entries=entries).path.read_bytes() == content
