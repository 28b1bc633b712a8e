"""A run of as many tasks as asked for, made up in numpy: a pipeline of workers in step, with rows in every table.

Worker w has one node. In each period of time it runs a forward task of one instance, a backward task of another that
was admitted earlier, and after every fourth gradient an update; between them it waits. Lengths of tasks vary, and one
task in a million is a hundred times as long as any other one could be: what a figure must not lose.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ampsim.result.run import Run
from ampsim.result.schema import TABLES, Array, Table, empty_tables

PERIOD = 1e-3
MUF = 4
ROWS, BYTES = 100, 40_000
FORWARD, BACKWARD, UPDATE = range(3)


def big_run(tasks: int, workers: int = 32, seed: int = 0) -> Run:
    """A simulated run with about so many tasks, by the schema and consistent; the tables take 230 bytes a task."""
    generator = np.random.default_rng(seed)
    count = max(MUF, round(tasks / workers / (2 + 1 / MUF)))
    parts = [_worker(worker, workers, count, generator) for worker in range(workers)]
    shift = 0
    for part in parts:
        part["messages"]["task"] += shift
        shift += len(part["tasks"]["kind"])
    tables: dict[str, Table] = dict(empty_tables())
    for name in list(parts[0]):
        # One part after the other is let go, so that no more than one table is there twice.
        tables[name] = {c.name: np.concatenate([part[name].pop(c.name) for part in parts]) for c in TABLES[name]}
    tables |= _controller(workers, count, generator)
    return Run(_summary(tables, workers), tables, {"run": {"system": {"name": "made_up"}}}, {"seed": seed}, {}, {})


def _worker(worker: int, workers: int, count: int, generator: np.random.Generator) -> dict[str, Any]:
    """The tables of one worker; each instance takes a period to the next worker, and comes back the same way."""
    number = np.arange(count)
    forward = (number + worker) * PERIOD
    backward = (number + 2 * workers - worker) * PERIOD + 0.4 * PERIOD
    update = (backward + 0.45 * PERIOD)[MUF - 1 :: MUF]
    kind = np.repeat(np.asarray([FORWARD, BACKWARD, UPDATE], np.int8), (count, count, len(update)))
    instance = np.concatenate((number, number, number[MUF - 1 :: MUF]))
    start = np.concatenate((forward, backward, update)) + generator.uniform(0, 0.05 * PERIOD, len(kind))
    order = np.argsort(start, kind="stable")
    kind, start, instance = kind[order], start[order], instance[order]
    length = generator.uniform(0.2, 0.33, len(kind)) * np.asarray([1.0, 1.1, 0.15])[kind] * PERIOD
    end = start + length
    rows = len(kind)
    nbytes = np.where(kind == UPDATE, 4000, BYTES)
    tasks = {
        "worker": np.full(rows, worker, np.int32), "kind": kind, "node": np.full(rows, worker + 1, np.int32),
        "start": start, "end": end, "messages": (kind != UPDATE).astype(np.int32),
        "rows": np.where(kind == UPDATE, 0, ROWS), "matmul": np.where(kind == UPDATE, 0.0, 2e8),
        "vector": np.full(rows, 1e5), "read": nbytes, "written": nbytes,
    }  # fmt: skip
    waits = {"worker": np.full(rows - 1, worker, np.int32), "kind": np.zeros(rows - 1, np.int8),
             "start": end[:-1] + 1e-6, "end": start[1:] - 1e-6}  # fmt: skip
    memory = {
        "worker": tasks["worker"], "time": end, "caches": generator.integers(1, 64, rows) * BYTES,
        "deferred": generator.integers(0, MUF, rows) * BYTES, "queues": generator.integers(0, 3, rows) * BYTES,
        "outbox": generator.integers(0, 2, rows) * BYTES, "off_chip": np.zeros(rows, np.int64),
    }  # fmt: skip
    memory["caches"][rows // 3] = 100_000 * BYTES  # the extreme
    return {"tasks": tasks, "waits": waits, "memory": memory,
            "updates": _updates(worker, end[kind == UPDATE], generator),
            **_moved(worker, workers, np.flatnonzero(kind != UPDATE), kind, start, instance, generator)}  # fmt: skip


def _updates(worker: int, time: Array, generator: np.random.Generator) -> dict[str, Array]:
    count = len(time)
    stale = generator.integers(0, 30, count)
    return {
        "node": np.full(count, worker + 1, np.int32), "worker": np.full(count, worker, np.int32), "time": time,
        "version": np.arange(1, count + 1, dtype=np.int32), "instance": np.full(count, -1, np.int64),
        "gradients": np.full(count, MUF, np.int32), "staleness_mean": stale * 0.9,
        "staleness_max": stale.astype(np.int32),
    }  # fmt: skip


def _moved(
    worker: int, workers: int, took: Array, kind: Array, start: Array, instance: Array, generator: np.random.Generator
) -> dict[str, dict[str, Array]]:
    """Messages that the tasks in rows ``took`` took, and the parcels they came in."""
    kind, start, count = kind[took], start[took], len(took)
    last = worker == workers - 1
    source = np.where(kind == FORWARD, worker - 1, worker if last else worker + 1)
    arrived = start - generator.uniform(0, 0.02, count) * PERIOD - 1e-6
    sent = np.maximum(arrived - generator.uniform(0.01, 0.1, count) * PERIOD, 0.0)
    arrived = np.maximum(arrived, sent)
    messages = {
        "task": took, "edge": np.where(kind == FORWARD, worker - 1, worker).astype(np.int32), "direction": kind,
        "state": np.column_stack((instance[took], np.zeros(count, np.int64))),
        "bytes": np.full(count, BYTES), "source": source.astype(np.int32), "sent": sent, "arrived": arrived,
    }  # fmt: skip
    far = (source >= 0) & (source != worker)
    link = np.where(kind == FORWARD, 2 * (worker - 1), 2 * worker + 1)
    links = {
        "link": link[far].astype(np.int32), "start": sent[far], "end": arrived[far], "bytes": np.full(far.sum(), BYTES),
        "source": source[far].astype(np.int32), "destination": np.full(far.sum(), worker, np.int32),
    }  # fmt: skip
    return {"messages": messages, "links": links}


def _controller(workers: int, count: int, generator: np.random.Generator) -> dict[str, Table]:
    """Instances, metrics, staleness and edges."""
    number = np.arange(count)
    completed = (number + 2 * workers + 1) * PERIOD
    loss = 2.3 / (1 + number / count * 20) + generator.uniform(0, 0.1, count)
    loss[count // 2] = 50.0  # the extreme
    shared: Table = {"instance": number, "epoch": np.zeros(count, np.int32), "training": np.ones(count, np.bool_)}
    rows = np.full(count, ROWS)
    nodes, edges = np.arange(1, workers + 1, dtype=np.int32), np.arange(workers, dtype=np.int32)
    return {
        "instances": {**shared, "index": number, "rows": rows,
                      "admitted": np.maximum(number * PERIOD - 1e-5, 0.0), "completed": completed},
        "metrics": {"time": completed, "node": np.full(count, workers, np.int32), **shared, "rows": rows, "loss": loss,
                    "correct": generator.integers(0, ROWS, count)},
        "staleness": {"node": np.repeat(nodes, 30), "staleness": np.tile(np.arange(30, dtype=np.int32), workers),
                      "count": np.full(30 * workers, count // 30)},
        "edges": {"edge": np.repeat(edges, 2), "direction": np.tile(np.arange(2, dtype=np.int8), workers),
                  "messages": np.full(2 * workers, count), "bytes": np.full(2 * workers, count * BYTES)},
    }  # fmt: skip


def _summary(tables: dict[str, Table], workers: int) -> dict[str, Any]:
    tasks, instances = tables["tasks"], tables["instances"]
    makespan = float(max(tasks["end"].max(), instances["completed"].max()))
    busy = np.bincount(tasks["worker"], tasks["end"] - tasks["start"], workers) / makespan
    nodes = ["images", *(f"L{worker + 1}" for worker in range(workers)), "loss"]
    rows = int(instances["rows"].sum())
    return {
        "backend": "sim", "mode": "numeric", "job": "made up", "job_hash": "0" * 16, "workers": workers,
        "worker_names": [f"chip{worker}" for worker in range(workers)],
        "links": [f"chip{a} -> chip{b}" for w in range(workers - 1) for a, b in ((w, w + 1), (w + 1, w))],
        "nodes": nodes, "edges": [f"{a}.out -> {b}.in" for a, b in pairwise(nodes[1:])],
        "makespan": makespan, "throughput": rows / makespan, "utilization": busy.tolist(),
        "epochs": [{"epoch": 0, "time": makespan, "train_loss": 0.3, "train_accuracy": 0.9}],
        "updates": len(tables["updates"]["node"]), "target": None, "time_to_target": None, "epochs_to_target": None,
        "matmul": float(tasks["matmul"].sum()), "capacity": [1 << 33] * workers,
        "static_memory": [{"parameters": 4_000_000, "gradients": 4_000_000, "optimizer": 0}] * workers,
    }  # fmt: skip
