"""Units that share the cores of a processor, and the controller beside them.

Whoever is at work gets an equal part (processor sharing): with n at work on c cores each goes on at the speed

    speed(n)  =  min(1, c / n) / slowdown(n) / crowded

``slowdown`` is what being at work together costs beyond the parts themselves: caches, memory, clock rate. ``crowded``,
where more units than cores are in use, is what the switching costs, and cores that stand idle until a waiting unit has
been moved to them. A kernel hands out whole time slices instead; over some of them that comes to the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from fractions import Fraction
from heapq import heappop, heappush
from typing import Any

import simpy

from ampsim.hw.schema.processor import Cores
from ampsim.hw.system import System

Then = Callable[[simpy.Event], None]


def _later(env: simpy.Environment, delay: int, then: Then) -> simpy.Event:
    """``then`` is called after ``delay`` femtoseconds."""
    event = simpy.Event(env)
    event._ok, event._value = True, None
    event.callbacks = [then]
    env.schedule(event, delay=delay)
    return event


class SharedCores:
    """Work of ``kind`` cores with so many ``units`` in use, in femtoseconds of one undisturbed core.

    All that share advance alike, so one number says how far: ``_done``, the work that each has got since the start.
    Work begun now ends when that has grown by it.
    """

    def __init__(self, env: simpy.Environment, kind: Cores, units: int) -> None:
        self.env = env
        self._kind = kind
        self._crowded = Fraction(kind.crowded if units > kind.count else 1).limit_denominator(10**6)
        self._speeds: dict[int, Fraction] = {}
        self._ends: list[tuple[int, int, Then]] = []  # what _done will be, serial number, whom to tell
        self._done = 0
        self._since = 0  # when _done was true
        self._serial = 0
        self._next: simpy.Event | None = None  # the end that is waited for; an older one counts no more

    def run(self, work: int, then: Then) -> None:
        """Begin ``work`` now; ``then`` is called at its end."""
        self._catch_up()
        self._serial += 1
        heappush(self._ends, (self._done + work, self._serial, then))
        self._wait()

    def speed(self, busy: int) -> Fraction:
        """Of each of ``busy`` at work, by the formula above."""
        speed = self._speeds.get(busy)
        if speed is None:
            slowdowns = self._kind.slowdown
            slow = Fraction(slowdowns[min(busy, len(slowdowns)) - 1]).limit_denominator(10**6)
            speed = self._speeds[busy] = min(Fraction(1), Fraction(self._kind.count, busy)) / slow / self._crowded
        return speed

    def _catch_up(self) -> None:
        now: Any = self.env.now
        if self._ends:
            speed = self.speed(len(self._ends))
            self._done += (now - self._since) * speed.numerator // speed.denominator
        self._since = now

    def _wait(self) -> None:
        """For the first end, if nobody else comes or goes."""
        speed = self.speed(len(self._ends))
        left = max(self._ends[0][0] - self._done, 0)
        self._next = _later(self.env, -(-left * speed.denominator // speed.numerator), self._ended)

    def _ended(self, event: simpy.Event) -> None:
        if event is not self._next:
            return
        self._catch_up()
        over = []
        while self._ends and self._ends[0][0] <= self._done:
            over.append(heappop(self._ends)[2])
        self._next = None
        for then in over:
            then(event)
        if self._ends and self._next is None:
            self._wait()


def shared_cores(env: simpy.Environment, system: System, chips: Sequence[int]) -> dict[int, SharedCores]:
    """By chip, the cores that it shares with its group; ``chips`` are those of the workers. Others have their own."""
    found: dict[int, SharedCores] = {}
    first = 0
    for group in system.chips:
        mine = range(first, first + group.count)
        first += group.count
        if group.cores:
            shared = SharedCores(env, group.cores, sum(chip in mine for chip in chips))
            found |= dict.fromkeys(mine, shared)
    return found


class Handling:
    """The controller's program: it hears reports one after the other, each for ``work`` femtoseconds."""

    def __init__(
        self, env: simpy.Environment, work: int, cores: SharedCores | None, hear: Callable[[Any], None]
    ) -> None:
        self.env = env
        self._work = work
        self._cores = cores
        self._hear = hear
        self._waiting: deque[Any] = deque()

    def report(self, effects: Any) -> None:
        """A report is here."""
        if not self._work:
            self._hear(effects)
            return
        self._waiting.append(effects)
        if len(self._waiting) == 1:
            self._begin()

    def _begin(self) -> None:
        if self._cores:
            self._cores.run(self._work, self._end)
        else:
            _later(self.env, self._work, self._end)

    def _end(self, _: simpy.Event) -> None:
        self._hear(self._waiting[0])
        self._waiting.popleft()
        if self._waiting:
            self._begin()
