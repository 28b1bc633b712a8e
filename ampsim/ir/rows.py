"""How the rows of one message become the rows of several, and back.

    one     a b c            index = [0, 2, 2, 1], counts = (2, 2)
    many    a c | c b        gather:  many[i] = one[index[i]]         (two messages of two rows each)
                             scatter: one[index[i]] += many[i]        (the adjoint of gather)

A Flatmap gathers on the way forward and scatters on the way back; a Group does the opposite. Both work on the stacked
messages of many instances at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampsim.ir.message import Array, Payload, Spec

Index = NDArray[np.int64]


class Rows:
    """``index[i]`` is the row of the one message that row ``i`` of the many belongs to.

    ``counts`` are the rows of each of the many messages, ``total`` those of the one; rows of the one that nothing
    refers to are zero after a scatter. A structure that is used again should keep its Rows: what a scatter needs is
    worked out once. Raises ValueError if the three do not fit together.
    """

    def __init__(self, counts: Sequence[int], index: Any, total: int) -> None:
        self.counts = tuple(int(count) for count in counts)
        self.index: Index = np.ascontiguousarray(index, np.int64)
        self.total = int(total)
        if self.index.ndim != 1 or sum(self.counts) != len(self.index) or min(self.counts, default=0) < 0:
            raise ValueError(f"counts add up to {sum(self.counts)}, index has shape {self.index.shape}")
        if len(self.index) and not 0 <= self.index.min() <= self.index.max() < self.total:
            raise ValueError(f"index runs from {self.index.min()} to {self.index.max()}, there are {self.total} rows")

    def __len__(self) -> int:
        """Rows of the many messages together."""
        return len(self.index)

    @cached_property
    def identity(self) -> bool:
        """Whether the many messages stacked are the one message as it is."""
        return len(self.index) == self.total and bool((self.index == np.arange(self.total)).all())

    @cached_property
    def rounds(self) -> list[tuple[Index, Index]]:
        """Pairs (rows of the many, rows of the one): the first of each target, then the second of each, and so on.

        Within a round no target comes twice, so it is one fancy assignment: several times faster than
        ``np.add.reduceat`` or ``np.add.at`` on rows of a hundred floats, and added in the order of ``index``.
        """
        order = np.argsort(self.index, kind="stable")
        targets = self.index[order]
        fresh = np.flatnonzero(np.diff(targets, prepend=-1))
        rank = np.arange(len(order)) - np.repeat(fresh, np.diff(fresh, append=len(order)))
        return [(order[rank == r], targets[rank == r]) for r in range(int(rank.max(initial=-1)) + 1)]


@lru_cache(maxsize=1024)
def repeated(rows: int, copies: int) -> Rows:
    """Every one of ``copies`` messages carries all ``rows`` rows."""
    return Rows((rows,) * copies, np.tile(np.arange(rows), copies), rows)


@lru_cache(maxsize=1024)
def single(rows: int) -> Rows:
    """Each of ``rows`` messages carries one row."""
    return Rows((1,) * rows, np.arange(rows), rows)


def gather_rows(one: Payload, plan: Sequence[Rows]) -> Payload:
    """The many messages of a stack of ones; ``plan[i]`` belongs to the i-th of them. A view where nothing moves."""
    if one is None:
        return None
    if isinstance(one, Spec):
        return one.with_rows(sum(len(rows) for rows in plan))
    if all(rows.identity for rows in plan):
        return one
    return one.take(_moved([rows.index for rows in plan], [rows.total for rows in plan]), axis=0)


def scatter_rows(many: Payload, plan: Sequence[Rows]) -> Payload:
    """The ones of a stack of many messages: rows of equal target are added, in the order of ``index``."""
    if many is None:
        return None
    total = sum(rows.total for rows in plan)
    if isinstance(many, Spec):
        return many.with_rows(total)
    if all(rows.identity for rows in plan):
        return many
    result: Array = np.zeros((total, *many.shape[1:]), many.dtype)
    lengths, totals = [len(rows) for rows in plan], [rows.total for rows in plan]
    for number in range(max(len(rows.rounds) for rows in plan)):
        own, targets = zip(
            *(rows.rounds[number] if number < len(rows.rounds) else _NOTHING for rows in plan), strict=True
        )
        chosen, into = _moved(own, lengths), _moved(targets, totals)
        part = many.take(chosen, axis=0)
        if number:
            result[into] += part
        else:
            result[into] = part
    return result


_NOTHING = (np.zeros(0, np.int64), np.zeros(0, np.int64))


def _moved(indices: Sequence[Index], sizes: Sequence[int]) -> Index:
    """The indices one after the other, each moved by the sizes before it."""
    if len(indices) == 1:
        return indices[0]
    moves = np.asarray([0, *accumulate(sizes[:-1])], np.int64)
    moved: Index = np.concatenate(indices) + np.repeat(moves, [len(index) for index in indices])
    return moved
