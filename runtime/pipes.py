"""The mesh for processors whose stores may overtake one another: a pair of sockets between any two endpoints.

Slower than rings by some ten times and the same to its users; the contract tests run over both. The kernel carries the
bytes, and an epoll descriptor stands for all sockets of an endpoint.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from typing import NamedTuple, Self

from ampsim.errors import RunError
from ampsim.runtime.descriptor import Descriptor
from ampsim.runtime.endpoint import Endpoint
from ampsim.runtime.packet import Message, Packet

_length = struct.Struct("<Q")
_TAKE = 1 << 18  # bytes from one source in one call: a fast writer must not keep the reader there
_FRAGMENTS = 64  # in one call; the kernel takes 1024


class PipeTicket(NamedTuple):
    """What a process needs to open its endpoint; may be an argument of the process."""

    worker: int
    endpoints: int
    sockets: dict[int, Descriptor]

    def open(self, spin: float = 0.0) -> PipeEndpoint:
        """The endpoint, in the process that owns it; takes the descriptors over. Sockets never spin."""
        return PipeEndpoint(self.worker, self.endpoints, {other: each.fd for other, each in self.sockets.items()})


class PipeMesh:
    """The creator's side: makes the sockets, hands out tickets, has the controller's endpoint."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._ends: dict[tuple[int, int], socket.socket] = {}
        self.controller: Endpoint
        try:
            for one in range(workers + 1):
                for other in range(one):
                    self._ends[one, other], self._ends[other, one] = socket.socketpair()
            self.controller = self.endpoint(workers)
        except BaseException:
            self._drop()
            raise

    def ticket(self, worker: int) -> PipeTicket:
        """The worker's part, to be passed as an argument of its process."""
        return PipeTicket(
            worker,
            self.workers + 1,
            {other: Descriptor(end.fileno()) for (one, other), end in self._ends.items() if one == worker},
        )

    def endpoint(self, worker: int, spin: float = 0.0) -> PipeEndpoint:
        """A worker's endpoint in this very process, as tests and threads want it."""
        sockets = {other: os.dup(end.fileno()) for (one, other), end in self._ends.items() if one == worker}
        return PipeEndpoint(worker, self.workers + 1, sockets)

    def close(self) -> None:
        """Give everything of this process back."""
        self.controller.close()
        self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _drop(self) -> None:
        for end in self._ends.values():
            end.close()
        self._ends = {}


class _Link:
    """One end of a pair: what has been read of the next message, and what is left of the one being written."""

    __slots__ = ("buffer", "ended", "filled", "head", "left", "socket")

    def __init__(self, fd: int) -> None:
        self.socket = socket.socket(fileno=fd)
        self.socket.setblocking(False)
        self.head = bytearray(_length.size)
        self.buffer: bytearray | None = None
        self.filled = 0  # bytes of the head, then of the message
        self.ended = False
        self.left: list[memoryview] = []

    def write(self, message: Packet | None) -> bool:
        """Begin a message, or go on with the last one; True when it is out."""
        if message is not None:
            self.left = [memoryview(_length.pack(message[1]))]
            self.left += [memoryview(each).cast("B") for each in message[0]]
        while self.left:
            try:
                written = self.socket.sendmsg(self.left[:_FRAGMENTS])
            except BlockingIOError:
                return False
            except (BrokenPipeError, ConnectionResetError):
                self.left = []  # the other side is gone: its death is told by its sentinel, not here
                return True
            while self.left and written >= self.left[0].nbytes:
                written -= self.left.pop(0).nbytes
            if written:
                self.left[0] = self.left[0][written:]
        return True

    def read(self) -> memoryview | None:
        """The next message if all of it is here. ``ended`` is set when no more will ever come."""
        try:
            if self.buffer is None:
                if not self._fill(self.head):
                    return None
                self.buffer = bytearray(_length.unpack(self.head)[0])
                self.filled = 0
            if not self._fill(self.buffer):
                return None
        except (BlockingIOError, ConnectionResetError):
            return None
        except (MemoryError, OverflowError) as error:
            raise RunError("a message between workers does not fit the memory") from error
        message, self.buffer = self.buffer, None
        self.filled = 0
        return memoryview(message).toreadonly()

    def _fill(self, buffer: bytearray) -> bool:
        while self.filled < len(buffer):
            read = self.socket.recv_into(memoryview(buffer)[self.filled :])
            if not read:
                self.ended = True
                return False
            self.filled += read
        return True


class PipeEndpoint(Endpoint):
    """An endpoint over sockets."""

    def __init__(self, index: int, size: int, sockets: dict[int, int]) -> None:
        super().__init__(index, size)
        self._links = {other: _Link(fd) for other, fd in sockets.items()}
        self._sources = {link.socket.fileno(): other for other, link in self._links.items()}
        self._ready = select.epoll()
        for fd in self._sources:
            self._ready.register(fd, select.EPOLLIN)

    def send(self, destination: int, message: Packet) -> None:
        self._sent_messages += 1
        self._sent_bytes += message[1]
        link = self._links[destination]
        if destination not in self._outbox:
            if link.write(message):
                return
            self._watch(link, select.EPOLLIN | select.EPOLLOUT)
        self._queue(destination, message)

    def pump(self) -> bool:
        for destination, queue in list(self._outbox.items()):
            link = self._links[destination]
            while queue and link.write(None if link.left else queue[0]):
                self._outbox_bytes -= queue.popleft()[1]
            if not queue:
                del self._outbox[destination]
                self._watch(link, select.EPOLLIN)
        return not self._outbox

    def receive(self) -> list[tuple[int, Message]]:
        found: list[tuple[int, Message]] = []
        for fd, _ in self._ready.poll(0):
            source = self._sources[fd]
            link = self._links[source]
            taken = 0
            while taken < _TAKE and (message := link.read()) is not None:
                taken += max(_length.size, len(message))
                self._received_messages += 1
                self._received_bytes += len(message)
                found.append((source, message))
            if link.ended:
                self._ready.unregister(fd)
        return found

    def wait(self, timeout: float | None = None) -> bool:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            events = self._ready.poll(left)
            if any(event & ~select.EPOLLOUT for _, event in events):
                return True
            if events:
                self.pump()
            elif left is not None and left <= 0:
                return False

    def fileno(self) -> int:
        return self._ready.fileno()

    def arm(self) -> bool:
        return not self._ready.poll(0)

    def disarm(self) -> None:
        """Nothing to do: the kernel keeps no flag."""

    def close(self) -> None:
        for link in self._links.values():
            link.socket.close()
        self._ready.close()

    def _watch(self, link: _Link, events: int) -> None:
        if not link.ended:
            self._ready.modify(link.socket.fileno(), events)
