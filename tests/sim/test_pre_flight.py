"""The table before a run: what is needed, what is there, what would fit; and the run keeps to it."""

from __future__ import annotations

from typing import Any

import pytest

from ampsim import testing
from ampsim.engine.plan import Plan
from ampsim.errors import CapacityError, OutOfMemory
from ampsim.hw import System, load, preflight, preflight_table
from ampsim.hw.backend import SimBackend
from tests.sim.chains import MS, chain_job, chain_system

LINK = {"bandwidth": 1e7, "latency": 1e-6}


def system(capacity: list[Any] | None, overflow: str = "refuse", **chip: Any) -> System:
    stages = len(capacity or [0, 0])
    values = chain_system([(MS, 2 * MS)] * stages, links=LINK, capacity=capacity, **chip).to_dict()
    return System.from_dict(values | {"overflow": overflow})


def plan(**training: Any) -> Plan:
    return Plan(chain_job(2, 6, **training), 2, {0: 0, 1: 1}, "shapes")


def test_needed_is_exactly_what_one_instance_in_flight_needs() -> None:
    """At that capacity a run with one in flight fits, with one byte less it does not."""
    one = plan(max_active_keys=1, min_update_frequency=1)
    needed = [row.needed for row in preflight(one, system(None))]
    again = SimBackend(system(needed)).execute(one)
    assert again.summary["peak_memory"] == needed
    for chip in range(2):
        less = [size - (number == chip) for number, size in enumerate(needed)]
        assert [row.missing for row in preflight(one, system(less))] == [int(number == chip) for number in range(2)]
        with pytest.raises(OutOfMemory):
            SimBackend(system(less)).execute(one)


def test_it_says_what_would_fit() -> None:
    rows = preflight(plan(), system(None))
    assert [row.would_fit for row in rows] == ["", ""]
    first = rows[0]
    assert first.instance is not None
    room = [first.static + 2 * first.instance, first.static]
    for capacity, text in zip(room, ("about 2 instances in flight", "no instance beside them"), strict=True):
        assert text in preflight(plan(), system([capacity, "unlimited"]))[0].would_fit
    small = preflight(plan(), system([first.static - 1, "unlimited"]))[0]
    assert "L0 alone needs" in small.would_fit
    with pytest.raises(CapacityError, match="L0 alone needs"):  # the same words when it is refused
        SimBackend(system([first.static - 1, "unlimited"])).execute(plan())


def test_off_chip_memory_counts_only_where_something_may_spill() -> None:
    level = {"capacity": 10**6, "bandwidth": 1e9}
    for overflow, available in (("refuse", 1000), ("spill", 1000 + 10**6)):
        rows = preflight(plan(), system([1000, 1000], overflow, off_chip=level))
        assert [row.available for row in rows] == [available] * 2


def test_formats_shrink_and_units_add_up() -> None:
    wide = preflight(plan(), system(None))
    formats = {"int8": {"matmul": 1e12, "vector": 1e12, "bytes": 1}}
    narrow = preflight(plan(), system(None, format="int8", formats=formats))
    assert [4 * row.static for row in narrow] == [row.static for row in wide]
    (both,) = preflight(plan(), system(["unlimited"], units=2))
    assert both.nodes == ("L0", "L1")
    assert both.static == sum(row.static for row in wide)


@pytest.mark.parametrize("make", [testing.mlp, testing.rnn, testing.diamond])
def test_every_job_has_a_table(make: Any) -> None:
    trial = Plan(make(), 3)
    rows = preflight(trial, load("fpga_ring_16"))
    lines = preflight_table(rows)
    assert len(rows) == 3
    assert lines[0].split()[0] == "chip"
    for row, line in zip(rows, lines[1:], strict=False):
        assert line.split()[0] == row.chip
        assert row.instance is not None


def test_a_job_that_cannot_be_tried_still_gets_its_static_part() -> None:
    from tests.sim.stuck import stuck_job

    rows = preflight(Plan(stuck_job(), 2), load("fpga_ring_16"))
    assert [row.instance for row in rows] == [None, None]
    assert "?" in preflight_table(rows)[1]
