"""What a trace is made of, whatever the format: tracks in groups, and blocks of slices or counters on one track.

Times are whole nanoseconds from the start of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np

from ampsim.result.schema import Array

BEGIN, STEP, END = range(3)
"""Roles of a slice in a flow."""


@dataclass(frozen=True)
class Track:
    """One line of a viewer. ``group`` gathers tracks; ``number`` is unique, from 1, in the order of display."""

    group: str
    name: str
    number: int


@dataclass(frozen=True)
class Ends:
    """Which flows touch which slice: those of slice i are ``flow[first[i]:last[i]]``, with their ``role``."""

    first: Array
    last: Array
    flow: Array
    role: Array


@dataclass(frozen=True)
class Slices:
    """Slices of one track, nested or disjoint, in order: by begin, and of equal begins the outer one first.

    ``begin`` and ``end`` are int64 (n,); ``names[label[i]]`` is what slice i is called; ``facts`` are columns of
    numbers, one value a slice.
    """

    track: Track
    begin: Array
    end: Array
    label: Array
    names: Sequence[str]
    category: str
    facts: Mapping[str, Array] = field(default_factory=dict)
    ends: Ends | None = None


@dataclass(frozen=True)
class Counters:
    """Levels that change in steps: ``levels[i]`` (int64, one column for each of ``series``) holds from ``time[i]``."""

    track: Track
    series: Sequence[str]
    time: Array
    levels: Array
    bytes: bool


Block = Slices | Counters


def nanoseconds(seconds: Array) -> Array:
    """Whole nanoseconds, int64; order is kept, so what was disjoint or nested stays so."""
    found: Array = np.rint(np.asarray(seconds, np.float64) * 1e9).astype(np.int64)
    return found


def lanes(begin: Array, end: Array) -> Array:
    """For slices in order of ``begin`` the lowest lane on which each overlaps no other: int64.

    Lane 0 alone is enough where nothing overlaps.
    """
    lane = np.zeros(len(begin), np.int64)
    if not len(begin) or not (begin[1:] < np.maximum.accumulate(end)[:-1]).any():
        return lane
    busy: list[tuple[int, int]] = []
    free: list[int] = []
    count = 0
    for place, (start, stop) in enumerate(zip(begin.tolist(), end.tolist(), strict=True)):
        while busy and busy[0][0] <= start:
            heappush(free, heappop(busy)[1])
        if free:
            chosen = heappop(free)
        else:
            chosen, count = count, count + 1
        lane[place] = chosen
        heappush(busy, (stop, chosen))
    return lane


def joined(begin: Array, end: Array) -> tuple[Array, Array]:
    """Slices in order of begin, where an overlap of one nanosecond is none: two roundings of one moment made it."""
    before = np.concatenate(([np.iinfo(np.int64).min], np.maximum.accumulate(end)[:-1]))[: len(begin)]
    begin = np.where(before - begin == 1, np.minimum(before, end), begin)
    return begin, end


def by_owner(owner: Array, *keys: Array) -> dict[int, Array]:
    """Rows of each owner, in order of the first of ``keys``, of equals by the next one, and at last as they stand."""
    order = np.lexsort((*reversed(keys), owner))
    known, begin = np.unique(owner[order], return_index=True)
    return dict(zip(known.tolist(), np.split(order, begin[1:]) if len(known) else [], strict=True))
