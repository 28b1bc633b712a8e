"""Tables of a run for pandas and as Parquet files. Both are optional; what is missing is named when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ampsim.errors import UsageError
from ampsim.result.aside import checked_target, sync_folder, written_aside
from ampsim.result.schema import DIRECTIONS, KINDS, OVERFLOWS, WAITS, Array
from ampsim.result.table import CHUNK, RunTable

if TYPE_CHECKING:
    import pandas

_NAMES = {"worker": "worker_names", "source": "worker_names", "destination": "worker_names", "node": "nodes",
          "edge": "edges", "link": "links"}  # fmt: skip
_KINDS = {"tasks": KINDS, "waits": WAITS, "overflow": OVERFLOWS}
_MINUS_ONE = {"source": "(controller)", "destination": "(controller)", "edge": "(admission)"}


def dataframe(table: RunTable, start: int, stop: int | None, *, decode: bool) -> pandas.DataFrame:
    """See :meth:`ampsim.result.table.RunTable.to_dataframe`."""
    try:
        import pandas as pd
    except ImportError:
        raise UsageError("pandas is not installed", "to_dataframe", "pip install pandas") from None
    columns: dict[str, Any] = {}
    first, last, _ = slice(start, stop).indices(table.rows)
    for name, values in _flat(table, first, last):
        words = _words(table.name, name, table.summary) if decode else ()
        if not words:
            columns[name] = values
            continue
        codes = np.where(values < 0, len(words), values) if name in _MINUS_ONE else values
        # Names need not be distinct, but categories must.
        seen = {word: place for place, word in reversed(list(enumerate(words)))}
        shown = [word if seen[word] == place else f"{word} ({place})" for place, word in enumerate(words)]
        columns[name] = pd.Categorical.from_codes(codes, [*shown, *([_MINUS_ONE[name]] if name in _MINUS_ONE else [])])
    return pd.DataFrame(columns)


def to_parquet(tables: Mapping[str, RunTable], folder: str | os.PathLike[str]) -> Path:
    """See :meth:`ampsim.result.run.Run.to_parquet`."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise UsageError("pyarrow is not installed", "to_parquet", "pip install 'ampsim[arrow]'") from None
    target = checked_target(folder)
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} exists already", str(target), "choose another folder")
    with written_aside(target) as aside:
        aside.mkdir()
        for name, table in tables.items():
            path, schema = aside / f"{name}.parquet", pa.table(dict(_flat(table, 0, 0))).schema
            with parquet.ParquetWriter(path, schema) as writer:
                for start in range(0, table.rows, CHUNK):
                    group = dict(_flat(table, start, min(start + CHUNK, table.rows)))
                    writer.write_table(pa.table(group, schema=schema))
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        sync_folder(aside)
        aside.rename(target)
        sync_folder(target.parent)
    return target


def _flat(table: RunTable, start: int, stop: int) -> Iterator[tuple[str, Array]]:
    """Rows of all columns, those with two axes as several columns."""
    for name in table:
        values = table.part(name, start, stop)
        if values.ndim == 1:
            yield name, values
        else:
            yield from ((f"{name}_{place}", values[:, place]) for place in range(values.shape[1]))


def _words(table: str, column: str, summary: Mapping[str, Any]) -> Sequence[str]:
    """Names of the numbers in a column; none for one that holds amounts."""
    if column == "kind":
        return _KINDS.get(table, ())
    if column == "direction":
        return DIRECTIONS
    names: Sequence[str] = summary.get(_NAMES.get(column, ""), ())
    return names
