"""Who shares cores with whom, and the controller beside the units."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import simpy

from ampsim.hw.cores import SharedCores, later
from ampsim.hw.system import System
from ampsim.hw.turns import Turns

Sharing = SharedCores | Turns


def shared_cores(env: simpy.Environment, system: System, chips: Sequence[int]) -> dict[int, Sharing]:
    """By chip, the cores that it shares with its group; ``chips`` are those of the workers. Others have their own."""
    found: dict[int, Sharing] = {}
    first = 0
    for group in system.chips:
        mine = range(first, first + group.count)
        first += group.count
        if group.cores:
            kind = Turns if group.cores.turn else SharedCores
            found |= dict.fromkeys(mine, kind(env, group.cores, sum(chip in mine for chip in chips)))
    return found


class Handling:
    """The controller's program: it hears reports one after the other, each for ``work`` femtoseconds."""

    def __init__(self, env: simpy.Environment, work: int, cores: Sharing | None, hear: Callable[[Any], None]) -> None:
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
            later(self.env, self._work, self._end)

    def _end(self, _: simpy.Event) -> None:
        self._hear(self._waiting[0])
        self._waiting.popleft()
        if self._waiting:
            self._begin()
