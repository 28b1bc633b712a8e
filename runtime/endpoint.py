"""What every channel offers a worker and the controller, whatever carries the bytes.

A mesh joins the endpoints of ``workers`` worker processes, numbered from 0, and of the controller, which is number
``workers``. Between two endpoints messages arrive whole, once, and in the order they were sent.

Sending never blocks. What the channel has no room for waits in an outbox, one queue per destination, and leaves with
later calls of :meth:`Endpoint.pump` and :meth:`Endpoint.wait`. With bounded channels and blocking sends two neighbours
of a pipeline, one sending forward and one backward, would soon wait for one another for ever; memory is bounded by the
number of instances admitted instead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from typing import Self

from ampsim.runtime.packet import Message, Packet, Statistics

SPIN = 0.003  # seconds of yielding before a worker sleeps: waking it takes some 25 us, a yield 0.5
SPIN_CROWDED = 0.0003  # with more workers than cores: who yields counts as at work, and others are kept off its core


class Endpoint(ABC):
    """One process's end of a mesh."""

    def __init__(self, index: int, size: int) -> None:
        self.index = index
        self.size = size
        self._outbox: dict[int, deque[Packet]] = {}  # destinations that wait, only
        self._outbox_bytes = self._outbox_high = self._blocked = 0
        self._sent_messages = self._sent_bytes = self._received_messages = self._received_bytes = 0

    # -- messages ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def send(self, destination: int, message: Packet) -> None:
        """Send a message to another endpoint; returns at once, whether it could leave or waits in the outbox."""

    @abstractmethod
    def receive(self) -> list[tuple[int, Message]]:
        """All messages that are here, as (source, message); may be empty."""

    @abstractmethod
    def pump(self) -> bool:
        """Push on what waits in the outbox. True if nothing waits any more."""

    # -- waiting ----------------------------------------------------------------------------------------------------

    @abstractmethod
    def wait(self, timeout: float | None = None) -> bool:
        """Until something has come (True) or ``timeout`` seconds have passed (False); 0 is a single look.

        Spins for a few milliseconds, then sleeps; pumps the outbox meanwhile. What has come may be a part of a message
        that is not whole yet: then :meth:`receive` is empty and the next wait goes on.
        """

    @abstractmethod
    def fileno(self) -> int:
        """A descriptor that becomes readable when a sleeping endpoint is woken; see :meth:`arm`."""

    @abstractmethod
    def arm(self) -> bool:
        """Before sleeping on :meth:`fileno`: ask to be woken. False, and nothing asked, if there is work already.

        Work is a message here or, for a waiting outbox, room in its channel. A wake-up may be missed where the other
        side's store passed ours; so look again after a millisecond at most, and then every 50 (:func:`naps`).
        """

    @abstractmethod
    def disarm(self) -> None:
        """After sleeping: no more wake-ups."""

    # -- the rest ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def close(self) -> None:
        """Give the descriptors and the mapping of this process back. Twice is no error."""

    def statistics(self) -> Statistics:
        """What passed so far."""
        return Statistics(
            self._sent_messages,
            self._sent_bytes,
            self._received_messages,
            self._received_bytes,
            self._blocked,
            sum(map(len, self._outbox.values())),
            self._outbox_bytes,
            self._outbox_high,
        )

    @property
    def outbox_bytes(self) -> int:
        """Bytes that wait to be sent, now."""
        return self._outbox_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _queue(self, destination: int, message: Packet) -> None:
        """Keep what has no room."""
        self._outbox.setdefault(destination, deque()).append(message)
        self._blocked += 1
        self._outbox_bytes += message[1]
        self._outbox_high = max(self._outbox_high, self._outbox_bytes)


def naps(timeout: float | None) -> Iterator[float]:
    """How long to sleep each time, in seconds, where a wake-up may be missed; ends when ``timeout`` is used up.

    A store waits in a processor's store buffer for nanoseconds. Whoever looks again after a millisecond therefore sees
    all that was sent before it said that it sleeps; later senders see the flag. The 50 ms after that only bound what a
    mistake in this reasoning could cost.
    """
    left = float("inf") if timeout is None else timeout
    nap = 0.001
    while left > 0:
        yield min(nap, left)
        left -= nap
        nap = 0.05
