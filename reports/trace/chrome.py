"""Chrome's JSON trace format: read by chrome://tracing, Perfetto, Speedscope and many others.

A group is a process, a track a thread, a slice a complete event; counters have one event for all their series; flows
are events that start in the last nanosecond of a slice and end at the begin of one. Times are microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

import msgspec
import numpy as np

from ampsim.reports.trace.blocks import BEGIN, END, Block, Counters, Ends, Slices, Track
from ampsim.result.schema import Array

BATCH = 8192
_FLOWS = {BEGIN: "s", END: "f"}


class _Complete(msgspec.Struct):
    """A slice."""

    pid: int
    tid: int
    ts: float
    dur: float
    name: str
    cat: str
    args: dict[str, Any]
    ph: str = "X"


class _Counter(msgspec.Struct):
    """Levels from a moment on."""

    pid: int
    ts: float
    name: str
    args: dict[str, int]
    ph: str = "C"


class _Flow(msgspec.Struct):
    """One end of an arrow, or a step on its way, bound to the slice around it."""

    ph: str
    pid: int
    tid: int
    ts: float
    id: int
    name: str = "message"
    cat: str = "message"
    bp: str = "e"


class _Metadata(msgspec.Struct):
    """A name or a place of a process or a thread."""

    name: str
    pid: int
    tid: int
    args: dict[str, Any]
    ph: str = "M"


def write(blocks: Iterable[Block], file: IO[bytes], about: dict[str, Any]) -> dict[str, int]:
    """Write ``blocks`` to ``file`` as they come; ``about`` is kept beside them. Counts of what was written."""
    encoder = msgspec.json.Encoder()
    counts = {"tracks": 0, "slices": 0, "counters": 0, "flows": 0}
    pids: dict[str, int] = {}
    file.write(b'{"displayTimeUnit":"ns","otherData":' + encoder.encode(about) + b',"traceEvents":[')
    separator = b"\n"
    for block in blocks:
        counts["tracks"] += 1
        events = _described(block, pids)
        pid = pids[block.track.group]
        size = len(block.begin) if isinstance(block, Slices) else len(block.time)
        for place in range(0, max(size, 1), BATCH):
            part = slice(place, place + BATCH)
            if isinstance(block, Slices):
                counts["slices"] += _slices(block, part, pid, counts, events)
            else:
                counts["counters"] += _counters(block, part, pid, events)
            if events:
                file.write(separator + encoder.encode(events)[1:-1])
                separator, events = b",\n", []
    file.write(b"\n]}\n")
    return counts


def _described(block: Block, pids: dict[str, int]) -> list[Any]:
    """The metadata of a track, and of its group when it is the first one."""
    events: list[Any] = []
    track: Track = block.track
    if track.group not in pids:
        pid = pids[track.group] = len(pids) + 1  # 0 is the idle process of an operating system
        events += [
            _Metadata("process_name", pid, track.number, {"name": track.group}),
            _Metadata("process_sort_index", pid, track.number, {"sort_index": pid}),
        ]
    if isinstance(block, Slices):
        pid = pids[track.group]
        events += [
            _Metadata("thread_name", pid, track.number, {"name": track.name}),
            _Metadata("thread_sort_index", pid, track.number, {"sort_index": track.number}),
        ]
    return events


def _slices(block: Slices, part: slice, pid: int, counts: dict[str, int], events: list[Any]) -> int:
    begin, end = block.begin[part], block.end[part]
    tid, category, names = block.track.number, block.category, block.names
    keys = list(block.facts)
    facts = zip(*(whole(block.facts[key][part]) for key in keys), strict=True) if keys else ((),) * len(begin)
    rows = zip(
        microseconds(begin), microseconds(end - begin), block.label[part].tolist(), facts, strict=True
    )  # fmt: skip
    if block.ends is None:
        for ts, dur, label, row in rows:
            events.append(_Complete(pid, tid, ts, dur, names[label], category, dict(zip(keys, row, strict=True))))
        return len(begin)
    first, last = block.ends.first[part], block.ends.last[part]
    leaving = microseconds(np.maximum(begin, end - 1))
    for (ts, dur, label, row), leave, flows in zip(rows, leaving, _flows(block.ends, first, last), strict=True):
        events.append(_Complete(pid, tid, ts, dur, names[label], category, dict(zip(keys, row, strict=True))))
        for flow, role in flows:
            events.append(_Flow(_FLOWS.get(role, "t"), pid, tid, leave if role == BEGIN else ts, flow))
            counts["flows"] += role == BEGIN
    return len(begin)


def _flows(ends: Ends, first: Array, last: Array) -> Iterable[list[tuple[int, int]]]:
    """The (flow, role) of each slice."""
    for low, high in zip(first.tolist(), last.tolist(), strict=True):
        if low == high:
            yield []
        else:
            yield list(zip(ends.flow[low:high].tolist(), ends.role[low:high].tolist(), strict=True))


def _counters(block: Counters, part: slice, pid: int, events: list[Any]) -> int:
    times = microseconds(block.time[part])
    for ts, levels in zip(times, block.levels[part].tolist(), strict=True):
        events.append(_Counter(pid, ts, block.track.name, dict(zip(block.series, levels, strict=True))))
    return len(times) * len(block.series)


def microseconds(nanoseconds: Array) -> list[float]:
    """The least number that is not below so many nanoseconds: readers multiply it by 1000 and cut off the rest."""
    value = nanoseconds / 1000.0
    while (low := np.floor(value * 1000.0) < nanoseconds).any():
        value[low] = np.nextafter(value[low], np.inf)
    found: list[float] = value.tolist()
    return found


def whole(column: Array) -> list[Any]:
    """Numbers as JSON should show them: whole ones without a point, those that are not finite as text."""
    if column.dtype.kind != "f":
        return list(column.tolist())
    return [int(v) if v.is_integer() and abs(v) < 2**53 else v if np.isfinite(v) else str(v) for v in column.tolist()]
