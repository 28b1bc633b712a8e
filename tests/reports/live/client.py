"""A browser's part, on a plain socket."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit

PATIENCE = 60.0


class Got(NamedTuple):
    """An answer."""

    code: int
    body: bytes
    headers: dict[str, str]


def ask(
    url: str, path: str = "", *, method: str = "GET", headers: dict[str, str] | None = None, host: str | None = None
) -> Got:
    """What the server at ``url`` answers; ``path`` is below the token, or absolute."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE)
    try:
        connection.putrequest(method, path if path.startswith("/") else parts.path + path, skip_host=True)
        if host != "":
            connection.putheader("Host", host or parts.netloc)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return Got(answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()})
    finally:
        connection.close()


def state(url: str, query: str = "") -> Any:
    """The state, as a page gets it."""
    got = ask(url, f"state{query}")
    assert got.code == 200
    assert got.headers["content-type"] == "application/json"
    return json.loads(got.body)
