"""Collectives and transfers event by event: any traffic, on links that anyone may share.

Events are kept by time, all of one time together: first what is delivered then, so that all that is sent at that time
is known; then the heads that wait for a link, in the order of the network (source, serial number).
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from operator import itemgetter

from ampsim.errors import RunError
from ampsim.hw.collectives.flow import Flow
from ampsim.hw.network.messages import Network, Transfer, Transit

Event = tuple[int, Transit, int, int, int]
"""The key of a message, the message, and what its delivery means: flow, round and rank; of a transfer -1, 0, number."""


def event_by_event(network: Network, flows: Sequence[Flow], transfers: Sequence[Transfer]) -> list[int]:
    """Carry all to their end; gives the arrivals of the transfers (fs). Raises RunError for an impossible transfer."""
    events = _Events(network, flows, transfers)
    events.run()
    return events.arrivals


class _Events:
    """What happens when."""

    def __init__(self, network: Network, flows: Sequence[Flow], transfers: Sequence[Transfer]) -> None:
        self._network = network
        self._flows = flows
        self.arrivals = [0] * len(transfers)
        self._times: list[int] = []
        self._at: dict[int, tuple[list[Event], list[Event]]] = {}
        starts = [(start.start, -1, number) for number, start in enumerate(transfers)]
        starts += [(time, number, rank) for number, flow in enumerate(flows) for rank, time in enumerate(flow.times)]
        self._starts = sorted(starts, key=itemgetter(0))[::-1]  # taken from the end, equal times in the given order
        self._transfers = transfers
        self._ends: dict[tuple[int | str, int | str], tuple[int, int]] = {}

    def run(self) -> None:
        """To the end."""
        times, at, starts = self._times, self._at, self._starts
        while times or starts:
            if starts and (not times or starts[-1][0] <= times[0]):
                now = starts[-1][0]
                deliveries, heads = self._events(now)
                while starts and starts[-1][0] == now:
                    _, number, index = starts.pop()
                    self._start(number, index, now, deliveries, heads)
            now = heappop(times)
            self._happen(now, *at[now])
            del at[now]

    def _happen(self, now: int, deliveries: list[Event], heads: list[Event]) -> None:
        """All of one time. A head may bring further events of the same time, on links without latency."""
        flows, arrivals, times, at, step = self._flows, self.arrivals, self._times, self._at, self._network.step
        while deliveries or heads:
            for _, _, number, turn, index in deliveries:  # it grows when ranks share a chip
                if number < 0:
                    arrivals[index] = now
                    continue
                flow = flows[number]
                if flow.at[index] != turn:
                    flow.early[index, turn] = flow.early.get((index, turn), 0) + 1
                elif flow.missing[index] > 1:
                    flow.missing[index] -= 1
                else:
                    self._enter(number, index, turn + 1, now, deliveries, heads)
            deliveries.clear()
            heads.sort(reverse=True)
            while heads:
                event = heads.pop()
                transit = event[1]
                then = step(transit, now)
                last = transit.hop == transit.hops
                bucket = at.get(then)
                if bucket is None:
                    at[then] = ([event], []) if last else ([], [event])
                    heappush(times, then)
                elif last:
                    bucket[0].append(event)
                else:
                    bucket[1].append(event)
                if then == now:
                    break

    def _enter(self, number: int, rank: int, turn: int, now: int, deliveries: list[Event], heads: list[Event]) -> None:
        """A rank enters round ``turn``, and goes on as long as nothing is missing."""
        flow, open_ = self._flows[number], self._network.open
        chips = flow.chips
        source = chips[rank]
        while turn < flow.rounds:
            sends, wants = flow.plans[turn] or flow.plan(turn)
            for target, nbytes in sends[rank]:
                transit = open_(source, chips[target], nbytes)
                event = (transit.key, transit, number, turn, target)
                (heads if transit.hops else deliveries).append(event)
            missing = wants[rank]
            if missing and flow.early:
                missing -= flow.early.pop((rank, turn), 0)
            if missing:
                flow.at[rank] = turn
                flow.missing[rank] = missing
                return
            turn += 1
        flow.at[rank] = turn
        flow.done[rank] = now

    def _start(self, number: int, index: int, now: int, deliveries: list[Event], heads: list[Event]) -> None:
        if number >= 0:
            self._enter(number, index, 0, now, deliveries, heads)
            return
        network, transfer = self._network, self._transfers[index]
        key = transfer.source, transfer.destination
        ends = self._ends.get(key)
        if ends is None:
            ends = self._ends[key] = network.vertex(key[0]), network.vertex(key[1])
        transit = network.open(*ends, transfer.nbytes)
        (heads if transit.hops else deliveries).append((transit.key, transit, -1, 0, index))

    def _events(self, now: int) -> tuple[list[Event], list[Event]]:
        if now < 0:
            raise RunError(f"a transfer cannot start at {now} fs", do="give a time from 0")
        bucket = self._at.get(now)
        if bucket is None:
            bucket = self._at[now] = ([], [])
            heappush(self._times, now)
        return bucket
