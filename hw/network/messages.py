"""Messages on shared links: next-free-time bookkeeping in integer femtoseconds, first come first served.

(With ``sharing: max_min`` all messages on a link go at once: :mod:`ampsim.hw.network.fair`.)

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
per link, and one for the delivery. :meth:`Network.run` does that for a list of transfers, ``hw.network.transport`` in
SimPy.

Ports (``hw.topology.fabric``) are the first and last links of a message between chips. They hand on what comes
through, and are handed it, as it comes, however the links behind them switch; and they are free again g after s_j at
the earliest.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush, heapreplace
from typing import NamedTuple

import numpy as np

from ampsim.engine.quiet import quiet
from ampsim.errors import RunError
from ampsim.hw.clock import FS, Pace, all_seconds, to_fs
from ampsim.hw.network.fair import Fair, carry
from ampsim.hw.network.packets import packets, stream
from ampsim.hw.system import System
from ampsim.hw.topology.fabric import Link
from ampsim.ir.message import Array

HOST = -1
_CHUNK = 6 << 16  # numbers: six a row
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

    __slots__ = ("busy", "carried", "free", "gap", "latency", "messages", "name", "number", "pace", "port")

    def __init__(self, number: int, link: Link) -> None:
        self.number = number
        self.name = link.name
        self.latency = to_fs(link.latency)
        self.pace = Pace(link.bandwidth)
        self.gap = to_fs(link.gap)
        self.port = link.port
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

    ``record=False`` leaves out the table of every hop; the totals of each link are always kept. ``fair`` is what shares
    the links if it is not done first come first served. ``plain``: every hop is as in this module's formula, without
    the words about ports.
    """

    def __init__(self, system: System, record: bool = True) -> None:
        fabric = system.fabric
        self.system = system
        self.wires = tuple(Wire(number, link) for number, link in enumerate(fabric.links))
        self._cut_through = system.switching == "cut_through"
        self._packet = system.packet_bytes
        self._routes: dict[tuple[int, int], tuple[Wire, ...]] = {}
        self._serial = 0
        self.fair = Fair(self) if system.sharing == "max_min" else None
        self._streams = bool(fabric.ports) and not self._cut_through  # ports do not store: links around them differ
        self.plain = self.fair is None and not self._streams and not any(wire.gap for wire in self.wires)
        self._rows: list[int] | None = [] if record else None  # six a row, flat: tuples would keep the collector busy
        self._chunks: list[Iterable[Array]] = []

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
            links = [arc.link for arc in self.system.paths.find(*ends)]
            if links and HOST not in (source, destination):
                ports = fabric.ports
                links = [*ports.get(source, ())[:1], *links, *ports.get(destination, ())[1:]]
            route = tuple(self.wires[link] for link in links)
            self._routes[source, destination] = route
        self._serial += 1
        transit = Transit(source, destination, nbytes, route, self._serial)
        if self.fair:
            transit.hops = len(self.fair.stages(transit))
        return transit

    def step(self, transit: Transit, now: int) -> int:
        """The head of ``transit`` has reached its next link at ``now``: reserve that link.

        Gives the time of the message's next event: its head at the following link, or, when ``transit.hop`` has
        become ``transit.hops``, its delivery. This is how links are shared first come first served; where they are
        not, ``fair`` takes its place.
        """
        wire = transit.route[transit.hop]
        transit.hop += 1
        nbytes = transit.nbytes
        start = max(now, wire.free)
        end = start + wire.pace.ticks(nbytes)
        head = start + wire.latency
        if self._cut_through:
            end = max(end, transit.tail)
        elif self._streams:
            end, head = stream(transit, wire, start, end, self._packet)
        elif self._packet is not None and nbytes > self._packet:
            end, head = packets(transit, wire, start, end, self._packet)
        else:
            head = end + wire.latency
        wire.free = max(end, start + wire.gap) if wire.gap else end
        wire.busy += end - start
        wire.carried += nbytes
        wire.messages += 1
        transit.tail = end + wire.latency
        if self._rows is not None:
            self._rows += (wire.number, start, end, nbytes, transit.source, transit.destination)
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
        if self.fair:
            return carry(self, self.fair, listed)
        with quiet(False):
            return self._in_turns(listed)

    def _in_turns(self, listed: list[Transfer]) -> list[int]:
        vertex, open_, step = self.vertex, self.open, self.step
        ends: dict[tuple[int | str, int | str], tuple[int, int]] = {}
        starts = [transfer.start for transfer in listed]
        arrivals = [0] * len(listed)
        heap: list[tuple[int, int, int, Transit]] = []
        waiting = sorted(range(len(listed)), key=starts.__getitem__)[::-1]
        while heap or waiting:
            # What starts now joins before anything happens now; all the rest stays out of the heap.
            while waiting and (not heap or starts[waiting[-1]] <= heap[0][0]):
                index = waiting.pop()
                start, source, destination, nbytes = listed[index]
                pair = ends.get((source, destination))
                if pair is None:
                    pair = ends[source, destination] = vertex(source), vertex(destination)
                transit = open_(*pair, nbytes)
                heappush(heap, (start, transit.key, index, transit))
            now, key, index, transit = heap[0]
            if transit.hop == transit.hops:
                arrivals[index] = now
                heappop(heap)
            else:
                heapreplace(heap, (step(transit, now), key, index, transit))
        return arrivals

    def write(self, wire: Wire, start: int, end: int, transit: Transit) -> None:
        """A link has carried a message: its totals, and a row of the table."""
        wire.carried += transit.nbytes
        wire.messages += 1
        if self._rows is not None:
            self._rows += (wire.number, start, end, transit.nbytes, transit.source, transit.destination)
            if len(self._rows) >= _CHUNK:
                self._flush()

    def keep(self, chunk: Iterable[Array]) -> None:
        """Rows of the table that were made elsewhere: its six columns, read when the table is asked for."""
        self._flush()
        self._chunks.append(chunk)

    def table(self) -> dict[str, Array]:
        """One row per message and link, in order of reservation; with max-min sharing, of the end of sending.

        Columns link i4, start and end f8 (seconds), bytes i8, source i4, destination i4 (-1: the host).
        """
        self._flush()
        columns = zip(*self._chunks, strict=True) if self._chunks else ([] for _ in _COLUMNS)
        return {
            name: np.concatenate(parts) if parts else np.empty(0, dtype)
            for (name, dtype), parts in zip(_COLUMNS.items(), columns, strict=True)
        }

    def _flush(self) -> None:
        """Turn the rows so far into arrays: a tenth of the memory."""
        rows = self._rows
        if not rows:
            return
        columns = [rows[at :: len(_COLUMNS)] for at in range(len(_COLUMNS))]
        rows.clear()
        chunk = []
        for column, dtype in zip(columns, _COLUMNS.values(), strict=True):
            chunk.append(_seconds(column) if dtype == "f8" else np.array(column, dtype))
        self._chunks.append(chunk)


def _seconds(times: list[int]) -> Array:
    """Femtoseconds as seconds, each the nearest float64."""
    try:
        return all_seconds(np.array(times, np.int64))
    except OverflowError:  # beyond 2.6 hours
        return np.array([time / FS for time in times])
