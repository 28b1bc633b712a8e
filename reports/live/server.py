"""A server for one page on loopback: a thread that answers who knows the token, and nobody else.

    GET /TOKEN/            the page
    GET /TOKEN/plotly.js   the library, from the installed package
    GET /TOKEN/live.js     the page's own script
    GET /TOKEN/state       JSON; with ?page=ID&seen=N, as soon as there is something newer than N
    GET /TOKEN/report      the full report, when there is one

What keeps others out: the socket is bound to a loopback address; a request has to name a loopback host, or a page of
another site could reach us under a name of its own (DNS rebinding); the path begins with 128 random bits, so other
users of the machine do not find it; only GET is answered; nothing may be read from another origin, and no other page
may frame this one.
"""

from __future__ import annotations

import contextlib
import hmac
import http.server
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ampsim.errors import RunError

HOSTS = ("127.0.0.1", "::1")
NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
PATIENCE = 5.0  # seconds a client may be silent within a request, or take over a piece of an answer
PIECE = 1 << 16  # bytes
REQUEST = 1 << 17  # bytes of a request at most; a browser may add cookies of other servers of this machine
LONGEST = 60.0  # seconds that the end waits for who is taking the report, over a slow line
HELD = 20.0  # seconds a request for news is held at most
MOST = 32  # connections at a time; a page needs two
RECENT = 3.0  # seconds within which a page has to have asked to count as open


@dataclass(frozen=True)
class Answer:
    """What a path holds: bytes and their type."""

    body: bytes
    kind: str
    headers: Mapping[str, str] | None = None


@dataclass
class Reader:
    """An open page: when it last asked, whether it waits, whether it knows of the end, takes or has the report."""

    asked: float
    waits: bool = True
    told: bool = False
    takes: bool = False
    fetched: bool = False


@dataclass
class Connection:
    """One that is open; of a ``stranger`` until the token was given, ``dropped`` to make room for another."""

    socket: socket.socket
    stranger: bool = True
    dropped: bool = False


State = Callable[[], bytes]


