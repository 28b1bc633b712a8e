"""Units that take turns on the cores of a processor, as a kernel makes processes do.

A unit that wakes up waits in line for a core, first come, first served, and keeps it until it sleeps. While others wait
it keeps it for one ``turn`` at most and goes to the end of the line. So a task that is shorter than a turn mostly
runs from its begin to its end; what a worker loses to the others it loses between tasks.

    line   [ u4 u3 ] --> core 0  u1 |....u1 sleeps|u3.........
                     --> core 1  u2 |.........turn|u4.........      then  [ u2 ]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import cast

import simpy

from ampsim.hw.clock import to_fs
from ampsim.hw.cores import SharedCores, Then, Work, later
from ampsim.hw.schema.processor import Cores

Begin = Callable[[], None]


class Turns:
    """``kind`` cores for so many ``units`` in use. Those that have a core go on as they do on :class:`SharedCores`."""

    def __init__(self, env: simpy.Environment, kind: Cores, units: int) -> None:
        self.env = env
        self._cores = SharedCores(env, kind, units)
        self._count = kind.count
        self._turn = to_fs(kind.turn)
        self._line: deque[tuple[object, Begin]] = deque()  # who waits, and what to do when it has a core
        self._urgent: deque[tuple[object, Begin]] = deque()  # the same, of those that come before all others
        self._since: dict[object, int] = {}  # who has a core, and when its turn began
        self._works: dict[object, tuple[Work, Then]] = {}  # who is in the middle of something
        self._watched = False  # an end of a turn is waited for

    def acquire(self, who: object, begin: Begin) -> None:
        """``begin`` is called as soon as ``who`` has a core: now, or after those that wait already."""
        self._line.append((who, begin))
        self._serve()

    def release(self, who: object) -> None:
        """``who`` sleeps, and leaves its core to the next."""
        del self._since[who]
        self._serve()

    def work(self, who: object, work: int, then: Then) -> None:
        """``who``, which has a core, does ``work`` (fs of an undisturbed core); ``then`` is called at its end."""
        if self._urgent or (self._line and self._over(who)):
            self._step_back(who, work, then)
            self._serve()
            return

        self._begin(who, work, then)

    def run(self, work: int, then: Then) -> None:
        """Somebody who sleeps most of the time does ``work``: it takes a core at once, from whoever had it longest."""
        who = object()

        def end(event: simpy.Event) -> None:
            then(event)
            self.release(who)

        self._urgent.append((who, lambda: self._begin(who, work, end)))
        self._serve()

    def _begin(self, who: object, work: int, then: Then) -> None:
        def end(event: simpy.Event) -> None:
            del self._works[who]
            then(event)

        self._works[who] = self._cores.run(work, end), then

    def _over(self, who: object) -> bool:
        return self._since[who] + self._turn <= self._now

    @property
    def _now(self) -> int:
        return cast("int", self.env.now)  # SimPy's types allow for floats

    def _step_back(self, who: object, work: int, then: Then) -> None:
        """To the end of the line if the turn is over, else to its beginning."""
        place = self._line.append if self._over(who) else self._line.appendleft
        del self._since[who]
        place((who, lambda: self.work(who, work, then)))

    def _interrupt(self, who: object) -> bool:
        """Take its core away in the middle of its work; not if that is over at this very moment."""
        work, then = self._works[who]
        left = self._cores.stop(work)
        if left is None:
            return False
        del self._works[who]
        self._step_back(who, left, then)
        return True

    def _serve(self) -> None:
        """Cores to those first in line: free ones, and those whose turns are over."""
        while (self._urgent or self._line) and (len(self._since) < self._count or self._relieve()):
            who, begin = (self._urgent or self._line).popleft()
            self._since[who] = self._now
            begin()
        self._watch()

    def _relieve(self) -> bool:
        """Whether somebody stepped back; who is in between two pieces of work does so itself."""
        longest = sorted(self._works, key=self._since.__getitem__)
        return any(self._interrupt(who) for who in longest if self._urgent or self._over(who))

    def _watch(self) -> None:
        """For the next end of a turn."""
        ends = [since + self._turn for since in self._since.values() if since + self._turn > self._now]
        if self._line and ends and not self._watched:
            self._watched = True
            later(self.env, min(ends) - self._now, self._ended)

    def _ended(self, _: simpy.Event) -> None:
        self._watched = False
        self._serve()
