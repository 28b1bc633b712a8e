"""Bare task lists: what each chip does in turn, without a graph, so that a schedule can be timed as it is written.

    chip 0   F0 F1 F2 F3 B0 W0 B1 W1 ...        a step starts when the one before it on its chip has ended
    chip 1      F0 F1 ...                       and what it comes after has been done, and has arrived

A step's result goes to every other chip that has steps after it, as one message over the network. Sending costs the
chip no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import simpy
from simpy.core import EmptySchedule

from ampsim.engine.waits import Stop, find_cycle
from ampsim.errors import Stalled, UsageError
from ampsim.hw.clock import FS, to_fs
from ampsim.hw.network.messages import Network
from ampsim.hw.network.ties import Ties
from ampsim.hw.network.transport import Transport
from ampsim.hw.system import System


class Step(NamedTuple):
    """A piece of work of so many ``seconds``, ``after`` those of these names; ``nbytes`` go to each chip that waits."""

    name: str
    seconds: float
    after: tuple[str, ...] = ()
    nbytes: int = 0


@dataclass(frozen=True)
class Timed:
    """``start`` and ``end`` (fs) of each step by its name, and the network with its tables."""

    start: dict[str, int]
    end: dict[str, int]
    network: Network

    @property
    def makespan(self) -> float:
        """Seconds until the last step has ended."""
        return max(self.end.values()) / FS


def run_lists(system: System, lists: Sequence[Sequence[Step]], tie_break: int | None = None) -> Timed:
    """Let chip i of ``system`` do ``lists[i]`` in order.

    ``tie_break`` draws the order of events of equal time. Raises UsageError for lists that cannot be meant, and
    Stalled, with the wait-for cycle, for lists that wait for one another.
    """
    _check(system, lists)
    return _Lists(system, lists, tie_break).run()


def _check(system: System, lists: Sequence[Sequence[Step]]) -> None:
    if len(lists) > len(system.chip_names):
        what = f"{len(lists)} lists do not fit on the {len(system.chip_names)} chips of system {system.name}"
        raise UsageError(what, "lists", "give each chip one list at most")
    names: set[str] = set()
    for step in (step for steps in lists for step in steps):
        if step.name in names:
            raise UsageError(f"two steps are called {step.name!r}", "lists", "give each a name of its own")
        names.add(step.name)
    if not names:
        raise UsageError("there is no step in these lists", "lists", "give one at least")
    for step in (step for steps in lists for step in steps):
        unknown = next((name for name in step.after if name not in names), None)
        if unknown is not None:
            raise UsageError(f"{step.name!r} comes after {unknown!r}, which no chip does", "lists", "name a step")


class _Lists:
    """The lists on their way."""

    def __init__(self, system: System, lists: Sequence[Sequence[Step]], tie_break: int | None) -> None:
        self.lists = lists
        self.names = system.chip_names
        self.env = simpy.Environment(0)
        self.transport = Transport(self.env, Network(system), None if tie_break is None else Ties(tie_break))
        self.next = [0] * len(lists)
        self.busy = [False] * len(lists)
        self.home = {step.name: chip for chip, steps in enumerate(lists) for step in steps}
        self.there: list[set[str]] = [set() for _ in lists]  # results that a chip has
        self.waiting: dict[str, dict[int, None]] = {name: {} for name in self.home}  # other chips that need a result
        for chip, steps in enumerate(lists):
            for name in (name for step in steps for name in step.after):
                if self.home[name] != chip:
                    self.waiting[name][chip] = None
        self.timed = Timed({}, {}, self.transport.network)

    def run(self) -> Timed:
        """Until every step has ended."""
        for chip in range(len(self.lists)):
            self._go_on(chip)
        while len(self.timed.end) < len(self.home):
            try:
                self.env.step()
            except EmptySchedule:
                raise self._stalled() from None
        return self.timed

    def _go_on(self, chip: int) -> None:
        """Start the next step of a chip, if that is possible."""
        if self.busy[chip] or self.next[chip] == len(self.lists[chip]):
            return
        step = self.lists[chip][self.next[chip]]
        if any(name not in self.there[chip] for name in step.after):
            return
        self.busy[chip] = True
        self.timed.start[step.name] = cast(int, self.env.now)
        done = self.env.timeout(to_fs(step.seconds), (chip, step))
        done.callbacks.append(self._ended)

    def _ended(self, event: Any) -> None:
        chip, step = event.value
        self.timed.end[step.name] = cast(int, self.env.now)
        self.busy[chip] = False
        self.next[chip] += 1
        for other in self.waiting[step.name]:
            self.transport.send(chip, other, step.nbytes, self._arrived, (other, step.name))
        self._arrived((chip, step.name))

    def _arrived(self, item: tuple[int, str]) -> None:
        chip, name = item
        self.there[chip].add(name)
        self._go_on(chip)

    def _stalled(self) -> Stalled:
        """Each chip that stands waits for the chips whose steps its own next one comes after."""
        stops: dict[int, Stop] = {}
        missing: dict[int, list[str]] = {}
        for chip, steps in enumerate(self.lists):
            if self.next[chip] < len(steps):
                step = steps[self.next[chip]]
                missing[chip] = [name for name in step.after if name not in self.there[chip]]
                stops[chip] = Stop(f"{self.names[chip]} at {step.name}", ", ".join(missing[chip]))
        arrows = {stop: [stops[self.home[name]] for name in missing[chip]] for chip, stop in stops.items()}
        cycle = "\n".join(f"  {stop.who} waits for {stop.wants}" for stop in find_cycle(arrows))
        left = len(self.home) - len(self.timed.end)
        what = f"the lists stalled with {left} of {len(self.home)} steps undone; wait-for cycle:\n{cycle}"
        return Stalled(what, do="change the order of these chips, so that what a step comes after is done before it")
