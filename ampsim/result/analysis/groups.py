"""Rows of a table by a number in one of its columns, such as the worker, so that one group is in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ampsim.result.schema import Array, Table
from ampsim.result.table import part


class Groups:
    """Rows of ``table`` by a key, in the order of the table within a group.

    Where rows of a group stand together, as backends write them, no more than these are read.
    """

    def __init__(self, table: Table, bounds: Array, order: Array | None = None) -> None:
        """Group n has the rows from ``bounds[n]`` to ``bounds[n + 1]``, places in ``order`` if that is given."""
        self._table, self._order = table, order
        self._bounds: list[int] = bounds.tolist()
        self._held: dict[str, Array] = {}

    @classmethod
    def by(cls, table: Table, key: Array, count: int) -> Groups:
        """By ``key``, one number a row, from 0 to below ``count``."""
        numbers = np.arange(count + 1, dtype=key.dtype)  # of the same type, else the key would be copied
        if (key[1:] >= key[:-1]).all():
            return cls(table, np.searchsorted(key, numbers))
        order = np.argsort(key, kind="stable")
        bounds = np.searchsorted(key[order], numbers)
        return cls(table, bounds, order.astype(np.int32) if len(order) < 1 << 31 else order)

    @classmethod
    def of_workers(cls, table: Table, workers: int) -> Groups:
        """By the column ``worker``."""
        return cls.by(table, table["worker"], workers)

    @classmethod
    def taken(cls, tables: Mapping[str, Table], tasks: Groups) -> Groups:
        """Messages by the group of tasks that took them."""
        messages, count = tables["messages"], len(tasks._bounds) - 1
        task = messages["task"]
        if tasks.together and (task[1:] >= task[:-1]).all():
            return cls(messages, np.searchsorted(task, np.asarray(tasks._bounds)))
        return cls.by(messages, tables["tasks"]["worker"][task], count)

    @property
    def together(self) -> bool:
        """Whether each group is a stretch of the table, and these are in order."""
        return self._order is None

    def rows(self, number: int) -> range | Array:
        """Rows of a group, ascending."""
        first, last = self._bounds[number : number + 2]
        return range(first, last) if self._order is None else self._order[first:last]

    def places(self, number: int, rows: Array) -> Array:
        """Where in its group each of some rows of the table stands."""
        mine = self.rows(number)
        found: Array = rows - mine.start if isinstance(mine, range) else np.searchsorted(mine, rows)
        return found

    def take(self, number: int, *names: str, within: slice = slice(None)) -> tuple[Array, ...]:
        """Some columns of a group, or of the rows ``within`` it."""
        start, stop, _ = within.indices(len(self.rows(number)))
        first, last = self._bounds[number] + start, self._bounds[number] + max(start, stop)
        if self._order is None:
            return tuple(part(self._table, name, first, last) for name in names)
        return tuple(self._whole(name)[self._order[first:last]] for name in names)

    def table(self, number: int, names: Sequence[str], within: slice = slice(None)) -> dict[str, Array]:
        """The same as a table."""
        return dict(zip(names, self.take(number, *names, within=within), strict=True))

    def _whole(self, name: str) -> Array:
        """A column of which each group has rows all over it: read once, and kept as long as the groups are."""
        if name not in self._held:
            self._held[name] = self._table[name]
        return self._held[name]
