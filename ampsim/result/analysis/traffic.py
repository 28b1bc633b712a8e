"""Who sends what to whom: messages from worker to worker, whatever links they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ampsim.result.analysis.steps import Steps
from ampsim.result.schema import Array, Table


@dataclass(frozen=True)
class Arrows:
    """What one worker sent another at one time, in one direction: times in s, how many ``messages``, their ``bytes``.

    In order of ``sent``; ``arrived`` is when the last of them was at hand.
    """

    source: Array
    destination: Array
    direction: Array
    sent: Array
    arrived: Array
    messages: Array
    bytes: Array


def arrows(tables: Mapping[str, Table], workers: int) -> Arrows:
    """Messages that left their worker, those sent together taken together."""
    rows, source, destination = _between(tables, workers)
    messages = tables["messages"]
    sent, direction = messages["sent"][rows], messages["direction"][rows]
    pair = source * workers + destination
    order = np.lexsort((direction, pair, sent))
    sent, pair, direction = sent[order], pair[order], direction[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (sent[1:] != sent[:-1]) | (pair[1:] != pair[:-1]) | (direction[1:] != direction[:-1])
    first = np.flatnonzero(new)
    arrived, size = messages["arrived"][rows][order], messages["bytes"][rows][order]
    if not len(first):
        return Arrows(pair, pair, direction, sent, arrived, pair, size)
    return Arrows(
        pair[first] // workers,
        pair[first] % workers,
        direction[first],
        sent[first],
        np.maximum.reduceat(arrived, first),
        np.diff(np.append(first, len(order))),
        np.add.reduceat(size, first),
    )


def matrix(tables: Mapping[str, Table], workers: int) -> Array:
    """Payload bytes from each worker (row) to each other (column): int64 (workers, workers)."""
    rows, source, destination = _between(tables, workers)
    found = np.zeros(workers * workers, np.int64)
    np.add.at(found, source * workers + destination, tables["messages"]["bytes"][rows])
    return found.reshape(workers, workers)


@dataclass(frozen=True)
class Way:
    """Messages from ``source`` to ``destination`` that were sent and had not arrived, over time."""

    source: int
    destination: int
    messages: Steps


def under_way(tables: Mapping[str, Table], workers: int, most: int) -> list[Way]:
    """The ``most`` pairs of workers that kept messages longest under way in sum, the longest first."""
    rows, source, destination = _between(tables, workers)
    sent, arrived = tables["messages"]["sent"][rows], tables["messages"]["arrived"][rows]
    arrived = np.maximum(arrived, sent)
    pair = source * workers + destination
    spent = np.bincount(pair, arrived - sent, workers * workers)
    kept = np.argsort(-spent, kind="stable")[:most]
    order = np.argsort(pair, kind="stable")
    bounds = np.searchsorted(pair[order], np.column_stack((kept, kept + 1)))
    return [
        Way(found // workers, found % workers, Steps.counting(sent[order[a:b]], arrived[order[a:b]]))
        for found, (a, b) in zip(kept.tolist(), bounds.tolist(), strict=True)
        if spent[found] > 0
    ]


def _between(tables: Mapping[str, Table], workers: int) -> tuple[Array, Array, Array]:
    """Rows of messages that went from one worker to another, with both."""
    messages = tables["messages"]
    source = messages["source"].astype(np.int64)
    destination = tables["tasks"]["worker"][messages["task"]].astype(np.int64)
    rows = np.flatnonzero((source >= 0) & (source < workers) & (source != destination))
    return rows, source[rows], destination[rows]
