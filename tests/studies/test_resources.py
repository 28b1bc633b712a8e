"""Resources are found by their units, whatever the field; so many times as fast means exactly that."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ampsim
from ampsim.errors import UsageError
from ampsim.hw import System, load
from ampsim.hw.files.shipped import catalogue
from ampsim.studies.resources import resources, speed_up

RING = load("fpga_ring_16")


def test_the_resources_of_a_ring_are_what_takes_time_on_it() -> None:
    assert resources(RING) == [
        "chip.matmul", "chip.vector", "chip.memory_bandwidth", "chip.task_overhead", "chip.parcel_overhead",
        "link.bandwidth", "link.latency",
    ]  # fmt: skip


@pytest.mark.parametrize("name", list(catalogue()))
def test_every_resource_of_every_system_can_be_made_faster(name: str) -> None:
    system = load(name)
    for resource in resources(system):
        assert speed_up(system, {resource: 2.0}) != system


def test_rates_are_multiplied_and_times_divided() -> None:
    fast = speed_up(RING, {"chip.matmul": 2, "link": 4, "chip.task_overhead": 5})
    assert fast.chips[0].matmul == 2 * RING.chips[0].matmul
    assert fast.chips[0].vector == RING.chips[0].vector
    assert fast.chips[0].task_overhead == RING.chips[0].task_overhead / 5
    assert fast.links.bandwidth == 4 * float(RING.links.bandwidth)
    assert fast.links.latency == RING.links.latency / 4


def test_a_part_is_what_takes_time_in_it_and_capacity_is_asked_for_by_name() -> None:
    assert speed_up(RING, {"all": 2}).chips[0].memory_capacity == RING.chips[0].memory_capacity
    assert speed_up(RING, {"chip.memory_capacity": 0.5}).chips[0].memory_capacity == 20 << 20


def test_factors_of_overlapping_names_multiply() -> None:
    fast = speed_up(RING, {"chip": 2, "chip.matmul": 3})
    assert fast.chips[0].matmul == 6 * RING.chips[0].matmul
    assert fast.chips[0].vector == 2 * RING.chips[0].vector


def test_edges_of_their_own_and_measured_tables_are_resources_too() -> None:
    values = RING.to_dict()
    values["chips"][0]["count"] = 2
    values["chips"][0]["measured"] = {"Linear(2, 2) forward": {"rows": [1], "seconds": [1e-3]}}
    values["topology"] = {"kind": "edges", "edges": [{"between": ["fpga0", "fpga1"], "bandwidth": 7.0}]}
    fast = speed_up(System.from_dict(values), {"link.bandwidth": 2, "chip.measured": 10})
    topology = fast.to_dict()["topology"]
    assert topology["edges"][0]["bandwidth"] == 14.0
    assert fast.chips[0].measured["Linear(2, 2) forward"].seconds == (1e-4,)


PROCESSOR: dict[str, Any] = {
    "chips": [
        {
            "count": 3, "prefix": "core", "matmul": 1e10, "vector": 1e9, "memory_bandwidth": 1e10,
            "memory_capacity": "unlimited", "parcel_overhead": 2e-5, "copy_bandwidth": 1e9,
            "measured": {"Linear forward": {"rows": [1], "seconds": [1e-5], "message": 3e-6, "cold": 1e-7}},
            "kernels": {
                "Linear backward": {"fixed": 1e-5, "row": 1e-8, "matmul": 1e10, "bandwidth": 1e10, "message": 1e-6},
                "any": {"fixed": 2e-5},
            },
            "software": {
                "choosing": 2e-5, "message": 3e-6, "gathering": 1e-6, "report": 1e-5, "cold": 1e-5, "waking": 1.5,
            },
            "cores": {"count": 2, "slowdown": [1.0, 1.2], "crowded": 1.1},
        }
    ],
    "host": {"latency": 1e-5, "handling": 3e-5, "within": "core"},
    "links": {"bandwidth": "unlimited", "latency": 2e-5},
    "topology": {"kind": "full"},
}  # fmt: skip


def test_what_a_program_costs_is_a_resource_and_kernels_are_by_field_and_not_by_kind() -> None:
    found = resources(System.from_dict({"name": "processor", **PROCESSOR}))
    assert [name for name in found if name.partition(".")[2].split(".")[0] in ("software", "measured", "kernels")] == [
        "chip.software.choosing", "chip.software.message", "chip.software.gathering", "chip.software.cold",
        "chip.software.report", "chip.measured", "chip.kernels.fixed", "chip.kernels.row", "chip.kernels.message",
        "chip.kernels.matmul", "chip.kernels.bandwidth",
    ]  # fmt: skip
    assert "host.handling" in found


def test_a_processor_of_which_all_is_faster_does_the_same_faster() -> None:
    system = System.from_dict({"name": "processor", **PROCESSOR})
    job = ampsim.workload("mlp", data="none", training=400, validation=100, width=16)
    job = job.with_training(epochs=1, target=None, max_active_keys=3, max_batch=2)
    base, fast = (ampsim.simulate(job, s, mode="shapes").makespan for s in (system, speed_up(system, {"all": 4})))
    assert fast == pytest.approx(base / 4, rel=1e-6)


@given(st.floats(1e-3, 1e3))
def test_there_and_back_is_the_same_system(factor: float) -> None:
    found = speed_up(speed_up(RING, {"all": factor}), {"all": 1 / factor})
    assert found.chips[0].matmul == pytest.approx(RING.chips[0].matmul)
    assert found.links.latency == pytest.approx(RING.links.latency)


@pytest.mark.parametrize(
    "factors", [{"links": 2}, {"chip.colour": 2}, {"": 2}, {"chip.matmul": 0}, {"link": float("nan")}, {"link": 1e10}]
)
def test_what_is_no_resource_or_no_factor_is_refused(factors: dict[str, float]) -> None:
    with pytest.raises(UsageError) as error:
        speed_up(RING, factors)
    assert error.value.do


def test_beyond_the_bounds_of_the_schema_is_refused() -> None:
    with pytest.raises(UsageError, match="so fast a system"):
        speed_up(RING, {"chip.matmul": 1e9, "chip": 1e3})


def test_a_system_in_which_all_is_faster_does_the_same_faster() -> None:
    job = ampsim.workload("mlp", data="none", training=400, validation=100, width=16)
    job = job.with_training(epochs=1, target=None, max_active_keys=3)
    base, fast = (ampsim.simulate(job, s, mode="shapes").makespan for s in (RING, speed_up(RING, {"all": 4})))
    assert fast == pytest.approx(base / 4, rel=1e-6)
