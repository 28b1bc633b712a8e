"""A full memory: refused, stalled, spilled or computed anew; never exceeded, never unseen, never another result."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim import testing
from ampsim.errors import CapacityError, OutOfMemory
from ampsim.hw import Ledger, System
from ampsim.hw.memory.account import RUNNING
from ampsim.job import Job
from ampsim.result.run import Run
from ampsim.result.schema import OVERFLOWS, WAITS
from tests.sim.chains import MS, chain_job, chain_system, simulate

POLICIES = ("refuse", "stall", "spill", "recompute")
LINK = {"bandwidth": 1e7, "latency": 1e-6}
BANDWIDTH = 1e7
LEVEL = {"capacity": "unlimited", "bandwidth": BANDWIDTH}
ENERGY = {"matmul": 1e-12, "vector": 1e-12, "memory": 1e-12, "link": 0.0, "idle": 0.0, "off_chip": 1e-9}


def run(
    job: Job, stages: int, capacity: list[Any] | None, overflow: str = "refuse", mode: str = "shapes", **chip: Any
) -> Run:
    values = chain_system([(MS, 2 * MS)] * stages, links=LINK, capacity=capacity, **{"off_chip": LEVEL} | chip)
    return simulate(job, System.from_dict(values.to_dict() | {"overflow": overflow}), stages, mode=mode)


def rows(found: Run, kind: str) -> dict[str, Any]:
    table = found.tables["overflow"]
    chosen = table["kind"] == OVERFLOWS.index(kind)
    return {name: column[chosen] for name, column in table.items()}


def waited(found: Run, kind: str) -> float:
    """Seconds of all waits of a kind."""
    table = found.tables["waits"]
    chosen = table["kind"] == WAITS.index(kind)
    return float((table["end"][chosen] - table["start"][chosen]).sum())


def same_training(a: Run, b: Run) -> None:
    """Equal losses, counts, FLOP of the job and parameters."""
    for name, value in a.final.items():
        assert np.array_equal(b.final[name], value), name
    assert a.summary["matmul"] == b.summary["matmul"]
    assert a.summary["updates"] == b.summary["updates"]
    for column in ("matmul", "vector", "read", "written"):
        assert a.tables["tasks"][column].sum() == b.tables["tasks"][column].sum()
    for column in ("messages", "bytes"):
        assert np.array_equal(a.tables["edges"][column], b.tables["edges"][column])
    losses = [sorted(r.tables["metrics"]["loss"].tolist()) for r in (a, b)]
    assert losses[0] == losses[1]


ROOFLINE: dict[str, Any] = {"measured": {}, "matmul": 1e9, "vector": 1e9, "memory_bandwidth": 1e9}
CHAIN = chain_job(2, 8, max_active_keys=6, min_update_frequency=2)


@cache
def peaks() -> tuple[list[int], list[int]]:
    """What each chip of the chain holds at most, and at rest."""
    found = run(CHAIN, 2, None)
    return found.summary["peak_memory"], [sum(sizes.values()) for sizes in found.summary["static_memory"]]


@pytest.mark.parametrize("overflow", POLICIES)
def test_where_everything_fits_no_policy_does_anything(overflow: str) -> None:
    free, full = run(CHAIN, 2, None), run(CHAIN, 2, peaks()[0], overflow)
    for name, table in free.tables.items():
        for column, values in table.items():
            assert np.array_equal(full.tables[name][column], values), (name, column)
    assert not len(full.tables["overflow"]["kind"])
    assert full.summary["peak_memory"] == free.summary["peak_memory"]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(POLICIES), st.integers(0, 1), st.floats(0, 1.1), st.sampled_from([-1, 0]))
def test_accepted_means_never_exceeded_and_refused_means_it_does_not_fit(
    overflow: str, chip: int, share: float, step: int
) -> None:
    """Any capacity, the exact ones among them: from what lies there at rest to more than is needed."""
    highest, rest = peaks()
    capacity: list[Any] = ["unlimited"] * 2
    capacity[chip] = min(max(int(rest[chip] + share * (highest[chip] - rest[chip])), rest[chip]), highest[chip]) + step
    chips = []
    try:
        found = run(CHAIN, 2, capacity, overflow)
    except CapacityError:
        assert capacity[chip] < rest[chip]
        return
    except OutOfMemory as error:
        chips.append(error.chip)
    if chips:
        assert overflow != "spill"
        assert chips == [f"chip{chip}"]
        assert capacity[chip] < highest[chip]
        return
    assert found.summary["peak_memory"][chip] <= capacity[chip]
    if capacity[chip] < highest[chip]:
        assert overflow != "refuse"
        assert len(found.tables["overflow"]["kind"])  # no way out goes unseen
        assert found.makespan >= run(CHAIN, 2, None).makespan


# -- stall -------------------------------------------------------------------------------------------------------------


def test_a_stalled_run_is_that_of_the_most_instances_in_flight_that_fit() -> None:
    """Bit for bit the run with ``max_active_keys`` at the limit; one more in flight would not fit."""
    job = testing.mlp(max_active_keys=6, min_update_frequency=2)
    highest = run(job, 3, None).summary["peak_memory"]
    capacity = [highest[0] * 3 // 4, highest[1], highest[2]]
    found = run(job, 3, capacity, "stall", "numeric")
    limit = found.summary["in_flight_limit"]
    assert 1 <= limit < 6
    plain = run(job.with_training(max_active_keys=limit), 3, capacity, "refuse", "numeric")
    for name in ("tasks", "messages", "updates", "instances", "metrics", "memory", "links"):
        for column, values in plain.tables[name].items():
            assert np.array_equal(found.tables[name][column], values), (name, column)
    for name, value in plain.final.items():
        assert np.array_equal(found.final[name], value), name
    with pytest.raises(OutOfMemory):
        run(job.with_training(max_active_keys=limit + 1), 3, capacity)
    assert found.summary["job_hash"] == run(job, 3, None).summary["job_hash"]  # it is still the same job


def test_every_instance_that_memory_held_back_is_in_the_table() -> None:
    highest, _ = peaks()
    found = run(CHAIN, 2, [highest[0] - 1, highest[1]], "stall")
    held, instances = rows(found, "stall"), found.tables["instances"]
    assert found.summary["in_flight_limit"] < 6
    assert len(held["kind"])
    assert set(held["worker"].tolist()) == {0}
    for number, start, end in zip(*(held[c].tolist() for c in ("instance", "start", "end")), strict=True):
        row = instances["instance"].tolist().index(number)
        assert end == instances["admitted"][row]
        flying = (instances["admitted"] <= start) & (instances["completed"] > start)
        assert flying.sum() < 6  # max_active_keys alone would have let it in


def test_with_nothing_left_to_finish_a_stall_is_an_error() -> None:
    _, rest = peaks()
    with pytest.raises(OutOfMemory, match="nothing is left that could finish and make room") as caught:
        run(CHAIN, 2, [rest[0] + 1, "unlimited"], "stall")
    assert caught.value.exit_code == 1
    assert "parameters" in str(caught.value)


# -- spill -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [testing.mlp, testing.rnn, testing.diamond])
def test_spilling_changes_times_and_nothing_that_is_computed_where_one_is_in_flight(make: Any) -> None:
    job = make(max_active_keys=1)
    free = run(job, 3, None, mode="numeric")
    rest = [sum(sizes.values()) for sizes in free.summary["static_memory"]]
    tight = run(job, 3, [r + 1 for r in rest], "spill", "numeric")
    same_training(free, tight)
    assert tight.makespan > free.makespan
    assert max(chip["off_chip_peak"] for chip in tight.summary["chips"]) > 0


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_every_byte_is_written_once_read_once_and_waited_for(share: float) -> None:
    """On one chip: all takes longer by exactly the bytes moved over the bandwidth, and no task does.

    What the last update frees is read back behind it, when the makespan is over.
    """
    job = chain_job(1, 6, max_active_keys=4, min_update_frequency=3)
    free = run(job, 1, None)
    rest = sum(free.summary["static_memory"][0].values())
    capacity = int(rest + share * (free.summary["peak_memory"][0] - rest))
    tight = run(job, 1, [capacity], "spill", energy=ENERGY)
    out, back = rows(tight, "spill"), rows(tight, "fetch")
    assert out["bytes"].sum() == back["bytes"].sum() > 0
    moved = int(out["bytes"].sum() + back["bytes"].sum())
    whole = max(tight.makespan, tight.tables["waits"]["end"].max())
    assert whole - free.makespan == pytest.approx(moved / BANDWIDTH, rel=1e-9)
    busy = [(r.tables["tasks"]["end"] - r.tables["tasks"]["start"]).sum() for r in (free, tight)]
    assert busy[1] == pytest.approx(busy[0], rel=1e-9)
    assert waited(tight, "memory") == pytest.approx(moved / BANDWIDTH, rel=1e-9)
    assert tight.summary["energy"]["chips"][0]["off_chip"] == pytest.approx(1e-9 * moved, rel=1e-12)
    memory = tight.tables["memory"]
    assert memory["off_chip"].max() <= tight.summary["chips"][0]["off_chip_peak"]
    levels = rest + sum(memory[kind] for kind in RUNNING)
    assert (levels - memory["off_chip"] <= capacity).all()
    assert memory["off_chip"][-1] == 0


def test_parameters_off_chip_are_paid_for_by_every_task_that_uses_them() -> None:
    """Half of all static bytes lie off chip: first the optimizer's (none here), then gradients; so parameters fit.

    With a quarter of the room the parameters are half off chip: each task reads its half, each update all of it.
    """
    job = chain_job(1, 4, max_active_keys=1, min_update_frequency=4)
    free = run(job, 1, None)
    sizes = free.summary["static_memory"][0]
    parameters = sizes["parameters"]
    assert sizes == {"parameters": parameters, "gradients": parameters, "optimizer": 0}
    tight = run(job, 1, [parameters // 2], "spill")
    level = tight.summary["chips"][0]
    assert level["peak"] <= parameters // 2
    streamed = 8 * (parameters // 2) + 2 * (parameters // 2 + parameters)  # 4 forward, 4 backward, one update both ways
    moved = rows(tight, "spill")["bytes"].sum() + rows(tight, "fetch")["bytes"].sum()
    assert moved >= streamed
    # All else lies off chip too, and is written and read once.
    free_bytes = 2 * rows(run(job, 1, [2 * parameters], "spill"), "spill")["bytes"].sum()
    assert moved == streamed + free_bytes


def test_off_chip_memory_is_full_at_its_own_capacity() -> None:
    job = chain_job(1, 6, max_active_keys=4, min_update_frequency=3)
    rest = sum(run(job, 1, None).summary["static_memory"][0].values())
    peak = run(job, 1, [rest], "spill").summary["chips"][0]["off_chip_peak"]
    level = {"bandwidth": BANDWIDTH}
    assert (
        run(job, 1, [rest], "spill", off_chip=level | {"capacity": peak}).summary["chips"][0]["off_chip_peak"] == peak
    )
    with pytest.raises(OutOfMemory, match="off chip available"):
        run(job, 1, [rest], "spill", off_chip=level | {"capacity": peak - 1})
    with pytest.raises(CapacityError, match="missing"):
        run(job, 1, [rest - 2], "spill", off_chip=level | {"capacity": 1})


def test_off_chip_memory_without_limits_is_like_memory_without_a_limit() -> None:
    free = run(CHAIN, 2, None)
    _, rest = peaks()
    tight = run(CHAIN, 2, rest, "spill", off_chip={"capacity": "unlimited", "bandwidth": "unlimited"})
    for column in ("start", "end", "node"):
        assert np.array_equal(tight.tables["tasks"][column], free.tables["tasks"][column])
    assert len(rows(tight, "spill")["bytes"])


@given(
    st.integers(0, 100),
    st.one_of(st.none(), st.integers(0, 100)),
    st.lists(st.tuples(st.sampled_from(RUNNING), st.integers(-80, 80))),
)
def test_two_levels_are_never_negative_never_over_and_nothing_is_lost(
    limit: int, second: int | None, steps: list[tuple[str, int]]
) -> None:
    ledger = Ledger("chip0", limit, off_chip=second)
    written = fetched = 0
    for kind, nbytes in steps:
        before = dict(ledger.levels), dict(ledger.off)
        if nbytes < -ledger.levels[kind]:
            continue
        try:
            moved = ledger.add(kind, nbytes)
        except OutOfMemory:
            assert second is not None
            assert before == (ledger.levels, ledger.off)
            assert sum(ledger.levels.values()) + nbytes > limit + second
            continue
        written += moved if nbytes > 0 else 0
        fetched += moved if nbytes < 0 else 0
        assert all(0 <= ledger.off[k] <= ledger.levels[k] for k in RUNNING)
        assert ledger.off_level == sum(ledger.off.values()) == written - fetched
        assert ledger.level - ledger.off_level <= limit
        assert second is None or ledger.off_level <= second


# -- recompute ---------------------------------------------------------------------------------------------------------


@cache
def droppable() -> tuple[Job, Run]:
    """A network whose chains keep more than their input: a layer with its rectifier, a layer with its softmax."""
    job = testing.mlp(max_active_keys=4, min_update_frequency=4)
    return job, run(job, 1, None, mode="numeric", **ROOFLINE)


def test_what_was_dropped_is_paid_for_again_and_nothing_else_changes() -> None:
    """On one chip: the run takes longer by exactly the forward passes paid again."""
    job, free = droppable()
    tight = run(job, 1, [free.summary["peak_memory"][0] - 1], "recompute", "numeric", energy=ENERGY, **ROOFLINE)
    dropped, again = rows(tight, "drop"), rows(tight, "recompute")
    assert dropped["bytes"].sum() > 0
    assert again["vector"].sum() > 0
    assert tight.summary["peak_memory"][0] <= free.summary["peak_memory"][0] - 1
    extra = (again["end"] - again["start"]).sum()
    assert extra > 0
    assert tight.makespan - free.makespan == pytest.approx(extra, rel=1e-6)
    same_training(free, tight)
    matmul = tight.tables["tasks"]["matmul"].sum() + again["matmul"].sum()
    assert tight.summary["energy"]["chips"][0]["matmul"] == pytest.approx(1e-12 * matmul, rel=1e-12)


def test_the_fewer_bytes_there_are_the_more_is_computed_anew_down_to_what_cannot_be_dropped() -> None:
    job, free = droppable()
    highest = free.summary["peak_memory"][0]
    rest = sum(free.summary["static_memory"][0].values())
    paid = [0.0]
    for capacity in range(highest, rest, -((highest - rest) // 40)):
        try:
            tight = run(job, 1, [capacity], "recompute", **ROOFLINE)
        except OutOfMemory:
            break
        assert tight.summary["peak_memory"][0] <= capacity
        paid.append(rows(tight, "recompute")["vector"].sum())
    else:
        pytest.fail("inputs and queues cannot be dropped")
    assert len(paid) > 2
    assert paid[-1] > 0


def test_a_layer_by_itself_keeps_its_input_only_so_there_is_nothing_to_drop() -> None:
    highest, _ = peaks()
    with pytest.raises(OutOfMemory, match="chip0 is out of memory"):
        run(CHAIN, 2, [highest[0] - 1, "unlimited"], "recompute")


# -- several units -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("overflow", ["stall", "spill", "recompute"])
@pytest.mark.parametrize("make", [testing.mlp, testing.rnn, testing.diamond])
def test_units_of_one_chip_make_room_for_each_other(make: Any, overflow: str) -> None:
    """What overflows at one unit may be dropped, spilled or held back at another; all of it stays below the limit."""
    job = make(max_active_keys=4, min_update_frequency=2, epochs=1)
    chip: dict[str, Any] = {**ROOFLINE, "units": 3, "off_chip": LEVEL}

    def packed(capacity: Any, overflow: str) -> Run:
        values = chain_system([(MS, MS)], links=LINK, capacity=[capacity], **chip).to_dict()
        return simulate(job, System.from_dict(values | {"overflow": overflow}), 3)

    free = packed("unlimited", "refuse")
    limit = free.summary["peak_memory"][0] - 1
    tight = packed(limit, overflow)
    assert tight.summary["peak_memory"] == [tight.summary["chips"][0]["peak"]] * 3
    assert tight.summary["chips"][0]["peak"] <= limit
    assert len(tight.tables["overflow"]["kind"])
    assert tight.summary["matmul"] == free.summary["matmul"]
    assert tight.summary["updates"] == free.summary["updates"]
