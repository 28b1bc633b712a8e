"""This machine as a System: what its tasks, parcels and controller cost, measured."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path
from statistics import median
from typing import Any

from ampsim.engine.plan import Plan
from ampsim.hw import System
from ampsim.job import Job
from ampsim.result.aside import checked_target, replace_file
from ampsim.runtime.gauge import gauge
from ampsim.runtime.measure import Measured


def calibrate(job: Job, *, workers: int = 2, seconds: float = 2.0, start_method: str = "forkserver") -> System:
    """Measure this machine with the tasks of ``job``; under 10 s.

    All workers measure at once: for ``seconds`` each runs the job by itself, then they exchange parcels. The result is
    an ordinary System of ``workers`` cores whose tables of service times stand in place of the roofline. Raises
    UsageError for a job that cannot run, RunError if a worker fails.
    """
    plan = Plan(job, 1)
    plan.check()
    found = gauge(plan, workers, seconds, start_method)
    return System.from_dict(describe(found, workers))


def describe(found: list[Measured], workers: int) -> dict[str, Any]:
    """The measurements as the plain values of a System."""
    overhead, copy, latency = parcels(found)
    controller = max(found[0].controller / 2 - 2 * overhead, 0.0)
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    note = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {platform.system()}, {date}"
    by_hand = {"status": "hypothetical", "note": "not measured: a name, a shape or a rule"}
    chips = {
        "prefix": "core",
        "count": workers,
        "matmul": median(m.matmul for m in found),
        "vector": median(m.vector for m in found),
        "memory_bandwidth": median(m.memory for m in found),
        "memory_capacity": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // workers,
        "task_overhead": median(m.overhead for m in found),
        "parcel_overhead": overhead,
        "copy_bandwidth": copy,
        "measured": tables(found),
    }
    return {
        "name": "host",
        "description": f"This machine as measured: {note}. One core for each of {workers} workers.",
        "chips": [chips],
        "links": {"bandwidth": "unlimited", "latency": latency},
        "topology": {"kind": "full"},
        "host": {"latency": controller},
        "sources": {
            "chips[0]": {"status": "measured", "note": note},
            "links": {"status": "measured", "note": f"ping-pong between two workers; copying is at both ends; {note}"},
            "host": {"status": "measured", "note": f"round trip to the controller; {note}"},
            **dict.fromkeys(("topology", "switching", "overflow"), by_hand),
        },
    }


def tables(found: list[Measured]) -> dict[str, Any]:
    """Service times by operation: for every number of rows seen, the median over the workers' medians."""
    times: dict[str, dict[int, list[float]]] = {}
    for measured in found:
        for operation, rows, _, middle, _ in measured.tasks:
            times.setdefault(operation, {}).setdefault(rows, []).append(middle)
    return {
        operation: {"rows": sorted(rows), "seconds": [median(rows[r]) for r in sorted(rows)]}
        for operation, rows in times.items()
        if 0 not in rows
    }


def parcels(found: list[Measured]) -> tuple[float, float, float]:
    """Seconds a small parcel costs at either end, bytes/s of copying at either end, and the latency between them.

    A round trip is two parcels: each is sent (one end's cost), flies, and is received (the other end's cost).
    """
    rows = [row for measured in found for row in measured.parcels]
    if not rows:
        return 0.0, 1e18, 0.0
    sizes = sorted({size for size, *_ in rows})
    ends = {size: median((sent + received) / 2 for s, sent, received, _ in rows if s == size) for size in sizes}
    trips = {size: median(trip for s, _, _, trip in rows if s == size) for size in sizes}
    small, large = sizes[0], sizes[-1]
    per_byte = max((ends[large] - ends[small]) / (large - small), 1e-15) if large > small else 1e-15
    overhead = max(ends[small] - per_byte * small, 0.0)
    latency = max(trips[small] / 2 - 2 * ends[small], 0.0)
    return overhead, 1 / per_byte, latency


def write(system: System, path: Path) -> None:
    """Write the system as YAML, whole or not at all. Raises UsageError if it cannot be written there."""
    replace_file(checked_target(path), system.to_yaml().encode())
