"""What a worker waited for: every wait cut into pieces that have one cause each.

A wait is explained by what ended it: of the messages that the next task of its worker took, the first to arrive when
the wait was over.

    start of the wait           sent                   end of the wait
          |-- waiting for input --|-- blocked by a link --|

Two things come before that. With nothing in flight, workers wait for one another: synchronisation. And a worker that
has nothing more to do in its segment (:mod:`ampsim.result.analysis.segments`) waits for nothing: drained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from ampsim.result.analysis.causes import ADMISSION, DRAINED, INPUT, LINK, MEMORY, MESSAGING, SYNCHRONISATION
from ampsim.result.analysis.segments import DRAINING, QUIET, phases
from ampsim.result.schema import ADMISSION as ADMITS
from ampsim.result.schema import KINDS, OVERFLOWS, WAITS, Array, Table

_UPDATE, _STALL, _OFF_CHIP = KINDS.index("update"), OVERFLOWS.index("stall"), WAITS.index("memory")
_NONE = -1

Ticks = Callable[[Array], Array]
"""The ticks from the start of the run of moments in seconds."""


class Tasks(NamedTuple):
    """All tasks of the worker, in order of time: row in the table, begin (ticks from the start of the run)."""

    row: Array
    begin: Array


class Waits(NamedTuple):
    """Waits: row in the table, begin and end (ticks from the start of the run), next task.

    ``next`` is a place in :class:`Tasks`, and their number where the worker has none.
    """

    row: Array
    begin: Array
    end: Array
    next: Array


class Pieces(NamedTuple):
    """Pieces of waits: number of the wait, begin and end (ticks from the start of the run), cause by its number."""

    wait: Array
    begin: Array
    end: Array
    cause: Array


def explained(tables: Mapping[str, Table], tasks: Tasks, waits: Waits, points: Array, ticks: Ticks) -> Pieces:
    """All pieces, in any order. A wait that nothing is known to have ended is messaging.

    ``tables`` hold tasks, waits, updates and messages of one worker, ``points`` (ticks) the segments of the run.
    """
    none = len(tasks.row)
    begun, segment = phases(points, tasks.begin)
    instance = np.where(begun == QUIET, _NONE, _instance_of_update(tables, tasks))
    work = _next_work(tables, tasks, instance)[waits.next]
    wait, begin, end = _cut(waits.begin, waits.end, points)
    phase, now = phases(points, begin)
    job, quiet = work[wait], phase == QUIET
    over = (job == none) | ((phase == DRAINING) & (np.append(segment, _NONE)[job] != now))
    cause = np.select(
        [tables["waits"]["kind"][waits.row[wait]] == _OFF_CHIP, quiet & (waits.next[wait] != none), quiet | over],
        [MEMORY, SYNCHRONISATION, DRAINED],
        _NONE,
    )
    whole, rest = cause != _NONE, cause == _NONE
    found = [Pieces(wait[whole], begin[whole], end[whole], cause[whole])]
    job, moment = job[rest], tables["waits"]["end"][waits.row[wait[rest]]]
    for first, last, why in _by_message(tables, (tasks.row[job], instance[job], moment), begin[rest], end[rest], ticks):
        found.append(Pieces(wait[rest], first, last, why))
    return Pieces(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _cut(begin: Array, end: Array, points: Array) -> tuple[Array, Array, Array]:
    """Intervals cut at ``points``: number of the interval, begin and end of each part."""
    first, last = np.searchsorted(points, begin, "right"), np.searchsorted(points, end, "left")
    parts = np.maximum(last - first, 0) + 1
    number = np.repeat(np.arange(len(begin)), parts)
    within = np.arange(len(number)) - np.repeat(np.cumsum(parts) - parts, parts)
    behind = first[number] + within
    left = np.where(within == 0, begin[number], points[behind - 1])
    right = np.where(within == parts[number] - 1, end[number], points[np.minimum(behind, len(points) - 1)])
    return number, left, right


def _instance_of_update(tables: Mapping[str, Table], tasks: Tasks) -> Array:
    """Of each task the instance at whose end it updates, or -1. Updates are in the order of their tasks."""
    instance, kind = tables["updates"]["instance"], tables["tasks"]["kind"][tasks.row]
    found = np.full(len(kind), _NONE, np.int64)
    places = np.flatnonzero(kind == _UPDATE)
    if len(places) == len(instance):
        found[places] = instance
    return found


def _next_work(tables: Mapping[str, Table], tasks: Tasks, instance: Array) -> Array:
    """From each place in ``tasks`` on, the next task that is work on an instance; or their number.

    Not so an update that counts gradients: it follows upon the task that brought the last one. Nor what is done with
    nothing in flight.
    """
    count = len(tasks.row)
    works = (tables["tasks"]["kind"][tasks.row] < _UPDATE) | (instance != _NONE)
    place = np.where(works, np.arange(count), count)
    return np.append(np.minimum.accumulate(place[::-1])[::-1], count)


def _by_message(
    tables: Mapping[str, Table], ending: tuple[Array, Array, Array], begin: Array, end: Array, ticks: Ticks
) -> list[tuple[Array, Array, Array]]:
    """Waits cut where what ended them was held back, and where it was sent: begin, end and cause of each part.

    ``ending`` is of each wait the task that it led to, the instance at whose end that updates, and when it was over.
    An update at the end of an instance was ordered when the instance was complete.
    """
    task, instance, moment = ending
    messages = tables["messages"]
    message = _arrived_first(messages, task, moment)
    took = message != _NONE
    sent, held, admits = np.zeros(len(task)), np.full(len(task), np.inf), np.zeros(len(task), np.bool_)
    sent[took] = messages["sent"][message[took]]
    admits[took] = messages["edge"][message[took]] == ADMITS
    since, stalled = _of_instances(tables["overflow"], "start", messages["state"][message[admits], 0], _STALL)
    held[admits] = np.where(stalled, since, np.inf)
    completed, ordered = _of_instances(tables["instances"], "completed", instance)
    at_sent = np.clip(ticks(np.where(ordered, completed, sent)), begin, end)
    at_held = np.clip(ticks(held), begin, at_sent)
    parts = [
        (begin, at_held, np.where(admits, ADMISSION, INPUT)),
        (at_held, at_sent, np.full(len(task), MEMORY)),
        (at_sent, end, np.where(ordered, SYNCHRONISATION, LINK)),
    ]
    return [(first, last, np.where(took | ordered, why, MESSAGING)) for first, last, why in parts]


def _arrived_first(messages: Table, task: Array, moment: Array) -> Array:
    """Row of the first of the messages that each of ``task`` took to arrive at ``moment`` (s) or later, or -1.

    Of several that arrived at one time, the one sent last: it was what was missing.
    """
    count = len(messages["task"])
    tasks, times = np.concatenate((messages["task"], task)), np.concatenate((messages["arrived"], moment))
    sent = np.concatenate((messages["sent"], np.full(len(task), np.inf)))
    order = np.lexsort((-sent, times, tasks))  # what is asked for stands in front of what arrives at its moment
    place = np.where(order < count, np.arange(len(order)), len(order))
    following = np.minimum.accumulate(place[::-1])[::-1]
    found = np.empty(len(order), np.int64)
    found[order] = np.append(order, _NONE)[following]
    answer = found[count:]
    return np.where(np.append(messages["task"], _NONE)[answer] == task, answer, _NONE)


def _of_instances(table: Table, column: str, instance: Array, kind: int | None = None) -> tuple[Array, Array]:
    """Values of a column in the rows of instances, those of one kind only if so asked, and whether there are such."""
    rows = np.arange(len(table["instance"])) if kind is None else np.flatnonzero(table["kind"] == kind)
    rows = rows[np.argsort(table["instance"][rows], kind="stable")]
    if not len(rows):
        return np.zeros(len(instance)), np.zeros(len(instance), np.bool_)
    numbers = table["instance"][rows]
    place = np.minimum(np.searchsorted(numbers, instance), len(rows) - 1)
    return table[column][rows[place]], numbers[place] == instance
