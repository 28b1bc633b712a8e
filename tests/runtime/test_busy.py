"""How busy workers are while a run goes on: asked for by who watches, and right."""

from __future__ import annotations

import numpy as np
import pytest

import ampsim
from ampsim.engine.controller import Controller
from ampsim.engine.watching import Watch
from ampsim.job import Job


def job(epochs: int) -> Job:
    found = ampsim.workload("mlp", data="generated", training=2000, validation=200, width=64)
    return found.with_training(target=None, epochs=epochs)


def test_what_workers_say_of_their_busy_time_is_what_their_tables_say() -> None:
    """Each answer is compared with the tasks that had ended by then."""
    watch = Watch(0.0)

    def progress(controller: Controller, now: float) -> None:
        watch.look(controller, now)

    run = ampsim.run(job(3), workers=2, progress=progress)
    tasks = run.tables["tasks"]
    said = {(worker, *pair) for look in watch.looks for worker, pair in enumerate(look.busy) if pair[1]}
    assert len(said) > 10
    for worker, busy, at in said:
        ended = (tasks["worker"] == worker) & (tasks["end"] <= at)
        assert busy == pytest.approx(float(np.sum(tasks["end"][ended] - tasks["start"][ended])))


def test_a_worker_that_reports_nothing_is_heard_of_too() -> None:
    """Of four workers in a row the two in the middle have neither a source nor a loss."""
    last: list[tuple[tuple[float, float], ...]] = []
    watch = Watch(0.0)

    def progress(controller: Controller, now: float) -> None:
        if look := watch.look(controller, now):
            last[:] = [look.busy]

    ampsim.run(job(2), workers=4, placement={0: 0, 1: 1, 2: 2, 3: 3}, progress=progress)
    assert all(busy > 0 for busy, _ in last[0])
