"""A network in which everything is under way for a given time."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import simpy
from simpy.events import EventPriority

from ampsim.hw.clock import FS
from ampsim.hw.network.messages import Network
from ampsim.hw.network.transport import Transport
from ampsim.hw.unit import Arrival
from ampsim.ir.message import Array

BEHIND = cast(EventPriority, 2)  # SimPy's own, of the ends of tasks, are 0 and 1


class Ways(Transport):
    """What is under way. Parcels of one pair of workers arrive as they were sent."""

    def __init__(self, env: simpy.Environment, network: Network) -> None:
        super().__init__(env, network)
        self._last: dict[tuple[int, int], int] = {}
        self._sent: list[tuple[int, int, int, int, int]] = []

    def carry(self, arrival: Arrival, destination: int, took: int, arrive: Callable[[Arrival], None]) -> None:
        """A parcel leaves now."""
        source, sent, nbytes, _ = arrival
        there = self._last[source, destination] = max(sent + took, self._last.get((source, destination), 0))
        self._sent.append((source, destination, sent, there, nbytes))
        self.in_flight += 1

        def deliver() -> None:
            self.in_flight -= 1
            arrive(arrival)

        self.later(there - sent, deliver)

    def later(self, delay: int, act: Callable[[], None]) -> None:
        """Do something after ``delay``, behind the ends of tasks at that time."""
        event = simpy.Event(self.env)
        event._ok, event._value = True, None
        event.callbacks = [lambda _: act()]
        self.env.schedule(event, BEHIND, delay)

    def table(self) -> tuple[list[str], dict[str, Array]]:
        """Names of links, one for each pair of workers, and one row per parcel, as the runtime writes them."""
        pairs = sorted({(source, destination) for source, destination, *_ in self._sent})
        number = {pair: index for index, pair in enumerate(pairs)}
        rows = np.array(sorted(self._sent, key=lambda row: row[2]), np.int64).reshape(-1, 5)
        columns: dict[str, Array] = {
            "link": np.array([number[a, b] for a, b in rows[:, :2].tolist()], np.int32),
            "start": rows[:, 2] / FS,
            "end": rows[:, 3] / FS,
            "bytes": rows[:, 4],
            "source": rows[:, 0].astype(np.int32),
            "destination": rows[:, 1].astype(np.int32),
        }
        return [f"worker{a}->worker{b}" for a, b in pairs], columns
