"""All rings of a run in one memfd, and an eventfd per endpoint to wake it.

A memfd has no name: nobody else can open it, and nothing is left behind when its processes die. Its size is allocated
before it is mapped, since a mapping larger than the memory there is ends a process by SIGBUS at its first write.
"""

from __future__ import annotations

import os
import platform
import select
import time
from collections.abc import Callable
from contextlib import suppress
from mmap import MAP_POPULATE, MAP_SHARED, PROT_READ, PROT_WRITE, mmap
from typing import NamedTuple, Self

from ampsim.runtime.descriptor import Descriptor
from ampsim.runtime.endpoint import SPIN, Endpoint, naps
from ampsim.runtime.memory import allocate
from ampsim.runtime.packet import Message, Packet, Statistics
from ampsim.runtime.pipes import PipeMesh
from ampsim.runtime.ring import LINE, RingReader, RingWriter, ring_bytes

_FLAG = 2 * LINE  # bytes between the sleep flags of two endpoints
_PAGE = 4096
# Looks at the rings before the processor is given away: many where nobody else wants it, few where the very process
# that is to answer may be waiting for it. Which it is shows in the time until it comes back, in nanoseconds.
_ALONE, _CROWDED = 16, 2
_AWAY = 2000


class Layout(NamedTuple):
    """Where things are: sleep flags first, then a ring per ordered pair, those of the controller last."""

    workers: int
    capacity: int
    controller_capacity: int

    def ring(self, source: int, destination: int) -> tuple[int, int]:
        """Base and capacity of the ring from one endpoint to another."""
        workers, controller = self.workers, self.workers
        flags = -(-(workers + 1) * _FLAG // _PAGE) * _PAGE
        between = workers * (workers - 1)
        if controller not in (source, destination):
            number = source * (workers - 1) + destination - (destination > source)
            return flags + number * ring_bytes(self.capacity), self.capacity
        number = source if destination == controller else workers + destination
        base = flags + between * ring_bytes(self.capacity) + number * ring_bytes(self.controller_capacity)
        return base, self.controller_capacity

    @property
    def size(self) -> int:
        """Bytes in all."""
        base, capacity = self.ring(self.workers, self.workers - 1)
        return base + ring_bytes(capacity)


class RingTicket(NamedTuple):
    """What a process needs to open its endpoint; may be an argument of the process."""

    worker: int
    layout: Layout
    memory: Descriptor
    wakes: tuple[Descriptor, ...]

    def open(self, spin: float = SPIN) -> RingEndpoint:
        """The endpoint, in the process that owns it; takes the descriptors over."""
        return RingEndpoint(self.worker, self.layout, self.memory.fd, [wake.fd for wake in self.wakes], spin)


class RingMesh:
    """The creator's side: makes the memory, hands out tickets, has the controller's endpoint."""

    def __init__(self, workers: int, capacity: int, controller_capacity: int = 1 << 16) -> None:
        self.workers = workers
        self.layout = Layout(workers, capacity, controller_capacity)
        self._memory = allocate("ampsim-rings", self.layout.size, f"{workers * (workers + 1)} channels between workers")
        self._wakes: list[int] = []
        self.controller: Endpoint
        try:
            self._wakes = [os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK) for _ in range(workers + 1)]
            self.controller = self._open(workers)
        except BaseException:
            self._drop()
            raise

    def ticket(self, worker: int) -> RingTicket:
        """The worker's part, to be passed as an argument of its process."""
        return RingTicket(worker, self.layout, Descriptor(self._memory), tuple(map(Descriptor, self._wakes)))

    def endpoint(self, worker: int, spin: float = SPIN) -> RingEndpoint:
        """A worker's endpoint in this very process, as tests and threads want it."""
        return self._open(worker, spin)

    def close(self) -> None:
        """Give everything of this process back."""
        self.controller.close()
        self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, index: int, spin: float = 0.0) -> RingEndpoint:
        return RingEndpoint(index, self.layout, os.dup(self._memory), [os.dup(wake) for wake in self._wakes], spin)

    def _drop(self) -> None:
        if self._memory >= 0:
            for fd in (self._memory, *self._wakes):
                os.close(fd)
            self._memory, self._wakes = -1, []


class _Out:
    """One destination: its ring, its sleep flag (a word's index) and the eventfd that wakes it."""

    __slots__ = ("flag", "try_write", "wake", "writer")

    def __init__(self, writer: RingWriter, flag: int, wake: int) -> None:
        self.writer, self.flag, self.wake = writer, flag, wake
        self.try_write: Callable[[Packet], bool] = writer.try_write


