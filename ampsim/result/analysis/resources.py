"""The critical path by resource: what the run was waiting for at every moment, and what each resource stands for.

    computing         of a worker      its tasks on the path
    messaging         of a worker      it receives, chooses or sends
    link              of a link        a message is on its way, or waits for the link
    admission         the controller   it keeps instances back
    memory            off-chip memory, or an instance that only a full memory keeps out
    synchronisation   the controller   nothing is in flight
    input             what is left of the waits: for messages not sent yet

The bound. Let every worker do the same tasks in the same order, and let links carry the same parcels in the same
order. Then each piece of the path still follows the one before it, and the run takes at least as long as the path
with its pieces scaled. Not so the loose waits (:class:`ampsim.result.analysis.path.Waits`): what began elsewhere may
end earlier, so they may vanish. Hence, for a resource with the share s of the path, f times as fast, and with loose
waits of the share w of the path,

    saved / makespan  <=  (s - loose part of s) (1 - 1/f) + w,  and  1 - 1/f

It is less where another chain becomes the longest. It may be more where tasks come in another order or in other groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ampsim.result.analysis.causes import ADMISSION, CAUSES, INPUT, LINK, MEMORY, MESSAGING, SYNCHRONISATION
from ampsim.result.analysis.idle import Breakdown
from ampsim.result.analysis.path import UNKNOWN, Path
from ampsim.result.schema import Array, Table

KINDS = ("computing", "messaging", "link", "admission", "memory", "synchronisation", "input")
COMPUTING, MESSAGES, LINKS, ADMITTING, STORING, SYNCHRONISING, WAITING = range(len(KINDS))
PER_WORKER = (COMPUTING, MESSAGES)
FASTER = (COMPUTING, MESSAGES, LINKS, STORING)
"""Kinds that can be made faster; the others answer to settings."""

NO_TASK = -1
NOWHERE = -1
"""The number of a link that the tables do not tell, and of what belongs to no worker or link."""

_BY_CAUSE = np.zeros(len(CAUSES), np.int64)
for _cause, _kind in (
    (MESSAGING, MESSAGES), (LINK, LINKS), (ADMISSION, ADMITTING), (MEMORY, STORING), (SYNCHRONISATION, SYNCHRONISING),
    (INPUT, WAITING),
):  # fmt: skip
    _BY_CAUSE[_cause] = _kind


@dataclass(frozen=True)
class Pieces:
    """The path piece by piece, in order of time; together they are the run from its start to its end.

    ``begin`` and ``end`` in seconds; ``kind`` in :data:`KINDS`; ``index`` the worker, the link, or NOWHERE; ``worker``
    the one that worked or waited; ``task`` the row in tasks, or NO_TASK; ``loose`` as in Waits.
    """

    begin: Array
    end: Array
    kind: Array
    index: Array
    worker: Array
    task: Array
    loose: Array

    @property
    def length(self) -> Array:
        """Seconds of each piece."""
        found: Array = self.end - self.begin
        return found

    def over_time(self, edges: Array) -> Array:
        """Seconds of each kind within each bin of ``edges`` (s): float64 (kinds, bins)."""
        found = np.zeros((len(KINDS), len(edges) - 1))
        for kind in range(len(KINDS)):
            mine = self.kind == kind
            begin, length = self.begin[mine], self.length[mine]
            if not len(begin):
                continue
            before = np.concatenate(([0.0], np.cumsum(length)[:-1]))
            place = np.maximum(np.searchsorted(begin, edges, "right") - 1, 0)
            found[kind] = np.diff(before[place] + np.clip(edges - begin[place], 0.0, length[place]))
        return np.maximum(found, 0.0)


class Part(NamedTuple):
    """A resource on the path: its ``kind``, which of that kind, its seconds and share, tasks or pieces.

    ``loose`` is its loose waits as a share of the path.
    """

    kind: int
    which: int
    seconds: float
    share: float
    pieces: int
    loose: float


def bound(some: Sequence[Part], everything: Sequence[Part], factor: float = 2.0) -> float:
    """Share of the makespan saved at most if the resources ``some`` of a path are ``factor`` times as fast.

    That is so while the same happens in the same order.
    """
    tied = sum(part.share - part.loose for part in some)
    faster = 1.0 - 1.0 / factor  # what it would be if all were faster
    return min(faster, tied * faster + sum(part.loose for part in everything))


def pieces(tables: Mapping[str, Table], idle: Breakdown, path: Path) -> Pieces:
    """The path in pieces that belong to one resource each. Empty where there is no clock, or no task."""
    second = idle.horizon / max(idle.total, 1)
    waits, tasks = path.between, len(path.tasks)
    links = np.flatnonzero(waits.cause == LINK)
    wait, begin, end, link = _on_links(
        tables["links"],
        waits.begin[links] * second,
        waits.end[links] * second,
        waits.source[links],
        waits.worker[links],
    )
    rest = np.flatnonzero(waits.cause != LINK)
    kind = _BY_CAUSE[waits.cause[rest]]
    worker = tables["tasks"]["worker"][path.tasks].astype(np.int64)
    columns = (
        (path.begins * second, waits.begin[rest] * second, begin),
        ((path.begins + path.lengths) * second, waits.end[rest] * second, end),
        (np.full(tasks, COMPUTING), kind, np.full(len(wait), LINKS)),
        (worker, np.where(kind == MESSAGES, waits.worker[rest], NOWHERE), link),
        (worker, waits.worker[rest], waits.worker[links][wait]),
        (path.tasks, np.full(len(rest), NO_TASK), np.full(len(wait), NO_TASK)),
        (np.zeros(tasks, np.bool_), waits.loose[rest], waits.loose[links][wait]),
    )
    found = [np.concatenate(column) for column in columns]
    order = np.argsort(found[0], kind="stable")
    return Pieces(*(column[order] for column in found))


def parts(found: Pieces) -> list[Part]:
    """One entry a resource, the largest first; their shares add up to 1."""
    total = float(found.length.sum()) or 1.0
    span = int(found.index.max(initial=0)) + 2
    keys, place = np.unique(found.kind * span + found.index + 1, return_inverse=True)
    seconds, count = np.bincount(place, found.length, len(keys)), np.bincount(place, minlength=len(keys))
    loose = np.bincount(place, found.length * found.loose, len(keys)) / total
    rows = [
        Part(key // span, key % span - 1, spent, spent / total, number, away)
        for key, spent, number, away in zip(
            keys.tolist(), seconds.tolist(), count.tolist(), loose.tolist(), strict=True
        )
        if spent > 0
    ]
    return sorted(rows, key=lambda part: -part.seconds)


def shares(found: Pieces) -> Array:
    """float64 (kinds): the share of the path of each kind."""
    sums = np.bincount(found.kind, found.length, len(KINDS))
    return sums / (float(sums.sum()) or 1.0)


def _on_links(
    links: Table, begin: Array, end: Array, source: Array, target: Array
) -> tuple[Array, Array, Array, Array]:
    """Spans of time on the way to ``target``, cut where a parcel leaves a link: span, begin, end, link.

    A moment belongs to the link that a parcel from ``source`` leaves next within the span; what comes after the last
    one, its latency, to that link too. Where no parcel left any link the link is NOWHERE.
    """
    order = np.argsort(links["end"], kind="stable")
    sources, targets = links["source"][order], links["destination"][order]
    found = [(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0, np.int64))]
    for sender, receiver in np.unique(np.column_stack((source, target)), axis=0).tolist():
        spans = np.flatnonzero((source == sender) & (target == receiver))
        mine = order[(targets == receiver) & ((sources == sender) | (sender == UNKNOWN))]
        number, *columns = _cut(begin[spans], end[spans], links["end"][mine], links["link"][mine].astype(np.int64))
        found.append((spans[number], columns[0], columns[1], columns[2]))
    span, start, stop, link = (np.concatenate(column) for column in zip(*found, strict=True))
    return span, start, stop, link


def _cut(begin: Array, end: Array, left: Array, link: Array) -> tuple[Array, Array, Array, Array]:
    """Spans cut at the moments ``left`` (in order) at which parcels left ``link``: span, begin, end, link."""
    if not len(left):
        return np.arange(len(begin)), begin, end, np.full(len(begin), NOWHERE)
    first, last = np.searchsorted(left, begin, "right"), np.searchsorted(left, end, "right")
    count = np.maximum(last - first, 1)
    span = np.repeat(np.arange(len(begin)), count)
    within = np.arange(len(span)) - np.repeat(np.cumsum(count) - count, count)
    # None left within the span: it is the rest of the way of the one that left before.
    place = np.where(last > first, first, np.maximum(first - 1, 0))[span] + within
    start = np.where(within == 0, begin[span], left[place - 1])
    stop = np.where(within == count[span] - 1, end[span], left[place])
    return span, start, stop, link[place]
