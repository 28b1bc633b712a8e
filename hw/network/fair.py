"""Max-min fair links: all messages on a link go at once, each as fast as the others leave room for.

A message that has bytes to send is a *flow*. A flow takes all links of its route at once, at one rate. Rates are
max-min fair: none can be raised without lowering one that is not higher. They are found by filling: the link that
leaves the least to each of its flows gives them that, they are settled, and so on with what is left (Bertsekas and
Gallager, Data Networks, 6.5.2). They change when a flow begins or ends, and only for flows that are joined to it by
shared links.

    alone        sum of latencies + n / min B                           as first come first served
    packets      + sum of p / B_j over the links but the slowest        the pipeline of packets fills at full rate
    stored       a flow for each link, one after the other

Rates are whole numbers of bytes / 2^128 in a femtosecond, rounded down (by less than 3e-24 B/s); what is left of a flow
is exact in these. A flow ends at the nearest femtosecond (half up), so that alone it takes as long as in turns.

A port with an overhead or a gap lets messages through one at a time, before the first flow and behind the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple

from ampsim.hw.network.shares import Flow, Shares

if TYPE_CHECKING:
    from ampsim.hw.network.messages import Network, Transfer, Transit, Wire


class Gate(NamedTuple):
    """A port that takes its time for each message."""

    wire: Wire


class Reach(NamedTuple):
    """Links that a flow takes together; its last byte is at their end ``latency`` fs after it was sent."""

    wires: tuple[Wire, ...]
    latency: int


Stage = Gate | Reach


class Fair:
    """Who is on the way in a network. A message goes through its stages; ``Transit.hop`` is the next of them.

    At every time at which something happens: :meth:`ended`, :meth:`enter` for each message that has come to a stage (in
    order of ``Transit.key``), and at last :meth:`settle`.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._shares = Shares()
        self._known: dict[tuple[tuple[Wire, ...], bool], tuple[Stage, ...]] = {}

    def stages(self, transit: Transit) -> tuple[Stage, ...]:
        """What a message has to pass."""
        system = self._network.system
        packet = system.packet_bytes
        whole = system.switching == "store_and_forward" and (packet is None or transit.nbytes <= packet)
        key = (transit.route, whole)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = tuple(_stages(transit.route, whole, packet))
        return known

    def enter(self, transit: Transit, now: int, item: Any = None) -> int | None:
        """A message has come to its next stage: when it comes to the one behind, or None if a flow has begun."""
        stage = self.stages(transit)[transit.hop]
        if isinstance(stage, Gate):
            wire = stage.wire
            start = max(now, wire.free)
            wire.free = start + wire.gap
            transit.hop += 1
            return start + wire.latency
        if not transit.nbytes:
            self._leave(transit, stage, now, now)
            return now + stage.latency
        self._shares.begin(Flow(transit, item, transit.nbytes, stage.wires, now), now)
        return None

    def ended(self, now: int) -> list[tuple[Transit, Any, int]]:
        """The messages whose flow ends now, by key: each with its item, and when it comes to the stage behind."""
        found = []
        for flow in self._shares.ended(now):
            stage = self.stages(flow.transit)[flow.transit.hop]
            assert isinstance(stage, Reach)
            self._leave(flow.transit, stage, flow.began, now)
            found.append((flow.transit, flow.item, now + stage.latency))
        return found

    def settle(self, now: int) -> int | None:
        """Share anew after all that has happened now; when the next flow ends, if there is one."""
        return self._shares.settle(now)

    def _leave(self, transit: Transit, stage: Reach, start: int, end: int) -> None:
        """All is sent. In the table a flow is on a link from when its head can be there."""
        transit.hop += 1
        before = 0
        for wire in stage.wires:
            self._network.write(wire, start + before, end + before, transit)
            before += 0 if wire.port else wire.latency


def carry(network: Network, fair: Fair, listed: Sequence[Transfer]) -> list[int]:
    """``Network.run`` for max-min sharing: carry all transfers; gives when all bytes of each are there (fs)."""
    vertex = network.vertex
    arrivals = [0] * len(listed)
    heap: list[tuple[int, int, int, Transit]] = []
    waiting = sorted(range(len(listed)), key=lambda index: listed[index].start)[::-1]
    ending: int | None = None
    while heap or waiting or ending is not None:
        soonest = [heap[0][0]] if heap else []
        soonest += [listed[waiting[-1]].start] if waiting else []
        now = min(soonest if ending is None else [*soonest, ending])
        while waiting and listed[waiting[-1]].start == now:
            index = waiting.pop()
            _, source, destination, nbytes = listed[index]
            transit = network.open(vertex(source), vertex(destination), nbytes)
            heappush(heap, (now, transit.key, index, transit))
        for transit, index, then in fair.ended(now):
            heappush(heap, (then, transit.key, index, transit))
        while heap and heap[0][0] == now:
            _, key, index, transit = heappop(heap)
            if transit.hop == transit.hops:
                arrivals[index] = now
                continue
            after = fair.enter(transit, now, index)
            if after is not None:
                heappush(heap, (after, key, index, transit))
        ending = fair.settle(now)
    return arrivals


def _stages(route: tuple[Wire, ...], whole: bool, packet: int | None) -> Iterable[Stage]:
    """``whole``: stored as a whole at every vertex, so that it is on one link at a time; ports do not store."""
    if not route:
        return
    cut = [at for at in range(1, len(route)) if whole and not route[at].port and not route[at - 1].port]
    if route[0].gap:
        yield Gate(route[0])
    for first, last in zip([0, *cut], [*cut, len(route)], strict=True):
        wires = route[first:last]
        fill = [wire.pace.ticks(packet) for wire in wires if not wire.port] if packet and not whole else [0]
        yield Reach(wires, sum(wire.latency for wire in wires if not wire.port) + sum(fill) - max(fill))
    if route[-1].gap:
        yield Gate(route[-1])
