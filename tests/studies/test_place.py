"""Placements by name: round robin deals out, auto is never slower than it and keeps to the memory there is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ampsim
from ampsim.engine.placement import unit_order, units_of
from ampsim.errors import CapacityError, UsageError
from ampsim.hw import System, load
from ampsim.result.metrics import scalars
from ampsim.studies.place import METHODS, auto, placement_by_name, round_robin

JOB = ampsim.workload("mlp", data="none", training=400, validation=100, width=32)
JOB = JOB.with_training(epochs=1, target=None, max_active_keys=4)


def ring(**chips: object) -> System:
    values = load("fpga_ring_16").to_dict()
    values["chips"][0].update(chips)
    return System.from_dict(values)


def makespan(job: ampsim.Job, system: System, placement: dict[int, int] | str | None, workers: int) -> float:
    return ampsim.simulate(job, system, placement=placement, workers=workers, mode="shapes").makespan


def test_round_robin_deals_units_out_in_the_order_of_messages() -> None:
    found = round_robin(JOB.graph, 3)
    assert [found[unit] for unit in unit_order(JOB.graph)] == [0, 1, 2, 0]
    assert set(found) == set(units_of(JOB.graph))


@settings(max_examples=6)
@given(st.integers(1, 5), st.floats(1e6, 1e11), st.floats(1e9, 1e14), st.integers(1, 6))
def test_auto_is_never_slower_than_round_robin_or_balanced(
    workers: int, bandwidth: float, matmul: float, keys: int
) -> None:
    values = ring(matmul=matmul).to_dict()
    values["links"]["bandwidth"] = bandwidth
    system, job = System.from_dict(values), JOB.with_training(max_active_keys=keys)
    found = makespan(job, system, auto(job, system, workers, trials=8), workers)
    assert found <= min(makespan(job, system, name, workers) for name in ("round_robin", "balanced"))


def test_auto_finds_what_round_robin_misses_where_links_are_slow() -> None:
    values = ring().to_dict()
    values["links"]["bandwidth"] = 1e6
    system = System.from_dict(values)
    assert makespan(JOB, system, "auto", 3) < 0.5 * makespan(JOB, system, "round_robin", 3)


def test_auto_uses_the_chips_where_arithmetic_is_slow() -> None:
    found = auto(JOB, ring(matmul=1e8, vector=1e8), 4)
    assert len(set(found.values())) > 1


def test_auto_keeps_to_the_memory_of_the_chips() -> None:
    values = ring().to_dict()
    values["links"]["bandwidth"] = 1e7  # so that it would rather have all on one chip
    system = System.from_dict(values)
    dealt = ampsim.simulate(JOB, system, placement="round_robin", workers=2, mode="shapes")
    free = ampsim.simulate(JOB, system, placement="auto", workers=2, mode="shapes")
    needed = [scalars(run)["peak_memory"] or 0 for run in (dealt, free)]
    assert needed[0] < needed[1]
    values["chips"][0]["memory_capacity"] = int(needed[0])
    tight = System.from_dict(values)
    found = ampsim.simulate(JOB, tight, placement="auto", workers=2, mode="shapes")
    assert found.makespan <= dealt.makespan
    assert (scalars(found)["peak_memory"] or 0) <= needed[0]


def test_what_fits_nowhere_is_said_as_of_round_robin() -> None:
    with pytest.raises(CapacityError):
        auto(JOB, ring(memory_capacity=1000), 4)


def test_auto_is_the_same_every_time() -> None:
    assert auto(JOB, ring(), 3) == auto(JOB, ring(), 3)


def test_a_faster_kind_of_chip_gets_more() -> None:
    values = ring(count=2).to_dict()
    values["chips"] += [{**values["chips"][0], "prefix": "slow", "matmul": 1e7, "vector": 1e7}]
    values["chips"][0].update(matmul=1e9, vector=1e9)
    values["topology"] = {"kind": "full"}
    values["sources"] = {}
    system = System.from_dict(values)
    found = auto(JOB, system, 4)
    assert makespan(JOB, system, found, 4) < makespan(JOB, system, "round_robin", 4)


def test_names_are_three_and_no_other() -> None:
    assert placement_by_name("balanced", JOB, ring(), 2) is None
    with pytest.raises(UsageError, match="no placement") as error:
        ampsim.simulate(JOB, "fpga_ring_16", placement="best", mode="shapes")
    assert all(name in (error.value.do or "") for name in METHODS)
