"""Where boxes stand in a drawing: a cell for each, by the shape of what links them; the same for the same input."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import ceil, prod, sqrt

import numpy as np

from ampsim.result.schema import Array

Pair = tuple[int, int]
MOST_IN_LOOP = 40
"""Boxes around a loop; of more each would be too small."""
MOST_IN_ROW = 20
_GAP = 0.3  # between the planes of a grid of three dimensions
GRIDS = ("mesh", "torus")


def cells(kind: str, dims: Sequence[int], places: Sequence[int], pairs: Sequence[Pair]) -> Array:
    """Column and row of each box: float64 (boxes, 2), at least 1 apart in one of the two, from (0, 0) on.

    ``places`` are the places of boxes in the grid of ``dims``, or negative for boxes that are no chips; ``pairs`` are
    boxes that are linked, by number. Grids stand as grids, rings and whatever links all with all around a loop, trees
    level by level, lines to and fro, and all else so that linked boxes are near each other.
    """
    count = len(places)
    others = [box for box, place in enumerate(places) if place < 0]
    if kind in GRIDS and len(dims) > 1 and not others and max(places, default=0) < prod(dims):
        found = compressed(_grid(dims)[list(places)])
    elif kind == "fat_tree" and others:
        found = _levels(places, pairs)
    elif kind == "switch" and len(others) == 1 and count - 1 <= MOST_IN_LOOP:
        found = _around(count - 1, others[0])
    elif others or kind in ("edges", "file", "dragonfly"):
        found = _free(count, pairs)
    elif kind in ("line", "mesh") or count > MOST_IN_LOOP:
        found = _snake(count)
    else:
        found = _loop(count)
    corner: Array = found - found.min(axis=0, initial=np.inf)
    return corner


def compressed(at: Array) -> Array:
    """Columns and rows that nothing stands in are taken out."""
    found = np.empty_like(at)
    for axis in (0, 1):
        values, rank = np.unique(at[:, axis], return_inverse=True)
        found[:, axis] = np.concatenate(([0.0], np.cumsum(np.minimum(np.diff(values), 1.0 + _GAP))))[rank]
    return found


def _grid(dims: Sequence[int]) -> Array:
    """The last dimension to the right, the one before it down; planes beside one another, about as wide as high."""
    rows, columns = dims[-2:]
    planes = prod(dims[:-2])
    across = min(planes, max(1, ceil(sqrt(planes * rows / columns))))
    found = [
        (
            plane % across * (columns + _GAP) + column,
            plane // across * (rows + _GAP) + row,
        )
        for plane, row, column in product(range(planes), range(rows), range(columns))
    ]
    return np.asarray(found, np.float64)


def _loop(count: int) -> Array:
    """Clockwise along the edge of a rectangle, from its upper left corner."""
    if count <= 2:
        return np.asarray([(box, 0.0) for box in range(count)], np.float64).reshape(-1, 2)
    high = 2 if count <= 8 else max(3, round(count / 5))
    sides = high - 2
    top = ceil((count - 2 * sides) / 2)
    bottom = count - 2 * sides - top
    wide = top - 1
    found = [(float(column), 0.0) for column in range(top)]
    found += [(float(wide), 1.0 + row) for row in range(sides)]
    # One fewer than above stand in between.
    found += [(wide - (column + (top - bottom) / 2), high - 1.0) for column in range(bottom)]
    found += [(0.0, float(sides - row)) for row in range(sides)]
    return np.asarray(found)


def _around(count: int, hub: int) -> Array:
    """A loop with ``hub`` in its middle."""
    loop = _loop(count)
    if count <= 2:
        loop[:, 0] *= 2.0
        middle = np.asarray([1.0, 0.0])
    else:
        if loop[:, 1].max() < 2:
            loop[:, 1] *= 2.0
        middle = loop.max(axis=0) / 2
    return np.insert(loop, hub, middle, axis=0)


def _snake(count: int) -> Array:
    """Rows that go to and fro, so that the next is always near."""
    wide = count if count <= 6 else ceil(sqrt(2 * count))
    row, column = np.divmod(np.arange(count), wide)
    return np.column_stack((np.where(row % 2, wide - 1 - column, column), row)).astype(np.float64)


def _levels(places: Sequence[int], pairs: Sequence[Pair]) -> Array:
    """Chips in rows at the bottom; each level of switches, by its distance from a chip, in a row above them."""
    count = len(places)
    level = np.where(np.asarray(places) >= 0, 0, count)
    ends = np.asarray(pairs, np.int64).reshape(-1, 2)
    for _ in range(count):
        before = level.copy()
        np.minimum.at(level, ends[:, 0], before[ends[:, 1]] + 1)
        np.minimum.at(level, ends[:, 1], before[ends[:, 0]] + 1)
        if (level == before).all():
            break
    rows = []
    for number in np.unique(level)[::-1]:
        row = np.flatnonzero(level == number)
        parts = ceil(len(row) / MOST_IN_ROW)
        rows += np.array_split(row, parts)
    wide = max(len(row) for row in rows)
    found = np.zeros((count, 2))
    for height, row in enumerate(rows):
        found[row, 0] = (np.arange(len(row)) + 0.5) * wide / len(row)
        found[row, 1] = height
    return found


def _free(count: int, pairs: Sequence[Pair]) -> Array:
    """By springs between linked boxes, each then in the free cell that is nearest; wider than high."""
    import networkx

    graph: networkx.Graph[int] = networkx.Graph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(pairs)
    start = networkx.circular_layout(graph)
    rounds = 200 if count <= 100 else 50
    sprung = networkx.spring_layout(graph, pos=start, seed=0, iterations=rounds)
    at = np.asarray([sprung[box] for box in range(count)]).reshape(-1, 2)
    wide = ceil(sqrt(2.2 * count)) if count > 3 else count
    high = ceil(count / wide) + (count > 8)
    span = np.maximum(np.ptp(at, axis=0), 1e-9)
    wanted = (at - at.min(axis=0)) / span * (wide - 1, high - 1)
    spots = np.asarray(list(product(range(wide), range(high))), np.float64)
    taken = np.zeros(len(spots), np.bool_)
    found = np.zeros((count, 2))
    # Those in the middle choose first; who stands outside has room outside.
    away = np.linalg.norm(wanted - wanted.mean(axis=0), axis=1).round(9)
    for box in np.argsort(away, kind="stable"):
        distance = np.where(taken, np.inf, np.linalg.norm(spots - wanted[box], axis=1))
        spot = int(np.argmin(distance.round(9)))
        taken[spot] = True
        found[box] = spots[spot]
    return compressed(found)


def in_order(count: int, pairs: Sequence[Pair]) -> list[int]:
    """Nodes with what comes before them first; where a loop has no beginning, the node with least before it."""
    before = [0] * count
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in pairs:
        if min(source, target) >= 0 and source != target:
            before[target] += 1
            after[source].append(target)
    entered = [False] * count
    left = set(range(count))
    found: list[int] = []
    while left:
        node = min(left, key=lambda n: (before[n] > 0, not entered[n], before[n], n))
        left.remove(node)
        found.append(node)
        for target in after[node]:
            before[target] -= 1
            entered[target] = True
    return found
