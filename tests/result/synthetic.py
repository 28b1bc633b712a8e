"""Runs made up by a tiny scheduler: a pipeline of workers with one parameterised node each.

    source, L0, loss   L1          L(n-1)
    worker 0   ----->  worker 1 --> ...      forward, and the gradients come back the same way

Every time is a whole number of ticks of 2^-20 s, so that sums and differences of times are exact.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np

from ampsim.result.run import Run
from ampsim.result.schema import TABLES, Table

TICK = 2.0**-20
FORWARD, BACKWARD, UPDATE = 0, 1, 2
ROW_BYTES, ROWS = 400, 100


class Pipeline:
    """Schedules instances over workers; ``tables`` afterwards hold what happened."""

    def __init__(self, workers: int, mak: int, compute: int, latency: int) -> None:
        self.workers, self.mak, self.compute, self.latency = workers, mak, compute, latency
        self.rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in TABLES}
        self.messages: list[list[tuple[Any, ...]]] = []  # by task, in order of tasks
        self.now = 0
        self.versions = [0] * workers
        self.used: dict[tuple[int, int], int] = {}
        self.stale: dict[tuple[int, int], int] = {}
        self.plan: list[tuple[int, bool, int]] = []  # epoch, training, index
        self._serial = count()
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._queues: list[list[tuple[int, int, int, tuple[Any, ...] | None]]] = [[] for _ in range(workers)]
        self._busy = [False] * workers
        self._idle_since = [0] * workers
        self._waiting: list[int] = []
        self._flying = 0

    def run(self, plan: Sequence[tuple[int, bool, int]]) -> None:
        """All instances of ``plan``, those of one epoch and mode before the next ones are admitted."""
        self.plan = list(plan)
        begin = 0
        while begin < len(plan):
            end = begin
            while end < len(plan) and plan[end][:2] == plan[begin][:2]:
                end += 1
            self._waiting = list(range(begin, end))
            self._admit()
            while self._events:
                self.now, _, event = heapq.heappop(self._events)
                event()
            begin = end

    def _at(self, time: int, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time, next(self._serial), event))

    def _admit(self) -> None:
        while self._waiting and self._flying < self.mak:
            instance = self._waiting.pop(0)
            self._flying += 1
            epoch, training, index = self.plan[instance]
            self.rows["instances"].append((instance, epoch, training, index, ROWS, self.now, -1))
            message = (-1, FORWARD, instance, 0, -1, self.now, self.now)
            self._arrive(0, FORWARD, instance, message)

    def _arrive(self, worker: int, kind: int, instance: int, message: tuple[Any, ...] | None) -> None:
        heapq.heappush(self._queues[worker], (-kind, next(self._serial), instance, message))
        self._start(worker)

    def _start(self, worker: int) -> None:
        if self._busy[worker] or not self._queues[worker]:
            return
        kind, _, instance, message = heapq.heappop(self._queues[worker])
        kind, start = -kind, self.now
        self._waited(worker)
        self._busy[worker] = True
        length = self.compute * (1 + worker % 3) * (2 if kind == BACKWARD else 1) // (4 if kind == UPDATE else 1)
        self._at(start + length, lambda: self._end(worker, kind, instance, message, start))

    def _waited(self, worker: int) -> None:
        if self.now > self._idle_since[worker]:
            self.rows["waits"].append((worker, 0, self._idle_since[worker], self.now))

    def _end(self, worker: int, kind: int, instance: int, message: tuple[Any, ...] | None, start: int) -> None:
        work = 2e6 * (kind != UPDATE)
        node = worker + 1
        task = (worker, kind, node, start, self.now, int(message is not None), ROWS, work, 1e4, 4000, 4000)
        self.rows["tasks"].append(task)
        self.messages.append([message] if message else [])
        queued = 400 * len(self._queues[worker])
        self.rows["memory"].append((worker, self.now, 100 * len(self.used), 50, queued, 0, 0))
        self._busy[worker] = False
        self._idle_since[worker] = self.now
        if kind == UPDATE:
            self._update(worker, instance)
        elif kind == FORWARD:
            self._forward(worker, instance)
        else:
            self._backward(worker, instance)
        self._start(worker)

    def _forward(self, worker: int, instance: int) -> None:
        training = self.plan[instance][1]
        if training:
            self.used[worker, instance] = self.versions[worker]
        if worker + 1 < self.workers:
            self._send(worker, worker + 1, FORWARD, instance)
            return
        step = 1.0 / (1 + 0.05 * instance)
        epoch, training, _ = self.plan[instance]
        metric = (
            self.now,
            self.workers + 1,
            instance,
            epoch,
            training,
            ROWS,
            2.3 * step,
            round(ROWS * (1 - 0.9 * step)),
        )
        self.rows["metrics"].append(metric)
        if training:
            self._send(worker, worker, BACKWARD, instance)
        else:
            self._complete(instance)

    def _backward(self, worker: int, instance: int) -> None:
        age = self.versions[worker] - self.used.pop((worker, instance))
        self.stale[worker + 1, age] = self.stale.get((worker + 1, age), 0) + 1
        self._arrive(worker, UPDATE, age, None)
        if worker:
            self._send(worker, worker - 1, BACKWARD, instance)
        else:
            self._complete(instance)

    def _update(self, worker: int, age: int) -> None:
        self.versions[worker] += 1
        self.rows["updates"].append((worker + 1, worker, self.now, self.versions[worker], -1, 1, float(age), age))

    def _send(self, source: int, target: int, kind: int, instance: int) -> None:
        edge = min(source, target) + 1 if source != target else self.workers + 1
        sent, arrived = self.now, self.now + (self.latency if source != target else 0)
        size = ROWS * ROW_BYTES
        if source != target:
            link = 2 * min(source, target) + (source > target)
            self.rows["links"].append((link, sent, arrived, size, source, target))
        message = (edge, kind, instance, size, source, sent, arrived)
        self._at(arrived, lambda: self._arrive(target, kind, instance, message))

    def _complete(self, instance: int) -> None:
        row = next(i for i, found in enumerate(self.rows["instances"]) if found[0] == instance)
        self.rows["instances"][row] = (*self.rows["instances"][row][:-1], self.now)
        self._flying -= 1
        self._admit()

    def tables(self) -> dict[str, Table]:
        """Columns, tasks and waits sorted by worker as backends write them."""
        for worker in range(self.workers):
            self._waited(worker)
        self.rows["waits"].sort()
        order = sorted(range(len(self.messages)), key=lambda i: (self.rows["tasks"][i][0], i))
        self.rows["tasks"] = [self.rows["tasks"][i] for i in order]
        sums: dict[tuple[int, int], tuple[int, int]] = {}
        for task, old in enumerate(order):
            for edge, direction, instance, size, source, sent, arrived in self.messages[old]:
                self.rows["messages"].append((task, edge, direction, (instance,), size, source, sent, arrived))
                if edge >= 0:
                    seen, total = sums.get((edge, direction), (0, 0))
                    sums[edge, direction] = (seen + 1, total + size)
        self.rows["edges"] = [(*key, *value) for key, value in sorted(sums.items())]
        self.rows["staleness"] = [(*key, value) for key, value in sorted(self.stale.items())]
        return {name: table(name, self.rows[name], TICK) for name in TABLES}


def table(name: str, rows: Sequence[tuple[Any, ...]], tick: float = 1.0) -> Table:
    """A table of the schema from rows; times in ticks."""
    columns: Table = {}
    for place, column in enumerate(TABLES[name]):
        values = np.asarray([row[place] for row in rows], None if rows else column.dtype)
        if column.unit == "s":
            values = values * tick
        shape = (len(rows), -1) if rows and column.axes == 2 else (len(rows), *[1] * (column.axes - 1))
        columns[column.name] = values.astype(column.dtype).reshape(shape)
    return columns


def make_run(
    workers: int = 2,
    *,
    mak: int = 4,
    epochs: int = 3,
    instances: int = 20,
    validation: int = 5,
    compute: int = 4096,
    latency: int = 1024,
    backend: str = "sim",
    names: Callable[[str], str] = str,
    seed: int = 0,
) -> Run:
    """A consistent run. ``names`` is applied to every name, so that a test can make them hostile."""
    pipeline = Pipeline(workers, mak, compute, latency)
    plan: list[tuple[int, bool, int]] = []
    for epoch in range(epochs):
        plan += [(epoch, True, index) for index in range(instances)]
        plan += [(epoch, False, index) for index in range(validation)]
    pipeline.run(plan)
    tables = pipeline.tables()
    nodes = ["images", *(f"L{w + 1}" for w in range(workers)), "loss"]
    generator = np.random.default_rng(seed)
    initial = {f"L{w + 1}/weight": generator.normal(size=(4, 3)).astype(np.float32) for w in range(workers)}
    final = {name: value * np.float32(0.5) for name, value in initial.items()}
    summary = {
        "backend": backend,
        "mode": "numeric",
        "job": names("pipeline"),
        "job_hash": "0123456789abcdef",
        "workers": workers,
        "worker_names": [names(f"chip{w}") for w in range(workers)],
        "links": [names(f"chip{a} -> chip{b}") for w in range(workers - 1) for a, b in ((w, w + 1), (w + 1, w))],
        "nodes": [names(node) for node in nodes],
        "edges": [names(f"{a}.out -> {b}.in") for a, b in zip(nodes, [*nodes[1:], "loss"], strict=True)],
        **_scalars(tables, workers, epochs),
        "target": 0.5,
        "static_memory": [{"parameters": 48, "gradients": 48, "optimizer": 0}] * workers,
        "capacity": [1 << 20] * workers if backend == "sim" else [None] * workers,
    }
    links = [[node, 0, min(node + 1, workers + 1), 0] for node in range(workers + 2)]
    config = {
        "job": {"graph": {"nodes": nodes, "edges": links}, "training": {"max_active_keys": mak, "epochs": epochs}},
        "run": {"backend": backend, "workers": workers, "system": {"name": names("ring"), "bandwidth": float("inf")}},
    }
    provenance = {
        "versions": {"ampsim": "0", "python": "3"}, "git": {"commit": "0" * 40, "dirty": False}, "seed": seed,
        "host": {"cpu": "a processor", "cores": 2}, "blas": [{"name": "openblas", "threads": 1}],
        "utc": "2026-01-01T00:00:00+00:00", "command": ["ampsim", names("simulate")], "config_sha256": "0" * 64,
    }  # fmt: skip
    return Run(summary, tables, config, provenance, initial, final)


def _scalars(tables: dict[str, Table], workers: int, epochs: int) -> dict[str, Any]:
    from ampsim.result.analysis.learning import time_to_target, validations

    tasks, instances, metrics = tables["tasks"], tables["instances"], tables["metrics"]
    makespan = float(instances["completed"].max(initial=0.0))
    span = makespan or 1.0
    busy = np.bincount(tasks["worker"], tasks["end"] - tasks["start"], workers)
    passes = validations(tables)
    rows = []
    for epoch in range(epochs):
        mine = (metrics["epoch"] == epoch) & metrics["training"]
        row: dict[str, Any] = {"epoch": epoch, "time": float(instances["completed"][instances["epoch"] == epoch].max())}
        row["train_loss"] = float(metrics["loss"][mine].mean())
        row["train_accuracy"] = float(metrics["correct"][mine].sum()) / float(metrics["rows"][mine].sum())
        found = np.flatnonzero(passes.epoch == epoch)
        row["validation_loss"] = float(passes.loss[found[-1]]) if len(found) else None
        row["validation_accuracy"] = float(passes.accuracy[found[-1]]) if len(found) else None
        rows.append(row)
    reached = [int(e) for e, accuracy in zip(passes.epoch, passes.accuracy, strict=True) if accuracy >= 0.5]
    training = instances["training"]
    return {
        "makespan": makespan,
        "throughput": float(instances["rows"][training].sum()) / span,
        "utilization": (busy / span).tolist(),
        "epochs": rows,
        "updates": len(tables["updates"]["node"]),
        "time_to_target": time_to_target(tables, 0.5),
        "epochs_to_target": reached[0] + 1 if reached else None,
        "matmul": float(tasks["matmul"].sum()),
    }
