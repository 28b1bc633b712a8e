"""This machine as a System: what is measured becomes fields of the right size, and predicts what was measured."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ampsim
from ampsim import Job, System
from ampsim.errors import UsageError
from ampsim.runtime.measure import Measured
from ampsim.studies.calibrate import describe, parcels, tables, write


def small() -> Job:
    job = ampsim.workload("mlp", data="generated", training=1000, validation=100, width=256)
    return job.with_training(epochs=2, target=None, max_active_keys=4)


def measured(**changes: object) -> Measured:
    values: dict[str, object] = {
        "tasks": [("Linear(4, 4) forward", 10, 1e-6, 2e-6, 3e-6)],
        "overhead": 1e-6,
        "parcels": [],
        "controller": 2e-5,
        "matmul": 1e10,
        "vector": 1e9,
        "memory": 1e10,
    }
    return Measured(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.runtime
def test_this_machine_predicts_itself_within_a_wide_bound(tmp_path: Path) -> None:
    job = small()
    system = ampsim.calibrate(job, workers=2, seconds=0.5)
    write(system, tmp_path / "host.yaml")
    loaded = ampsim.load_system(tmp_path / "host.yaml")
    assert loaded.to_dict() == system.to_dict()
    (chips,) = loaded.to_dict()["chips"]
    for name in ("matmul", "vector", "memory_bandwidth", "memory_capacity", "task_overhead", "parcel_overhead"):
        assert chips[name] > 0, name
    assert chips["measured"]
    for operation, table in chips["measured"].items():
        assert min(table["seconds"]) > 0, operation
    run = ampsim.run(job, workers=2)
    predicted = ampsim.simulate(job, loaded, workers=2)
    # No statement about accuracy, which depends on what else this machine does just now: only that it is no nonsense.
    assert 0.1 < predicted.makespan / run.makespan < 10
    facts = {fact.name: fact.equal for fact in ampsim.compare(predicted, run).agreement}
    assert facts["messages per edge"]
    assert facts["updates per node"]


def test_a_job_that_cannot_run_is_not_measured() -> None:
    job = small()
    with pytest.raises(UsageError, match="the graph is empty"):
        ampsim.calibrate(Job(ampsim.Graph.of("empty"), job.data, job.training))


def test_one_worker_has_no_parcels_and_still_is_a_system() -> None:
    system = System.from_dict(describe([measured()], 1))
    assert system.chip_names == ("core0",)
    assert parcels([measured()]) == (0.0, 1e18, 0.0)


def test_every_field_says_whether_it_was_measured() -> None:
    from ampsim.hw.files.shipped import uncovered

    assert uncovered(describe([measured()], 1)) == []


def test_service_times_are_medians_over_workers_by_operation_and_rows() -> None:
    found = [
        measured(tasks=[("a", 10, 0.0, 1.0, 9.0), ("a", 1, 0.0, 0.5, 9.0), ("b", 10, 0.0, 7.0, 9.0)]),
        measured(tasks=[("a", 10, 0.0, 3.0, 9.0)]),
        measured(tasks=[("a", 10, 0.0, 2.0, 9.0), ("empty", 0, 0.0, 1.0, 1.0)]),
    ]
    assert tables(found) == {
        "a": {"rows": [1, 10], "seconds": [0.5, 2.0]},
        "b": {"rows": [10], "seconds": [7.0]},
    }


TIMES = st.floats(1e-7, 1e-3)


@given(TIMES, st.floats(1e8, 1e12), TIMES)
def test_parcels_come_apart_into_what_they_were_made_of(overhead: float, copying: float, latency: float) -> None:
    """Made of a cost per parcel and per byte at either end, and a flight between them."""
    rows = []
    for size in (512, 65536, 524288):
        end = overhead + size / copying
        rows.append((size, end, end, 2 * (2 * end + latency)))
    found = parcels([measured(parcels=rows), measured(parcels=rows)])
    assert found == pytest.approx((overhead, copying, latency), rel=1e-3, abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from([512, 65536]), TIMES, TIMES, TIMES), min_size=1, max_size=8))
def test_whatever_is_measured_makes_a_system(rows: list[tuple[int, float, float, float]]) -> None:
    """Noise may make a large parcel cheaper than a small one; no field becomes negative or infinite by that."""
    overhead, copying, latency = parcels([measured(parcels=rows)])
    assert overhead >= 0
    assert latency >= 0
    assert 0 < copying < math.inf
    System.from_dict(describe([measured(parcels=rows)] * 2, 2))


def test_a_system_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    system = System.from_dict(describe([measured()], 1))
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        write(system, tmp_path / "folder")
    with pytest.raises(UsageError, match="is no folder"):
        write(system, tmp_path / "no" / "host.yaml")
    write(system, tmp_path / "host.yaml")
    write(system, tmp_path / "host.yaml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "host.yaml"]


@pytest.mark.runtime
def test_a_job_of_ragged_instances_is_measured() -> None:
    job = ampsim.workload("tree_lstm", trees=60, validation=10, vocabulary=200, embedding=8, hidden=8, batch=5)
    (chips,) = ampsim.calibrate(job, workers=2, seconds=0.1).chips
    assert {"Group(16) forward", "BranchLstm(8) backward"} <= set(chips.measured)
