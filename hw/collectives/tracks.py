"""The links a collective takes, as arrays: which messages of a round meet where, and for how long."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from ampsim.hw.clock import Pace
from ampsim.hw.collectives.flow import Flow
from ampsim.hw.collectives.schedule import Round
from ampsim.hw.network.messages import Network, Wire
from ampsim.ir.message import Array

Index = Array | slice
MOST = 1 << 62  # of bytes or femtoseconds that are added up in int64
SERIALS = 44  # bits of the sending order below the chip in a key


class Irregular(Exception):
    """The fast path cannot be taken; the text says why."""


class Level(NamedTuple):
    """The messages of a round that take a link as their j-th one.

    ``which`` of the messages; the link of each, as an index of the arrays of Tracks (``links``) and as an array
    (``numbers``); ``latency`` (fs); ``pace[kind[i]]`` of each. ``most`` of them are on one link. ``own``: every link
    here is only ever used by one source, in one way, so that sending order is the order of service.
    """

    which: Index
    links: Index
    numbers: Array
    latency: Array
    kind: Array
    paces: list[Pace]
    most: int
    own: bool


class Pattern(NamedTuple):
    """Rounds of the same sources and targets. ``once``: no target is met twice. ``keys``: by source, then in order."""

    source: Index
    target: Index
    once: bool
    keys: Array
    ends: tuple[Array, Array]
    levels: list[Level]


class Tracks:
    """State of every link of a collective, in int64: free and busy as in Wire, and who was the last to be served.

    Raises Irregular where a message may need no time on a link, or ranks share a chip.
    """

    def __init__(self, network: Network, flow: Flow) -> None:
        if len(set(flow.chips)) < len(flow.chips):
            raise Irregular("ranks share a chip")
        self._network = network
        self._flow = flow
        self._number: dict[int, int] = {}
        self.wires: list[Wire] = []
        self._user: dict[int, tuple[int, ...]] = {}
        self._met: set[int] = set()  # links with several users
        self._kinds: dict[tuple[int, int], int] = {}
        self._paces: list[Pace] = []
        self._durations: dict[tuple[int, int], list[Array]] = {}
        rounds = {(id(one.source), id(one.target)): one for one in flow.collective.rounds}
        ways = {key: self._ways(one) for key, one in rounds.items()}
        self._patterns = {key: self._pattern(one, ways[key]) for key, one in rounds.items()}
        if any(wire.latency <= 0 for wire in self.wires):
            raise Irregular("a link has no latency")
        if max(wire.free for wire in self.wires) > MOST if self.wires else False:
            raise Irregular("its links are not free within int64 femtoseconds")
        self.free = np.array([wire.free for wire in self.wires], np.int64)
        self.busy = np.zeros(len(self.wires), np.int64)
        self.last_head = np.full(len(self.wires), -1, np.int64)
        self.last_key = np.full(len(self.wires), -1, np.int64)

    def pattern(self, one: Round) -> Pattern:
        """Where the messages of a round go."""
        return self._patterns[id(one.source), id(one.target)]

    def durations(self, one: Round) -> list[Array]:
        """By level: how long each message keeps its link (fs). Raises Irregular when int64 cannot hold it."""
        key = id(one.source), id(one.nbytes)
        found = self._durations.get(key)
        if found is None:
            values, size = _distinct(one.nbytes)
            packet = self._network.system.packet_bytes
            if packet is not None and values and max(values) > packet:
                raise Irregular("its messages are cut into packets")
            times = [[pace.ticks(value) for value in values] for pace in self._paces]
            if max((time for row in times for time in row), default=0) > MOST:
                raise Irregular("it may last longer than int64 femtoseconds can hold")
            table = np.array(times, np.int64).reshape(len(times), len(values))
            alike = table[0] if len(times) == 1 else None
            found = self._durations[key] = [
                table[level.kind, size[level.which]] if alike is None else alike[size[level.which]]
                for level in self.pattern(one).levels
            ]
        return found

    def commit(self) -> None:
        """Write down in the network what its links have carried."""
        carried, messages = np.zeros((2, len(self.wires)), np.int64)
        for one, uses in self._flow.collective.distinct():
            for level in self.pattern(one).levels:
                np.add.at(carried, level.numbers, one.nbytes[level.which] * uses)
                np.add.at(messages, level.numbers, uses)
        columns = (column.tolist() for column in (self.free, self.busy, carried, messages))
        for wire, free, busy, nbytes, count in zip(self.wires, *columns, strict=True):
            wire.free = free
            wire.busy += busy
            wire.carried += nbytes
            wire.messages += count

    def _ways(self, one: Round) -> list[tuple[int, ...]]:
        """The links of each message; who uses a link, and how it came there, is remembered."""
        chips, open_ = self._flow.chips, self._network.open
        found = []
        for source, target in zip(one.source.tolist(), one.target.tolist(), strict=True):
            way = tuple(self._index(wire) for wire in open_(chips[source], chips[target], 0).route)
            found.append(way)
            for hop, link in enumerate(way):
                user = (source, *way[:hop])
                if self._user.setdefault(link, user) != user:
                    self._met.add(link)
        return found

    def _index(self, wire: Wire) -> int:
        found = self._number.get(wire.number)
        if found is None:
            found = self._number[wire.number] = len(self.wires)
            self.wires.append(wire)
            kind = self._kinds.setdefault(wire.pace.exact, len(self._paces))
            if kind == len(self._paces):
                self._paces.append(wire.pace)
        return found

    def _pattern(self, one: Round, ways: list[tuple[int, ...]]) -> Pattern:
        chips = np.array(self._flow.chips, np.int64)
        levels = [self._level(ways, hop) for hop in range(max(map(len, ways), default=0))]
        once = len(set(one.target.tolist())) == len(one.target)
        keys = (chips[one.source] + 1 << SERIALS) + np.arange(len(ways))
        ends = chips[one.source], chips[one.target]
        return Pattern(_index(one.source), _index(one.target), once, keys, ends, levels)

    def _level(self, ways: list[tuple[int, ...]], hop: int) -> Level:
        which = [number for number, way in enumerate(ways) if len(way) > hop]
        links = [ways[number][hop] for number in which]
        wires = [self.wires[link] for link in links]
        numbers = np.array(links, np.int64)
        return Level(
            _index(np.array(which, np.int64)),
            _index(numbers),
            numbers,
            np.array([wire.latency for wire in wires], np.int64),
            np.array([self._kinds[wire.pace.exact] for wire in wires], np.int64),
            self._paces,
            max(Counter(links).values()),
            self._met.isdisjoint(links),
        )


def _index(numbers: Array) -> Index:
    """A slice where it will do: it is read and written without a copy."""
    if len(numbers) and (np.diff(numbers) == 1).all():
        return slice(int(numbers[0]), int(numbers[-1]) + 1)
    return numbers


def _distinct(nbytes: Array) -> tuple[list[int], Array]:
    """The different sizes, and which of them each message has. Equal pieces differ by a byte at most."""
    if not len(nbytes):
        return [], nbytes
    low, high = int(nbytes.min()), int(nbytes.max())
    if high - low <= 1:
        return [low, high], nbytes - low
    values, size = np.unique(nbytes, return_inverse=True)
    return values.tolist(), size
