"""Small forms of the shipped workloads, and the three backends."""

from __future__ import annotations

from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import SGD
from ampsim.engine.plan import Backend
from ampsim.hw import load
from ampsim.hw.backend import SimBackend
from ampsim.job import Job
from ampsim.runtime.backend import RuntimeBackend
from ampsim.workloads import workload


def small_mlp(**training: object) -> Job:
    """20 minibatches of 20 generated images, 32 wide."""
    job = workload("mlp", data="generated", width=32, batch=20, training=400, validation=100)
    return job.with_training(**{"epochs": 2, "target": None, "max_active_keys": 1, "optimizer": SGD(0.05), **training})


def small_rnn(**training: object) -> Job:
    """Some 20 buckets of lists, 16 wide, trained by plain SGD."""
    job = workload("list_reduction", lists=300, validation=60, batch=20, hidden=16)
    return job.with_training(**{"epochs": 2, "target": None, "max_active_keys": 1, "optimizer": SGD(0.02), **training})


JOBS = {"mlp": small_mlp, "rnn": small_rnn}


def backends() -> list[Backend]:
    """The three of them."""
    return [NullBackend(), SimBackend(load("gpu_switch_8")), RuntimeBackend()]
