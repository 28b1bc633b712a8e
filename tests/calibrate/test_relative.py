"""By how much longer tasks take under one condition: equal tasks are compared with equal ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.result.schema import Array
from ampsim.studies.calibrate.observe import Observed
from ampsim.studies.calibrate.relative import ENOUGH, longer, weighted_median
from tests.calibrate.known import a_part, observed

Sides = tuple[Observed, Array, Array]


def sides(*groups: tuple[str, int, int, float, float], count: int = ENOUGH, job: str = "made up") -> Sides:
    """For each (operation, rows, messages, seconds here, seconds there) so many tasks of either kind."""
    tasks, here = [], []
    for name, rows, messages, first, second in groups:
        for seconds, side in ((first, True), (second, False)):
            tasks += [((a_part(name, rows),), messages, 0, seconds)] * count
            here += [side] * count
    chosen = np.array(here)
    return observed(tasks, job=job), chosen, ~chosen


def factor(made: Sides) -> float:
    run, here, there = made
    return longer([run], [here], [there])


@given(st.floats(1.0, 5.0), st.integers(ENOUGH, 9))
def test_a_factor_on_all_tasks_comes_back(slower: float, count: int) -> None:
    made = [("A", 1, 1, 1e-5), ("A", 8, 1, 4e-5), ("A", 8, 3, 7e-5), ("B", 8, 1, 1e-3)]
    groups = [(name, rows, messages, slower * seconds, seconds) for name, rows, messages, seconds in made]
    found = factor(sides(*groups, count=count))
    assert found == pytest.approx(slower)


def test_tasks_of_another_operation_size_or_job_are_no_comparison() -> None:
    """Here only large ones, there only small ones: nothing is said, whatever they took."""
    tasks = [((a_part("A", 1),), 1, 0, 1.0)] * 8 + [((a_part("A", 9),), 1, 0, 9.0)] * 8
    large = np.arange(16) >= 8
    run = observed(tasks)
    assert longer([run], [large], [~large]) == 1.0
    one, other = observed(tasks[:8], job="one"), observed([((a_part("A", 1),), 1, 0, 5.0)] * 8, job="other")
    every = np.ones(8, np.bool_)
    assert longer([one, other], [~every, every], [every, ~every]) == 1.0
    assert longer([one, other._replace(run=one.run)], [~every, every], [every, ~every]) == 5.0


def test_a_few_tasks_say_nothing_and_tasks_without_arithmetic_do_not_count() -> None:
    assert factor(sides(("A", 1, 1, 2.0, 1.0), count=ENOUGH - 1)) == 1.0
    every = np.arange(16) < 8
    assert longer([observed([((), 1, 0, 2.0)] * 8 + [((), 1, 0, 1.0)] * 8)], [every], [~every]) == 1.0
    assert longer([], [], []) == 1.0


def test_nothing_is_faster_beside_others() -> None:
    assert factor(sides(("A", 1, 1, 0.5, 1.0))) == 1.0


def test_what_takes_most_time_weighs_most() -> None:
    assert factor(sides(("A", 1, 1, 3e-6, 1e-6), ("B", 1, 1, 1.5, 1.0))) == pytest.approx(1.5)


def test_the_weighted_median() -> None:
    assert weighted_median([]) == 1.0
    assert weighted_median([(7.0, 1.0)]) == 7.0
    assert weighted_median([(1.0, 1.0), (2.0, 1.0), (9.0, 1.0)]) == 2.0
    assert weighted_median([(9.0, 5.0), (1.0, 1.0), (2.0, 1.0)]) == 9.0
