"""Copies of a node made equal by a collective of the system, in place of a star of messages.

The engine's parcels say who has to know what: every other copy sends its parameters to copy 0, and copy 0 sends back
the mean. Here they are what waits for the network, and a collective among the workers that host the copies is what
crosses it:

    parcels to copy 0     given in --> first half of the all-reduce  --> all delivered when every rank has finished
    copy 0 forms the mean
    parcels from copy 0   given in --> second half of the all-reduce --> each delivered when its own rank has finished

A rank enters the first half with the last of its worker's copies, that of copy 0 with the first that enters at all; all
enter the second half together. So what is computed, counted and replayed is the same for all collectives and as on the
other backends; only the bytes on the links, and the time they take, are those of the collective.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import simpy

from ampsim.engine.program import Program
from ampsim.hw.collectives.flow import Flow
from ampsim.hw.collectives.halving import doubling_all_gather, halving_reduce_scatter
from ampsim.hw.collectives.live import Live, Send
from ampsim.hw.collectives.ring import ring_all_gather, ring_reduce_scatter
from ampsim.hw.collectives.schedule import Collective
from ampsim.hw.collectives.tree import tree_broadcast, tree_reduce
from ampsim.hw.network.messages import Network
from ampsim.hw.network.ties import Ties
from ampsim.hw.network.transport import Transport
from ampsim.ir.message import FORWARD, State

HALVES: dict[str, tuple[Callable[[int, int], Collective], Callable[[int, int], Collective]]] = {
    "ring": (ring_reduce_scatter, ring_all_gather),
    "tree": (tree_reduce, tree_broadcast),
    "halving_doubling": (halving_reduce_scatter, doubling_all_gather),
}
"""The halves of every all-reduce but the star: its messages are the parcels themselves."""
Held = tuple[Callable[[Any], object], Any]
"""What to call on delivery, and with what."""
Deliver = Callable[[list[Held], bool], None]
"""Delivers these now; true: and nothing else is to come."""


def transport(env: simpy.Environment, network: Network, ties: Ties | None, program: Program, by: str) -> Transport:
    """The transport of a run in which ``by`` (``all_reduce`` of the system) makes copies equal."""
    if by in HALVES and program.twins:
        return SyncTransport(env, network, ties, program, by)
    return Transport(env, network, ties)


class SyncTransport(Transport):
    """A Transport that has a collective carry what copies of a node send each other.

    An item is what a unit sends to another one: (worker, time sent, bytes of fp32, parcel).
    """

    def __init__(self, env: simpy.Environment, network: Network, ties: Ties | None, program: Program, by: str) -> None:
        super().__init__(env, network, ties)
        self._program = program
        self._kinds = HALVES[by]
        self._first = len(program.graph.edges)
        self._twins = [number for number, edges in enumerate(program.sync_edges) for _ in edges]
        self._halves: dict[tuple[int, int, State], _Gathering | _Spreading] = {}

    def send(
        self, source: int, destination: int, nbytes: int, deliver: Callable[[Any], object], item: Any = None
    ) -> None:
        """As in Transport; a parcel between copies is given to its collective."""
        parcel = item[3] if type(item) is tuple and len(item) == 4 else None
        if type(parcel) is not list or parcel[0].edge < self._first:
            super().send(source, destination, nbytes, deliver, item)
            return
        one = parcel[0]
        key = self._twins[one.edge - self._first], one.direction, one.states[0]
        half = self._halves.get(key)
        if half is None:
            half = self._halves[key] = self._begin(key, nbytes // len(parcel))
        self.in_flight += 1
        half.give(source, destination, (deliver, item))

    def _begin(self, key: tuple[int, int, State], nbytes: int) -> _Gathering | _Spreading:
        """The first parcel of a half: ``nbytes`` are the parameters of one copy."""
        number, direction, _ = key
        hosts = [self._program.owner[node] for node in self._program.twins[number].nodes]
        ranks = list(dict.fromkeys(hosts))
        flow = Flow(self._kinds[direction](len(ranks), nbytes), [0] * len(ranks), ranks)

        def deliver(held: list[Held], last: bool) -> None:
            if last:
                del self._halves[key]
            for call, item in held:
                self.in_flight -= 1
                call(item)

        if direction == FORWARD:
            return _Gathering(flow, super().send, deliver, Counter(hosts))
        return _Spreading(flow, super().send, deliver)


class _Gathering:
    """Parcels to copy 0, at rank 0: one from every copy that is not there. Delivered when all ranks have finished."""

    def __init__(self, flow: Flow, send: Send, deliver: Deliver, copies: Counter[int]) -> None:
        self._ranks = flow.chips
        self._live = Live(flow, send, self._finished)
        self._deliver = deliver
        self._copies = copies
        self._held: list[Held] = []
        self._left = len(flow.chips)

    def give(self, source: int, destination: int, held: Held) -> None:
        """Copies that share a worker are one rank: it enters with the last of them."""
        if not self._held:
            self._live.enter(0)
        self._held.append(held)
        self._copies[source] -= 1
        if not self._copies[source]:
            self._live.enter(self._ranks.index(source))

    def _finished(self, rank: int) -> None:
        self._left -= 1
        if not self._left:
            self._deliver(self._held, True)


class _Spreading:
    """Parcels from copy 0: one to every other rank. Delivered when that rank has finished.

    Rank 0 gets no parcel, and may yet be the last to finish (where it sits out of a halving). The last parcel then
    waits for it, so that nobody goes on before the collective is over.
    """

    def __init__(self, flow: Flow, send: Send, deliver: Deliver) -> None:
        self._ranks = flow.chips
        self._live = Live(flow, send, self._finished)
        self._deliver = deliver
        self._held: dict[int, Held] = {}
        self._waiting = set(range(len(flow.chips)))

    def give(self, source: int, destination: int, held: Held) -> None:
        """The mean that a worker is to get; all ranks enter with the last one."""
        self._held[self._ranks.index(destination)] = held
        if len(self._held) == len(self._ranks) - 1:
            for rank in range(len(self._ranks)):
                self._live.enter(rank)

    def _finished(self, rank: int) -> None:
        self._waiting.discard(rank)
        if self._waiting == {0}:
            return
        over = not self._waiting
        if rank == 0 and not over:
            return
        ready = list(self._held) if over else [rank]
        self._deliver([self._held.pop(other) for other in ready], over)
