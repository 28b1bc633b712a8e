"""A collective in a network: which chip each rank is, when it starts, and how far it has come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ampsim.errors import RunError
from ampsim.hw.collectives.schedule import Collective
from ampsim.hw.network.messages import Network
from ampsim.ir.message import Array

Sends = tuple[tuple[int, int], ...]
"""Target rank and bytes of each message that a rank sends in a round, in order."""
Plan = tuple[list[Sends], list[int]]
"""Of a round, by rank: what it sends, and how many messages it waits for."""


class Start(NamedTuple):
    """``collective`` begins at ``time`` (fs; one for all ranks, or one a rank).

    ``chips[i]`` is the chip of rank i, by number or name (the host: -1); by default it is chip i. Ranks may share a
    chip: what they send each other takes no time.
    """

    time: int | Sequence[int]
    collective: Collective
    chips: Sequence[int | str] | None = None


def flow_of(network: Network, start: Start) -> Flow:
    """``start`` in this network. Raises RunError for a time before 0, or for times or chips that are not one a rank."""
    collective = start.collective
    ranks = collective.ranks
    times = [start.time] * ranks if isinstance(start.time, int) else [int(time) for time in start.time]
    if len(times) != ranks or min(times) < 0:
        what = f"{collective!r} cannot start at {short(times)} fs"
        raise RunError(what, do="give one time from 0, or one for each rank")
    chips = range(ranks) if start.chips is None else start.chips
    if len(chips) != ranks:
        raise RunError(f"{collective!r} has no place on {len(chips)} chips", do="give the chip of each rank")
    return Flow(collective, times, [network.vertex(chip) for chip in chips])


class Flow:
    """A collective being carried out: ranks enter at ``times`` (fs) and are at ``chips``, as the network numbers them.

    ``done[i]``: when rank i has finished (fs).
    """

    def __init__(self, collective: Collective, times: Sequence[int], chips: Sequence[int]) -> None:
        ranks = collective.ranks
        self.collective = collective
        self.times = times
        self.chips = chips
        self.done = [0] * ranks
        self.rounds = len(collective.rounds)
        self.at = [-1] * ranks  # the round a rank is in; -1: not started
        self.missing = [0] * ranks  # messages of that round which have not come
        self.early: dict[tuple[int, int], int] = {}  # messages of later rounds which have: by rank and round
        self.plans: list[Plan | None] = [None] * self.rounds
        self._known: dict[tuple[int, ...], Plan] = {}
        self._same: dict[Sends, Sends] = {}

    def plan(self, number: int) -> Plan:
        """What each rank sends in round ``number``, and how many messages it waits for; put into ``plans``.

        Rounds of the same arrays share it, and ranks that send the same share that.
        """
        one = self.collective.rounds[number]
        key = id(one.source), id(one.target), id(one.nbytes)
        plan = self._known.get(key)
        if plan is None:
            ranks, same = len(self.chips), self._same
            sends: list[list[tuple[int, int]]] = [[] for _ in range(ranks)]
            columns = one.source.tolist(), one.target.tolist(), one.nbytes.tolist()
            for source, target, nbytes in zip(*columns, strict=True):
                sends[source].append((target, nbytes))
            shared = [same.setdefault(listed, listed) for listed in map(tuple, sends)]
            plan = self._known[key] = (shared, np.bincount(one.target, minlength=ranks).tolist())
        self.plans[number] = plan
        return plan


def pairs(collective: Collective) -> list[tuple[Array, Array]]:
    """The different (source, target) arrays of the rounds."""
    found = {(id(one.source), id(one.target)): (one.source, one.target) for one in collective.rounds}
    return list(found.values())


def short(values: Sequence[object]) -> str:
    """The first few of them."""
    return ", ".join(map(str, values[:4])) + (", ..." if len(values) > 4 else "")
