"""Copies of a node made equal again, while nothing is in flight.

    controller --order--> copy 1   copy 1 --parameters--> copy 0   copy 0 --their mean--> copy 1     all acknowledge
               --order--> copy 2   copy 2 --parameters-->          copy 0 --their mean--> copy 2

Each arrow between copies is one message on an edge of its own, behind the edges of the graph: forward to copy 0,
backward from it. Tasks and messages are like any others, so they take time, bandwidth and memory, and are replayed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ampsim.engine.batch import Batch, Consumed
from ampsim.engine.parameters import ParameterState
from ampsim.engine.site import whole
from ampsim.engine.station import Joint, Station
from ampsim.engine.task import Part
from ampsim.ir.message import BACKWARD, FORWARD, Array, Origin, Payload, Spec, State
from ampsim.ir.nodes.base import FLOAT
from ampsim.ir.replicas import Twins
from ampsim.ir.work import Work

if TYPE_CHECKING:
    from ampsim.engine.worker import WorkerState


class Flat:
    """Parameters of a node, and where asked for the slots of its optimizer, as one row of float32."""

    def __init__(self, state: ParameterState, slots: str, numeric: bool) -> None:
        sizes = state.static_bytes()
        self.size = (sizes["parameters"] + (sizes["optimizer"] if slots == "average" else 0)) // FLOAT.itemsize
        self.operation = state.node.operation
        self._numeric = numeric
        self._arrays: list[Array] = []
        if numeric:
            for name in state.node.parameters():
                self._arrays.append(state.values[name])
                if slots == "average":
                    self._arrays += [state.slots[name][slot] for slot in sorted(state.slots[name])]

    def read(self) -> Array | Spec:
        """A copy of all of them, (1, size)."""
        if not self._numeric:
            return Spec((1, self.size), FLOAT)
        return np.concatenate([array.reshape(-1) for array in self._arrays]).reshape(1, -1)

    def write(self, payload: Payload) -> None:
        """Overwrite all of them, in place."""
        at = 0
        for array in self._arrays:
            assert isinstance(payload, np.ndarray)
            array[...] = payload[0, at : at + array.size].reshape(array.shape)
            at += array.size

    def part(self, way: str, added: int = 0, read: int = 1, written: int = 1) -> tuple[Part, ...]:
        """The cost of a task that reads and writes so many times all there is, and adds so many up."""
        nbytes = self.size * FLOAT.itemsize
        work = Work(vector=added * self.size, read=read * nbytes, written=written * nbytes)
        return (Part(f"{self.operation} {way}", 1, work),)


class CopyStation(Station):
    """At a copy other than the first: an order to send its parameters, then the mean that comes back."""

    def __init__(self, worker: WorkerState, flat: Flat, index: int, edge: int) -> None:
        super().__init__(index, "sync", self._sync, lambda: 1, worker.ledger)
        self._worker, self._flat, self._edge = worker, flat, edge
        self._orders: deque[tuple[int, State, Origin]] = deque()

    def order(self, arrival: int, state: State, origin: Origin) -> None:
        """The controller wants the parameters sent."""
        self._orders.append((arrival, state, origin))

    def head(self) -> int | None:
        return self._orders[0][0] if self._orders else super().head()

    def take(self, limit: int) -> Batch:
        if not self._orders:
            return super().take(limit)
        _, state, origin = self._orders.popleft()
        return Batch([[state]], [0], [None], [Consumed(-1, FORWARD, [state], [0], 0.0, origin)])

    def extract(self, wanted: Sequence[tuple[int, State]]) -> Batch | None:
        if not self._orders or self._orders[0][1] != tuple(wanted[0][1]) or wanted[0][0] != -1:
            return super().extract(wanted)
        return self.take(1)

    def names(self) -> set[tuple[int, State]]:
        return {(-1, tuple(state)) for _, state, _ in self._orders} | super().names()

    def _sync(self, group: Batch) -> tuple[Part, ...]:
        if group.payloads[0] is None:
            self._worker.emit(self._edge, FORWARD, group.states[0], [1], self._flat.read())
            return self._flat.part("sync forward")
        self._flat.write(group.payloads[0])
        self._worker.synchronised()
        return self._flat.part("sync backward")


class Mean:
    """At the first copy: all others have sent their parameters."""

    def __init__(self, worker: WorkerState, flat: Flat, edges: Sequence[int]) -> None:
        self._worker, self._flat, self._edges = worker, flat, edges

    def run(self, group: Batch) -> tuple[Part, ...]:
        """The mean over all copies, added up in the order of copies; everyone gets it."""
        total = self._flat.read()
        copies = len(self._edges) + 1
        if not isinstance(total, Spec):
            for payload in group.payloads:
                total += payload
            total /= np.float32(copies)
        self._flat.write(total)
        for edge, states in zip(self._edges, group.states, strict=True):
            self._worker.emit(edge, BACKWARD, states, [1], total)
        self._worker.synchronised()
        return self._flat.part("sync mean", added=copies, read=copies, written=2)


class Synchroniser:
    """The copies at one worker: who has to do what when the controller orders a synchronisation."""

    def __init__(self, worker: WorkerState) -> None:
        self.stations: list[list[Station]] = []  # of the copies here, by number of the twins
        self._left = 0  # copies that are not done; below zero where a mean was formed before the order came
        program = worker.program
        for twins, edges in zip(program.twins, program.sync_edges, strict=True):
            here = [i for i, index in enumerate(twins.nodes) if program.owner[index] == worker.worker]
            self.stations.append([self._station(worker, twins, edges, i) for i in here])

    def _station(self, worker: WorkerState, twins: Twins, edges: Sequence[int], copy: int) -> Station:
        index = twins.nodes[copy]
        flat = Flat(worker.parameters[index], twins.slots, worker.program.numeric)
        if copy:
            edge = edges[copy - 1]
            station: Station = CopyStation(worker, flat, index, edge)
            worker.handlers[edge][BACKWARD] = partial(worker.enqueue, station, 0)
            return station
        mean = Mean(worker, flat, edges)
        station = Joint(index, "sync", mean.run, lambda: 1, worker.ledger, [whole] * len(edges))
        for port, edge in enumerate(edges):
            worker.handlers[edge][FORWARD] = partial(worker.enqueue, station, port)
        return station

    def order(self, groups: Sequence[int]) -> list[CopyStation]:
        """These twins are to become equal: the copies here that send their parameters."""
        stations = [station for number in groups for station in self.stations[number]]
        self._left += len(stations)
        return [station for station in stations if isinstance(station, CopyStation)]

    def done(self) -> None:
        """One copy here has the mean."""
        self._left -= 1

    @property
    def equal(self) -> bool:
        """Whether all copies here have what they were to get."""
        return self._left == 0
