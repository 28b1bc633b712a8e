"""Whether tables are those of the schema. Looked at in parts, so that a large table need not be in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ampsim.errors import UsageError
from ampsim.result.schema import TABLES, Column, Table
from ampsim.result.table import RunTable, Stored, chunks, rows


def check(tables: Mapping[str, Table]) -> None:
    """Raise UsageError, with table and column in ``where``, unless ``tables`` are exactly those of this schema.

    Looked at are names, dtypes, equal lengths, finite times, and that messages point at tasks.
    """
    _same_names("tables", list(TABLES), tables)
    for name, columns in TABLES.items():
        table = tables[name]
        _same_names(name, [column.name for column in columns], table)
        for column in columns:
            _check_column(f"{name}.{column.name}", column, table)
    tasks = rows(tables["tasks"])
    for (task,) in chunks(tables["messages"], "task"):
        if not 0 <= int(task.min()) <= int(task.max()) < tasks:
            raise UsageError(f"a message points outside the {tasks} tasks", "messages.task")


def _same_names(where: str, wanted: list[str], found: Mapping[str, Any]) -> None:
    missing = [name for name in wanted if name not in found]
    unknown = [str(name)[:60] for name in found if name not in wanted]
    if missing or unknown:
        raise UsageError(f"columns or tables are missing: {missing}, or unknown: {unknown}", where)


def _check_column(where: str, column: Column, table: Table) -> None:
    values: Any = table.column(column.name) if isinstance(table, RunTable) else table[column.name]
    if not isinstance(values, np.ndarray | Stored):
        raise UsageError(f"a column is an array, not {type(values).__name__}", where)
    if values.dtype != np.dtype(column.dtype):
        raise UsageError(f"the dtype is {values.dtype}, not {np.dtype(column.dtype)}", where)
    if len(values.shape) != column.axes or values.shape[0] != rows(table):
        raise UsageError(f"the shape is {values.shape}, not {rows(table)} rows on {column.axes} axes", where)
    if column.unit == "s" and not all(np.isfinite(part).all() for (part,) in chunks(table, column.name)):
        raise UsageError("a time is not finite", where)
