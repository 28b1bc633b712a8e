"""Runs on real workers and their replays, made once for all tests that look at them."""

from __future__ import annotations

import functools
from typing import NamedTuple

from ampsim.engine.plan import Plan
from ampsim.result.run import Run
from ampsim.runtime.backend import RuntimeBackend
from ampsim.studies.execute import replay
from ampsim.testing import replicated
from tests.agreement.jobs import JOBS

SYSTEM = "gpu_switch_8"


class Case(NamedTuple):
    """A workload on so many workers, all its nodes made so many times."""

    name: str
    workers: int
    copies: int

    def __str__(self) -> str:
        return f"{self.name}-{self.workers}" + (f"-copies-{self.copies}" if self.copies > 1 else "")


CASES = [Case(name, workers, copies) for name in JOBS for workers in (2, 3) for copies in (1, 2)]
# Each setting with some number of workers and copies, though not each with each: a run starts processes.
SETTINGS: dict[tuple[int, int], dict[str, object]] = {
    (1, 1): {"max_batch": 4},
    (2, 1): {"max_batch": 4},
    (3, 1): {"max_batch": 1, "update": "instance"},
    (2, 2): {"max_batch": 2, "update": "instance"},
    (3, 2): {"max_batch": 4},
}


@functools.cache
def measured(case: Case) -> Run:
    """What worker processes did; four instances in flight, updates by two gradients, validation now and then."""
    job = JOBS[case.name](
        max_active_keys=4, min_update_frequency=2, validate_every=6, **SETTINGS[case.workers, case.copies]
    )
    if case.copies > 1:
        job = replicated(job, case.copies, sync=3)
    return RuntimeBackend().execute(Plan(job, case.workers))


@functools.cache
def replayed(case: Case, durations: bool = False) -> Run:
    """The same order of tasks in the simulator."""
    return replay(measured(case), SYSTEM, durations=durations)
