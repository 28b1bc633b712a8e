"""Times of tasks on a processor: tables with and without sizes, kernels, messages, memory that is held."""

from __future__ import annotations

from math import log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.hw import ChipCost
from ampsim.hw.cost import doublings, kernel_time, kind_of
from ampsim.hw.schema import Kernel
from ampsim.hw.schema.processor import CACHE
from ampsim.ir.work import Work
from tests.sim.chains import MS, chain_job, chain_system, simulate
from tests.sim.systems import NS
from tests.sim.test_cost import Piece, kind

MICRO = 1_000 * NS
WORK = Work(((10, 20, 30),), 7.0, 1000, 500)
SIZED = "Linear(20, 30) forward"
KERNEL = {"fixed": 1e-6, "row": 2e-7, "matmul": 12e9, "bandwidth": 1.5e9, "message": 2e-6}  # 1, 2, 1 and 1 us


def table(seconds: float, **more: float) -> dict[str, Any]:
    return {"rows": [10], "seconds": [seconds], **more}


def time(operation: str = SIZED, *, messages: int = 0, held: int = 0, woken: bool = False, **chip: Any) -> int:
    """Femtoseconds of a task of one part on 10 rows."""
    return ChipCost(kind(**chip)).chip_time([Piece(operation, 10, WORK)], messages, held, woken)


# -- kernels -----------------------------------------------------------------------------------------------------------


def test_a_kernel_adds_a_fixed_time_rows_products_and_passes_over_memory() -> None:
    assert time(kernels={"Linear forward": KERNEL}) == 5 * MICRO
    assert time(kernels={"Linear forward": {"fixed": 1e-6}}) == 1 * MICRO
    assert time(kernels={"Linear forward": {"fixed": 1e-6, "matmul": 12e9}}) == 2 * MICRO
    assert time(kernels={"Linear forward": {"fixed": 1e-6, "bandwidth": 1e9}}) == 2.5 * MICRO
    assert time(kernels={"Linear forward": {"fixed": 1e-6, "row": 3e-7}}) == 4 * MICRO


@given(
    st.floats(0, 1), st.floats(1, 1e15), st.floats(1, 1e15), st.integers(0, 10**6), st.integers(0, 10**9),
    st.integers(0, 10**9),
)  # fmt: skip
def test_the_formula_of_a_kernel(fixed: float, rate: float, speed: float, m: int, read: int, written: int) -> None:
    kernel = Kernel(fixed=fixed, row=fixed / 7, matmul=rate, bandwidth=speed)
    found = kernel_time(kernel, m, Work(((m, 1, 1),), 9.0, read, written))
    assert found == pytest.approx(fixed + m * fixed / 7 + 2 * m / rate + (read + written) / speed, rel=1e-12)


def test_a_kernel_replaces_the_formula_of_a_chip_and_not_its_overhead() -> None:
    assert time(task_overhead=3e-6, kernels={"Linear forward": {"fixed": 1e-6}}) == 4 * MICRO
    other = {"Relu forward": {"fixed": 1.0}}
    assert time(kernels=other) == time() > 0


def test_the_kernel_of_any_kind_is_for_those_that_have_none() -> None:
    both = {"any": {"fixed": 1e-6, "message": 1e-6}, "Linear forward": {"fixed": 5e-6}}
    assert time(kernels=both, messages=2) == 5 * MICRO
    assert time("Relu forward", kernels=both, messages=2) == 3 * MICRO


@pytest.mark.parametrize(
    "operation,expected",
    [
        ("Linear(784, 784) forward", "Linear forward"),
        ("Linear(784, 784) backward", "Linear backward"),
        ("Linear(784, 784) backward without dx", "Linear backward without dx"),
        ("Linear(784, 784) update", "Linear update"),
        ("Relu forward", "Relu forward"),
        ("Source images(Images, 784) forward", "Source forward"),
        ("Source x(Blank) forward", "Source forward"),
        ("Group tree(100) backward", "Group backward"),
        ("something else", "something else"),
    ],
)
def test_the_kind_of_an_operation(operation: str, expected: str) -> None:
    assert kind_of(operation) == expected


# -- which of them holds -----------------------------------------------------------------------------------------------


def test_a_table_of_the_sizes_goes_before_one_of_the_name_before_a_kernel() -> None:
    sized, named, kernel = {SIZED: table(1e-6)}, {"Linear forward": table(2e-6)}, {"Linear forward": {"fixed": 3e-6}}
    assert time(measured=sized | named, kernels=kernel) == 1 * MICRO
    assert time(measured=named, kernels=kernel) == 2 * MICRO
    assert time(kernels=kernel) == 3 * MICRO
    other = {"Linear(20, 31) forward": table(4e-6)}
    assert time(measured=other, kernels=kernel) == 3 * MICRO


