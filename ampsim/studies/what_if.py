"""What would be gained if a resource were faster: simulate again with it scaled, and compare.

    elasticity of M to r  =  ln(M with r times f / M) / ln f

Of throughput it is 1 where all waits for r, 0 where nothing does, and of all resources together 1, because a system in
which everything is f times as fast does the same f times as fast. Of time to accuracy it is -1 and 0 in the same
places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ampsim.engine.plan import Plan
from ampsim.engine.values import nested
from ampsim.errors import UsageError
from ampsim.hw import System
from ampsim.job import Job
from ampsim.result.analysis.links import link_totals
from ampsim.studies.execute import load_system
from ampsim.studies.hooks import Run
from ampsim.studies.resources import resources, speed_up

FACTOR = 2.0
"""How much faster each resource is made when nothing else is asked for."""


@dataclass(frozen=True)
class Gain:
    """One resource ``factor`` times as fast: the run's ``throughput`` (rows/s) and ``time_to_target`` (s) with it.

    ``elasticity`` is that of throughput, ``time_elasticity`` that of time to target; None where one of the runs has
    none.
    """

    resource: str
    factor: float
    throughput: float | None
    time_to_target: float | None
    elasticity: float | None
    time_elasticity: float | None


@dataclass(frozen=True)
class WhatIf:
    """The run simulated again as it was (``base``), one ``Gain`` a resource, and the ``bottleneck`` among them.

    The bottleneck is the resource with the largest elasticity of throughput; None if no resource gains anything.
    ``busiest_worker`` and ``busiest_link`` are names with the share of the makespan they were busy.
    """

    base: Run
    gains: tuple[Gain, ...]
    bottleneck: str | None
    busiest_worker: tuple[str, float]
    busiest_link: tuple[str, float] | None


def what_if(
    run: Run,
    factors: Mapping[str, float] | Iterable[str] | None = None,
    *,
    system: System | str | Path | None = None,
    mode: str | None = None,
    say: Callable[[str], object] = str,
) -> WhatIf:
    """How throughput and time to accuracy of ``run`` answer to each resource of its system.

    ``factors`` maps resources to how much faster they are made, one at a time; a list of names means twice; left out,
    every resource of the system is, each alone and all together. ``system`` simulates the same job and placement on
    another system, which a run on worker processes needs. ``mode="shapes"`` counts only: quick, without accuracy.
    ``say`` hears what is going on. Raises UsageError for a run without a system, or a resource it does not have.
    """
    hardware = _system(run, system)
    asked = dict.fromkeys([*resources(hardware), "all"], FACTOR) if factors is None else factors
    wanted = dict(asked) if isinstance(asked, Mapping) else dict.fromkeys(asked, FACTOR)
    for name, factor in wanted.items():
        if factor == 1:
            raise UsageError("a factor of 1 changes nothing", name, "give another one, such as 2")
    faster = {name: speed_up(hardware, {name: factor}) for name, factor in wanted.items()}
    again = _Again(run, mode or run.mode)
    say(f"simulating {run.job} on {hardware.name}")
    base = again.on(hardware)
    gains = []
    for name, changed in faster.items():
        say(f"simulating it with {name} {wanted[name]:g} times as fast")
        gains.append(_gain(name, wanted[name], base, again.on(changed)))
    return WhatIf(base, tuple(gains), _bottleneck(gains), _busiest_worker(base), _busiest_link(base))


def _system(run: Run, given: System | str | Path | None) -> System:
    if given is not None:
        return load_system(given)
    found = run.config["run"].get("system")
    if found is None:
        what = f"what-if needs a simulated run, and this one was made by the backend {run.backend!r}"
        do = "name the system to simulate it on: --system NAME_OR_FILE, e.g. the file that 'ampsim calibrate' writes"
        raise UsageError(what, "RUN", do)
    return System.from_dict(found)


class _Again:
    """Simulates the job of a run with its placement and its initial parameters."""

    def __init__(self, run: Run, mode: str) -> None:
        job = Job.from_dict(run.config["job"])
        self.job = job.with_training(target=None, target_loss=None) if mode == "shapes" else job
        self.mode = mode
        self.workers = int(run.summary["workers"])
        self.owner = tuple(run.config["run"]["owner"])
        self.values = nested(run.initial) or None if mode == "numeric" else None
        self.data = self.job.data.load()

    def on(self, system: System) -> Run:
        """The run on ``system``."""
        from ampsim.hw.backend import SimBackend

        plan = Plan(self.job, self.workers, mode=self.mode, values=self.values, owner=self.owner, given_data=self.data)
        return SimBackend(system).execute(plan)


def _gain(name: str, factor: float, base: Run, run: Run) -> Gain:
    throughput = elasticity(base.throughput, run.throughput, factor)
    time = elasticity(base.time_to_target, run.time_to_target, factor)
    return Gain(name, factor, run.throughput, run.time_to_target, throughput, time)


def elasticity(before: float | None, after: float | None, factor: float) -> float | None:
    """ln(after / before) / ln(factor); None where one of the two is missing or nothing."""
    if not before or not after:
        return None
    found = math.log(after / before) / math.log(factor)
    return 0.0 if abs(found) < 1e-12 else found


def _bottleneck(gains: Iterable[Gain]) -> str | None:
    """The resource that gains most; parts that hold others (``chip``, ``all``) only where nothing smaller was asked."""
    found = list(gains)
    names = {gain.resource for gain in found}
    single = [g for g in found if not any(_holds(g.resource, other) for other in names)]
    best = max(single, key=lambda gain: gain.elasticity or 0.0, default=None)
    return best.resource if best and (best.elasticity or 0.0) > 0 else None


def _holds(part: str, other: str) -> bool:
    return other != part and (part == "all" or other.startswith(f"{part}."))


def _busiest_worker(run: Run) -> tuple[str, float]:
    shares = [value or 0.0 for value in run.utilization]
    most = int(np.argmax(shares))
    return str(run.summary["worker_names"][most]), shares[most]


def _busiest_link(run: Run) -> tuple[str, float] | None:
    names = run.summary["links"]
    if not names or not run.makespan or not len(run.tables["links"]["link"]):
        return None
    occupied = link_totals(run.tables, len(names)).occupied / run.makespan
    most = int(np.argmax(occupied))
    return str(names[most]), float(occupied[most])
