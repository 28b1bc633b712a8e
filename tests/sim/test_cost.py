"""What a task costs on a chip."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.engine import task
from ampsim.errors import RunError
from ampsim.hw import ChipCost, System, chip_time
from ampsim.hw.cost import interpolate, padded
from ampsim.hw.schema import Chips, Table
from ampsim.ir.work import Work
from tests.sim.systems import NS, chips, system

SIDE = st.integers(0, 500)
TABLE = Table(rows=(2, 4, 10), seconds=(2e-6, 3e-6, 9e-6))


class Piece(NamedTuple):
    operation: str
    rows: int
    work: Work


def kind(**changes: Any) -> Chips:
    return System.from_dict(system(1).to_dict() | {"chips": [chips(1, **changes)]}).chip_kinds[0]


def test_a_row_fills_one_part_in_128_of_a_128_row_array() -> None:
    array = kind(tile=[128, 1, 1], memory_bandwidth="unlimited")
    one, full = (Piece("x", m, Work(((m, 784, 784),))) for m in (1, 128))
    assert chip_time(array, [one]) == chip_time(array, [full])
    assert chip_time(kind(memory_bandwidth="unlimited"), [full]) == chip_time(array, [full])
    more = Piece("x", 129, Work(((129, 784, 784),)))
    assert chip_time(array, [more]) == 2 * chip_time(array, [full])


@given(st.lists(st.tuples(SIDE, SIDE, SIDE), max_size=4), st.tuples(*[st.integers(1, 130)] * 3))
def test_padding_never_helps_and_at_most_fills_the_tile(
    products: list[tuple[int, int, int]], tile: tuple[int, int, int]
) -> None:
    flop = padded(products, tile)
    assert flop >= Work(tuple(products)).matmul
    assert flop == sum(2 * math.prod(-(-s // t) * t for s, t in zip(p, tile, strict=True)) for p in products)
    assert padded(products, (1, 1, 1)) == Work(tuple(products)).matmul


def test_overhead_is_per_task_and_parts_add_up() -> None:
    chip = kind(task_overhead=5e-6, memory_bandwidth="unlimited")
    part = Piece("x", 1, Work(vector=1e5))
    assert chip_time(chip, []) == 5_000 * NS
    assert chip_time(chip, [part, part]) == 7_000 * NS


def test_arithmetic_and_memory_overlap_but_products_and_vector_work_do_not() -> None:
    chip = kind()
    work = Work(((1000, 1000, 1000),), 1e8, 10**9, 10**9)
    assert chip_time(chip, [Piece("x", 1, work)]) == (2_000_000 + 1_000_000) * NS
    slow = work._replace(written=3 * 10**9)
    assert chip_time(chip, [Piece("x", 1, slow)]) == 4_000_000 * NS


def test_a_measured_table_replaces_the_formula_but_not_the_overhead() -> None:
    tables = {"Linear(2, 3) forward": {"rows": [1, 10], "seconds": [1e-6, 4e-6]}}
    chip = kind(task_overhead=1e-6, measured=tables)
    work = Work(((10, 2, 3),), 0.0, 10**9, 0)
    assert chip_time(chip, [Piece("Linear(2, 3) forward", 4, work)]) == 3_000 * NS
    assert chip_time(chip, [Piece("Linear(2, 3) backward", 4, work)]) == (1_000 + 1_000_000) * NS


@pytest.mark.parametrize(
    "rows,microseconds", [(2, 2), (3, 2.5), (4, 3), (7, 6), (10, 9), (20, 18), (1, 1), (0, 0), (10**9, 9e8)]
)
def test_tables_are_linear_between_and_proportional_beyond(rows: int, microseconds: float) -> None:
    assert interpolate(TABLE, rows) * 1e6 == pytest.approx(microseconds, rel=1e-12)


@given(st.integers(0, 10**6))
def test_tables_are_never_negative(rows: int) -> None:
    falling = Table(rows=(1, 2, 3), seconds=(5.0, 1.0, 0.0))
    assert interpolate(falling, rows) >= 0


def test_the_engine_gives_such_parts() -> None:
    part = task.Part("Linear(2, 3) forward", 4, Work(((4, 2, 3),)))
    assert ChipCost(kind()).chip_time([part]) == chip_time(kind(), [Piece(*part)]) > 0


@pytest.mark.parametrize("vector", [math.nan, math.inf, -1e30])
def test_impossible_work_is_refused(vector: float) -> None:
    with pytest.raises(RunError, match="impossible"):
        chip_time(kind(memory_bandwidth="unlimited"), [Piece("x", 1, Work(vector=vector))])


@pytest.mark.parametrize(
    "work", [Work(vector=math.nan, read=10), Work(vector=-1.0, read=10), Work(vector=1.0, read=-1)]
)
def test_an_impossible_side_is_not_hidden_by_the_maximum(work: Work) -> None:
    with pytest.raises(RunError, match="impossible"):
        chip_time(kind(), [Piece("x", 1, work)])


def test_costs_are_remembered_but_not_for_ever() -> None:
    cost = ChipCost(kind())
    times = [cost.chip_time([Piece("x", n, Work(vector=float(n)))]) for n in range(70_000)]
    assert times[-1] == chip_time(kind(), [Piece("x", 0, Work(vector=69_999.0))])
    assert len(cost._known) <= 1 << 16