class Server(http.server.HTTPServer):
    """Serves ``answers`` and the state that ``state`` makes when asked. It listens from now on, until :meth:`close`.

    Raises RunError where this machine has no loopback address.
    """

    request_queue_size = 2 * MOST

    def __init__(self, answers: Mapping[str, Answer], state: State) -> None:
        self.token = secrets.token_urlsafe(16)
        self.answers = dict(answers)
        self.state = state
        self.news = threading.Condition()
        self.version = 0
        self.over = False
        self._pages: dict[str, Reader] = {}
        self._open: dict[threading.Thread, Connection] = {}
        self._lock = threading.Lock()
        self._bind()
        self._thread = threading.Thread(target=self._serve, name="live page", daemon=True)
        self._thread.start()

    def _bind(self) -> None:
        problem: OSError | None = None
        for host in HOSTS:
            self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            try:
                super().__init__((host, 0), Handler)
            except OSError as error:
                problem = error
            else:
                return
        raise RunError(f"the live page cannot be served: {problem}", "--live", "leave out --live") from problem

    def server_bind(self) -> None:
        """As in the base class, without asking a name server who we are."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def _serve(self) -> None:
        self.serve_forever(poll_interval=0.1)

    @property
    def url(self) -> str:
        """Where the page is."""
        host = self.server_name
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}/{self.token}/"

    # -- news -----------------------------------------------------------------------------------------------------

    def publish(self, over: bool = False) -> None:
        """There is something new; ``over`` if it is the last."""
        with self.news:
            self.version += 1
            self.over = over
            self.news.notify_all()

    def wait_for_news(self, seen: int, page: str) -> None:
        """Return when there is something newer than ``seen``, or after :data:`HELD` seconds."""
        with self.news:
            reader = self._pages.setdefault(page, Reader(0.0))
            reader.asked, reader.waits = time.monotonic(), True
            while len(self._pages) > MOST:
                del self._pages[next(iter(self._pages))]
            self.news.wait_for(lambda: self.version > seen or self.over, HELD)

    def answered(self, page: str, *, over: bool = False) -> None:
        """A page has got what it asked for: ``over``, that the run has ended."""
        with self.news:
            if reader := self._pages.get(page):
                reader.asked, reader.waits = time.monotonic(), False
                reader.told |= over
            self.news.notify_all()

    @contextlib.contextmanager
    def taking(self, page: str) -> Iterator[None]:
        """Inside, a page is taking the report; it has it when this ends well."""
        reader = self._pages.get(page, Reader(0.0))
        reader.takes = True
        try:
            yield
            reader.fetched = True
        finally:
            with self.news:
                reader.asked, reader.takes = time.monotonic(), False
                self.news.notify_all()

    def linger(self, seconds: float, *, report: bool) -> None:
        """Wait until every open page knows of the end, and has got the report if there is one; not for long.

        Who is at the report by then gets it whole, within :data:`LONGEST`.
        """

        def done() -> bool:
            now = time.monotonic()
            pages = [page for page in self._pages.values() if page.waits or page.takes or now - page.asked < RECENT]
            return all(page.told and (page.fetched or not report) for page in pages)

        with self.news:
            self.news.wait_for(done, seconds)
            self.news.wait_for(lambda: not any(page.takes for page in self._pages.values()), LONGEST)

    # -- connections ----------------------------------------------------------------------------------------------

    def process_request(self, request: Any, client_address: Any) -> None:
        """Each connection in a thread of its own: browsers open some that they do not use for a while.

        Of too many, the oldest of those that have not given the token makes room, so that no stranger can fill the
        places of those who have.
        """
        with self._lock:
            there = [connection for connection in self._open.values() if not connection.dropped]
            if len(there) >= MOST:
                oldest = next((connection for connection in there if connection.stranger), None)
                if oldest is None:
                    self.shutdown_request(request)
                    return
                oldest.dropped = True
                _end(oldest.socket)
            thread = threading.Thread(
                target=self._answer, args=(request, client_address), name="live page, connection", daemon=True
            )
            self._open[thread] = Connection(request)
        thread.start()

    def _answer(self, request: Any, client_address: Any) -> None:
        try:
            with contextlib.suppress(Exception):  # whatever a client does is not worth a word on the terminal
                self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)
            with self._lock:
                self._open.pop(threading.current_thread(), None)

    def trust(self) -> None:
        """The connection of this thread has given the token."""
        with self._lock:
            if connection := self._open.get(threading.current_thread()):
                connection.stranger = False

    def close(self) -> None:
        """Stop listening, end what is open; nothing is left afterwards."""
        self.publish(over=True)
        self.shutdown()
        self.server_close()
        with self._lock:
            threads = dict(self._open)
        for connection in threads.values():
            _end(connection.socket)
        for thread in [*threads, self._thread]:
            thread.join(PATIENCE)


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection, one request."""

    server: Server
    timeout = PATIENCE

    def setup(self) -> None:
        """Nobody gets to fill the memory with a request that has no end."""
        super().setup()
        self.rfile: Any = Bounded(self.rfile)

    def parse_request(self) -> bool:
        """Refuse what is not a GET for us, whatever it asks for."""
        if not super().parse_request():
            return False
        if self.command != "GET":
            self._refuse(405, "only GET is answered", {"Allow": "GET"})
            return False
        if not named(self.headers.get_all("Host") or []):
            self._refuse(403, "this page is for this machine only")
            return False
        return True

    def do_GET(self) -> None:
        """Answer, if the path begins with the token."""
        parts = urlsplit(self.path)
        token, slash, name = parts.path.removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode()):
            self._refuse(404, "there is nothing here")
            return
        self.server.trust()
        query = parse_qs(parts.query)
        page = query.get("page", [""])[0][:40]
        if name == "state":
            self._state(query.get("seen", ["-1"])[0], page)
        elif not slash:
            self._send(308, b"", "text/plain", {"Location": f"/{token}/"})
        elif found := self.server.answers.get(name):
            with self.server.taking(page) if name == "report" else contextlib.nullcontext():
                self._send(200, found.body, found.kind, found.headers)
        else:
            self._refuse(404, "there is nothing here")

    def _state(self, seen: str, page: str) -> None:
        server = self.server
        known = int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 16 else -1
        if page:
            server.wait_for_news(known, page)
        over = server.over
        try:
            self._send(200, server.state(), "application/json")
        finally:
            server.answered(page, over=over)

    def _refuse(self, code: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        self._send(code, f"{text}\n".encode(), "text/plain; charset=utf-8", headers)

    def _send(self, code: int, body: bytes, kind: str, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(code)
        every = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
            "Connection": "close",
            **(headers or {}),
        }
        for name, value in every.items():
            self.send_header(name, value)
        self.end_headers()
        view = memoryview(body)
        for place in range(0, len(body), PIECE):  # the time-out is for each
            self.wfile.write(view[place : place + PIECE])

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A malformed request gets a plain answer as well."""
        self.close_connection = True
        self._refuse(code, "this cannot be understood")

    def version_string(self) -> str:
        """What we are, without the version of Python."""
        return "ampsim"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class calls it so
        """Nothing: stderr belongs to the run."""


class Bounded:
    """Lines of a request, as long as all of them are not too much. Raises ConnectionError then."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = REQUEST

    def readline(self, size: int) -> bytes:
        """The next line, or its first ``size`` bytes."""
        line: bytes = self._file.readline(min(size, self._left))
        self._left -= len(line)
        if not self._left:
            raise ConnectionError("the request is too long")
        return line

    def close(self) -> None:
        """Nothing more is read."""
        self._file.close()


def _end(connection: socket.socket) -> None:
    """Nothing more comes or goes; the thread that has it closes it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def named(hosts: list[str]) -> bool:
    """Whether a request names a loopback host. Any port will do: a tunnel (``ssh -L``) has its own."""
    if len(hosts) != 1:
        return False
    name, colon, port = hosts[0].rpartition(":") if not hosts[0].endswith("]") else (hosts[0], "", "")
    if not colon:
        name = hosts[0]
    return name.lower() in NAMES and (not colon or port.isdecimal())
