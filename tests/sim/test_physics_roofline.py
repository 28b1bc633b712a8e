"""The roofline: a task takes as long as its arithmetic or its bytes, whichever is longer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim import testing
from ampsim.engine.plan import Plan
from ampsim.hw import ChipCost, System, chip_time
from ampsim.hw.backend import SimBackend
from ampsim.ir.work import Work
from tests.sim.systems import NS, chips, system


@dataclass
class Piece:
    """A part of a task."""

    operation: str
    rows: int
    work: Work


def machine(peak: float, bandwidth: float, count: int = 1) -> System:
    """Chips whose products and vector work go at ``peak``."""
    kind = chips(count, matmul=peak, vector=peak, memory_bandwidth=bandwidth)
    return System.from_dict(system(count).to_dict() | {"chips": [kind]})


@pytest.mark.parametrize("flop, nbytes, expected", [(1e9, 1e8, 100_000), (1e9, 1e7, 10_000), (1e11, 1e8, 1_000_000)])
def test_24_roofline(flop: float, nbytes: float, expected: int) -> None:
    """Time = FLOP / min(peak, bandwidth FLOP/byte) for 100 TFLOP/s, 1 TB/s, ridge 100; as products and as vector work.

    1e9 FLOP over 1e8 bytes: 100,000 ns; over 1e7: 10,000 ns, both sides equal; 1e11 over 1e8: 1,000,000 ns.
    """
    kind = machine(1e14, 1e12).chip_kinds[0]
    assert expected == pytest.approx(flop / min(1e14, 1e12 * flop / nbytes) * 1e9)
    product = Work(((int(flop) // 2, 1, 1),), 0.0, int(nbytes), 0)
    vector = Work((), flop, int(nbytes) // 2, int(nbytes) // 2)
    for work in (product, vector):
        assert ChipCost(kind).part_time(Piece("any", 1, work)) == expected * NS
        assert chip_time(kind, [Piece("any", 1, work)] * 3) == 3 * expected * NS


@settings(max_examples=60)
@given(st.integers(0, 10**13), st.integers(0, 10**12), st.floats(1e6, 1e16), st.floats(1e6, 1e14))
def test_24_both_sides_of_any_ridge(half: int, nbytes: int, peak: float, bandwidth: float) -> None:
    """The larger of the two times, to a femtosecond; bytes decide below the ridge peak / bandwidth, FLOP above."""
    time = ChipCost(machine(peak, bandwidth).chip_kinds[0]).part_time(
        Piece("any", 1, Work(((half, 1, 1),), 0.0, nbytes, 0))
    )
    assert time == pytest.approx(max(2 * half / peak, nbytes / bandwidth) * 1e15, rel=1e-9, abs=1)


@pytest.mark.parametrize("peak, bandwidth", [(1e8, 1e12), (1e14, 1e6), (1e8, 1e8)])
def test_24_tasks_of_a_real_graph(peak: float, bandwidth: float) -> None:
    """By the columns of the table of tasks: work of one layer a task, so that no maxima are added up."""
    run = SimBackend(machine(peak, bandwidth, 3)).execute(Plan(testing.mlp(), 3, mode="shapes"))
    tasks = run.tables["tasks"]
    flop, nbytes = tasks["matmul"] + tasks["vector"], tasks["read"] + tasks["written"]
    bound = np.maximum(flop / peak, nbytes / bandwidth)
    took = tasks["end"] - tasks["start"]
    update = tasks["kind"] == 2
    np.testing.assert_allclose(took[update], bound[update], rtol=1e-9)
    # A task of several nodes takes the sum of their maxima: at least the maximum of their sums.
    assert (took >= bound * (1 - 1e-9)).all()
    assert (took <= (flop / peak + nbytes / bandwidth) * (1 + 1e-9)).all()
