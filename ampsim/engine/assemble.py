"""From what the workers wrote down to the Run that users see; the same for every backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ampsim.engine.complete import check_work
from ampsim.engine.controller import Controller
from ampsim.engine.log import Columns, seconds
from ampsim.engine.plan import Plan
from ampsim.engine.policy import Planned
from ampsim.engine.task import KINDS
from ampsim.ir.message import Array
from ampsim.result.load import Load
from ampsim.result.provenance import provenance
from ampsim.result.run import Run
from ampsim.result.schema import empty_tables


def assemble(
    plan: Plan,
    backend: str,
    tables: Sequence[Mapping[str, Columns]],
    static: Sequence[Mapping[str, int]],
    controller: Controller,
    frequency: int,
    initial: Mapping[str, Array],
    final: Mapping[str, Array],
    *,
    worker_names: Sequence[str] | None = None,
    links: Sequence[str] = (),
    link_table: Columns | None = None,
    capacity: Sequence[int | None] | None = None,
    resident: Sequence[Mapping[str, Any]] | None = None,
    settings: Mapping[str, Any] | None = None,
    load: Load | None = None,
) -> Run:
    """The Run of a finished plan. ``tables[w]`` and ``static[w]`` come from worker w.

    Times are in ticks, ``frequency`` of them a second. ``load`` is that of the machine meanwhile. Raises RunError if
    nothing was done.
    """
    merged = _merge(tables)
    merged["instances"] = _instances(controller, frequency)
    merged["metrics"] = _metrics(controller, frequency)
    check_work(int(merged["edges"]["messages"].sum()), len(merged["instances"]["instance"]))
    if link_table is not None:
        merged["links"] = link_table
    names = list(worker_names or (f"worker{w}" for w in range(plan.workers)))
    graph, job = plan.job.graph, plan.job
    # The last update of a run without validation comes after the last instance.
    makespan = float(max(merged["instances"]["completed"].max(initial=0.0), merged["tasks"]["end"].max(initial=0.0)))
    summary = {
        "backend": backend,
        "mode": plan.mode,
        "job": job.name,
        "job_hash": job.hash,
        "workers": plan.workers,
        "worker_names": names,
        "links": list(links),
        "nodes": [node.name for node in graph.nodes],
        "node_types": [type(node).__name__ for node in graph.nodes],
        "edges": list(plan.program.edge_names),
        "makespan": makespan,
        **_rates(merged, plan.workers, makespan),
        **_learning(controller, frequency),
        "updates": len(merged["updates"]["node"]),
        "reports": controller.reports,
        "matmul": float(merged["tasks"]["matmul"].sum()),
        "static_memory": [dict(sizes) for sizes in static],
        "capacity": list(capacity) if capacity else [None] * plan.workers,
        "resident": list(resident) if resident else [None] * plan.workers,
    }
    config = {
        "job": job.to_dict(),
        "run": {
            "backend": backend,
            "mode": plan.mode,
            "workers": plan.workers,
            "placement": {graph.nodes[n].name: names[w] for n, w in enumerate(plan.program.owner)},
            "owner": list(plan.program.owner),
            **(settings or {}),
        },
    }
    facts = provenance(config, job.training.seed) | {"load": load._asdict() if load else None}
    return Run(summary, merged, config, facts, dict(initial), dict(final))


def _merge(tables: Sequence[Mapping[str, Columns]]) -> dict[str, Columns]:
    """One table from the workers' parts; task numbers are shifted, equal rows of counts added."""
    merged: dict[str, Columns] = {name: dict(table) for name, table in empty_tables().items()}
    for name in ("tasks", "waits", "updates", "staleness", "memory", "edges"):
        parts = [part[name] for part in tables]
        merged[name] = {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}
    shift, parts = 0, []
    width = max(part["messages"]["state"].shape[1] for part in tables)
    for part in tables:
        messages = dict(part["messages"])
        messages["task"] = messages["task"] + shift
        missing = width - messages["state"].shape[1]
        fill = np.iinfo(np.int64).min
        messages["state"] = np.pad(messages["state"], ((0, 0), (0, missing)), constant_values=fill)
        shift += len(part["tasks"]["kind"])
        parts.append(messages)
    merged["messages"] = {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}
    merged["edges"] = _add_up(merged["edges"])
    return merged


