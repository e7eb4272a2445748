"""Where the Hugging Face hub is and how patiently to talk to it; read from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from slearn.catalog.entry import HubSource
from slearn.errors import ModelFileError

ENDPOINT = "https://huggingface.co"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Hub:
    """An endpoint, its token, and the patience with it; times in seconds.

    `retries` counts attempts in a row that got no further; the pause doubles with each.

    >>> Hub().endpoint
    'https://huggingface.co'
    """

    endpoint: str = ENDPOINT
    token: str = field(default="", repr=False)
    offline: bool = False
    timeout: float = 30.0
    retries: int = 3
    pause: float = 0.5

    def __post_init__(self) -> None:
        """Refuse an endpoint or token that no request can be made with."""
        if not (self.token.isascii() and self.token.isprintable()):
            raise ModelFileError("holds characters that no token has", where="HF_TOKEN")
        try:
            origin(self.endpoint)
        except ValueError as error:
            raise ModelFileError(str(error), where=f"HF_ENDPOINT={self.endpoint}") from error

    @staticmethod
    def from_env(env: Mapping[str, str] | None = None) -> Hub:
        """Read HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE.

        >>> Hub.from_env({"HF_HUB_OFFLINE": "1"}).offline
        True

        Raises ModelFileError where one of them cannot be used.
        """
        env = os.environ if env is None else env
        return Hub(
            endpoint=env.get("HF_ENDPOINT", "").strip().rstrip("/") or ENDPOINT,
            token=env.get("HF_TOKEN", "").strip(),
            offline=env.get("HF_HUB_OFFLINE", "").strip().lower() in ("1", "on", "yes", "true"),
        )

    def url(self, source: HubSource) -> str:
        """Return the address of a file.

        >>> Hub().url(HubSource("org/repo", "m.gguf"))
        'https://huggingface.co/org/repo/resolve/main/m.gguf'
        """
        revision, file = quote(source.revision, safe=""), quote(source.file)
        return f"{self.endpoint}/{source.repo}/resolve/{revision}/{file}"


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a web address; what shares them may share a token.

    >>> origin("https://huggingface.co/a")
    ('https', 'huggingface.co', 443)

    Raises ValueError for what is no http or https address.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("an address starts with https:// or http://")
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]
