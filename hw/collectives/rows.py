"""Rows of the link table for what was carried on the fast path, put together when the table is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ampsim.hw.clock import all_seconds
from ampsim.hw.collectives.schedule import Round
from ampsim.hw.collectives.tracks import Level, Pattern, Tracks
from ampsim.hw.network.messages import Network
from ampsim.ir.message import Array


class Span(NamedTuple):
    """What one level of a round did: when each head came, when its link began and ended to serve it (fs)."""

    one: Round
    pattern: Pattern
    level: Level
    sent: int
    head: Array
    start: Array
    end: Array


class Rows:
    """The six columns of ``Network.table()``, in order of reservation; iterating makes them."""

    def __init__(self, tracks: Tracks, network: Network) -> None:
        self._wires = tracks.wires
        self._network = network
        self.wanted = network._rows is not None
        self.spans: list[Span] = []

    def hand_over(self) -> None:
        """Put these rows behind those the network has, if it keeps any."""
        if self.wanted:
            self._network.keep(self)

    def __iter__(self) -> Iterator[Array]:
        """Columns link, start, end (s), bytes, source, destination. A link is reserved when a head comes to it."""
        spans = self.spans
        head = _joined([span.head for span in spans])
        keys = _joined([span.pattern.keys[span.level.which] + span.sent for span in spans])
        order = np.lexsort((keys, head))
        numbers = np.array([wire.number for wire in self._wires], "i4")
        links = _joined([span.level.numbers for span in spans])
        yield numbers[links[order]]
        yield all_seconds(_joined([span.start for span in spans])[order])
        yield all_seconds(_joined([span.end for span in spans])[order])
        yield _joined([span.one.nbytes[span.level.which] for span in spans])[order]
        for end in (0, 1):
            yield _joined([span.pattern.ends[end][span.level.which] for span in spans])[order].astype("i4")


def _joined(parts: list[Array]) -> Array:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
