"""What a worker process is told before it starts: the plan as JSON, the data as shared arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ampsim.engine.plan import Plan
from ampsim.engine.policy import Planned
from ampsim.engine.values import nested
from ampsim.engine.worker import WorkerState
from ampsim.ir.data import Dataset
from ampsim.ir.message import Array
from ampsim.job import Data, Job

_VALUES = "values/"


def describe(plan: Plan) -> tuple[bytes, dict[str, Array]]:
    """The plan as bytes that a worker can rebuild it from, and the arrays to share with all workers."""
    arrays: dict[str, Array] = {}
    datasets: list[Any] = []
    for number, data in enumerate(plan.data):
        if data is None:
            datasets.append(None)
            continue
        datasets.append([data.reference, data.options, list(data.arrays)])
        arrays.update({f"{number}/{name}": array for name, array in data.arrays.items()})
    for node, values in (plan.values or {}).items():
        arrays.update({f"{_VALUES}{node}/{name}": value for name, value in values.items()})
    order = {str(worker): planned for worker, planned in plan.order.items()} if plan.order else None
    text = {
        "job": plan.job.to_dict(),
        "workers": plan.workers,
        "mode": plan.mode,
        "evaluate": plan.evaluate,
        "owner": plan.program.owner,
        "datasets": datasets,
        "order": order,
    }
    return msgspec.json.encode(text), arrays


def rebuild(text: bytes, arrays: Mapping[str, Array], worker: int) -> WorkerState:
    """The WorkerState of one worker, in its process."""
    plan = rebuild_plan(text, arrays, worker)
    return WorkerState(plan.program, worker, plan.policy(worker), plan.values)


def rebuild_plan(text: bytes, arrays: Mapping[str, Array], worker: int) -> Plan:
    """The plan, with the order of one worker only."""
    told = msgspec.json.decode(text)
    loaded: list[Dataset | None] = []
    for number, data in enumerate(told["datasets"]):
        if data is None:
            loaded.append(None)
            continue
        kind, options, names = data
        loaded.append(Dataset.rebuild(kind, {name: arrays[f"{number}/{name}"] for name in names}, options))
    training, validation = loaded
    assert training is not None
    flat = {name.removeprefix(_VALUES): value for name, value in arrays.items() if name.startswith(_VALUES)}
    order = None
    if told["order"] is not None:
        planned = told["order"][str(worker)]
        order = {worker: [Planned(k, n, tuple((e, tuple(s)) for e, s in messages), i) for k, n, messages, i in planned]}
    return Plan(
        Job.from_dict(told["job"]),
        told["workers"],
        mode=told["mode"],
        values=nested(flat) if flat else None,
        order=order,
        evaluate=told["evaluate"],
        given_data=Data(training, validation),
        owner=tuple(told["owner"]),
    )
