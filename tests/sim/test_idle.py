"""Idle by cause on simulated chips, where each cause has a length that can be written down."""

from __future__ import annotations

import pytest

from ampsim.engine.plan import Plan
from ampsim.hw import System
from ampsim.hw.backend import SimBackend
from ampsim.result.analysis.idle import CAUSES, breakdown
from ampsim.result.run import Run
from ampsim.testing import mlp, replicated
from tests.sim.chains import FREE, MS, chain_job, chain_system, simulate

FORWARD, BACKWARD, LATENCY = 1 * MS, 2 * MS, 0.25 * MS
TASKS = (FORWARD, BACKWARD)
LINK = {"bandwidth": "unlimited", "latency": LATENCY}


def seconds(run: Run, worker: int) -> dict[str, float]:
    """Seconds of a worker by cause, those with none left out."""
    found = breakdown(run.tables, run.workers, run.makespan)
    assert (found.ticks.sum(axis=1) == found.total).all()
    return {cause: s for cause, s in zip(CAUSES, found.seconds[worker].tolist(), strict=True) if s > 1e-12}


def test_a_pipeline_with_one_instance_in_flight() -> None:
    """Worker 0: forward, there and back, backward. Worker 1 begins with the labels, admitted when worker 0 begins.

    After the gradient of the last instance has left it, worker 1 has nothing more to do.
    """
    n = 5
    run = simulate(chain_job(2, n), chain_system([TASKS] * 2, links=LINK), 2)
    turn = FORWARD + BACKWARD
    assert run.makespan == pytest.approx(n * (2 * turn + 2 * LATENCY))
    assert seconds(run, 0) == pytest.approx(
        {"busy": n * turn, "waiting for input": n * (LATENCY + turn), "blocked by a link": n * LATENCY}
    )
    back = LATENCY + BACKWARD
    assert seconds(run, 1) == pytest.approx(
        {
            "busy": n * turn,
            "starved by admission": (n - 1) * back,
            "waiting for input": n * FORWARD,
            "blocked by a link": n * LATENCY,
            "drained": back,
        }
    )


def test_a_controller_far_away() -> None:
    """Two epochs on one chip, with an update of what is left after each.

    Of every instance the chip hears after a latency, and as long after its end the controller knows. Between the epochs
    the order to update and the acknowledgement cross once each; the last acknowledgement is behind the makespan.
    """
    n, epochs = 4, 2
    job = chain_job(1, n, epochs=epochs, min_update_frequency=3)
    run = simulate(job, chain_system([TASKS], host=LINK), 1)
    assert seconds(run, 0) == pytest.approx(
        {
            "busy": epochs * n * (FORWARD + BACKWARD),
            "blocked by a link": epochs * n * LATENCY,
            "starved by admission": epochs * (n - 1) * LATENCY,
            "drained": epochs * LATENCY,
            "synchronisation": (2 * epochs - 1) * LATENCY,
        }
    )


def test_what_parcels_cost_a_chip_is_messaging() -> None:
    """Of every instance an admission, a parcel in, one out, and a report; and once the order to finish updates."""
    n, cost = 3, 0.125 * MS
    run = simulate(chain_job(2, n), chain_system([TASKS] * 2, links=FREE, parcel_overhead=cost), 2)
    for worker in (0, 1):
        found = seconds(run, worker)
        assert found["messaging"] == pytest.approx((4 * n + 1) * cost)
        assert found["busy"] == pytest.approx(n * (FORWARD + BACKWARD))


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_what_is_moved_off_chip_and_back_is_out_of_memory(share: float) -> None:
    """All bytes over the bandwidth, but for those that are moved when the last task is over."""
    job = chain_job(1, 6, max_active_keys=4, min_update_frequency=3)
    level = {"capacity": "unlimited", "bandwidth": 1e7}
    free = simulate(job, chain_system([TASKS], capacity=["unlimited"], off_chip=level), 1)
    rest, peak = sum(free.summary["static_memory"][0].values()), free.summary["peak_memory"][0]
    values = chain_system([TASKS], capacity=[int(rest + share * (peak - rest))], off_chip=level).to_dict()
    run = simulate(job, System.from_dict(values | {"overflow": "spill"}), 1)
    assert seconds(run, 0) == pytest.approx(seconds(free, 0) | {"out of memory": run.makespan - free.makespan})


def test_instances_that_memory_keeps_out_are_out_of_memory_where_few_in_flight_are_starved() -> None:
    """The run under ``stall`` is that of fewer in flight; what differs is whose fault a wait for admission is."""
    job = chain_job(2, 8, max_active_keys=6, min_update_frequency=2)
    stages = [TASKS, (3 * FORWARD, 3 * BACKWARD)]
    free = simulate(job, chain_system(stages, host=LINK), 2)
    capacity = [free.summary["peak_memory"][0] * 3 // 4, "unlimited"]
    system = chain_system(stages, host=LINK, capacity=capacity)
    run = simulate(job, System.from_dict(system.to_dict() | {"overflow": "stall"}), 2)
    few = simulate(job.with_training(max_active_keys=run.summary["in_flight_limit"]), system, 2)
    held, starved = seconds(run, 0), seconds(few, 0)
    assert held["out of memory"] > 0
    together = held.pop("out of memory") + held.pop("starved by admission", 0.0)
    assert together == pytest.approx(starved.pop("starved by admission"))
    assert held == pytest.approx(starved)


def test_making_copies_equal_is_synchronisation() -> None:
    """Over slow links, the longer the slower: nothing else depends on them, as every copy is whole on its chip."""
    found = {}
    for bandwidth in (1e6, 2e6):
        values = chain_system([TASKS] * 2, links={"bandwidth": bandwidth, "latency": 0.0}).to_dict()
        system = System.from_dict(values | {"all_reduce": "star"})
        run = SimBackend(system).execute(Plan(replicated(mlp(epochs=1, max_active_keys=4), 2, "epoch"), 2))
        found[bandwidth] = seconds(run, 0)
        assert {"busy", "synchronisation"} <= set(found[bandwidth])
    slow, fast = (found[bandwidth].pop("synchronisation") for bandwidth in (1e6, 2e6))
    assert slow == pytest.approx(2 * fast, rel=1e-3)
