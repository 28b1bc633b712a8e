"""A machine of which everything is known, jobs that ran on it, and tasks whose times follow a known law."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

import ampsim
from ampsim.engine.plan import Plan
from ampsim.engine.task import Part, operation
from ampsim.hw import System
from ampsim.hw.backend import SimBackend
from ampsim.ir.work import Work
from ampsim.job import Data, Job
from ampsim.result.run import Run
from ampsim.result.schema import empty_tables
from ampsim.studies.calibrate.observe import Observed, Rates, observe
from ampsim.studies.calibrate.runs import Setting, settings
from tests.result.synthetic import table

CORES = 2
CROWDED, SLOWDOWN = 1.1, 1.2
CHOOSING, PARCEL, LATENCY = 12e-6, 20e-6, 30e-6
RATES = Rates(1e11, 1e9, 1e10)
INSTANCES = 40
MEASURED = tuple(settings(CORES, 2 * CORES))


@cache
def jobs() -> tuple[Job, Job]:
    """One of full minibatches and one whose instances all differ."""
    mlp = ampsim.workload("mlp", data="generated", training=100 * INSTANCES, validation=100, width=64)
    lists = ampsim.workload("list_reduction", lists=100 * INSTANCES, validation=100, hidden=32)
    return mlp.with_training(target=None), lists.with_training(target=None)


@cache
def data(job: Job) -> Data:
    """What it trains on; nothing is validated."""
    return job.data.load()._replace(validation=None)


def simulated(system: System, job: Job, setting: Setting) -> Run:
    """The job for one epoch, counted only."""
    part = job.with_training(max_active_keys=setting.mak, epochs=1, instances=INSTANCES)
    return SimBackend(system).execute(Plan(part, setting.workers, mode="shapes", given_data=data(job)))


@cache
def truth(turn: float = 0.0) -> System:
    """A processor whose every operation takes a time of its own: so much a task, a row and a message.

    Its units share cores in turns of so many seconds; 0: equal parts at once.
    """
    draw = np.random.default_rng(7)
    runs = [(simulated(_machine({}, turn), job, MEASURED[1]), data(job)) for job in jobs()]
    names = {operation(parts) for run, given in runs for parts in observe(run, given).parts}
    tables = {}
    for name in sorted(name for name in names if name):
        task, row = draw.uniform(40e-6, 80e-6), draw.uniform(0.5e-6, 2e-6)
        tables[name] = {"rows": [1, 10_000], "seconds": [task + row, task + 10_000 * row], "message": 3e-6}
    return _machine(tables, turn)


def _machine(measured: dict[str, Any], turn: float) -> System:
    chips = {
        "prefix": "core", "count": 8, "matmul": 1e11, "vector": 1e9, "memory_bandwidth": 1e10,
        "memory_capacity": 10**9, "parcel_overhead": PARCEL, "copy_bandwidth": 2e9, "measured": measured,
        "software": {"choosing": CHOOSING, "gathering": 2e-6, "message": 5e-6, "report": 15e-6},
        "cores": {"count": CORES, "slowdown": [1.0, SLOWDOWN], "crowded": CROWDED, "turn": turn},
    }  # fmt: skip
    return System.from_dict({
        "name": "known",
        "chips": [chips],
        "links": {"bandwidth": "unlimited", "latency": LATENCY},
        "topology": {"kind": "full"},
        "host": {"latency": 25e-6, "handling": 10e-6, "within": "core"},
    })  # fmt: skip


@cache
def measured(turn: float = 0.0) -> tuple[tuple[Job, Setting, Observed], ...]:
    """Both jobs with all settings that calibration runs, seen as if they had been real runs."""
    pairs = [(job, setting) for job in jobs() for setting in MEASURED]
    return tuple((*pair, observe(simulated(truth(turn), *pair), data(pair[0]))) for pair in pairs)


def a_part(name: str, rows: int, flop: float = 0.0, nbytes: int = 0) -> Part:
    """An operation on so many rows."""
    products = ((1, 1, int(flop / 2)),) if flop else ()
    return Part(name, rows, Work(products, 0.0, nbytes, 0))


def observed(
    tasks: Sequence[tuple[tuple[Part, ...], int, int, float]], workers: int = 1, job: str = "made up", **more: Any
) -> Observed:
    """Tasks of (parts, messages, bytes that the worker holds, seconds), one after the other on one worker."""
    ends = np.cumsum([seconds for *_, seconds in tasks])
    rows = [
        (0, 0, 0, end - seconds, end, messages, parts[0].rows if parts else 0, 0.0, 0.0, 0, 0)
        for (parts, messages, _, seconds), end in zip(tasks, ends, strict=True)
    ]
    held = [(0, end, held, 0, 0, 0, 0) for (_, _, held, _), end in zip(tasks, ends, strict=True)]
    tables = empty_tables() | {"tasks": table("tasks", rows), "memory": table("memory", held)}
    run = Run({"job": job, "workers": workers, "makespan": float(ends[-1])}, tables, {}, {}, {}, {})
    nothing, none = np.zeros(0), np.zeros(len(tasks), np.bool_)
    values: dict[str, Any] = {
        "run": run, "parts": [parts for parts, *_ in tasks], "seconds": np.array([task[3] for task in tasks]),
        "steady": np.ones(len(tasks), np.bool_),
        "messaging": 0.0, "counts": np.zeros(7), "met": 0, "together": np.array([0.0, 1.0]),
        "beside": np.zeros(len(tasks)), "woken": none, "up": nothing, "down": nothing, "across": np.zeros((0, 2)),
    }  # fmt: skip
    return Observed(**values | more)
