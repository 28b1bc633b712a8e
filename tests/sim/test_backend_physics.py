"""Closed forms, on real graphs with round task times."""

from __future__ import annotations

import numpy as np
import pytest

from ampsim.hw import load
from ampsim.hw.backend import ADMIT_BYTES, REPORT_BYTES
from ampsim.result.run import Run
from ampsim.workloads import workload
from tests.sim.chains import (
    MS,
    NBYTES,
    WIDTH,
    chain_job,
    chain_system,
    completions,
    simulate,
)

EXACT = 1e-12
LINK = {"bandwidth": 1e9, "latency": 1e-6}
HOP = 1e-6 + NBYTES / 1e9


# -- one instance in flight --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("overhead", [0.0, 7e-6])
@pytest.mark.parametrize("stages", [1, 2, 3, 5])
def test_alone_an_instance_takes_the_sum_of_all_tasks_and_transfers(stages: int, overhead: float) -> None:
    services = [(1 * MS * (s + 1), 0.5 * MS * (s + 2)) for s in range(stages)]
    more = {"NllLoss_forward": 0.25 * MS, "Source_x_forward": 0.125 * MS}
    system = chain_system(services, links=LINK, more=more, parcel_overhead=overhead)
    run = simulate(chain_job(stages, 4), system, stages)
    transfers = 2 * (stages - 1) * (HOP + 2 * overhead)
    # Being admitted, reporting the loss and reporting the end cost a parcel each.
    cycle = sum(f + b for f, b in services) + 0.375 * MS + transfers + 3 * overhead
    np.testing.assert_allclose(completions(run), cycle * np.arange(1, 5), rtol=EXACT)


def test_overheads_are_paid_by_every_task_and_copies_by_both_ends() -> None:
    system = chain_system([(MS, MS)] * 2, links=LINK, task_overhead=3e-6, copy_bandwidth=1e8)
    run = simulate(chain_job(2, 3), system, 2)
    # On the way of one instance: source, two forward, loss, two backward. The label's source runs meanwhile.
    # The last chip reports a score and that its source is done, the first one that its source is done.
    copies = (4 * NBYTES + ADMIT_BYTES + 3 * REPORT_BYTES) / 1e8
    cycle = 4 * MS + 6 * 3e-6 + 2 * HOP + copies
    np.testing.assert_allclose(completions(run), cycle * np.arange(1, 4), rtol=EXACT)


def test_an_update_delays_the_next_instance_where_it_runs() -> None:
    update = f"Linear({WIDTH}, {WIDTH}) update"
    system = chain_system([(MS, MS)] * 2, more={update: 0.5 * MS})
    run = simulate(chain_job(2, 3, min_update_frequency=1), system, 2)
    # Chip 1 updates while chip 0 computes; chip 0 updates before it takes the next instance.
    np.testing.assert_allclose(completions(run), 4 * MS + 4.5 * MS * np.arange(3), rtol=EXACT)
    assert run.summary["makespan"] == pytest.approx(13.5 * MS, rel=EXACT)


def test_a_far_controller_makes_admission_and_reports_take_time() -> None:
    far = {"at": "all", "latency": 2 * MS, "bandwidth": 1e6}
    near = simulate(chain_job(2, 3), chain_system([(MS, MS)] * 2), 2)
    run = simulate(chain_job(2, 3), chain_system([(MS, MS)] * 2, host=far), 2)
    there, back = 2 * MS + ADMIT_BYTES / 1e6, 2 * MS + REPORT_BYTES / 1e6
    np.testing.assert_allclose(completions(near), 4 * MS * np.arange(1, 4), rtol=EXACT)
    np.testing.assert_allclose(completions(run), (4 * MS + there + back) * np.arange(1, 4), rtol=EXACT)
    source = run.tables["links"]["source"]
    assert (source == -1).sum() == 3 * 2 + 2  # each instance is admitted at two chips; two are told to update


# -- what must not matter ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [3, 1000])
def test_when_all_times_are_multiplied_so_is_the_result(factor: int) -> None:
    def run(c: float) -> Run:
        services = [(MS * c * (1 + s % 2), MS * c * 2) for s in range(5)]
        links = {"bandwidth": 1e9 / c, "latency": 1e-6 * c}
        host = {"at": "all", "latency": 1e-5 * c, "bandwidth": 1e6 / c}
        system = chain_system(services, links=links, host=host, task_overhead=2e-6 * c, parcel_overhead=1e-6 * c)
        return simulate(chain_job(5, 12, max_active_keys=3, min_update_frequency=2), system, 5)

    one, many = run(1), run(factor)
    assert many.summary["makespan"] == pytest.approx(factor * one.summary["makespan"], rel=EXACT)
    for column in ("start", "end"):
        np.testing.assert_allclose(many.tables["tasks"][column], factor * one.tables["tasks"][column], rtol=EXACT)
    np.testing.assert_array_equal(many.tables["tasks"]["node"], one.tables["tasks"]["node"])


@pytest.mark.parametrize("name, options", [("mlp", {"width": 24, "data": "generated"}), ("list_reduction", {})])
def test_shapes_and_numbers_take_the_same_time(name: str, options: dict[str, object]) -> None:
    sizes = {"training": 300, "validation": 60, "batch": 20} if name == "mlp" else {"lists": 200, "validation": 40}
    small = {} if name == "mlp" else {"batch": 20, "hidden": 8}
    job = workload(name, **options, **sizes, **small).with_training(epochs=2, target=None, max_batch=4)
    runs = [simulate(job, load("fpga_ring_16"), 3, mode=mode) for mode in ("shapes", "numeric")]
    shapes, numeric = runs
    assert shapes.summary["makespan"] == numeric.summary["makespan"] > 0
    for table in ("tasks", "messages", "updates", "instances", "memory", "links", "edges"):
        for column, values in shapes.tables[table].items():
            np.testing.assert_array_equal(values, numeric.tables[table][column], err_msg=f"{table}.{column}")


def test_sixty_four_chips_keep_sixty_four_layers_busy() -> None:
    job = workload("mlp", data="none", layers=64, training=6400, validation=100)
    job = job.with_training(epochs=1, target=None, max_active_keys=64)
    run = simulate(job, load("wafer_mesh"), 64)
    assert run.summary["workers"] == 64
    assert len(np.unique(run.tables["tasks"]["worker"])) == 64
    assert len(run.tables["instances"]["instance"]) == 65
    assert (run.tables["instances"]["completed"] > run.tables["instances"]["admitted"]).all()
    alone = simulate(job.with_training(max_active_keys=1), load("wafer_mesh"), 64)
    assert run.summary["throughput"] > 10 * alone.summary["throughput"]
