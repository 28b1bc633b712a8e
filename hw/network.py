"""Messages on shared links: next-free-time bookkeeping in integer femtoseconds, first come first served.

A message of n bytes takes the links of its route one after the other. On link j (bandwidth B_j, latency a_j) whose
previous message leaves at ``free``, a message whose head arrives at h_j is sent

    from  s_j = max(h_j, free)
    until e_j = max(s_j + n / B_j, t_j)          t_j = e_(j-1) + a_(j-1): when its tail arrives here
    and its tail is at the far end at e_j + a_j; at the end of the last link it is delivered.

Cut-through:        h_(j+1) = s_j + a_j          the head goes on at once: k a + n / B in all
Store and forward:  h_(j+1) = e_j + a_j          the whole message first:  k (a + n / B)
By packets of p:    h_(j+1) = s_j + p / B_j + a_j    the first packet first:   k a + n / B + (k - 1) p / B

The term t_j keeps different bandwidths causal: no byte leaves a vertex before it came, and the message goes at the
rate of its slowest link so far. A fast link behind a slow one is therefore held as long as the slow one feeds it;
so an uncontended message takes k a + n / min B. Vertices can store any amount; a waiting message does not hold the
link behind it.

A link serves heads in order of arrival; ties go to the lower (source, serial number), the host being source -1. This
is only right if :meth:`Network.step` is called when the head arrives, in order of (time, source, serial): an event
per link, and one for the delivery. :meth:`Network.run` does that for a list of transfers, ``hw.transport`` in SimPy.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush, heapreplace
from typing import NamedTuple

import numpy as np

from ampsim.errors import RunError
from ampsim.hw.clock import FS, Pace, to_fs
from ampsim.hw.fabric import Link
from ampsim.hw.system import System
from ampsim.ir.message import Array

HOST = -1
_CHUNK = 1 << 16
_SERIALS = 44  # bits of the serial number below the source in Transit.key
_COLUMNS = {"link": "i4", "start": "f8", "end": "f8", "bytes": "i8", "source": "i4", "destination": "i4"}


class Transfer(NamedTuple):
    """``nbytes`` from chip ``source`` to chip ``destination`` (numbers or names; -1 is the host) at ``start`` (fs)."""

    start: int
    source: int | str
    destination: int | str
    nbytes: int


class Wire:
    """The state of one link: when it is free again, and what it has carried. Times in femtoseconds."""

    __slots__ = ("busy", "carried", "free", "latency", "messages", "name", "number", "pace")

    def __init__(self, number: int, link: Link) -> None:
        self.number = number
        self.name = link.name
        self.latency = to_fs(link.latency)
        self.pace = Pace(link.bandwidth)
        self.free = 0
        self.busy = 0
        self.carried = 0
        self.messages = 0


class Transit:
    """A message on its way. ``key`` orders messages at equal times: source, then serial number."""

    __slots__ = ("body", "destination", "hop", "hops", "key", "nbytes", "route", "source", "tail")

    def __init__(self, source: int, destination: int, nbytes: int, route: tuple[Wire, ...], serial: int) -> None:
        self.source = source
        self.destination = destination
        self.nbytes = nbytes
        self.route = route
        self.hop = 0
        self.hops = len(route)
        self.key = (source + 1) << _SERIALS | serial
        self.tail = 0  # when the last byte is at the vertex the head has reached
        self.body = 0  # the same for the last packet of full size


class Network:
    """The links of a system and the messages on them.

    ``record=False`` leaves out the table of every hop; the totals of each link are always kept.
    """

    def __init__(self, system: System, record: bool = True) -> None:
        fabric = system.fabric
        self.system = system
        self.wires = tuple(Wire(number, link) for number, link in enumerate(fabric.links))
        self._cut_through = system.switching == "cut_through"
        self._packet = system.packet_bytes
        self._routes: dict[tuple[int, int], tuple[Wire, ...]] = {}
        self._serial = 0
        self._rows: list[tuple[int, int, int, int, int, int]] | None = [] if record else None
        self._chunks: list[list[Array]] = []

    def vertex(self, name: int | str) -> int:
        """The number of a chip given by number or name; -1 for the host. Raises RunError."""
        fabric = self.system.fabric
        if name in (HOST, "host"):
            return HOST
        number = fabric.number.get(name, -1) if isinstance(name, str) else name
        if not 0 <= number < len(fabric.chips):
            raise RunError(f"{name!r} is no chip of system {self.system.name!r}", do="use a chip's number or name")
        return number

    def open(self, source: int, destination: int, nbytes: int) -> Transit:
        """A message that has not left ``source`` yet. From a chip to itself it has no links to take.

        Raises RunError for an unknown chip or a negative size.
        """
        if nbytes < 0:
            raise RunError(f"a message of {nbytes} bytes is impossible", do="check the sizes that are sent")
        route = self._routes.get((source, destination))
        if route is None:
            fabric = self.system.fabric
            ends = [fabric.host if self.vertex(end) == HOST else end for end in (source, destination)]
            route = tuple(self.wires[arc.link] for arc in self.system.paths.find(*ends))
            self._routes[source, destination] = route
        self._serial += 1
        return Transit(source, destination, nbytes, route, self._serial)

    def step(self, transit: Transit, now: int) -> int:
        """The head of ``transit`` has reached its next link at ``now``: reserve that link.

        Gives the time of the message's next event: its head at the following link, or, when ``transit.hop`` has
        become ``transit.hops``, its delivery.
        """
        wire = transit.route[transit.hop]
        transit.hop += 1
        nbytes = transit.nbytes
        start = max(now, wire.free)
        end = start + wire.pace.ticks(nbytes)
        head = start + wire.latency
        if self._cut_through:
            end = max(end, transit.tail)
        elif self._packet is not None and nbytes > self._packet:
            end, head = self._packets(transit, wire, start, end, self._packet)
        else:
            head = end + wire.latency
        wire.free = end
        wire.busy += end - start
        wire.carried += nbytes
        wire.messages += 1
        transit.tail = end + wire.latency
        if self._rows is not None:
            self._rows.append((wire.number, start, end, nbytes, transit.source, transit.destination))
            if len(self._rows) >= _CHUNK:
                self._flush()
        return transit.tail if transit.hop == transit.hops else head

    def run(self, transfers: Iterable[Transfer]) -> list[int]:
        """Carry all transfers; gives their delivery times (fs) in the order of ``transfers``.

        Serial numbers go by start, then by the order of ``transfers``. Raises RunError.
        """
        listed = list(transfers)
        for transfer in listed:
            if transfer.start < 0:
                raise RunError(f"a transfer cannot start at {transfer.start} fs", do="give a time from 0")
        vertex = self.vertex
        arrivals = [0] * len(listed)
        heap: list[tuple[int, int, int, Transit]] = []
        waiting = sorted(range(len(listed)), key=lambda index: listed[index].start)[::-1]
        while heap or waiting:
            # What starts now joins before anything happens now; all the rest stays out of the heap.
            while waiting and (not heap or listed[waiting[-1]].start <= heap[0][0]):
                index = waiting.pop()
                start, source, destination, nbytes = listed[index]
                transit = self.open(vertex(source), vertex(destination), nbytes)
                heappush(heap, (start, transit.key, index, transit))
            now, key, index, transit = heap[0]
            if transit.hop == transit.hops:
                arrivals[index] = now
                heappop(heap)
            else:
                heapreplace(heap, (self.step(transit, now), key, index, transit))
        return arrivals

    def table(self) -> dict[str, Array]:
        """One row per message and link, in order of reservation.

        Columns link i4, start and end f8 (seconds), bytes i8, source i4, destination i4 (-1: the host).
        """
        self._flush()
        columns = zip(*self._chunks, strict=True) if self._chunks else ([] for _ in _COLUMNS)
        return {
            name: np.concatenate(parts) if parts else np.empty(0, dtype)
            for (name, dtype), parts in zip(_COLUMNS.items(), columns, strict=True)
        }

    def _packets(self, transit: Transit, wire: Wire, start: int, end: int, packet: int) -> tuple[int, int]:
        """End of sending, and head at the next link, of a message of several packets of which the last may be short.

        Beside the tail, the last packet of full size (``body``) is followed: on a faster link it may come so late
        that a short last packet has to wait for it.
        """
        ticks = wire.pace.ticks
        last = transit.nbytes % packet or packet
        full, short = ticks(packet), ticks(last)
        body = transit.body + full
        end = max(end, body + short, transit.tail + short)
        transit.body = max(body, start + ticks(transit.nbytes - last)) + wire.latency
        return end, start + full + wire.latency

    def _flush(self) -> None:
        """Turn the rows so far into arrays: a tenth of the memory."""
        if not self._rows:
            return
        link, start, end, nbytes, source, destination = zip(*self._rows, strict=True)
        seconds = [[time / FS for time in times] for times in (start, end)]
        columns = (link, *seconds, nbytes, source, destination)
        pairs = zip(columns, _COLUMNS.values(), strict=True)
        self._chunks.append([np.array(column, dtype) for column, dtype in pairs])
        self._rows.clear()
