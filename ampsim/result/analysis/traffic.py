"""Who sends what to whom: messages from worker to worker, whatever links they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ampsim.result.analysis.groups import Groups
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


def departures(tables: Mapping[str, Table], workers: int) -> Array:
    """Times (s) at which messages left for another worker, in order."""
    found = [sent for _, _, (sent,) in _received(tables, workers, "sent")]
    return np.sort(np.concatenate([np.zeros(0), *found]))


def arrows(
    tables: Mapping[str, Table], workers: int, windows: Sequence[tuple[float, float]] = ((-np.inf, np.inf),)
) -> Arrows:
    """Messages that left their worker within one of ``windows`` (s, both ends included).

    Those sent together are taken together.
    """
    none, still = np.zeros(0, np.int64), np.zeros(0)
    parts = [(none, none.astype(np.int8), still, still, none)]
    for destination, source, columns in _received(tables, workers, "sent", "direction", "arrived", "bytes"):
        inside = np.zeros(len(source), np.bool_)
        for low, high in windows:
            inside |= (columns[0] >= low) & (columns[0] <= high)
        sent, direction, arrived, size = (column[inside] for column in columns)
        parts.append((source[inside] * workers + destination, direction, sent, arrived, size))
    pair, direction, sent, arrived, size = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((direction, pair, sent))
    sent, pair, direction, arrived, size = sent[order], pair[order], direction[order], arrived[order], size[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (sent[1:] != sent[:-1]) | (pair[1:] != pair[:-1]) | (direction[1:] != direction[:-1])
    first = np.flatnonzero(new)
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
    found = np.zeros((workers, workers), np.int64)
    for destination, source, (size,) in _received(tables, workers, "bytes"):
        np.add.at(found[:, destination], source, size)
    return found


@dataclass(frozen=True)
class Way:
    """Messages from ``source`` to ``destination`` that were sent and had not arrived, over time."""

    source: int
    destination: int
    messages: Steps


def under_way(tables: Mapping[str, Table], workers: int, most: int) -> list[Way]:
    """The ``most`` pairs of workers that kept messages longest under way in sum, the longest first."""
    spent = np.zeros((workers, workers))
    for destination, source, (sent, arrived) in _received(tables, workers, "sent", "arrived"):
        spent[:, destination] = np.bincount(source, np.maximum(arrived - sent, 0.0), workers)
    kept = [pair for pair in np.argsort(-spent, axis=None, kind="stable")[:most].tolist() if spent.flat[pair] > 0]
    levels: dict[int, Steps] = {}
    for destination, source, (sent, arrived) in _received(tables, workers, "sent", "arrived"):
        for pair in kept:
            if pair % workers == destination:
                mine = np.flatnonzero(source == pair // workers)
                levels[pair] = Steps.counting(sent[mine], np.maximum(arrived, sent)[mine])
    return [Way(pair // workers, pair % workers, levels[pair]) for pair in kept]


def _received(tables: Mapping[str, Table], workers: int, *names: str) -> Iterator[tuple[int, Array, tuple[Array, ...]]]:
    """Of each worker its number, who sent it messages from elsewhere, and columns of these; one worker at a time."""
    taken = Groups.taken(tables, Groups.of_workers(tables["tasks"], workers))
    for worker in range(workers):
        source, *columns = taken.take(worker, "source", *names)
        rows = np.flatnonzero((source >= 0) & (source < workers) & (source != worker))
        yield worker, source[rows].astype(np.int64), tuple(column[rows] for column in columns)
