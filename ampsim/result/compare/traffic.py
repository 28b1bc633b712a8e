"""What two runs sent along the edges of their graphs, and how long it was on its way."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ampsim.result.run import Run
from ampsim.result.schema import DIRECTIONS


class EdgeTraffic(NamedTuple):
    """Messages and payload bytes along ``edge`` in one direction.

    ``way`` is the mean time (s) from sending to arrival of those that went from one worker to another, None where none
    did; ``difference`` is that of these means, a - b.
    """

    edge: str
    direction: str
    messages_a: int
    messages_b: int
    bytes_a: int
    bytes_b: int
    way_a: float | None
    way_b: float | None
    difference: float | None


def edge_traffic(a: Run, b: Run) -> list[EdgeTraffic]:
    """One entry an edge and direction that one of the runs used, in the order of the graph."""
    left, right = _traffic(a), _traffic(b)
    none = _Traffic(0, 0, None)
    found = []
    for edge, direction in left | right:
        x, y = left.get((edge, direction), none), right.get((edge, direction), none)
        difference = None if x.way is None or y.way is None else x.way - y.way
        columns = (x.messages, y.messages, x.bytes, y.bytes, x.way, y.way, difference)
        found.append(EdgeTraffic(edge, direction, *columns))
    return found


class _Traffic(NamedTuple):
    messages: int
    bytes: int
    way: float | None


def _traffic(run: Run) -> dict[tuple[str, str], _Traffic]:
    edges, names = run.tables["edges"], run.summary["edges"]
    messages, tasks = run.tables["messages"], run.tables["tasks"]
    ways = len(DIRECTIONS)
    travelled = np.flatnonzero(
        (messages["edge"] >= 0) & (messages["source"] >= 0) & (messages["source"] != tasks["worker"][messages["task"]])
    )
    which = messages["edge"][travelled].astype(np.int64) * ways + messages["direction"][travelled]
    counts = np.bincount(which, minlength=ways * len(names))
    spent = np.bincount(which, (messages["arrived"] - messages["sent"])[travelled], ways * len(names))
    columns = (edges[column].tolist() for column in ("edge", "direction", "messages", "bytes"))
    found = {}
    for edge, direction, sent, nbytes in zip(*columns, strict=True):
        key = edge * ways + direction
        way = float(spent[key] / counts[key]) if counts[key] else None
        found[names[edge], DIRECTIONS[direction]] = _Traffic(sent, nbytes, way)
    return found
