"""Closed forms of pipelines, on a real chain of layers whose chips follow a given order; split backward on bare lists.

p stages, m instances, forward F and backward B a stage; F = 1 ms, B = 2 ms where a number is given. 1e-9 relative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.errors import OutOfMemory
from ampsim.hw import run_lists
from ampsim.result.run import Run
from tests.sim.chains import (
    MS,
    NBYTES,
    chain_job,
    chain_system,
    gpipe,
    interleaved,
    one_forward_one_backward,
    orders,
    schedule,
    simulate,
)
from tests.sim.systems import BANDWIDTH, LATENCY, MIB, system
from tests.sim.task_lists import Half, steps, zb_h1, zb_v

Make = Callable[[int, int], list[list[tuple[str, int]]]]
BOTH = pytest.mark.parametrize("make", [gpipe, one_forward_one_backward])
LINKS = {"bandwidth": BANDWIDTH, "latency": LATENCY}
RING = {"kind": "ring"}


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=0)


def pipeline(make: Make, stages: int, instances: int, forward: float, backward: float, **more: Any) -> Run:
    """A run of a chain in this order; seconds a stage."""
    rows, width = more.pop("rows", 64), more.pop("width", 16)
    job = chain_job(stages, instances, rows=rows, width=width, max_active_keys=instances)
    hardware = chain_system([(forward, backward)] * stages, rows=rows, width=width, **more)
    return simulate(job, hardware, stages, order=schedule(job, make(stages, instances)))


# -- 20: (m + p - 1) (F + B), bubble (p - 1) / (m + p - 1) -------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("stages, instances, ms, bubble", [(4, 8, 33, 3 / 11), (8, 32, 117, 7 / 39)])
def test_20_gpipe_and_1f1b(make: Make, stages: int, instances: int, ms: int, bubble: float) -> None:
    """For p = 4, m = 8: 33 ms, 27.27 %; p = 8, m = 32: 117 ms, 17.95 %."""
    run = pipeline(make, stages, instances, MS, 2 * MS)
    assert run.summary["makespan"] == near(ms * MS)
    assert run.summary["utilization"] == [near(1 - bubble)] * stages
    assert run.summary["updates"] == stages
    assert run.tables["updates"]["staleness_max"].max() == 0


@settings(max_examples=12)
@given(
    st.sampled_from([gpipe, one_forward_one_backward]),
    st.integers(1, 6), st.integers(1, 11), st.integers(1, 7), st.integers(1, 7),
)  # fmt: skip
def test_20_any_depth_and_any_number(make: Make, stages: int, instances: int, forward: int, backward: int) -> None:
    run = pipeline(make, stages, instances, forward * MS, backward * MS)
    assert run.summary["makespan"] == near((instances + stages - 1) * (forward + backward) * MS)
    np.testing.assert_allclose(run.summary["utilization"], instances / (instances + stages - 1), rtol=1e-9)


# -- 21: other schedules -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "chips, instances, chunks, units", [(4, 8, 2, 57), (4, 8, 1, 33), (2, 6, 3, 57), (3, 3, 2, 24)]
)
def test_21_interleaved(chips: int, instances: int, chunks: int, units: int) -> None:
    """(m v + p - 1) (f + b), on a real graph of p v layers; f = 1, b = 2 ms a chunk: p = 4, m = 8, v = 2: 57."""
    stages = chips * chunks
    job = chain_job(stages, instances, max_active_keys=instances)
    order = orders(job, interleaved(chips, instances, chunks), stages)
    run = simulate(job, chain_system([(MS, 2 * MS)] * chips, topology=RING), chips, order=order)
    assert units == (instances * chunks + chips - 1) * 3
    assert run.summary["makespan"] == near(units * MS)


@pytest.mark.parametrize("chips, instances", [(4, 8), (1, 3), (2, 2), (3, 5), (8, 16), (5, 7)])
@pytest.mark.parametrize("f, b, w", [(1, 1, 1), (2, 3, 2), (3, 2, 1)])
def test_21_zero_bubble_h1(chips: int, instances: int, f: int, b: int, w: int) -> None:
    """Time m (F + B + W) + (p - 1) (F + B - W) for m >= p, W <= F; p = 4, m = 8, all one: 27."""
    lists = steps(zb_h1(chips, instances), {"F": f * MS, "B": b * MS, "W": w * MS})
    expected = instances * (f + b + w) + (chips - 1) * (f + b - w)
    if (chips, instances, f, w) == (4, 8, 1, 1):
        assert expected == 27
    assert run_lists(system(chips, latency=0.0), lists).makespan == near(expected * MS)


@pytest.mark.parametrize("chips, instances, units", [(4, 8, 51), (2, 4, 25), (8, 16, 103), (3, 6, 38)])
def test_21_zero_bubble_v(chips: int, instances: int, units: int) -> None:
    """6 m + p - 1 with f = b = w = 1: p = 4, m = 8: 51. The peak is that of 1F1B, p instances: 2p halves of them."""
    assert units == 6 * instances + chips - 1
    lists = zb_v(chips, instances)
    assert run_lists(system(chips, latency=0.0), steps(lists, dict.fromkeys("FBW", MS))).makespan == near(units * MS)
    for halves in lists:
        assert np.cumsum([{"F": 1, "B": 0, "W": -1}[kind] for kind, _, _ in halves]).max() == 2 * chips


# -- 22: with messages -------------------------------------------------------------------------------------------------


def test_22_a_pipeline_with_messages() -> None:
    """1F1B, p = 4, m = 8, 1 MiB each way over 50 GiB/s and 500 ns: 33 ms and 16 hops of 20,031.25 ns.

    Published simulators give 33,320,496 ns: they cut each of the 16 hops to whole nanoseconds.
    """
    run = pipeline(one_forward_one_backward, 4, 8, MS, 2 * MS, rows=1024, width=256, links=LINKS)
    assert run.summary["makespan"] == near(33_000_000e-9 + 16 * 20_031.25e-9)
    assert round(run.summary["makespan"] * 1e9) - round(16 * 0.25) == 33_320_496


def test_22_graph_and_bare_lists_agree() -> None:
    """The same order as bare task lists: the same time."""
    halves: list[list[Half]] = [
        [(kind, s, i) for kind, i in turns] for s, turns in enumerate(one_forward_one_backward(4, 8))
    ]
    timed = run_lists(system(4), steps(halves, {"F": MS, "B": 2 * MS}, lambda half: MIB))
    run = pipeline(one_forward_one_backward, 4, 8, MS, 2 * MS, rows=1024, width=256, links=LINKS)
    assert timed.makespan == run.summary["makespan"]


@settings(max_examples=10)
@given(st.integers(2, 5), st.integers(1, 7), st.integers(0, 4000), st.sampled_from([1e7, 1e8, 1e9]))
def test_22_messages_never_make_it_faster_nor_slower_than_all_of_them(
    stages: int, instances: int, latency: int, bandwidth: float
) -> None:
    """Between no messages at all and every hop of every instance one after the other."""
    links = {"bandwidth": bandwidth, "latency": latency * 1e-6}
    hop = latency * 1e-6 + NBYTES / bandwidth
    run = pipeline(one_forward_one_backward, stages, instances, MS, 2 * MS, links=links)
    free = (instances + stages - 1) * 3 * MS
    assert run.summary["makespan"] >= (free + 2 * (stages - 1) * hop) * (1 - 1e-9)
    assert run.summary["makespan"] <= (free + 2 * (stages - 1) * instances * hop) * (1 + 1e-9)


# -- 23: activation memory and overflow --------------------------------------------------------------------------------


def held(stages: int) -> list[int]:
    """Bytes that each stage keeps of an instance; the last one keeps the output of its softmax, too."""
    return [NBYTES] * (stages - 1) + [2 * NBYTES]


def caches(run: Run, stages: int) -> list[int]:
    """The most bytes of activations at each chip."""
    memory = run.tables["memory"]
    return [int(memory["caches"][memory["worker"] == s].max()) for s in range(stages)]


@pytest.mark.parametrize("make, counts", [(gpipe, [8, 8, 8, 8]), (one_forward_one_backward, [4, 3, 2, 1])])
def test_23_activations(make: Make, counts: list[int]) -> None:
    """GPipe keeps m, 1F1B min(m, p - s) of them: p = 4, m = 8."""
    run = pipeline(make, 4, 8, MS, 2 * MS)
    assert caches(run, 4) == [count * size for count, size in zip(counts, held(4), strict=True)]


@settings(max_examples=10)
@given(st.integers(1, 6), st.integers(1, 9))
def test_23_activations_of_any_pipeline(stages: int, instances: int) -> None:
    every = [instances] * stages
    few = [min(instances, stages - s) for s in range(stages)]
    for make, counts in ((gpipe, every), (one_forward_one_backward, few)):
        run = pipeline(make, stages, instances, MS, 2 * MS)
        assert caches(run, stages) == [count * size for count, size in zip(counts, held(stages), strict=True)]


@BOTH
def test_23_what_fits_exactly_and_a_byte_less(make: Make) -> None:
    """Each chip in turn: with its peak as capacity all is as before, with a byte less the run ends with an error."""
    free = pipeline(make, 4, 8, MS, 2 * MS)
    peaks = free.summary["peak_memory"]
    assert pipeline(make, 4, 8, MS, 2 * MS, capacity=peaks).summary["makespan"] == free.summary["makespan"]
    for chip in range(4):
        tight = [peak - (number == chip) for number, peak in enumerate(peaks)]
        with pytest.raises(OutOfMemory, match=f"chip{chip}"):
            pipeline(make, 4, 8, MS, 2 * MS, capacity=tight)
