"""Tables that may be larger than memory: columns in memory, or on disk until they are asked for."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ampsim.errors import UsageError
from ampsim.result.schema import Array, Table

if TYPE_CHECKING:
    import pandas

CHUNK = 1 << 20
"""Rows that are looked at together where a whole column is not needed at once."""

READS_PARTS = hasattr(os, "preadv")
"""Whether the system can read at a place of an open file; where not, every table is read whole."""


class OpenFile:
    """A file held open since it was checked, so that no other file can take its place; closed with its last column."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = os.dup(descriptor)
        weakref.finalize(self, os.close, self._descriptor)
        self._state = self._now()

    def _now(self) -> tuple[int, int]:
        status = os.fstat(self._descriptor)
        return status.st_size, status.st_mtime_ns

    def read(self, offset: int, into: Array) -> None:
        """Fill a contiguous array. Raises UsageError if the file has changed since it was opened."""
        view, done = memoryview(into.reshape(-1).view(np.uint8)), 0  # type: ignore[arg-type]
        while done < len(view):
            count = os.preadv(self._descriptor, [view[done : done + (1 << 30)]], offset + done)
            if not count:
                break
            done += count
        if done < len(view) or self._now() != self._state:
            do = "load the run again; what a program has open must not be written to"
            raise UsageError("the file has changed since it was loaded", str(self.path), do)


@dataclass(frozen=True)
class Stored:
    """A column at ``offset`` of a file. ``read`` gives a read-only array: a change of it would be lost."""

    file: OpenFile
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    _held: list[weakref.ref[Array]] = field(default_factory=list, compare=False)

    def read(self) -> Array:
        """The whole column; the same array as long as somebody has it."""
        found = self._held[0]() if self._held else None
        if found is None:
            found = self.part(0, self.shape[0])
            self._held[:] = [weakref.ref(found)]
        return found

    def part(self, start: int, stop: int) -> Array:
        """Rows from ``start`` to ``stop``."""
        start, stop, _ = slice(start, stop).indices(self.shape[0])
        into = np.empty((max(stop - start, 0), *self.shape[1:]), self.dtype)
        row = self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))
        self.file.read(self.offset + start * row, into)
        into.flags.writeable = False
        return into


class RunTable(MutableMapping[str, Array]):
    """A table of a run: numpy columns of equal length, by name.

    Columns of a large table that was loaded stay on disk; each is read when it is asked for, and let go with the last
    array of it. Those are read-only. :meth:`part` reads some rows, :meth:`to_dataframe` gives all to pandas.
    """

    def __init__(
        self, columns: Mapping[str, Array | Stored], name: str = "", summary: Mapping[str, Any] | None = None
    ) -> None:
        """``name`` and ``summary``, that of the run, are what numbers are turned into names with."""
        self._columns: dict[str, Array | Stored] = {}
        self.name, self.summary = name, summary or {}
        if isinstance(columns, RunTable):
            self._columns |= columns._columns
        else:
            self._columns |= columns

    def __getitem__(self, name: str) -> Array:
        found = self._columns[name]
        return found.read() if isinstance(found, Stored) else found

    def __setitem__(self, name: str, values: Array) -> None:
        self._columns[name] = values

    def __delitem__(self, name: str) -> None:
        del self._columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        """The number of columns, as of any mapping; :attr:`rows` is the other one."""
        return len(self._columns)

    @property
    def rows(self) -> int:
        """How many rows it has; nothing is read for that."""
        return next((int(values.shape[0]) for values in self._columns.values()), 0)

    @property
    def on_disk(self) -> bool:
        """Whether columns are read when they are asked for."""
        return any(isinstance(values, Stored) for values in self._columns.values())

    def column(self, name: str) -> Array | Stored:
        """A column as it is kept, with its dtype and shape; nothing is read."""
        return self._columns[name]

    def part(self, name: str, start: int, stop: int) -> Array:
        """Rows from ``start`` to ``stop`` of one column; no more is read."""
        found = self._columns[name]
        return found.part(start, stop) if isinstance(found, Stored) else found[start:stop]

    def to_dataframe(self, start: int = 0, stop: int | None = None, *, decode: bool = False) -> pandas.DataFrame:
        """Rows from ``start`` to ``stop`` as a pandas DataFrame, which copies them.

        Columns are those of the schema; ``messages.state`` becomes ``state_0``, ``state_1``, ... With ``decode``,
        numbers of workers, nodes, edges, links, kinds and directions are categories, with their names. Raises
        UsageError where pandas is not installed.
        """
        from ampsim.result.frames import dataframe

        return dataframe(self, start, stop, decode=decode)

    def __repr__(self) -> str:
        return f"<{self.name or 'table'}: {self.rows:,} rows of {', '.join(self._columns)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self.items()), self.name, dict(self.summary))


class RunTables(dict[str, RunTable]):
    """The tables of a run by name. What is put in becomes a :class:`RunTable`."""

    def __init__(self, tables: Mapping[str, Table], summary: Mapping[str, Any]) -> None:
        super().__init__()
        self._summary = summary
        for name, columns in tables.items():
            self[name] = columns

    def __setitem__(self, name: str, columns: Table) -> None:
        super().__setitem__(name, RunTable(columns, name, self._summary))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self), self._summary)


def rows(table: Table) -> int:
    """How many rows a table has, without reading it."""
    return table.rows if isinstance(table, RunTable) else next((len(values) for values in table.values()), 0)


def part(table: Table, name: str, start: int, stop: int) -> Array:
    """Rows from ``start`` to ``stop`` of a column, of which no more is read."""
    return table.part(name, start, stop) if isinstance(table, RunTable) else table[name][start:stop]


def chunks(table: Table, *names: str, size: int = CHUNK) -> Iterator[tuple[Array, ...]]:
    """Some columns, so many rows at a time; nothing for an empty table."""
    count = rows(table)
    for start in range(0, count, size):
        yield tuple(part(table, name, start, min(start + size, count)) for name in names)
