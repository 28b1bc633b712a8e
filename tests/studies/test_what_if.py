"""What a faster resource gains: elasticities between nothing and one, one of all together, and the right bottleneck."""

from __future__ import annotations

import pytest

import ampsim
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.errors import UsageError
from ampsim.hw import System, load
from ampsim.studies.what_if import elasticity, what_if

JOB = ampsim.workload("mlp", data="none", training=400, validation=100, width=16)
JOB = JOB.with_training(epochs=1, target=None, max_active_keys=4)


def ring(**links: float) -> System:
    values = load("fpga_ring_16").to_dict()
    values["links"].update(links)
    return System.from_dict(values)


@pytest.fixture(scope="module")
def counted() -> ampsim.Run:
    return ampsim.simulate(JOB, "fpga_ring_16", mode="shapes")


def test_nothing_is_lost_by_speed_and_all_together_gain_all(counted: ampsim.Run) -> None:
    found = what_if(counted)
    gains = {gain.resource: gain.elasticity for gain in found.gains}
    assert gains.pop("all") == pytest.approx(1, abs=1e-6)
    assert all(gain is not None and -0.05 < gain < 1 for gain in gains.values())
    # Each doubling alone gains at most what all of them gain together.
    assert sum(gain or 0 for gain in gains.values()) < 1
    assert found.base.makespan == counted.makespan
    assert {gain.time_elasticity for gain in found.gains} == {None}


def test_slow_links_are_the_bottleneck_of_a_ring_with_slow_links() -> None:
    found = what_if(ampsim.simulate(JOB, ring(bandwidth=1e6), mode="shapes"))
    assert found.bottleneck == "link.bandwidth"
    assert found.busiest_link is not None
    assert found.busiest_link[1] > 0.3
    assert max(gain.elasticity or 0 for gain in found.gains if gain.resource == "link.bandwidth") > 0.9


def test_latency_is_the_bottleneck_where_links_are_far() -> None:
    found = what_if(ampsim.simulate(JOB, ring(bandwidth=1e12, latency=1e-2), mode="shapes"))
    assert found.bottleneck == "link.latency"


def test_only_what_is_asked_for_is_simulated(counted: ampsim.Run) -> None:
    found = what_if(counted, {"link": 2, "chip.matmul": 4})
    assert [(gain.resource, gain.factor) for gain in found.gains] == [("link", 2), ("chip.matmul", 4)]
    assert [gain.factor for gain in what_if(counted, ["link"]).gains] == [2]


def test_time_to_accuracy_answers_in_a_run_that_reached_its_target() -> None:
    job = ampsim.workload("mlp", data="generated", training=1000, validation=100, width=32)
    run = ampsim.simulate(job.with_training(epochs=10, target=0.6), "fpga_ring_16")
    assert run.time_to_target is not None
    found = what_if(run, ["all"])
    assert found.base.time_to_target == run.time_to_target
    assert found.gains[0].time_elasticity == pytest.approx(-1, abs=1e-6)
    assert {gain.time_to_target for gain in what_if(run, ["all"], mode="shapes").gains} == {None}


def test_placement_and_parameters_are_those_of_the_run() -> None:
    job = ampsim.workload("mlp", data="generated", training=400, validation=100, width=16)
    job = job.with_training(epochs=1, target=None)
    first = ampsim.simulate(job, "fpga_ring_16")
    run = ampsim.simulate(job, "fpga_ring_16", init=first, placement={0: 1, 1: 0, 2: 1, 3: 0}, workers=2)
    base = what_if(run, ["link"]).base
    assert base.config["run"]["owner"] == run.config["run"]["owner"]
    assert all(base.final[name].tobytes() == run.final[name].tobytes() for name in run.final)


def test_a_run_without_a_system_needs_one() -> None:
    run = NullBackend().execute(Plan(JOB, 2, mode="shapes"))
    with pytest.raises(UsageError, match="needs a simulated run") as error:
        what_if(run)
    assert "--system" in (error.value.do or "")
    assert what_if(run, ["link"], system="fpga_ring_16").base.backend == "sim"


def test_a_factor_of_one_changes_nothing(counted: ampsim.Run) -> None:
    with pytest.raises(UsageError, match="factor of 1"):
        what_if(counted, {"link": 1})


def test_elasticity_is_a_ratio_of_logarithms() -> None:
    assert elasticity(10, 40, 4) == pytest.approx(1)
    assert elasticity(10, 10, 2) == 0
    assert elasticity(8, 2, 2) == pytest.approx(-2)
    assert elasticity(None, 1, 2) is None
