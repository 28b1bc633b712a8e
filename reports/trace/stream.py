"""A run as blocks: what is in a trace, whatever the format.

    controller    epochs, in them training and validation, in these admitting and draining; instances in flight
    a chip        for each of its units (workers) tasks, waiting by cause, what a full memory cost; memory, queue
    links         one track a link; parcels that are on it together lie on several tracks of its name

In a run without chips every worker is a group of its own, so a name means the same on every backend.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ampsim.errors import UsageError
from ampsim.reports.text import name
from ampsim.reports.trace import counters
from ampsim.reports.trace.arrows import Arrows, Spans, arrows
from ampsim.reports.trace.blocks import Block, Ends, Slices, Track, by_owner, joined, lanes, nanoseconds
from ampsim.reports.trace.phases import phases
from ampsim.result.analysis.causes import MESSAGING
from ampsim.result.analysis.idle import BUSY, CAUSES, breakdown
from ampsim.result.run import Run
from ampsim.result.schema import CONTROLLER, KINDS, OVERFLOWS, Array

CONTROL, LINKS = "controller", "links"


@dataclass
class Stream:
    """The blocks of ``run`` between ``begin`` and ``end`` (s; None: to the start, to the end), made one by one.

    What reaches into the window is there whole. Raises UsageError for a run without a clock, and for an empty window.
    """

    run: Run
    begin: float | None = None
    end: float | None = None
    _tracks: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        last = max(float(self.run.tables["tasks"]["end"].max(initial=0.0)), self.run.makespan)
        if last <= 0:
            raise UsageError(
                "this run has no clock: it was counted, not timed", self.run.job, "trace a run or a simulation"
            )
        self.low = 0 if self.begin is None else int(nanoseconds(np.asarray(self.begin)))
        self.high = np.iinfo(np.int64).max if self.end is None else int(nanoseconds(np.asarray(self.end)))
        if self.low >= self.high:
            raise UsageError("the window is empty: it ends before it begins", "--from, --to", "give --from below --to")
        if self.low > nanoseconds(np.asarray(last)):
            raise UsageError(
                "the window lies behind the end of the run", "--from", f"the run goes from 0 to {last:.6g} s"
            )

    # Rows as slices -------------------------------------------------------------------------------------------------

    @cached_property
    def tasks(self) -> Spans:
        """The rows of ``tasks``, those of a worker without overlaps by rounding."""
        table = self.run.tables["tasks"]
        return self._spans(table["start"], table["end"], table["worker"])

    @cached_property
    def links(self) -> Spans:
        """The rows of ``links``."""
        table = self.run.tables["links"]
        return self._spans(table["start"], table["end"], table["link"])

    @cached_property
    def arrows(self) -> Arrows:
        """The messages."""
        return arrows(self.run.tables, self.run.workers, self.tasks, self.links)

    def left_out(self) -> dict[str, int]:
        """How many tasks, parcels and messages lie outside of the window."""
        return {
            "tasks": int((~self.tasks.kept).sum()),
            "parcels": int((~self.links.kept).sum()),
            "messages": self.arrows.left_out,
        }

    def _spans(self, start: Array, end: Array, owner: Array) -> Spans:
        begin, finish = nanoseconds(start), nanoseconds(end)
        for rows in by_owner(owner, start, end).values():
            begin[rows], finish[rows] = joined(begin[rows], finish[rows])
        return Spans(begin, finish, (finish >= self.low) & (begin <= self.high))

    # Blocks ---------------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Block]:
        self._tracks = 0
        yield from self._controller()
        workers = self._names("worker_names")
        tasks = by_owner(self.run.tables["tasks"]["worker"], self.tasks.begin, self.tasks.end)
        waiting = self._waiting()
        levels = counters.Workers(self.run)
        overflow = by_owner(self.run.tables["overflow"]["worker"], self.run.tables["overflow"]["start"])
        for group, members in groups(self.run.summary, workers):
            for worker in members:
                yield from self._tasks(group, workers[worker], tasks.get(worker, np.zeros(0, np.int64)))
                yield from self._laid(group, f"{workers[worker]} waiting", *waiting[worker], "idle", CAUSES)
                yield from self._overflow(group, workers[worker], overflow.get(worker, np.zeros(0, np.int64)))
                for found in levels.of(worker):
                    yield from self._counters(group, f"{workers[worker]} {found.name}", found)
        yield from self._links(workers)

    def _controller(self) -> Iterator[Block]:
        begin, end, label, names = phases(self.run.tables)
        kept = (end >= self.low) & (begin <= self.high)
        yield Slices(self._track(CONTROL, "segments"), begin[kept], end[kept], label[kept], names, "segment")
        yield from self._counters(CONTROL, "instances", counters.in_flight(self.run))

    def _tasks(self, group: str, worker: str, rows: Array) -> Iterator[Block]:
        table = self.run.tables["tasks"]
        rows = rows[self.tasks.kept[rows]]
        lane = lanes(self.tasks.begin[rows], self.tasks.end[rows])
        for number in range(int(lane.max(initial=0)) + 1):
            mine = rows[lane == number]
            yield Slices(
                self._track(group, f"{worker} tasks"),
                self.tasks.begin[mine],
                self.tasks.end[mine],
                table["node"][mine].astype(np.int64) * len(KINDS) + table["kind"][mine],
                self._kinds,
                "task",
                {
                    "task": mine,
                    "instance": self._instances[mine],
                    "messages": table["messages"][mine],
                    "rows": table["rows"][mine],
                    "FLOP": table["matmul"][mine] + table["vector"][mine],
                },
                _of(self.arrows.tasks, mine),
            )

    @cached_property
    def _kinds(self) -> list[str]:
        """What a task can be called."""
        return [f"{node} {kind}" for node in self._names("nodes") for kind in KINDS]

    @cached_property
    def _instances(self) -> Array:
        """Of each task the instance of its first message; -1 for one that took none."""
        found = np.full(len(self.tasks.begin), -1, np.int64)
        messages = self.run.tables["messages"]
        found[messages["task"][::-1]] = messages["state"][::-1, 0]
        return found

    def _waiting(self) -> list[tuple[Array, Array, Array]]:
        """Of each worker begin, end and cause of every stretch in which it had nothing to do."""
        idle = breakdown(self.run.tables, self.run.workers, self.run.makespan)
        chosen = [cause for cause in range(len(CAUSES)) if cause not in (BUSY, MESSAGING)]
        first = np.concatenate([idle.parts[cause][0] for cause in chosen])
        size = np.concatenate([idle.parts[cause][1] for cause in chosen])
        label = np.repeat(chosen, [len(idle.parts[cause][0]) for cause in chosen])
        order = np.argsort(first, kind="stable")
        first, size, label = first[order], size[order], label[order]
        worker = first // idle.total
        begin = (first - worker * idle.total) / idle.total * idle.horizon
        end = (first - worker * idle.total + size) / idle.total * idle.horizon
        bounds = np.searchsorted(worker, np.arange(self.run.workers + 1))
        parts = [slice(bounds[w], bounds[w + 1]) for w in range(self.run.workers)]
        return [(nanoseconds(begin[part]), nanoseconds(end[part]), label[part]) for part in parts]

    def _overflow(self, group: str, worker: str, rows: Array) -> Iterator[Block]:
        table = self.run.tables["overflow"]
        if len(rows):
            begin, end = nanoseconds(table["start"][rows]), nanoseconds(table["end"][rows])
            facts = {"bytes": table["bytes"][rows], "instance": table["instance"][rows]}
            yield from self._laid(
                group,
                f"{worker} overflow",
                begin,
                end,
                table["kind"][rows].astype(np.int64),
                "overflow",
                OVERFLOWS,
                facts,
            )

    def _links(self, workers: Sequence[str]) -> Iterator[Block]:
        table = self.run.tables["links"]
        ways = (table["source"].astype(np.int64) + 1) * (len(workers) + 1) + table["destination"] + 1
        known, label = np.unique(ways, return_inverse=True)
        ends = [CONTROL, *workers]
        names = [f"{ends[way // len(ends)]} to {ends[way % len(ends)]}" for way in known.tolist()]
        rows = by_owner(table["link"], self.links.begin, self.links.end)
        for link, title in enumerate(self._names("links")):
            mine = rows.get(link, np.zeros(0, np.int64))
            mine = mine[self.links.kept[mine]]
            if len(mine):
                facts = {"bytes": table["bytes"][mine]}
                begin, end = self.links.begin[mine], self.links.end[mine]
                yield from self._laid(
                    LINKS, title, begin, end, label[mine], "parcel", names, facts, _of(self.arrows.links, mine)
                )

    def _laid(
        self,
        group: str,
        title: str,
        begin: Array,
        end: Array,
        label: Array,
        category: str,
        names: Sequence[str],
        facts: Mapping[str, Array] | None = None,
        ends: Ends | None = None,
    ) -> Iterator[Block]:
        """Slices in order of begin, on as many tracks of one name as it takes that none overlap."""
        begin, end = joined(begin, end)
        kept = np.flatnonzero((end >= self.low) & (begin <= self.high))
        lane = lanes(begin[kept], end[kept])
        for number in range(int(lane.max(initial=0)) + 1):
            mine = kept[lane == number]
            yield Slices(
                self._track(group, title), begin[mine], end[mine], label[mine], names, category,
                {key: column[mine] for key, column in (facts or {}).items()}, None if ends is None else _of(ends, mine),
            )  # fmt: skip

    def _counters(self, group: str, title: str, found: counters.Level) -> Iterator[Block]:
        yield counters.block(self._track(group, title), found, self.low, self.high)

    def _track(self, group: str, title: str) -> Track:
        self._tracks += 1
        return Track(group, title, self._tracks)

    def _names(self, key: str) -> list[str]:
        """Names of the summary, fit for a viewer."""
        return [name(found, 120) for found in self.run.summary[key]]


def groups(summary: Mapping[str, Any], workers: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Chips and their workers; without chips, every worker by itself."""
    chips = summary.get("chips") or []
    found = [(name(chip["name"], 120), [int(w) for w in chip["workers"] if w < len(workers)]) for chip in chips]
    there = {worker for _, members in found for worker in members}
    return found + [(workers[w], [w]) for w in range(len(workers)) if w not in there]


def _of(ends: Ends, rows: Array) -> Ends:
    return Ends(ends.first[rows], ends.last[rows], ends.flow, ends.role)


assert CONTROLLER == -1  # ``_links`` counts names of ends from there
