"""Units that share the cores of a processor.

Whoever is at work gets an equal part (processor sharing): with n at work on c cores each goes on at the speed

    speed(n)  =  min(1, c / n) / slowdown(n) / crowded

``slowdown`` is what being at work together costs beyond the parts themselves: caches, memory, clock rate. ``crowded``,
where more units than cores are in use, is what the switching costs, and cores that stand idle until a waiting unit has
been moved to them. With a ``turn`` they share by turns instead, see :mod:`ampsim.hw.turns`.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from heapq import heapify, heappop, heappush
from typing import Any

import simpy

from ampsim.hw.schema.processor import Cores

Then = Callable[[simpy.Event], None]
Work = tuple[int, int, Then]
"""A piece of work: how far its cores are at its end, a serial number, whom to tell."""


def later(env: simpy.Environment, delay: int, then: Then) -> simpy.Event:
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
        self._ends: list[Work] = []
        self._done = 0
        self._since = 0  # when _done was true
        self._serial = 0
        self._next: simpy.Event | None = None  # the end that is waited for; an older one counts no more

    def acquire(self, who: object, begin: Callable[[], None]) -> None:
        """``begin`` is called when ``who`` may be at work: at once, everyone gets a part."""
        begin()

    def release(self, who: object) -> None:
        """``who`` is no more at work."""

    def work(self, who: object, work: int, then: Then) -> None:
        """``who`` begins ``work`` now; ``then`` is called at its end."""
        self.run(work, then)

    def run(self, work: int, then: Then) -> Work:
        """Somebody begins ``work`` now; ``then`` is called at its end."""
        self._catch_up()
        self._serial += 1
        begun = (self._done + work, self._serial, then)
        heappush(self._ends, begun)
        self._wait()
        return begun

    def stop(self, work: Work) -> int | None:
        """Give up a piece of work; what is left of it, or None if it is over now and its end is about to be told."""
        self._catch_up()
        if work[0] <= self._done or work not in self._ends:
            return None
        self._ends.remove(work)
        heapify(self._ends)
        self._next = None
        if self._ends:
            self._wait()
        return max(work[0] - self._done, 0)

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
        self._next = later(self.env, -(-left * speed.denominator // speed.numerator), self._ended)

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
