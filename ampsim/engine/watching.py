"""What can be said of a run while it goes on: looks at its controller, few and cheap.

    backend --> progress(controller, now) --> Watch.look: too soon? nothing. Else sums since the start, as one tuple.

Everything in a look is a sum, or a level at that moment. A mean over any stretch is a difference of two looks, so looks
in between can be forgotten without making it wrong.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from ampsim.engine.controller import Controller

EVERY = 0.25  # seconds between two looks, at least
SHARE = 0.02  # of the time that looking may take at most; where looks are dear, they are fewer
RECENT = 3.0  # seconds over which "now" is a mean


class Look(NamedTuple):
    """A run at one moment.

    ``wall`` is seconds of the watcher's clock since the first look, ``clock`` seconds of the run's own, which may be
    simulated. ``done`` and ``trained`` count instances that are complete, and those of them that train; ``in_flight``
    is how many are on their way. ``rows``, ``loss`` and ``correct`` are sums over the training rows scored so far.
    ``busy`` has of each worker the seconds in tasks that have ended and the time at which that was so; it is empty
    where the backend does not tell. ``events`` are those of a simulated clock.
    """

    wall: float
    clock: float
    done: int
    trained: int
    in_flight: int
    rows: int
    loss: float
    correct: int
    busy: tuple[tuple[float, float], ...]
    events: int


class Watch:
    """Looks at a run, at most every ``every`` seconds and at its end. ``clock`` gives seconds."""

    def __init__(self, every: float = EVERY, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = every
        self._clock = clock
        self._next = float("-inf")
        self._begin(None)

    def _begin(self, controller: Controller | None) -> None:
        """A controller not seen before: another run, or the same one begun anew with fewer instances in flight."""
        self.controller = controller
        self.looks: deque[Look] = deque(maxlen=64)
        self.first: Look | None = None
        self._began = self._clock()
        self._heard = self._rows = self._correct = 0
        self._loss = 0.0

    def look(self, controller: Controller, now: float) -> Look | None:
        """The run at this moment, ``now`` on its own clock; None if it is too soon after the last look."""
        start = self._clock()
        if controller is not self.controller:
            self._begin(controller)
        elif start < self._next and not controller.done:
            return None
        self._add_metrics(controller)
        in_flight = len(controller.in_flight)
        done = len(controller.instances) - in_flight
        found = Look(
            start - self._began, now, done, controller.schedule.trained(done), in_flight,
            self._rows, self._loss, self._correct, tuple(controller.busy()), controller.events,
        )  # fmt: skip
        self.first = self.first or found
        self.looks.append(found)
        end = self._clock()
        self._next = end + max(self._every, (end - start) / SHARE)
        return found

    def _add_metrics(self, controller: Controller) -> None:
        entry = controller.schedule.entry
        for _, metric in controller.metrics[self._heard :]:
            if entry(metric.instance).training:
                self._rows += metric.rows
                self._loss += metric.loss * metric.rows
                self._correct += metric.correct
        self._heard = len(controller.metrics)

    @property
    def since(self) -> Look:
        """The look that the present is compared with: the last that is :data:`RECENT` seconds old, or the oldest."""
        ago = self.looks[-1].wall - RECENT
        return next((look for look in reversed(self.looks) if look.wall <= ago), self.looks[0])

    def pace(self) -> float | None:
        """Instances completed a second of the watcher's clock, of late."""
        last, before = self.looks[-1], self.since
        return (last.done - before.done) / (last.wall - before.wall) if last.wall > before.wall else None

    def loss(self) -> float | None:
        """Mean training loss over the rows scored of late, or over all so far where there were none."""
        last, before = self.looks[-1], self.since
        if last.rows == before.rows:
            return last.loss / last.rows if last.rows else None
        return (last.loss - before.loss) / (last.rows - before.rows)

    def utilization(self) -> float | None:
        """Busy time so far over the time so far, mean over all workers."""
        shares = [busy / at for busy, at in self.looks[-1].busy if at > 0]
        return sum(shares) / len(shares) if shares else None

    def left(self) -> float | None:
        """Seconds of the watcher's clock until all instances are done, if they go on as they have on the whole."""
        first, last = self.first, self.looks[-1]
        if self.controller is None or first is None or last.done == first.done:
            return None
        pace = (last.wall - first.wall) / (last.done - first.done)
        return max(0.0, pace * (self.controller.schedule.total - last.done))
