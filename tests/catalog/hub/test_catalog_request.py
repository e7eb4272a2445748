"""Requests: redirects that are not followed, settings that no request can be made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from slearn.catalog import Hub, HubSource, pull, resolve
from slearn.catalog.hub import origin
from slearn.catalog.request import follow
from slearn.errors import ModelFileError

NAME = "hf:org/repo/m.gguf"


def test_redirects_that_lead_nowhere(fake: Any, gguf: Callable[..., bytes]) -> None:
    fake.files["org/repo/m.gguf"] = gguf()
    fake.location = f"{fake.endpoint}/org/repo/resolve/main/m.gguf"
    with pytest.raises(ModelFileError, match="is redirected without end"):
        pull(NAME, hub=Hub(endpoint=fake.endpoint))
    for location in ("file:///etc/passwd", "ftp://example.org/m.gguf", "http://[bad"):
        fake.location = location
        with pytest.raises(ModelFileError, match="is redirected to no web address"):
            pull(NAME, hub=Hub(endpoint=fake.endpoint))
    assert fake.asked("store", "range") == []


@pytest.mark.parametrize("bad", [{"endpoint": "ftp://x"}, {"endpoint": "x"}, {"token": "a\nb"}])
def test_settings_that_no_request_can_be_made_with(bad: dict[str, str]) -> None:
    with pytest.raises(ModelFileError, match="HF_"):
        Hub(**bad)  # type: ignore[arg-type]


def test_pulling_what_needs_no_network(fake: Any) -> None:
    hub = Hub(endpoint=fake.endpoint)
    assert pull("smollm2-135m", hub=hub) == resolve("smollm2-135m")
    assert fake.seen == []


def test_a_redirect_from_https_to_http_is_refused() -> None:
    with pytest.raises(ModelFileError, match="from https to http: refused"):
        follow("https://hub.example/a", "http://store.example/b", HubSource("org/repo", "m.gguf"))
    assert (
        follow("https://hub.example/a/b", "/c", HubSource("org/repo", "m.gguf"))
        == "https://hub.example/c"
    )


def test_only_an_equal_origin_is_the_same() -> None:
    assert origin("https://hub.example/a") == origin("https://HUB.example:443/b")
    for other in ("http://hub.example", "https://hub.example:444", "https://hub.example.org"):
        assert origin(other) != origin("https://hub.example")
