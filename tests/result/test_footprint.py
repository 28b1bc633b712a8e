"""What a worker needs at most: what it holds, and what the running task makes for itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ampsim
from ampsim.result.analysis.footprint import footprint, workspace
from ampsim.result.analysis.memory import memory
from ampsim.result.schema import Table, empty_tables
from tests.result.synthetic import table

STATIC = [{"parameters": 100, "gradients": 0, "optimizer": 0}] * 2


def tables(**rows: Any) -> dict[str, Table]:
    return empty_tables() | {name: table(name, given) for name, given in rows.items()}


def task(worker: int, kind: int, start: int, end: int, messages: int, written: int) -> tuple[Any, ...]:
    return (worker, kind, 0, start, end, messages, 1, 0.0, 0.0, 0, written)


def message(task: int, size: int) -> tuple[Any, ...]:
    return (task, 0, 0, [0], size, 0, 0.0, 0.0)


def test_a_task_makes_its_results_and_puts_several_messages_side_by_side() -> None:
    found = tables(
        tasks=[task(0, 0, 0, 1, 1, 10), task(0, 1, 1, 2, 2, 20), task(0, 2, 2, 3, 0, 40), task(0, 3, 3, 4, 0, 80)],
        messages=[message(0, 7), message(1, 3), message(1, 4)],
    )
    assert workspace(found).tolist() == [10, 20 + 7, 0, 0]


def test_what_is_held_before_or_after_a_task_counts_beside_it() -> None:
    found = tables(
        tasks=[task(0, 0, 0, 1, 1, 10), task(0, 1, 2, 3, 1, 30), task(1, 0, 0, 1, 1, 5)],
        memory=[(0, 1, 500, 0, 0, 0, 0), (0, 3, 20, 0, 0, 0, 0), (1, 1, 50, 0, 0, 0, 0)],
    )
    assert footprint(found, 2, STATIC).tolist() == [100 + 500 + 30, 100 + 50 + 5]


def test_a_worker_without_tasks_needs_its_static_parts() -> None:
    assert footprint(empty_tables(), 2, STATIC).tolist() == [100, 100]


@pytest.mark.parametrize("workers", [1, 2])
def test_it_is_between_what_is_held_and_that_with_the_largest_task(workers: int) -> None:
    job = ampsim.workload("mlp", data="none", training=600, validation=100, width=32).with_training(target=None)
    run = ampsim.simulate(job, "fpga_ring_16", workers=workers, mode="shapes")
    held = memory(run.tables, workers, run.summary["static_memory"]).peak.sum(axis=1)
    needed, largest = footprint(run.tables, workers, run.summary["static_memory"]), workspace(run.tables).max()
    assert np.all(held < needed)
    assert np.all(needed <= held + largest)