class RingEndpoint(Endpoint):
    """An endpoint over shared memory. ``spin``: seconds of yielding in :meth:`wait` before it sleeps."""

    def __init__(self, index: int, layout: Layout, memory: int, wakes: list[int], spin: float) -> None:
        super().__init__(index, layout.workers + 1)
        self._wakes = wakes
        self._spin = int(spin * 1e9)
        self._looks = _CROWDED
        try:
            self._map = mmap(memory, layout.size, MAP_SHARED | MAP_POPULATE, PROT_READ | PROT_WRITE)
        finally:
            os.close(memory)
        self._words = words = memoryview(self._map).cast("Q")
        flag = _FLAG >> 3
        self._flag = index * flag
        others = [other for other in range(self.size) if other != index]
        self._out = {
            other: _Out(RingWriter(self._map, words, *layout.ring(index, other)), other * flag, wakes[other])
            for other in others
        }
        readers = [(other, RingReader(self._map, words, *layout.ring(other, index))) for other in others]
        self._in = [(other, reader.head, reader) for other, reader in readers]
        self._poll = select.poll()
        self._poll.register(wakes[index], select.POLLIN)

    def send(self, destination: int, message: Packet) -> None:
        self._sent_messages += 1
        self._sent_bytes += message[1]
        out = self._out[destination]
        if destination not in self._outbox:
            if out.try_write(message):
                if self._words[out.flag]:
                    os.eventfd_write(out.wake, 1)
                return
            out.writer.set_hungry(True)
        self._queue(destination, message)
        self.pump()

    def pump(self) -> bool:
        if not self._outbox:
            return True
        for destination, queue in list(self._outbox.items()):
            out = self._out[destination]
            before = out.writer.published
            while queue and out.try_write(queue[0]):
                self._outbox_bytes -= queue.popleft()[1]
            if not queue:
                out.writer.set_hungry(False)
                del self._outbox[destination]
            if out.writer.published != before:
                self._wake(out)
        return not self._outbox

    def receive(self) -> list[tuple[int, Message]]:
        words = self._words
        found: list[tuple[int, Message]] = []
        for source, head, reader in self._in:
            if words[head] != reader.tail:
                reader.drain(found, source)
                if words[reader.hungry]:
                    self._wake(self._out[source])
        self._received_messages += len(found)
        return found

    def statistics(self) -> Statistics:
        self._received_bytes = sum(reader.bytes for _, _, reader in self._in)
        return super().statistics()

    def _wake(self, out: _Out) -> None:
        if self._words[out.flag]:
            os.eventfd_write(out.wake, 1)

    def _work(self) -> bool:
        """Whether there is a message. A look at the rings, nothing taken."""
        words = self._words
        return any(words[head] != reader.tail for _, head, reader in self._in)

    def wait(self, timeout: float | None = None) -> bool:
        words, rings, clock = self._words, self._in, time.monotonic_ns
        start = 0
        while True:
            for _ in range(self._looks):
                for _, head, reader in rings:
                    if words[head] != reader.tail:
                        return True
            if timeout == 0:
                return False
            if self._outbox:
                self.pump()
            before = clock()
            os.sched_yield()
            now = clock()
            self._looks = _ALONE if now - before < _AWAY else _CROWDED
            start = start or before
            if now - start >= self._spin or (timeout is not None and now - start >= timeout * 1e9):
                break
        return self._sleep(timeout if timeout is None else timeout - (now - start) / 1e9)

    def _sleep(self, timeout: float | None) -> bool:
        for nap in naps(timeout):
            if self.arm():
                self._poll.poll(nap * 1000)
            self.disarm()
            self.pump()
            if self._work():
                return True
        return self._work()

    def fileno(self) -> int:
        return self._wakes[self.index]

    def arm(self) -> bool:
        self._words[self._flag] = 1
        os.sched_yield()  # a call into the kernel: it also drains our store buffer before we look
        if self._work() or any(self._out[waiting].writer.has_room() for waiting in self._outbox):
            self._words[self._flag] = 0
            return False
        return True

    def disarm(self) -> None:
        self._words[self._flag] = 0
        with suppress(BlockingIOError):
            os.eventfd_read(self._wakes[self.index])

    def close(self) -> None:
        if self._wakes:
            for fd in self._wakes:
                os.close(fd)
            self._wakes, self._out, self._in = [], {}, []
            self._words.release()
            self._map.close()


def make_mesh(workers: int, capacity: int | None = None, rings: bool | None = None) -> RingMesh | PipeMesh:
    """The channels of a run, by the best means this machine has: rings on x86, sockets elsewhere.

    ``capacity``: bytes of a ring between two workers. It should hold several of the largest parcels: what does not fit
    waits until the sender is between two tasks. By default the rings share 64 MiB, 16 MiB each at most: with 4 MiB,
    graph networks of 16 molecules' minibatches in flight took 2.4 to 3.5 times as long.
    Raises RunError where the memory is not there.
    """
    if rings is None:
        rings = platform.machine() in ("x86_64", "AMD64")
    if not rings:
        return PipeMesh(workers)
    if capacity is None:
        capacity = min(1 << 24, max(1 << 16, (1 << 26) // max(1, workers * (workers - 1)) // _PAGE * _PAGE))
    return RingMesh(workers, -(-capacity // LINE) * LINE)
