"""The tables of a run as data: every column with its dtype, unit and meaning.

Every backend fills the same tables. Every time is in seconds from the start of the run. A table maps names to columns
of equal length; all columns have one axis, except ``messages.state``, which has a second one.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Table = MutableMapping[str, Array]
"""Columns by name: a plain dict, or a :class:`ampsim.result.table.RunTable`, whose columns may lie on disk."""

VERSION = 3
"""Of the tables and of the run folder; a folder of a newer version is refused."""

KINDS = ("forward", "backward", "update", "sync")
"""Names of ``tasks.kind``, by number."""

DIRECTIONS = ("forward", "backward")
"""Names of ``direction``, by number."""

OVERFLOWS = ("stall", "spill", "fetch", "drop", "recompute")
"""Names of ``overflow.kind``, by number."""

WAITS = ("message", "memory")
"""Names of ``waits.kind``, by number."""

CONTROLLER = -1
"""``source`` of what the controller sent."""

ADMISSION = -1
"""``edge`` of a message that admits an instance at a source."""

ABSENT = int(np.iinfo(np.int64).min)
"""Fills ``messages.state`` behind the end of a short state."""


class Column(NamedTuple):
    """One column. ``dtype`` is a numpy code without byte order; ``axes`` is 2 for ``messages.state`` only."""

    name: str
    dtype: str
    unit: str
    meaning: str
    axes: int = 1


def _columns(*rows: tuple[str, str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


TABLES: dict[str, tuple[Column, ...]] = {
    "tasks": _columns(
        ("worker", "i4", "", "index in summary.worker_names"),
        ("kind", "i1", "", "0 forward, 1 backward, 2 update, 3 sync"),
        ("node", "i4", "", "index in summary.nodes of the first node of the task"),
        ("start", "f8", "s", "when the worker began it"),
        ("end", "f8", "s", "when the worker ended it"),
        ("messages", "i4", "", "messages it took"),
        ("rows", "i8", "", "rows of payload it took"),
        ("matmul", "f8", "FLOP", "in matrix products, 2 m k n each"),
        ("vector", "f8", "FLOP", "elsewhere"),
        ("read", "i8", "B", "read from memory"),
        ("written", "i8", "B", "written to memory"),
    ),
    "waits": _columns(
        ("worker", "i4", "", "index in summary.worker_names"),
        ("kind", "i1", "", "0 until something came, 1 until off-chip memory had moved what was asked of it"),
        ("start", "f8", "s", "when the worker had nothing left to do"),
        ("end", "f8", "s", "when it went on"),
    ),
    "messages": (
        Column("task", "i8", "", "row in tasks of the task that took it"),
        Column("edge", "i4", "", "index in summary.edges; -1: the controller admits an instance, or orders a sync"),
        Column("direction", "i1", "", "0 forward, 1 backward"),
        Column("state", "i8", "", "the state, padded at its end with the smallest int64", 2),
        Column("bytes", "i8", "B", "payload, without headers"),
        Column("source", "i4", "", "worker that sent it; -1: the controller"),
        Column("sent", "f8", "s", "when the sender let it go"),
        Column("arrived", "f8", "s", "when it was at hand for the worker that took it"),
    ),
    "updates": _columns(
        ("node", "i4", "", "index in summary.nodes"),
        ("worker", "i4", "", "index in summary.worker_names"),
        ("time", "f8", "s", "end of the update"),
        ("version", "i4", "", "of the parameters after it"),
        ("instance", "i8", "", "whose gradients it applied, or -1 where min_update_frequency counts them"),
        ("gradients", "i4", "", "messages whose gradients it applied"),
        ("staleness_mean", "f8", "versions", "mean over its gradients"),
        ("staleness_max", "i4", "versions", "largest of its gradients"),
    ),
    "staleness": _columns(
        ("node", "i4", "", "index in summary.nodes"),
        ("staleness", "i4", "versions", "updates between the forward and the backward pass of a gradient"),
        ("count", "i8", "", "gradients with this staleness"),
    ),
    "instances": _columns(
        ("instance", "i8", "", "admission number"),
        ("epoch", "i4", "", "from 0"),
        ("training", "?", "", "false: validation"),
        ("index", "i8", "", "place in the data set"),
        ("rows", "i8", "", "samples in it"),
        ("admitted", "f8", "s", "when the controller let it in"),
        ("completed", "f8", "s", "when the controller knew that it was done"),
    ),
    "metrics": _columns(
        ("time", "f8", "s", "when the controller had it"),
        ("node", "i4", "", "index in summary.nodes of the loss"),
        ("instance", "i8", "", "admission number"),
        ("epoch", "i4", "", "from 0"),
        ("training", "?", "", "false: validation"),
        ("rows", "i8", "", "samples behind it"),
        ("loss", "f8", "", "mean over the rows"),
        ("correct", "i8", "", "rows classified correctly"),
    ),
    "memory": _columns(
        ("worker", "i4", "", "index in summary.worker_names"),
        ("time", "f8", "s", "end of a task"),
        ("caches", "i8", "B", "kept by forward passes for their backward passes"),
        ("deferred", "i8", "B", "rows whose weight gradients are not formed yet"),
        ("queues", "i8", "B", "messages that wait for a task"),
        ("outbox", "i8", "B", "messages that wait to leave"),
        ("off_chip", "i8", "B", "of all that its chip holds, what lies off chip"),
    ),
    "overflow": _columns(
        ("worker", "i4", "", "index in summary.worker_names"),
        ("kind", "i1", "", "0 stall, 1 spill, 2 fetch, 3 drop, 4 recompute"),
        ("start", "f8", "s", "when it began"),
        ("end", "f8", "s", "when it was over"),
        ("bytes", "i8", "B", "moved, dropped, or read and written once more"),
        ("matmul", "f8", "FLOP", "paid once more in matrix products"),
        ("vector", "f8", "FLOP", "paid once more elsewhere"),
        ("instance", "i8", "", "admission number of the instance held back, or -1"),
    ),
    "edges": _columns(
        ("edge", "i4", "", "index in summary.edges"),
        ("direction", "i1", "", "0 forward, 1 backward"),
        ("messages", "i8", "", "sent along it"),
        ("bytes", "i8", "B", "payload sent along it"),
    ),
    "links": _columns(
        ("link", "i4", "", "index in summary.links; in the runtime a directed pair of workers"),
        ("start", "f8", "s", "when the parcel took the link"),
        ("end", "f8", "s", "when it had left the link"),
        ("bytes", "i8", "B", "of the parcel"),
        ("source", "i4", "", "worker that sent the parcel; -1: the controller"),
        ("destination", "i4", "", "worker it is for; -1: the controller"),
    ),
}

TIMES = {
    name: tuple(column.name for column in columns if column.unit == "s") for name, columns in TABLES.items()
}  # fmt: skip


def empty_tables() -> dict[str, Table]:
    """All tables with all columns and no row."""
    return {
        name: {column.name: np.zeros((0,) if column.axes == 1 else (0, 1), column.dtype) for column in columns}
        for name, columns in TABLES.items()
    }
