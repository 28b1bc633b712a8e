"""Structure, counts and sums agree on all backends, whatever their clocks did to the order of things."""

from __future__ import annotations

import numpy as np
import pytest

from ampsim.engine.plan import Plan
from ampsim.result.run import Run
from tests.agreement.jobs import JOBS, backends

SETTINGS: list[dict[str, object]] = [
    {"max_active_keys": 1},
    {"max_active_keys": 4},
    {"max_active_keys": 4, "max_batch": 8, "min_update_frequency": 3},
    {"max_active_keys": 6, "max_batch": 4, "update": "instance"},
]


# Every number of workers and every setting, though not each with each: a run starts processes.
CASES = [(1, 2), (2, 0), (2, 3), (3, 1), (3, 2)]


@pytest.mark.parametrize("workers,setting", CASES)
@pytest.mark.parametrize("name", JOBS)
def test_messages_bytes_flops_and_updates_are_equal_on_all_backends(name: str, workers: int, setting: int) -> None:
    plan = Plan(JOBS[name](**SETTINGS[setting]), workers)
    first, *others = [backend.execute(plan) for backend in backends()]
    assert first.tables["edges"]["messages"].sum() > 500
    for other in others:
        for column in ("edge", "direction", "messages", "bytes"):
            np.testing.assert_array_equal(first.tables["edges"][column], other.tables["edges"][column])
        assert first.summary["matmul"] == other.summary["matmul"]
        assert first.summary["updates"] == other.summary["updates"]
        assert updates_by_node(first) == updates_by_node(other)
        assert {name: set(columns) for name, columns in first.tables.items()} == {
            name: set(columns) for name, columns in other.tables.items()
        }


def updates_by_node(run: Run) -> dict[int, int]:
    """Number of updates of each node."""
    nodes, counts = np.unique(run.tables["updates"]["node"], return_counts=True)
    return dict(zip(nodes.tolist(), counts.tolist(), strict=True))


@pytest.mark.parametrize("name", JOBS)
def test_shapes_mode_walks_the_same_path_on_all_backends(name: str) -> None:
    job = JOBS[name](max_active_keys=4, max_batch=4, min_update_frequency=2)
    numeric = backends()[0].execute(Plan(job, 2))
    for backend in backends():
        shapes = backend.execute(Plan(job, 2, mode="shapes"))
        np.testing.assert_array_equal(numeric.tables["edges"]["bytes"], shapes.tables["edges"]["bytes"])
        assert numeric.summary["matmul"] == shapes.summary["matmul"]
        assert numeric.summary["updates"] == shapes.summary["updates"]
        assert len(shapes.tables["metrics"]["loss"]) == 0
        assert not shapes.final
