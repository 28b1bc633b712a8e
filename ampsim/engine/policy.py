"""Which task a worker runs next."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ampsim.errors import Stalled, UsageError
from ampsim.ir.message import State

if TYPE_CHECKING:
    from ampsim.engine.station import Station
    from ampsim.engine.task import Task
    from ampsim.engine.worker import WorkerState


class Policy(Protocol):
    """Chooses among what is ready at one worker."""

    def arrived(self, arrival: int, station: Station) -> None:
        """A task can be made at ``station`` since arrival number ``arrival``."""

    def next(self, worker: WorkerState) -> Task | None:
        """The next task, taken from its station, or None."""

    def finish(self) -> None:
        """The run is over, or nothing can move. Raises Stalled if tasks that were asked for were never run."""


def lane(backward: bool, looped: bool) -> int:
    """The rank of a station: backward before forward, and loops before what leads into or out of them.

    Others wait for the rounds of a loop, so they come first; what leaves a loop round by round, such as the scores of
    a tree's nodes or the gradients of the words it read, meanwhile gathers, and is one task in the end.
    """
    return (0 if backward else 2) + (0 if looped else 1)


class Fifo:
    """Updates first, then the lowest :func:`lane`; among equals the lowest arrival number.

    A loss counts as backward: it is where the way back begins.
    """

    def __init__(self) -> None:
        self._ready: list[deque[tuple[int, Station]]] = [deque() for _ in range(4)]

    def arrived(self, arrival: int, station: Station) -> None:
        """Remember in order of arrival."""
        self._ready[station.lane].append((arrival, station))

    def next(self, worker: WorkerState) -> Task | None:
        """The next task by the rule above."""
        if worker.due:
            return worker.update_task(*worker.due.popleft())
        for ready in self._ready:
            while ready:
                arrival, station = ready.popleft()
                if station.head() != arrival:
                    continue  # went along with an earlier group
                group = station.take(station.limit())
                if station.head() == arrival:
                    ready.appendleft((arrival, station))
                return worker.group_task(station, group)
        return None

    def finish(self) -> None:
        """Nothing was asked for."""


class Planned(NamedTuple):
    """One entry of a given order: a task by its kind, node and the (edge, state) of its messages in stacking order."""

    kind: str
    node: int
    messages: tuple[tuple[int, State], ...]
    instance: int = -1  # of an update: whose gradients it applies, where they are told apart


class Fixed:
    """A given order of tasks, each of which waits until exactly its messages are there.

    Drives replay and hand-made schedules.
    """

    def __init__(self, order: Sequence[Planned]) -> None:
        self._order = order
        self._position = 0
        self._stations: dict[tuple[str, int], Station] = {}

    def arrived(self, arrival: int, station: Station) -> None:
        """Remember where tasks of this kind and node wait."""
        self._stations[station.kind, station.node] = station

    def next(self, worker: WorkerState) -> Task | None:
        """The next task of the order if it can run now."""
        if self._position == len(self._order):
            return None
        planned = self._order[self._position]
        if planned.kind == "update":
            for entry in worker.due:
                state, pile = entry
                if state.index == planned.node and pile.instance == planned.instance:
                    worker.due.remove(entry)
                    self._position += 1
                    return worker.update_task(state, pile)
            return None
        station = self._stations.get((planned.kind, planned.node))
        group = station.extract(planned.messages) if station else None
        if station is None or group is None:
            return None
        if len(group.states[0]) > station.limit():
            raise UsageError(
                f"task {self._position} of the given order takes {len(group.states[0])} messages at once, where at "
                f"most {station.limit()} may go together",
                do="a group has at most max_batch messages and ends where an update is due",
            )
        self._position += 1
        return worker.group_task(station, group)

    @property
    def rest(self) -> Sequence[Planned]:
        """What has not been run."""
        return self._order[self._position :]

    @property
    def blocked(self) -> Planned | None:
        """The task that is next, or None at the end of the order."""
        return self._order[self._position] if self._position < len(self._order) else None

    def absent(self) -> list[tuple[int, State]]:
        """The messages (edge, state) of the next task that have not come."""
        planned = self.blocked
        if planned is None:
            return []
        station = self._stations.get((planned.kind, planned.node))
        there = station.names() if station else set()
        return [name for name in planned.messages if name not in there]

    def finish(self) -> None:
        """Raise Stalled if part of the order was never run."""
        if self._position < len(self._order):
            planned = self._order[self._position]
            raise Stalled(
                f"the given order stops at task {self._position} of {len(self._order)}: {planned.kind} of node "
                f"{planned.node} never became possible",
                do="give the order of a run of the same job with the same placement",
            )
