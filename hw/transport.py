"""The network inside SimPy: one event per link and one for the delivery of a message.

At equal times SimPy handles events by priority. Network events get theirs from (source, serial number), behind all
ordinary events of that time: whatever is sent at one time is known before a link chooses, so that the order of
processes cannot change who goes first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import simpy
from simpy.events import EventPriority

from ampsim.hw.network import Network, Transit

if TYPE_CHECKING:
    from ampsim.hw.ties import Ties

AFTER_NETWORK = cast(EventPriority, 1 << 63)
"""Priority behind every network event: a process woken with it sees all that is delivered at that time."""

_FIRST = 2  # SimPy itself uses 0 (urgent) and 1 (normal)


class _Flight(simpy.Event):
    """A message in SimPy's queue; the same event is scheduled again for each link."""

    def __init__(self, env: simpy.Environment, transit: Transit, deliver: Callable[[Any], object], item: Any) -> None:
        self.env = env
        self.transit = transit
        self.deliver = deliver
        self.item = item
        self.priority = cast(EventPriority, transit.key + _FIRST)
        self._ok = True
        self._value = None


class Transport:
    """Sends over ``network`` in the integer femtoseconds of ``env``.

    Messages that reach a link at the same time go by source, or, with ``ties``, in an order that is drawn.
    """

    def __init__(self, env: simpy.Environment, network: Network, ties: Ties | None = None) -> None:
        self.env = env
        self.network = network
        self.ties = ties
        self.in_flight = 0
        self._callbacks: list[Callable[[Any], None]] = [self._advance]

    def send(
        self, source: int, destination: int, nbytes: int, deliver: Callable[[Any], object], item: Any = None
    ) -> None:
        """Start a message now; ``deliver(item)`` is called when its last byte has arrived. -1 is the host."""
        transit = self.network.open(source, destination, nbytes)
        if self.ties:
            self.ties.sent(transit)
        flight = _Flight(self.env, transit, deliver, item)
        flight.callbacks = self._callbacks
        self.in_flight += 1
        self.env.schedule(flight, flight.priority)

    def transfer(self, source: int, destination: int, nbytes: int) -> simpy.Event:
        """Start a message now; the event succeeds when its last byte has arrived."""
        arrived = self.env.event()
        self.send(source, destination, nbytes, arrived.succeed)
        return arrived

    def _advance(self, flight: _Flight) -> None:
        transit = flight.transit
        if transit.hop == transit.hops:
            self.in_flight -= 1
            if self.ties:
                self.ties.delivered(transit)
            flight.deliver(flight.item)
            return
        now = cast(int, self.env.now)
        flight.callbacks = self._callbacks
        self.env.schedule(flight, flight.priority, self.network.step(transit, now) - now)
