"""The engine leaves no reference cycles behind: garbage is collected rarely while a run goes on."""

from __future__ import annotations

import gc

import pytest

from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.workloads import workload


def garbage(name: str, mode: str, **options: int) -> int:
    """Objects that only the garbage collector finds after a run."""
    job = workload(name, **options).with_training(epochs=1, target=None, max_active_keys=4)
    gc.collect()
    gc.disable()
    try:
        NullBackend().execute(Plan(job, 2, mode=mode))
        return gc.collect()
    finally:
        gc.enable()


@pytest.mark.parametrize("mode", ["numeric", "shapes"])
def test_four_times_the_instances_leave_no_more_garbage(mode: str) -> None:
    def lists(count: int) -> int:
        return garbage("list_reduction", mode, lists=count, validation=20, batch=5, hidden=4)

    lists(400)  # what is made once and kept for later runs, and what is kept for each number of rows
    few, many = lists(400), lists(1600)
    assert many < few + 600, (few, many)  # less than one object for two instances
