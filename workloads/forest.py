r"""What a graph's functions have to know of a minibatch of trees: who is whose child, in numbers ready for use.

A *place* is what has a message of its own. By level, it is all nodes of one height in the whole minibatch, so that a
minibatch of any size takes as many steps as its highest tree has levels; by node, it is a single node.

    level 2        d               up[0]:   from level 0 to levels 1 and 2, which rows to each
    level 1      c  \              down[2]: the rows of level 2's children come from levels 0 and 1,
    level 0     a b  e                      and are put in the order left, right, left, right ...
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ampsim.ir.rows import Rows
from ampsim.workloads.treebank import Integers, Treebank

ONE = Rows((1,), [0], 1)  # by node: a row to its only parent
ROOT = Rows((), [], 1)  # by node: a row to nobody
PAIR = Rows((1, 1), [0, 1], 2)  # by node: a row from either child


class Way(NamedTuple):
    """The places at the other end, in ascending order, and how rows go there or come from there."""

    places: tuple[int, ...]
    rows: Rows


@dataclass(frozen=True, eq=False)
class Forest:
    """``up[p]``: to the places of the parents of p's nodes; ``down[p]``: from those of their children.

    ``leaves`` are the places where leaves begin, ``rows`` the number of nodes in each place, ``order`` (nodes,) the
    nodes place by place, or None where they stand in that order already. ``down`` of leaves is not there.
    """

    leaves: tuple[int, ...]
    rows: tuple[int, ...]
    order: Integers | None
    up: tuple[Way, ...]
    down: dict[int, Way]


def by_node(bank: Treebank) -> Forest:
    """Places are the nodes, numbered through all trees."""
    up = [Way((), ROOT)] * len(bank.labels)
    down = {}
    for node, (left, right) in zip(bank.inner.tolist(), bank.below.tolist(), strict=True):
        down[node] = Way((left, right), PAIR)
        up[left] = up[right] = Way((node,), ONE)
    return Forest(tuple(bank.leaf.tolist()), (1,) * len(up), None, tuple(up), down)


def by_level(bank: Treebank, heights: Integers) -> Forest:
    """Places are the levels; ``heights`` (nodes,) are those of the bank's nodes."""
    order = np.argsort(heights, kind="stable")
    sizes = np.bincount(heights)
    row = np.empty(len(order), np.int64)  # of each node in its level
    row[order] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    child = bank.below.reshape(-1)
    parent = np.repeat(bank.inner, 2)
    into = 2 * row[parent] + np.tile([0, 1], len(bank.inner))  # the row of each child among the children of a level
    origin, goal = heights[child], heights[parent]
    # In the order of the rows they become, so that what is sent needs no more sorting where it arrives.
    sort = np.lexsort((into, origin, goal))
    child, into, origin, goal = child[sort], into[sort], origin[sort], goal[sort]
    levels = len(sizes)
    pair = goal * levels + origin
    cuts = [0, *(np.flatnonzero(np.diff(pair)) + 1).tolist(), len(pair)] if len(pair) else [0]
    up: list[list[tuple[int, Integers]]] = [[] for _ in range(levels)]
    down: list[list[tuple[int, Integers]]] = [[] for _ in range(levels)]
    for start, stop in pairwise(cuts):
        below, above = int(origin[start]), int(goal[start])
        up[below].append((above, row[child[start:stop]]))
        down[above].append((below, into[start:stop]))
    rows = tuple(sizes.tolist())
    return Forest(
        (0,),
        rows,
        order,
        tuple(_way(ends, total) for ends, total in zip(up, rows, strict=True)),
        {level: _way(down[level], 2 * rows[level]) for level in range(1, levels)},
    )


def _way(ends: list[tuple[int, Integers]], total: int) -> Way:
    index = np.concatenate([rows for _, rows in ends]) if ends else ()
    return Way(tuple(place for place, _ in ends), Rows([len(rows) for _, rows in ends], index, total))
