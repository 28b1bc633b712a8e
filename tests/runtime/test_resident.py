"""Resident memory: what the kernel counts covers what the tables account for."""

from __future__ import annotations

import numpy as np

from ampsim.engine.plan import Plan
from ampsim.ir.graph import Graph
from ampsim.ir.nodes import Linear, LogSoftmax, NllLoss, Source
from ampsim.job import Job, Recipe, Training
from ampsim.result.analysis.memory import memory
from ampsim.runtime.backend import RuntimeBackend
from ampsim.runtime.resident import reset_peak, resident
from ampsim.testing import points


def test_the_peak_follows_an_array_and_begins_again() -> None:
    reset_peak()
    before = resident()
    array = np.ones(8_000_000)
    held = resident()
    assert held["resident"] >= before["resident"] + array.nbytes // 2
    del array
    assert resident()["peak"] >= held["resident"] - (1 << 20)  # the kernel counts in batches
    assert before["peak"] <= held["peak"]


def test_a_run_tells_what_its_workers_took() -> None:
    """Tens of megabytes of weights are resident; nothing is said of the time before they were made.

    Beyond what is accounted for there may be a result that is being computed and one that is on its way, and what the
    allocator rounds up.
    """
    x, labels, loss = Source("x"), Source("labels"), NllLoss("loss")
    narrow = x >> Linear("wide", 6, 1_000_000, gain=1.0).affinity(0) >> Linear("narrow", 1_000_000, 3).affinity(1)
    _ = narrow >> LogSoftmax() >> loss["prediction"]
    _ = labels >> loss["label"]
    job = Job(Graph.of("wide", x, labels), Recipe(points, {"instances": 2}), Training())
    run = RuntimeBackend().execute(Plan(job, 2))
    payload = int(run.tables["messages"]["bytes"].max())
    assert payload == 5 * 1_000_000 * 4
    accounted = memory(run.tables, 2, run.summary["static_memory"]).peak.sum(axis=1)
    for worker, found in enumerate(run.summary["resident"]):
        taken = found["after"]["peak"] - found["before"]["resident"]
        assert taken > 0.5 * accounted[worker]
        assert taken < accounted[worker] + 2 * payload + (16 << 20)
