"""Who is answered, and who is not; and that nothing is left of a server that was closed."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pytest

from ampsim.errors import RunError
from ampsim.reports.live import server as module
from ampsim.reports.live.server import MOST, PIECE, REQUEST, Answer, Handler, Server, named
from tests.reports.live.client import PATIENCE, ask, state

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server({"": Answer(b"<p>page", "text/html"), "live.js": Answer(b"1", "text/javascript")}, lambda: b"{}")
    yield found
    found.close()


def address(server: Server) -> tuple[str, int]:
    parts = urlsplit(server.url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def raw(server: Server, data: bytes) -> bytes:
    with socket.create_connection(address(server), PATIENCE) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while part := connection.recv(1 << 16):
            found += part
        return found


def wait_until(moment: float) -> None:
    threading.Event().wait(max(0.0, moment - time.monotonic()))


def wait_for_page(server: Server) -> None:
    """Until the page ``p`` waits for news."""
    deadline = time.monotonic() + PATIENCE
    with server.news:
        while "p" not in server._pages:
            assert time.monotonic() < deadline
            server.news.wait(0.01)


def test_the_page_and_what_it_needs_are_there(server: Server) -> None:
    assert ask(server.url)[:2] == (200, b"<p>page")
    assert ask(server.url, "live.js")[:2] == (200, b"1")
    assert state(server.url) == {}


def test_only_loopback_answers(server: Server) -> None:
    host, port = address(server)
    assert host == "127.0.0.1"
    assert server.socket.getsockname() == ("127.0.0.1", port)
    elsewhere = [
        found.address
        for addresses in psutil.net_if_addrs().values()
        for found in addresses
        if found.family == socket.AF_INET and found.address != "127.0.0.1"
    ]
    for other in [*elsewhere, "127.0.0.2"]:
        with pytest.raises(OSError):
            socket.create_connection((other, port), 5).close()


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.0.1", "0.0.0.0",
     "", "127.0.0.1:x", "[::1", "::1", "127.0.0.1@evil.example", "user@localhost"],
)  # fmt: skip
def test_another_host_is_refused_even_with_the_token(server: Server, host: str) -> None:
    """A page of another site whose name was made to lead here (DNS rebinding) sends that name."""
    got = ask(server.url, host=host)
    assert got.code == 403
    assert b"page" not in got.body.replace(b"this page is for this machine only", b"")


def test_two_hosts_are_one_too_many(server: Server) -> None:
    path = urlsplit(server.url).path.encode()
    got = raw(server, b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n" % path)
    assert b" 403 " in got.splitlines()[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:8000", "[::1]", "[::1]:99"])
def test_names_of_this_machine_are_served_at_any_port(server: Server, host: str) -> None:
    """A tunnel has a port of its own."""
    assert named([host])
    assert ask(server.url, host=host).code == 200


@pytest.mark.parametrize("path", ["/", "/state", "/x/", "/x/state", "/favicon.ico", "//", "/%2e%2e/", "/é/"])
def test_who_does_not_know_the_token_finds_nothing(server: Server, path: str) -> None:
    assert b" 404 " in raw(server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()).splitlines()[0]


@pytest.mark.parametrize(
    "path", ["../", "report", "live.js/", "state/", "plotly.js", "..%2f..%2fetc/passwd", "nothing"]
)
def test_below_the_token_there_is_only_what_was_put_there(server: Server, path: str) -> None:
    assert ask(server.url, path).code == 404


def test_tokens_are_long_and_differ(server: Server) -> None:
    other = Server({}, lambda: b"{}")
    try:
        assert server.token != other.token
        assert len(server.token) >= 22  # 128 bits
        assert ask(server.url, urlsplit(other.url).path).code == 404
    finally:
        other.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "BREW"])
def test_only_get_is_answered(server: Server, method: str) -> None:
    got = ask(server.url, method=method)
    assert (got.code, got.headers["allow"]) == (405, "GET")


def test_without_the_last_slash_one_is_sent_on(server: Server) -> None:
    got = ask(server.url, f"/{server.token}")
    assert (got.code, got.headers["location"]) == (308, f"/{server.token}/")


def test_nothing_may_be_read_from_another_origin(server: Server) -> None:
    for path in ("", "state", "live.js", "nothing"):
        headers = ask(server.url, path, headers={"Origin": "https://evil.example"}).headers
        assert not [name for name in headers if name.startswith("access-control")]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["server"] == "ampsim"


@pytest.mark.parametrize(
    "data",
    [b"", b"\r\n", b"GET\r\n\r\n", b"GET /\r\n\r\n", b"\x16\x03\x01\x00\xa5\x01\x00", b"GET / HTTP/9.9\r\n\r\n",
     b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n\r\n",
     b"\x00" * 5000],
)  # fmt: skip
def test_what_is_no_request_harms_nobody(server: Server, data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    found = raw(server, data)
    assert b" 200 " not in found.partition(b"\r\n")[0]
    assert ask(server.url).code == 200
    assert capfd.readouterr() == ("", "")


def test_a_request_cannot_fill_the_memory(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handler, "timeout", 10 * PATIENCE)
    with socket.create_connection(address(server), PATIENCE) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        for _ in range(REQUEST // 60000):
            connection.sendall(b"a: " + b"x" * 60000 + b"\r\n")
        connection.sendall(b"b: " + b"x" * 60000)  # its end never comes
        assert connection.recv(1) == b""
    cookie = {"Cookie": "x" * 30000}
    assert ask(server.url, headers=cookie).code == 200


@pytest.mark.parametrize("query", ["?seen=x&page=a", "?seen=-5&page=b", "?seen=&page=c", "?seen=²&page=d", "?page=e"])
def test_a_number_that_is_none_counts_as_having_seen_nothing(server: Server, query: str) -> None:
    server.publish()
    assert state(server.url, query.replace("²", "%C2%B2")) == {}


def test_news_are_waited_for_and_come_at_once(server: Server) -> None:
    server.state = lambda: json.dumps({"version": server.version}).encode()
    found: list[int] = []
    heard = threading.Event()

    def page() -> None:
        found.append(state(server.url, "?seen=0&page=p")["version"])
        heard.set()

    thread = threading.Thread(target=page)
    thread.start()
    wait_for_page(server)
    assert found == []
    server.publish()
    assert heard.wait(PATIENCE)
    thread.join()
    assert found == [1]


def test_idle_connections_do_not_keep_a_page_waiting_and_too_many_are_closed(server: Server) -> None:
    idle = [socket.create_connection(address(server), PATIENCE) for _ in range(MOST // 2)]
    assert ask(server.url).code == 200
    idle += [socket.create_connection(address(server), PATIENCE) for _ in range(2 * MOST)]
    assert idle[0].recv(1) == b""
    for connection in idle:
        connection.close()


def test_strangers_who_stay_connected_do_not_shut_out_who_knows_the_token(server: Server) -> None:
    page = threading.Thread(target=lambda: state(server.url, "?seen=0&page=p"))
    page.start()
    wait_for_page(server)
    held = [socket.create_connection(address(server), PATIENCE) for _ in range(MOST)]
    try:
        for connection in held:  # a request that never comes to its end, and is never silent for long
            with contextlib.suppress(OSError):
                connection.sendall(b"GET / HTTP/1.1\r\na: b")
        for _ in range(3):
            assert ask(server.url).code == 200
        assert page.is_alive()  # nor does one of them take the place of a page that waits
    finally:
        for connection in held:
            connection.close()
        server.publish()
        page.join(PATIENCE)


def test_a_slow_line_gets_all_of_a_large_answer(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow is not silent: each piece is taken in time, all of them together take longer than one may."""
    monkeypatch.setattr(Handler, "timeout", 1.0)
    body = bytes(8 << 20)
    server.answers["large"] = Answer(body, "text/plain")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        connection.settimeout(PATIENCE)
        connection.connect(address(server))
        path = urlsplit(server.url).path
        connection.sendall(f"GET {path}large HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        got, begun = 0, time.monotonic()
        while part := connection.recv(PIECE):
            got += len(part)
            if got < len(body) // 2:
                wait_until(begun + 2.5 * got / (len(body) // 2))
    assert got > len(body)


def test_the_end_waits_for_who_is_at_the_report(server: Server) -> None:
    server.publish(over=True)
    assert state(server.url, "?seen=0&page=p") == {}
    ended: list[str] = []

    def end() -> None:
        server.linger(0.0, report=True)
        ended.append("waited")

    waiting = threading.Thread(target=end)
    with server.taking("p"):
        waiting.start()
        waiting.join(0.2)
        assert ended == []
    waiting.join(PATIENCE)
    assert ended == ["waited"]


def test_close_ends_connections_that_wait_and_frees_the_port(server: Server) -> None:
    idle = socket.create_connection(address(server), PATIENCE)
    answered = threading.Thread(target=lambda: state(server.url, "?seen=99&page=p"))
    answered.start()
    wait_for_page(server)
    server.close()
    answered.join(PATIENCE)
    assert not answered.is_alive()
    assert idle.recv(1) == b""
    idle.close()
    with pytest.raises(OSError):
        socket.create_connection(address(server), 5)


def test_a_machine_without_loopback_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOSTS", ("192.0.2.1",))  # nobody's
    with pytest.raises(RunError, match="the live page cannot be served") as caught:
        Server({}, lambda: b"{}")
    assert caught.value.do == "leave out --live"


def test_the_sixth_version_of_the_protocol_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    monkeypatch.setattr(module, "HOSTS", ("::1",))
    try:
        server = Server({"": Answer(b"x", "text/html")}, lambda: b"{}")
    except RunError:
        pytest.skip("this machine has no ::1")
    try:
        assert re.match(r"http://\[::1\]:\d+/", server.url)
        assert ask(server.url).code == 200
    finally:
        server.close()
