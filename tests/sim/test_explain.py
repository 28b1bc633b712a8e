"""A simulated cause is the one that is named: change one thing of a system, and the explanation says which."""

from __future__ import annotations

import math

import pytest

import ampsim
from ampsim.hw import System
from ampsim.result.compare import Explanation, compare
from ampsim.result.run import Run
from tests.sim.systems import chips, system

JOB = ampsim.workload("mlp", data="none", training=1000, validation=200, width=128).with_training(epochs=2, target=None)
CALM = {"task_overhead": 1e-6, "parcel_overhead": 1e-6}


def simulated(mak: int = 4, *, latency: float = 1e-6, **changes: float) -> Run:
    """Two chips in a line; ``changes`` are of both chips."""
    machine: System = system(2, latency=latency, chips=[chips(2, **(CALM | changes))])
    return ampsim.simulate(JOB.with_training(max_active_keys=mak), machine, workers=2, mode="shapes")


def explained(a: Run, b: Run) -> Explanation:
    found = compare(a, b).explanation
    assert found is not None
    assert math.fsum(term.difference for term in found.terms) == found.difference
    assert found.difference == pytest.approx(a.makespan - b.makespan, rel=1e-12)
    return found


@pytest.mark.parametrize("mak", [1, 4])
def test_a_longer_latency_is_a_link_that_blocks(mak: int) -> None:
    found = explained(simulated(mak, latency=1e-4), simulated(mak))
    assert found.main[0].name == "blocked by a link"
    assert found.main[0].difference > 0.8 * found.difference > 0


def test_dearer_parcels_are_messaging() -> None:
    found = explained(simulated(parcel_overhead=1e-4), simulated())
    assert found.main[0].name == "messaging"


def test_slower_products_are_tasks_of_the_widest_layer() -> None:
    found = explained(simulated(matmul=1e11), simulated())
    assert found.main[0].name in ("L1 forward", "L1 backward", "L1 update")
    widest = [term.difference for term in found.terms if term.name.startswith("L1 ")]
    assert sum(widest) > 0.5 * found.difference > 0


@pytest.mark.parametrize("a, b", [("fpga_ring_16", "gpu_switch_8"), ("cpu_fat_tree_16", "edge_switch_4")])
def test_two_systems_of_the_catalogue(a: str, b: str) -> None:
    found = explained(*(ampsim.simulate(JOB, name, workers=4, mode="shapes") for name in (a, b)))
    assert len(found.main) == 3


def test_the_same_twice_leaves_nothing_to_explain() -> None:
    assert explained(simulated(), simulated()).main == []