def _add_up(edges: Columns) -> Columns:
    """Messages and bytes of an edge and direction, added over the workers that counted some."""
    sums: dict[tuple[int, int], list[int]] = {}
    columns = (edges[column].tolist() for column in ("edge", "direction", "messages", "bytes"))
    for e, d, messages, nbytes in zip(*columns, strict=True):
        total = sums.setdefault((e, d), [0, 0])
        total[0] += messages
        total[1] += nbytes
    order = sorted(sums)
    return {
        "edge": np.asarray([e for e, _ in order], np.int32),
        "direction": np.asarray([d for _, d in order], np.int8),
        "messages": np.asarray([sums[key][0] for key in order], np.int64),
        "bytes": np.asarray([sums[key][1] for key in order], np.int64),
    }


def _instances(controller: Controller, frequency: int) -> Columns:
    schedule = controller.schedule
    rows = [(n, *schedule.entry(n), *times) for n, times in controller.instances.items()]
    number, epoch, training, index, admitted, completed = zip(*rows, strict=True) if rows else [()] * 6
    sizes = [schedule.dataset(n).rows(i) for n, i in zip(number, index, strict=True)]
    return {
        "instance": np.asarray(number, np.int64),
        "epoch": np.asarray(epoch, np.int32),
        "training": np.asarray(training, np.bool_),
        "index": np.asarray(index, np.int64),
        "rows": np.asarray(sizes, np.int64),
        "admitted": seconds(admitted, frequency),
        "completed": seconds(completed, frequency),
    }


def _metrics(controller: Controller, frequency: int) -> Columns:
    entries = [controller.schedule.entry(metric.instance) for _, metric in controller.metrics]
    metrics = [metric for _, metric in controller.metrics]
    return {
        "time": seconds((time for time, _ in controller.metrics), frequency),
        "node": np.asarray([metric.node for metric in metrics], np.int32),
        "instance": np.asarray([metric.instance for metric in metrics], np.int64),
        "epoch": np.asarray([entry.epoch for entry in entries], np.int32),
        "training": np.asarray([entry.training for entry in entries], np.bool_),
        "rows": np.asarray([metric.rows for metric in metrics], np.int64),
        "loss": np.asarray([metric.loss for metric in metrics], np.float64),
        "correct": np.asarray([metric.correct for metric in metrics], np.int64),
    }


def _rates(tables: Mapping[str, Columns], workers: int, makespan: float) -> dict[str, Any]:
    """Throughput: training rows over the time spent training; utilization: busy over makespan."""
    instances, tasks = tables["instances"], tables["tasks"]
    if makespan <= 0:
        return {"throughput": None, "utilization": [None] * workers}
    training = instances["training"]
    spans = 0.0
    for segment in _spans(training):
        spans += float(instances["completed"][segment].max() - instances["admitted"][segment].min())
    rows = int(instances["rows"][training].sum())
    busy = np.zeros(workers)
    np.add.at(busy, tasks["worker"], tasks["end"] - tasks["start"])
    return {"throughput": rows / spans if spans else None, "utilization": (busy / makespan).tolist()}


def _spans(training: Array) -> list[slice]:
    """Runs of consecutive training instances."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], training, [False])).astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _learning(controller: Controller, frequency: int) -> dict[str, Any]:
    def timed(row: dict[str, Any]) -> dict[str, Any]:
        return {k: v / frequency if k in ("time", "training_time") else v for k, v in row.items()}

    reached = timed(controller.reached) if controller.reached else None
    return {
        "epochs": [timed(row) for row in controller.epochs],
        "validations": [timed(row) for row in controller.validations],
        "target": controller.settings.target,
        "target_loss": controller.settings.target_loss,
        "time_to_target": reached["training_time"] if reached else None,
        "epochs_to_target": reached["epoch"] + 1 if reached else None,
    }


def replay_order(run: Run) -> dict[int, list[Planned]]:
    """The order of tasks of every worker of a run, ready for :class:`~ampsim.engine.policy.Fixed`."""
    tasks, messages = run.tables["tasks"], run.tables["messages"]
    bounds = np.searchsorted(messages["task"], np.arange(len(tasks["kind"]) + 1))
    absent = np.iinfo(np.int64).min
    names = [
        (edge, tuple(x for x in state if x != absent))
        for edge, state in zip(messages["edge"].tolist(), messages["state"].tolist(), strict=True)
    ]
    order: dict[int, list[Planned]] = {worker: [] for worker in range(run.summary["workers"])}
    updates = {w: iter(run.tables["updates"]["instance"][run.tables["updates"]["worker"] == w].tolist()) for w in order}
    for i, (worker, kind, node) in enumerate(
        zip(tasks["worker"].tolist(), tasks["kind"].tolist(), tasks["node"].tolist(), strict=True)
    ):
        instance = next(updates[worker]) if KINDS[kind] == "update" else -1
        order[worker].append(Planned(KINDS[kind], node, tuple(names[bounds[i] : bounds[i + 1]]), instance))
    return order
