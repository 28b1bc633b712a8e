"""Chakra execution traces of a run: what each worker did, sent and received, and what had to come before.

One file a worker, ``trace.N.et``: messages of protobuf, each behind its length as a varint, the first of them about the
whole, the others nodes. A task is a compute node; a parcel is a send node at its sender and a receive node at its
destination, which share a tag. A compute node depends by data on the receive nodes whose messages it took and on the
tasks of its own worker whose messages it took, and by control on the task before it, for a worker does one at a time.

The run is unrolled: instances and loops are as many nodes as there were tasks. What the controller sent is not in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from ampsim.errors import UsageError
from ampsim.reports.text import name
from ampsim.reports.trace.blocks import by_owner
from ampsim.reports.trace.chakra_schema import COMM_RECV_NODE, COMM_SEND_NODE, COMP_NODE, messages
from ampsim.reports.trace.flows import Parcels, parcels, senders
from ampsim.result.aside import replace_folder, sync_folder, written_aside
from ampsim.result.run import Run
from ampsim.result.schema import KINDS, Array

VERSION = "1.0.0"  # of the schema, as Chakra's own writers say it
STEM, SUFFIX = "trace", ".et"
_RECEIVE, _COMPUTE, _SEND = range(3)  # of what happens at one moment, in this order


def write(run: Run, target: Path) -> dict[str, int]:
    """Write the files of ``run`` into the folder ``target``, whole or not at all; counts of nodes.

    A folder of nothing but such files is replaced. Raises UsageError for anything else that is there.
    """
    messages()
    if run.makespan <= 0 and not run.tables["tasks"]["end"].any():
        raise UsageError("this run has no clock: it was counted, not timed", run.job, "trace a run or a simulation")
    if target.is_symlink() or (target.exists() and not _is_ours(target)):
        raise UsageError(
            f"{target} is not a folder of Chakra traces, so it is not replaced", str(target), "choose another name"
        )
    unrolled = _Unrolled(run)
    counts = {"compute": 0, "send": 0, "receive": 0}
    with written_aside(target) as aside:
        aside.mkdir()
        for worker in range(run.workers):
            with (aside / f"{STEM}.{worker}{SUFFIX}").open("xb") as file:
                unrolled.write(worker, file, counts)
                file.flush()
                os.fsync(file.fileno())
        sync_folder(aside)
        replace_folder(aside, target)
        sync_folder(target.parent)
    return counts


def _is_ours(folder: Path) -> bool:
    return folder.is_dir() and all(
        file.name.startswith(f"{STEM}.") and file.suffix == SUFFIX and file.is_file() for file in folder.iterdir()
    )


class _Unrolled:
    """What all files are made from."""

    def __init__(self, run: Run) -> None:
        self._run = run
        tables = run.tables
        self._tasks = tables["tasks"]
        self._nodes = [name(found, 120) for found in run.summary["nodes"]]
        self._workers = [name(found, 120) for found in run.summary["worker_names"]]
        sender = senders(tables)
        self._parcels: Parcels = parcels(tables, sender)
        of_message, taker = self._parcels.of_message, tables["messages"]["task"].astype(np.int64)
        far = np.flatnonzero(of_message >= 0)
        first = np.zeros(len(self._parcels.sent), np.int64)
        first[of_message[far][::-1]] = far[::-1]
        self._from = sender[first]
        pair = self._parcels.source * run.workers + self._parcels.destination
        self._tag = np.arange(len(pair)) - np.searchsorted(pair, pair, "left")
        near = np.flatnonzero((sender >= 0) & (of_message < 0))
        self._near = _pairs(taker[near], sender[near])
        self._taken = _pairs(taker[far], of_message[far])
        self._arrived = by_owner(self._parcels.destination, self._parcels.arrived)
        self._sent = by_owner(self._parcels.source, self._parcels.sent)
        self._own = by_owner(self._tasks["worker"], self._tasks["start"], self._tasks["end"])

    def write(self, worker: int, file: IO[bytes], counts: dict[str, int]) -> None:
        """One file: the nodes of ``worker`` in the order in which they happened."""
        classes = messages()
        about = classes["GlobalMetadata"](version=VERSION)
        for key, value in (("job", name(self._run.job, 120)), ("worker", self._workers[worker])):
            about.attr.add(name=key, string_val=value)
        _delimited(about, file)
        numbers: dict[tuple[int, int], int] = {}
        before = None
        for kind, row in self._order(worker):
            number = numbers[kind, row] = len(numbers)
            node = classes["Node"](id=number)
            if kind == _COMPUTE:
                self._compute(node, row, numbers)
                if before is not None:
                    node.ctrl_deps.append(before)
                before = number
                counts["compute"] += 1
            else:
                self._transfer(node, kind, row)
                if kind == _SEND:
                    node.data_deps.append(numbers[_COMPUTE, int(self._from[row])])
                counts["send" if kind == _SEND else "receive"] += 1
            _delimited(node, file)

    def _order(self, worker: int) -> Iterator[tuple[int, int]]:
        """Kind and row of everything that happened at a worker, causes before what they caused."""
        none = np.zeros(0, np.int64)
        rows = [found.get(worker, none) for found in (self._arrived, self._own, self._sent)]
        times = (self._parcels.arrived[rows[0]], self._tasks["start"][rows[1]], self._parcels.sent[rows[2]])
        kind = np.repeat((_RECEIVE, _COMPUTE, _SEND), [len(row) for row in rows])
        order = np.lexsort((kind, np.concatenate(times)))
        yield from zip(kind[order].tolist(), np.concatenate(rows)[order].tolist(), strict=True)

    def _compute(self, node: Any, row: int, numbers: dict[tuple[int, int], int]) -> None:
        tasks = self._tasks
        node.name = f"{self._nodes[int(tasks['node'][row])]} {KINDS[int(tasks['kind'][row])]}"
        node.type = COMP_NODE
        start, end = float(tasks["start"][row]), float(tasks["end"][row])
        node.start_time_micros, node.duration_micros = round(start * 1e6), round((end - start) * 1e6)
        found = [numbers.get((_RECEIVE, parcel)) for parcel in _of(self._taken, row)]
        found += [numbers.get((_COMPUTE, task)) for task in _of(self._near, row)]
        node.data_deps.extend(sorted(number for number in found if number is not None))
        node.attr.add(name="is_cpu_op", bool_val=False)
        node.attr.add(name="num_ops", int64_val=round(float(tasks["matmul"][row] + tasks["vector"][row])))
        node.attr.add(name="tensor_size", uint64_val=int(tasks["read"][row] + tasks["written"][row]))
        node.attr.add(name="duration_nanos", int64_val=round((end - start) * 1e9))

    def _transfer(self, node: Any, kind: int, row: int) -> None:
        found = self._parcels
        source, destination = int(found.source[row]), int(found.destination[row])
        sends = kind == _SEND
        other = self._workers[destination if sends else source]
        node.name = f"send to {other}" if sends else f"receive from {other}"
        node.type = COMM_SEND_NODE if sends else COMM_RECV_NODE
        sent, arrived = float(found.sent[row]), float(found.arrived[row])
        node.start_time_micros, node.duration_micros = round(sent * 1e6), round((arrived - sent) * 1e6)
        node.attr.add(name="is_cpu_op", bool_val=False)
        node.attr.add(name="comm_size", int64_val=int(found.bytes[row]))
        node.attr.add(name="comm_src", int32_val=source)
        node.attr.add(name="comm_dst", int32_val=destination)
        node.attr.add(name="comm_tag", int32_val=int(self._tag[row]))


def _pairs(row: Array, value: Array) -> tuple[dict[int, int], Array, Array]:
    """The different values of each row: where they begin and end, and the values."""
    order = np.lexsort((value, row))
    row, value = row[order], value[order]
    fresh = np.ones(len(row), np.bool_)
    fresh[1:] = (row[1:] != row[:-1]) | (value[1:] != value[:-1])
    row, value = row[fresh], value[fresh]
    known, first = np.unique(row, return_index=True)
    return dict(zip(known.tolist(), range(len(known)), strict=True)), np.append(first, len(row)), value


def _of(pairs: tuple[dict[int, int], Array, Array], row: int) -> list[int]:
    places, bounds, values = pairs
    place = places.get(row)
    found: list[int] = [] if place is None else values[bounds[place] : bounds[place + 1]].tolist()
    return found


def _delimited(message: Any, file: IO[bytes]) -> None:
    """A message behind its length."""
    data = message.SerializeToString()
    length = len(data)
    head = bytearray()
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    file.write(bytes(head) + data)
