"""One request to the hub, followed through its redirects.

The token goes to the endpoint alone, never to a host that it redirects to, and appears in no
message. A redirect may not leave http(s), nor go from https to http. What the headers say of a
file's hash and size counts only where the endpoint itself says it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from slearn.catalog.entry import HubSource
from slearn.catalog.hub import Hub, origin
from slearn.errors import ModelFileError

MAX_REDIRECTS = 5
_SHA256 = re.compile(r'"?([0-9a-f]{64})"?')


class Dropped(Exception):
    """A connection that failed in a way that trying again may mend."""


@dataclass(frozen=True)
class Facts:
    """What is known of a file before it is here: its sha256 and its size."""

    sha256: str | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class Answer:
    """A response whose body can be read, with the host it came from and the endpoint's facts."""

    status: int
    headers: Mapping[str, str]
    body: Any
    host: str
    facts: Facts


def request(hub: Hub, source: HubSource, offset: int) -> Answer:
    """Ask for a file from `offset` on; the caller closes the answer's body.

    >>> request(Hub(), HubSource("org/repo", "m.gguf"), 0).status  # doctest: +SKIP
    200

    Raises Dropped where trying again may help, ModelFileError where it cannot.
    """
    url, facts = hub.url(source), Facts()
    for _ in range(MAX_REDIRECTS + 1):
        own = origin(url) == origin(hub.endpoint)
        response = _ask(url, offset, hub.token if own else "", hub.timeout)
        if own:
            facts = _facts(response.headers, facts)
        if response.status not in (301, 302, 303, 307, 308):
            host = urlsplit(url).hostname or ""
            return Answer(response.status, response.headers, response, host, facts)
        response.close()
        url = follow(url, response.headers.get("Location", ""), source)
    raise ModelFileError("is redirected without end", where=str(source))


class _Stay(HTTPRedirectHandler):
    """Leaves redirects to the caller: urllib's own would send the token along."""

    def http_error_302(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> None:
        """Do nothing, so that the redirect is an answer like any other."""
        return None

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _ask(url: str, offset: int, token: str, timeout: float) -> Any:
    headers = {"User-Agent": "slearn", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        return build_opener(_Stay).open(Request(url, headers=headers), timeout=timeout)
    except HTTPError as error:
        return error  # any answer but 200 and 206; it has status, headers and body like those
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise Dropped(f"{urlsplit(url).hostname} cannot be reached: {reason}") from error


def follow(url: str, location: str, source: HubSource) -> str:
    """Return where a redirect leads.

    >>> follow("https://huggingface.co/a", "/b", HubSource("org/repo", "m.gguf"))
    'https://huggingface.co/b'

    Raises ModelFileError where it leaves the web or gives up https.
    """
    try:
        target = urljoin(url, location)
        scheme = origin(target)[0]
    except ValueError as error:
        raise ModelFileError("is redirected to no web address", where=str(source)) from error
    if urlsplit(url).scheme == "https" and scheme != "https":
        raise ModelFileError("is redirected from https to http: refused", where=str(source))
    return target


def _facts(headers: Mapping[str, str], known: Facts) -> Facts:
    tag = _SHA256.fullmatch(headers.get("X-Linked-Etag") or headers.get("ETag") or "")
    size = headers.get("X-Linked-Size") or ""
    return Facts(
        tag[1] if tag else known.sha256,
        int(size) if size.isdecimal() and len(size) < 16 else known.bytes,
    )
