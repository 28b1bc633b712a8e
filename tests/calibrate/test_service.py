"""Times of tasks that follow a known law: points gather them, tables and kernels give the law back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.engine.task import Part
from ampsim.hw import ChipCost, System
from ampsim.hw.cost import ANY
from ampsim.studies.calibrate.service import TRIMMED, Point, Sample, kernels, points, tables
from tests.calibrate.known import a_part, observed
from tests.sim.systems import chips, system

FIXED, ROW, MESSAGE, COLD = 50e-6, 2e-6, 3e-6, 0.5e-6
MIB = 1 << 20
NAME = "Linear(4, 4) forward"
Law = tuple[float, float, float, float]


def law(rows: int, messages: int, doubled: int, of: Law = (FIXED, ROW, MESSAGE, COLD)) -> float:
    fixed, row, message, cold = of
    return fixed + row * rows + message * messages + cold * rows * doubled


def tasks(of: Law = (FIXED, ROW, MESSAGE, COLD), name: str = NAME, noise: float = 0.0) -> list[Any]:
    """All sizes, some numbers of messages and three amounts of memory that is held, each several times, mixed."""
    draw = np.random.default_rng(3)
    found = [
        ((a_part(name, rows),), messages, MIB << doubled, law(rows, messages, doubled, of))
        for rows in (1, 5, 20, 60, 100)
        for messages in (1, 2, 4)
        for doubled in (0, 2, 4)
        for _ in range(6)
    ]
    noisy = [(*task[:3], task[3] * draw.lognormal(0, noise)) for task in found]
    return [noisy[place] for place in draw.permutation(len(noisy))]


def chip(measured: dict[str, Any] | None = None, kinds: dict[str, Any] | None = None) -> ChipCost:
    group = chips(1, measured=measured or {}, kernels=kinds or {})
    return ChipCost(System.from_dict(system(1).to_dict() | {"chips": [group]}).chips[0])


def seconds(cost: ChipCost, parts: tuple[Part, ...], messages: int, held: int = 0) -> float:
    return cost.chip_time(parts, messages, held) / 1e15


def table_of(made: list[Any]) -> dict[str, Any]:
    found = points([observed(made)])
    return tables(found, kernels(found))


@pytest.mark.parametrize("rows,messages,doubled", [(1, 1, 0), (20, 4, 2), (40, 1, 0), (80, 3, 4), (100, 2, 1)])
def test_tables_say_what_tasks_took_and_what_lies_between(rows: int, messages: int, doubled: int) -> None:
    cost = chip(table_of(tasks()))
    found = seconds(cost, (a_part(NAME, rows),), messages, MIB << doubled)
    assert found == pytest.approx(law(rows, messages, doubled), rel=0.02)


def test_beyond_the_rows_that_were_seen_the_line_goes_on() -> None:
    cost = chip(table_of(tasks()))
    for rows in (200, 700):
        assert seconds(cost, (a_part(NAME, rows),), 1) == pytest.approx(law(rows, 1, 0), rel=0.05)


@given(st.tuples(st.floats(1e-7, 1e-4), st.floats(1e-6, 1e-4), st.floats(0, 1e-5), st.floats(0, 2e-7)))
def test_messages_and_cold_memory_are_told_apart(of: Law) -> None:
    """Where memory costs less than a task of one row takes, as it does."""
    table = table_of(tasks(of))[NAME]
    scale = law(20, 2, 2, of)
    assert table["message"] == pytest.approx(of[2], abs=0.02 * scale)
    assert table["cold"] * 20 == pytest.approx(of[3] * 20, abs=0.02 * scale)
    assert min(table["seconds"]) > 0


def test_what_memory_costs_is_not_guessed_from_a_little_more_of_it() -> None:
    few = [(parts, messages, min(held, MIB + 1), seconds) for parts, messages, held, seconds in tasks()]
    assert table_of(few)[NAME]["cold"] == 0


def test_memory_never_costs_more_than_a_part_of_the_task() -> None:
    table = table_of(tasks((1e-6, 1e-6, 0.0, 1e-3)))[NAME]
    assert 0 < table["cold"] < 1e-3


def test_noise_is_taken_out() -> None:
    cost = chip(table_of(tasks(noise=0.1)))
    errors = [seconds(cost, (a_part(NAME, n),), m) / law(n, m, 0) - 1 for n in (1, 5, 20, 60, 100) for m in (1, 2, 4)]
    assert abs(np.mean(errors)) < 0.05
    assert np.abs(errors).max() < 0.15


def test_one_number_of_rows_makes_a_table_as_well() -> None:
    """The costs of its kinds say how much of the time is there whatever the rows."""
    other = "Linear(9, 9) forward"
    made = [((a_part(NAME, rows, flop=rows * 32, nbytes=rows * 8),), 1, 0, FIXED + ROW * rows) for rows in (1, 50)]
    only = [((a_part(other, 20, flop=20 * 162, nbytes=20 * 18),), 1, 0, 3 * FIXED)]
    found = table_of([*made * 10, *only * 10])
    assert found[other]["rows"] == [2, 20, 160]
    assert found[other]["seconds"][1] == pytest.approx(3 * FIXED)
    assert found[other]["seconds"] == sorted(found[other]["seconds"])


def test_kinds_of_operations_that_were_not_run_are_predicted_by_flop_and_bytes() -> None:
    call, flop, byte = 20e-6, 1e-10, 1e-9

    def made(size: int, rows: int) -> tuple[Part, float]:
        part = a_part(f"Linear({size}, {size}) forward", rows, 2.0 * rows * size * size, 8 * size * rows)
        return part, call + flop * part.work.matmul + byte * (part.work.read + part.work.written)

    runs = []
    for size in (16, 64, 256):
        for rows in (1, 10, 50):
            part, taken = made(size, rows)
            runs += [((part,), 1, 0, taken)] * 8
    found = kernels(points([observed(runs)]))
    assert list(found) == ["Linear forward", ANY]
    part, taken = made(128, 30)
    assert seconds(chip(kinds=found), (part,), 1) == pytest.approx(taken, rel=0.05)
    other = part._replace(operation="Gru(128) forward")  # a kind that was not run at all
    assert seconds(chip(kinds=found), (other,), 1) == pytest.approx(taken, rel=0.05)


def test_a_task_of_several_parts_is_one_operation_and_tells_of_all_its_kinds() -> None:
    parts = (a_part("Linear(4, 4) forward", 10), a_part("Relu forward", 10))
    found = points([observed([(parts, 1, 0, 1e-4)] * 8)])
    assert list(found) == ["Linear(4, 4) forward + Relu forward"]
    assert sorted(kernels(found)) == ["Linear forward", "Relu forward", ANY]


def test_operations_are_taken_from_runs_with_fewest_workers() -> None:
    alone = observed([((a_part("A", 5),), 1, 0, 1.0)] * 8)
    shared = observed([((a_part("A", 5),), 1, 0, 9.0), ((a_part("B", 5),), 1, 0, 7.0)] * 8, workers=2)
    found = points([shared, alone])
    assert {name: [point.seconds for point in group] for name, group in found.items()} == {"A": [1.0], "B": [7.0]}


def test_the_first_tasks_of_a_run_and_tasks_without_rows_do_not_count() -> None:
    slow = [((a_part("A", 5),), 1, 0, 50.0)]
    nothing = [((), 1, 0, 3.0), ((a_part("B", 0),), 1, 0, 3.0)]
    made = observed([*slow, *nothing, *[((a_part("A", 5),), 1, 0, 1.0)] * 9])
    found = points([made._replace(steady=np.arange(12) > 0)])
    assert list(found) == ["A"]
    assert [point.seconds for point in found["A"]] == [1.0]


def test_a_point_leaves_out_the_longest_and_the_shortest() -> None:
    usual = [Sample((a_part("A", 5),), 1, 0.0, 1.0)] * (TRIMMED - 2)
    point = Point([*usual, Sample((a_part("A", 5),), 1, 0.0, 100.0), Sample((a_part("A", 5),), 1, 0.0, 0.01)])
    assert point.seconds == 1.0
    assert (point.spread, point.count, point.rows) == (0.0, TRIMMED, 5.0)


def test_many_sizes_share_points() -> None:
    made = [((a_part(NAME, rows),), 1, 0, law(rows, 1, 0)) for rows in range(1, 200)]
    found = points([observed(made)])[NAME]
    assert len(found) <= 20
    assert sum(point.count for point in found) == len(made)
    cost = chip(table_of(made))
    for rows in (30, 100, 170):
        assert seconds(cost, (a_part(NAME, rows),), 1) == pytest.approx(law(rows, 1, 0), rel=0.05)
