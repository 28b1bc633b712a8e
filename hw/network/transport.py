"""The network inside SimPy: one event per link and one for the delivery of a message.

With max-min sharing an event per stage of a message (:mod:`ampsim.hw.network.fair`), and one for every time at which a
flow ends, behind all others of the network at that time.

At equal times SimPy handles events by priority. Network events get theirs from (source, serial number), behind all
ordinary events of that time: whatever is sent at one time is known before a link chooses, so that the order of
processes cannot change who goes first.

Messages of one pair are delivered in sending order. First come first served that is how they come; with max-min sharing
a short one can overtake, and then waits for those sent before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import simpy
from simpy.events import EventPriority

from ampsim.hw.network.messages import Network, Transit

if TYPE_CHECKING:
    from ampsim.hw.network.ties import Ties

AFTER_NETWORK = cast(EventPriority, 1 << 63)
"""Priority behind every network event: a process woken with it sees all that is delivered at that time."""

_LAST = cast(EventPriority, (1 << 63) - 1)  # behind every message
_FIRST = 2  # SimPy itself uses 0 (urgent) and 1 (normal)


class _Flight(simpy.Event):
    """A message in SimPy's queue; the same event is scheduled again for each link."""

    def __init__(self, env: simpy.Environment, transit: Transit, deliver: Callable[[Any], object], item: Any) -> None:
        self.env = env
        self.transit = transit
        self.deliver = deliver
        self.item = item
        self.pair = (transit.source, transit.destination)
        self.priority = cast(EventPriority, transit.key + _FIRST)
        self.there = False
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
        self._fair = network.fair
        self._tide: int | None = None  # when shares are looked at next
        self._pairs: dict[tuple[int, int], deque[_Flight]] = {}  # with max-min sharing: what is on its way, as sent
        self._callbacks: list[Callable[[Any], None]] = [self._flow if self._fair else self._advance]

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
        if self._fair:
            self._pairs.setdefault(flight.pair, deque()).append(flight)
        self.env.schedule(flight, flight.priority)

    def transfer(self, source: int, destination: int, nbytes: int) -> simpy.Event:
        """Start a message now; the event succeeds when its last byte has arrived."""
        arrived = self.env.event()
        self.send(source, destination, nbytes, arrived.succeed)
        return arrived

    def _advance(self, flight: _Flight) -> None:
        transit = flight.transit
        if transit.hop == transit.hops:
            self._deliver(flight)
            return
        now = cast(int, self.env.now)
        flight.callbacks = self._callbacks
        self.env.schedule(flight, flight.priority, self.network.step(transit, now) - now)

    def _deliver(self, flight: _Flight) -> None:
        self.in_flight -= 1
        if self.ties:
            self.ties.delivered(flight.transit)
        flight.deliver(flight.item)

    def _flow(self, flight: _Flight) -> None:
        """The next event of a message, with max-min sharing."""
        transit, now = flight.transit, cast(int, self.env.now)
        if transit.hop == transit.hops:
            flight.there = True
            self._in_order(flight.pair)
            return
        assert self._fair
        then = self._fair.enter(transit, now, flight)
        if then is None:
            self._look(now)
        else:
            self._fly(flight, then - now)

    def _fly(self, flight: _Flight, delay: int) -> None:
        flight.callbacks = self._callbacks
        self.env.schedule(flight, flight.priority, delay)

    def _in_order(self, pair: tuple[int, int]) -> None:
        """Deliver what is there and was sent before all of its pair that is not."""
        waiting = self._pairs[pair]
        while waiting and waiting[0].there:
            self._deliver(waiting.popleft())
        if not waiting and self._pairs.get(pair) is waiting:
            del self._pairs[pair]

    def _look(self, time: int) -> None:
        """Look at the shares at ``time``, behind all else."""
        now = cast(int, self.env.now)
        if self._tide is not None and now <= self._tide <= time:
            return
        self._tide = time
        event = simpy.Event(self.env)
        event._ok, event._value = True, None
        event.callbacks = [self._share]
        self.env.schedule(event, _LAST, time - now)

    def _share(self, _: simpy.Event) -> None:
        assert self._fair
        now = cast(int, self.env.now)
        if self._tide == now:
            self._tide = None
        for _transit, flight, then in self._fair.ended(now):
            self._fly(flight, then - now)
        following = self._fair.settle(now)
        if following is not None:
            self._look(following)