def test_names_of_fields_and_nodes_stay_when_sizes_are_left_out() -> None:
    """Brackets are what is left out, and nothing else."""
    named = {"Source labels forward": table(2e-6), "Source forward": table(9e-6)}
    assert time("Source labels(Images) forward", measured=named) == 2 * MICRO
    assert time("Source images(Images, 784) forward", measured=named) == time("Source images(Images, 784) forward")


def test_a_table_of_a_whole_task_goes_before_those_of_its_parts() -> None:
    parts = [Piece(SIZED, 10, WORK), Piece("Relu forward", 10, WORK)]
    tables = {SIZED: table(1e-6, message=1e-9), "Relu forward": table(1e-6), f"{SIZED} + Relu forward": table(1.5e-6)}
    cost = ChipCost(kind(measured=tables))
    assert cost.chip_time(parts) == 1.5 * MICRO
    assert cost.chip_time(parts, 5) == 1.5 * MICRO  # the message of the whole, which it does not state
    assert cost.chip_time(parts[:1], 5) == 1 * MICRO + 5 * NS
    assert cost.chip_time([parts[1], parts[0]]) == 2 * MICRO


# -- messages and memory -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 7])
def test_messages_are_added_by_the_table_of_the_first_part_or_its_kernel(n: int) -> None:
    assert time(messages=n, measured={SIZED: table(1e-6, message=2e-6)}) == (1 + 2 * n) * MICRO
    assert (
        time(messages=n, kernels={"Linear forward": KERNEL}) == time(kernels={"Linear forward": KERNEL}) + n * 2 * MICRO
    )
    # A table of the operation says all there is to say.
    assert time(messages=n, measured={SIZED: table(1e-6)}, kernels={"Linear forward": KERNEL}) == 1 * MICRO
    assert time(messages=n) == time()


def test_what_is_held_beyond_a_cache_makes_rows_take_longer_by_doublings() -> None:
    cold = {SIZED: table(1e-6, cold=1e-9)}
    assert [time(held=held, measured=cold) - MICRO for held in (0, 1, CACHE)] == [0, 0, 0]
    assert [time(held=CACHE << n, measured=cold) - MICRO for n in (1, 2, 10)] == [10 * NS, 20 * NS, 100 * NS]
    assert time(held=CACHE << 10, measured={SIZED: table(1e-6)}) == MICRO


@given(st.integers(0, 1 << 50))
def test_doublings_grow_from_none_at_one_mebibyte(held: int) -> None:
    found = doublings(held)
    assert found == (log2(held) - 20 if held > CACHE else 0) or found == pytest.approx(log2(held) - 20, abs=1e-12)


def test_waking_is_a_factor_of_the_whole_task() -> None:
    measured = {SIZED: table(1e-6, message=2e-6)}
    chip: dict[str, Any] = {"task_overhead": 1e-6, "measured": measured, "software": {"waking": 1.25}}
    assert time(messages=1, **chip) == 4 * MICRO
    assert time(messages=1, woken=True, **chip) == 5 * MICRO
    assert time(woken=True) == time()


def test_a_worker_holds_caches_deferred_rows_and_queues_with_what_the_task_adds() -> None:
    """One layer over 8,192 rows of 64: each instance keeps an input and an output of 2 MiB, and its rows of weights."""
    rows, width, n, cold = 8192, 64, 3, 1e-9
    layer = f"Linear({width}, {width}) forward"
    values = chain_system([(MS, MS)], rows=rows, width=width).to_dict()
    values["chips"][0]["measured"][layer]["cold"] = cold
    job = chain_job(1, n, rows, width)
    run = simulate(job, type(chain_system([(MS, MS)])).from_dict(values), 1)
    tasks, memory = run.tables["tasks"], run.tables["memory"]
    forward = (tasks["kind"] == 0) & (tasks["node"] == run.summary["nodes"].index("L0"))
    took = (tasks["end"] - tasks["start"])[forward]
    # What a forward pass gives up at its end is the 2 MiB that came from the source and waited.
    held = (memory["caches"] + memory["deferred"] + memory["queues"])[forward] + 0
    np.testing.assert_allclose(took, [MS + cold * rows * doublings(int(h)) for h in held], rtol=1e-9)
    assert doublings(int(held[0])) > 1
    assert (np.diff(took) > 0).all()  # rows for the weights pile up
