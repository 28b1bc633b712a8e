"""From what real runs showed to a System: this machine, as it was."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from ampsim.hw import System
from ampsim.hw.clock import FS
from ampsim.hw.cost import ChipCost
from ampsim.studies.calibrate import service
from ampsim.studies.calibrate.between import Between, between
from ampsim.studies.calibrate.machine import machine
from ampsim.studies.calibrate.observe import Observed, Rates
from ampsim.studies.calibrate.relative import longer

UNITS = 64  # workers that can be simulated, or two for each core if that is more
PREFIX = "core"
MOSTLY = 0.8  # of the time of a task


def describe(runs: Sequence[Observed], structure: Sequence[tuple[str, float]], rates: Rates, cores: int) -> System:
    """The machine that these runs were on. Times of ``runs`` with more workers than ``cores`` only say what that costs.

    ``structure``: of the data of each run, the class and the seconds of looking up the structure of an instance.

    What every operation takes comes first, from runs on one worker; then what lies between tasks; then by how much
    longer everything takes after a wait, and beside others at work.
    """
    points = service.points(runs)
    waking, slowdown = _beside(runs, cores)
    found = between(runs, [seconds for _, seconds in structure], slowdown, cores)
    values = _values(rates, found, cores)
    chips = values["chips"][0]
    chips["kernels"] = service.kernels(points)
    chips["measured"] = service.tables(points, chips["kernels"])
    for name, seconds in structure:
        chips["measured"][f"{name} structure"] = {"rows": [1], "seconds": [seconds]}
    alone = _alone(runs, System.from_dict(values))
    chips["cores"]["slowdown"], chips["software"]["waking"] = (
        np.linspace(alone, alone * slowdown, cores).tolist(),
        waking,
    )
    values["sources"] = _sources(runs, points, found, rates)
    return System.from_dict(values)


def _values(rates: Rates, found: Between, cores: int) -> dict[str, Any]:
    now = machine()
    units = max(UNITS, 2 * cores)
    chips = {
        "prefix": PREFIX,
        "count": units,
        "matmul": rates.matmul,
        "vector": rates.vector,
        "memory_bandwidth": rates.memory,
        "memory_capacity": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // cores,
        "cores": {"count": cores, "turn": rates.turn},
        "parcel_overhead": found.parcel,
        "copy_bandwidth": min(1 / max(found.byte, 1e-15), 1e18),
        "software": {name: getattr(found, name) for name in ("choosing", "gathering", "message", "report", "cold")},
    }
    return {
        "name": "host",
        "description": f"This machine as measured: up to {units} workers share {cores} cores.",
        "chips": [chips],
        "links": {"bandwidth": "unlimited", "latency": found.latency},
        "topology": {"kind": "full"},
        "host": {"latency": found.host_latency, "handling": found.handling, "within": PREFIX},
        "machine": now,
    }


def _alone(runs: Sequence[Observed], system: System) -> float:
    """By how much longer tasks take than in the tables while nobody else is at work."""
    cost = ChipCost(system.chips[0])
    ratios = [float(run.seconds[run.steady].sum()) / _base(cost, run) for run in runs if run.run.workers == 1]
    return max(median(ratios), 1.0) if ratios else 1.0


def _beside(runs: Sequence[Observed], cores: int) -> tuple[float, float]:
    """By how much longer tasks take after a wait, and with all cores at work."""
    several = [run for run in runs if 1 < run.run.workers <= cores]
    waking = longer(several, [run.woken for run in several], [~run.woken for run in several])
    calm = [~run.woken for run in several]
    beside = [(run.beside > MOSTLY) & steady for run, steady in zip(several, calm, strict=True)]
    apart = [(run.beside < 1 - MOSTLY) & steady for run, steady in zip(several, calm, strict=True)]
    return waking, longer(several, beside, apart)


def _base(cost: ChipCost, run: Observed) -> float:
    """Seconds of all tasks but the first by the tables."""
    memory = run.run.tables["memory"]
    held = (memory["caches"] + memory["deferred"] + memory["queues"]).tolist()
    messages = run.run.tables["tasks"]["messages"].tolist()
    tasks = zip(run.parts, messages, held, run.steady.tolist(), strict=True)
    return sum(cost.chip_time(*task) for *task, steady in tasks if steady) / FS


def _sources(
    runs: Sequence[Observed], points: dict[str, list[service.Point]], found: Between, rates: Rates
) -> dict[str, Any]:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()

    def measured(note: str, spread: float) -> dict[str, Any]:
        return {"status": "measured", "note": f"{note}; {today}", "spread": spread}

    spreads = [point.spread for group in points.values() for point in group if point.count > 3]
    tasks = float(np.median(spreads)) if spreads else 0.0
    between_tasks = found.spread
    chosen = {"status": "hypothetical", "note": "not measured: a name, a shape or a rule"}
    return {
        "chips[0].measured": measured("times of tasks in short runs", tasks),
        "chips[0].kernels": measured("fitted to the times of all tasks", tasks),
        "chips[0].software": measured("what real workers did between tasks, in short runs", between_tasks),
        "chips[0].parcel_overhead": measured("as software", between_tasks),
        "chips[0].copy_bandwidth": measured("as software", between_tasks),
        "chips[0].cores": measured(f"runs on 1 to {max(run.run.workers for run in runs)} workers", tasks),
        "chips[0].cores.turn": measured("two processes that spin on one core", rates.spreads[3]),
        "chips[0].matmul": measured("a square product", rates.spreads[0]),
        "chips[0].vector": measured("an elementwise pass", rates.spreads[1]),
        "chips[0].memory_bandwidth": measured("a pass over 64 MiB", rates.spreads[2]),
        "chips[0].memory_capacity": measured("of the system, a part for each core", 0.0),
        "links": measured("parcels to a worker that waited", found.latency_spread),
        "host": measured("admissions of and reports to the controller", found.host_spread),
        **dict.fromkeys(("topology", "switching", "overflow", "chips[0].prefix", "chips[0].count"), chosen),
    }


def corrected(system: System, ratios: dict[bool, list[float]]) -> System:
    """With what whole runs took over what was predicted: ``ratios``, by whether there were more workers than cores.

    How much longer such runs took than the others is ``crowded``. What is left between runs and predictions, what is
    off for all as well as the spread, is that of predictions to come: 80 % lie between ``low`` and ``high``.
    """
    values = system.to_dict()
    alone = median(ratios[False]) if ratios[False] else 1.0
    shared = median(ratios[True]) if ratios[True] else alone
    crowded = max(1.0, shared / alone)
    values["chips"][0]["cores"]["crowded"] = crowded
    left = [*ratios[False], *(ratio / crowded for ratio in ratios[True])]
    low, high = np.quantile(left, [0.1, 0.9]).tolist()
    values["uncertainty"] = {"level": 0.8, "low": min(low, 1.0), "high": max(high, 1.0)}
    return System.from_dict(values)
