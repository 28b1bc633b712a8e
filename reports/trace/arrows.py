"""Flows over the slices of a trace, and which slice has which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ampsim.reports.trace.blocks import BEGIN, END, STEP, Ends
from ampsim.reports.trace.flows import hops, parcels, senders
from ampsim.result.schema import Array, Table


@dataclass(frozen=True)
class Spans:
    """Rows of a table as slices: ``begin`` and ``end`` in nanoseconds, and which of them are in the trace."""

    begin: Array
    end: Array
    kept: Array


@dataclass(frozen=True)
class Arrows:
    """Flows by row of ``tasks`` and by row of ``links``; ``count`` of them, and ``left_out`` by the window."""

    tasks: Ends
    links: Ends
    count: int
    left_out: int


def arrows(tables: Mapping[str, Table], workers: int, tasks: Spans, links: Spans) -> Arrows:
    """One flow for each pair of tasks of which the second took a message that the first had sent.

    A flow whose second task does not begin after the first in whole nanoseconds is none.
    """
    taker, sender = tables["messages"]["task"].astype(np.int64), senders(tables)
    found = parcels(tables, sender)
    rows = np.flatnonzero(sender >= 0)
    rows = rows[tasks.begin[sender[rows]] < tasks.begin[taker[rows]]]
    order = rows[np.lexsort((taker[rows], sender[rows]))]
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (sender[order][1:] != sender[order][:-1]) | (taker[order][1:] != taker[order][:-1])
    rows = order[fresh]
    inside = tasks.kept[sender[rows]] & tasks.kept[taker[rows]]
    left_out = int((~inside).sum())
    rows = rows[inside]
    flow = np.arange(1, len(rows) + 1)
    row, step = _steps(found.of_message[rows], hops(tables, found, workers), len(found.sent))
    good = (
        links.kept[row]
        & (links.begin[row] > _leaving(tasks, sender[rows])[step])
        & (links.begin[row] < tasks.begin[taker[rows]][step])
    )
    row, step = row[good], step[good]
    role = np.concatenate((np.full(len(rows), BEGIN), np.full(len(rows), END)))
    return Arrows(
        _by_row(np.concatenate((sender[rows], taker[rows])), np.tile(flow, 2), role, len(tasks.begin)),
        _by_row(row, flow[step], np.full(len(row), STEP), len(links.begin)),
        len(rows),
        left_out,
    )


def _leaving(tasks: Spans, rows: Array) -> Array:
    """When an arrow leaves its task: in its last nanosecond."""
    found: Array = np.maximum(tasks.begin[rows], tasks.end[rows] - 1)
    return found


def _steps(parcel: Array, of_link: Array, parcels_: int) -> tuple[Array, Array]:
    """(row of links, place in ``parcel``) for every link on the way of every flow."""
    order = np.flatnonzero(of_link >= 0)
    order = order[np.argsort(of_link[order], kind="stable")]
    bounds = np.searchsorted(of_link[order], np.arange(parcels_ + 1))
    far = np.flatnonzero(parcel >= 0)
    first, size = bounds[parcel[far]], np.diff(bounds)[parcel[far]]
    within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    return order[np.repeat(first, size) + within], np.repeat(far, size)


def _by_row(row: Array, flow: Array, role: Array, rows: int) -> Ends:
    order = np.lexsort((-role, row))  # what ends at a slice comes before what leaves it
    bounds = np.searchsorted(row[order], np.arange(rows + 1))
    return Ends(bounds[:-1], bounds[1:], flow[order], role[order])
