"""Flows over shared links, and the max-min fair rates at which they go: exact in integers."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ampsim.hw.network.messages import Transit, Wire

_SHIFT = 128  # of a byte: the unit in which rates and what is left are whole numbers


class Flow:
    """Bytes on their way over ``wires``, all at once: ``left`` at ``since``, ``rate`` from then on; None: no limit."""

    __slots__ = ("began", "item", "left", "rate", "since", "transit", "until", "wires")

    def __init__(self, transit: Transit, item: Any, nbytes: int, wires: tuple[Wire, ...], now: int) -> None:
        self.transit = transit
        self.item = item
        self.wires = wires
        self.began = self.since = now
        self.left = nbytes << _SHIFT
        self.rate: int | None = 0
        self.until: int | None = None

    def go(self, rate: int | None, now: int) -> None:
        """From now on at this rate."""
        if self.rate:
            self.left = max(self.left - self.rate * (now - self.since), 0)
        self.rate, self.since = rate, now
        self.until = now if rate is None else now + (2 * self.left + rate) // (2 * rate)


class Shares:
    """The flows that go now. What begins and ends at a time is told first, then :meth:`settle` is called."""

    def __init__(self) -> None:
        self._on: dict[Wire, dict[Flow, None]] = {}
        self._changed: dict[Flow, None] = {}  # flows that have begun, and those that shared a link with one that ended
        self._ends: list[tuple[int, int, int, Flow]] = []
        self._pushed = 0
        self._since: dict[Wire, int] = {}  # when a link that carries something began to

    def begin(self, flow: Flow, now: int) -> None:
        """One more."""
        for wire in flow.wires:
            there = self._on.setdefault(wire, {})
            if not there:
                self._since[wire] = now
            there[flow] = None
        self._changed[flow] = None

    def ended(self, now: int) -> list[Flow]:
        """The flows that end now, by the key of their message; they are on no link any more."""
        found: list[Flow] = []
        while self._ends and self._ends[0][0] <= now:
            until, _, _, flow = heappop(self._ends)
            if flow.until == until:
                flow.until = None
                found.append(flow)
        for flow in found:
            for wire in flow.wires:
                there = self._on[wire]
                del there[flow]
                if not there:
                    wire.busy += now - self._since[wire]
                self._changed.update(dict.fromkeys(there))
            self._changed.pop(flow, None)
        return found

    def settle(self, now: int) -> int | None:
        """The rates from now on; when the next flow ends, None if nothing flows."""
        if self._changed:
            flows = self._joined()
            for flow, rate in fill(flows).items():
                if flow.until is None or rate != flow.rate:
                    flow.go(rate, now)
                    if flow.until is not None:
                        self._pushed += 1
                        heappush(self._ends, (flow.until, flow.transit.key, self._pushed, flow))
            self._changed.clear()
        while self._ends and self._ends[0][0] != self._ends[0][3].until:
            heappop(self._ends)
        return self._ends[0][0] if self._ends else None

    def _joined(self) -> list[Flow]:
        """The flows that share a link with one that changed, or with one of these, and so on."""
        found = dict(self._changed)
        waiting = list(found)
        seen: set[Wire] = set()
        for flow in waiting:  # it grows
            for wire in flow.wires:
                if wire not in seen and capacity(wire) is not None:
                    seen.add(wire)
                    new = [other for other in self._on[wire] if other not in found]
                    found.update(dict.fromkeys(new))
                    waiting.extend(new)
        return waiting


def capacity(wire: Wire) -> int | None:
    """What a link carries in a femtosecond, in bytes / 2^128; None: any amount."""
    time, nbytes = wire.pace.exact
    return (nbytes << _SHIFT) // time if time else None


def fill(flows: Iterable[Flow]) -> dict[Flow, int | None]:
    """The max-min fair rate of each, in bytes / 2^128 a femtosecond; None for flows that no link limits.

    Nobody else is on their links. A link's share only grows while others are settled, so one that is out of date in the
    heap is put back with what it is now.
    """
    on: dict[Wire, list[Flow]] = {}
    rates: dict[Flow, int | None] = {}
    for flow in flows:
        rates[flow] = None
        for wire in flow.wires:
            on.setdefault(wire, []).append(flow)
    room = {wire: size for wire in on if (size := capacity(wire)) is not None}
    open_ = {wire: len(on[wire]) for wire in room}
    heap = [(room[wire] // open_[wire], wire.number, wire) for wire in room]
    heapify(heap)
    while heap:
        share, number, wire = heappop(heap)
        if not open_[wire]:
            continue
        now = room[wire] // open_[wire]
        if now != share:
            heappush(heap, (now, number, wire))
            continue
        for flow in on[wire]:
            if rates[flow] is None:
                rates[flow] = share
                for other in flow.wires:
                    if other in room:
                        room[other] -= share
                        open_[other] -= 1
    return rates
