"""The line never falls, keeps what never fell, and is the best of those in squares; t is Student's."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.studies.monotone import fitted, student

values = st.lists(st.floats(-10, 10).map(lambda v: round(v, 3)), min_size=1, max_size=4)
groups = st.lists(values, min_size=1, max_size=8).map(lambda found: list(enumerate(found)))


@given(groups)
def test_the_line_never_falls(found: list[tuple[float, list[float]]]) -> None:
    line = fitted(found)
    assert list(line.x) == [x for x, _ in found]
    assert all(b >= a - 1e-9 for a, b in pairwise(line.y))


@given(groups)
def test_no_other_line_that_never_falls_is_nearer(found: list[tuple[float, list[float]]]) -> None:
    """Any other one is that of some monotone y; those between the line and it are tried too, which convexity asks."""
    line = fitted(found)
    random = np.random.default_rng(0)

    def squares(y: np.ndarray) -> float:
        return float(sum(((np.asarray(group) - at) ** 2).sum() for at, (_, group) in zip(y, found, strict=True)))

    best = squares(np.asarray(line.y))
    for _ in range(20):
        other = np.sort(random.uniform(-10, 10, len(found)))
        for share in (1.0, 0.1, 0.001):
            assert squares(np.asarray(line.y) * (1 - share) + other * share) >= best - 1e-9


@given(groups)
def test_what_is_pooled_keeps_its_sum(found: list[tuple[float, list[float]]]) -> None:
    line = fitted(found)
    given_sum = sum(sum(group) for _, group in found)
    assert sum(at * len(group) for at, (_, group) in zip(line.y, found, strict=True)) == pytest.approx(given_sum)


def test_means_that_rise_are_kept_and_joined_by_straight_lines() -> None:
    line = fitted([(2.0, [3.0, 5.0]), (0.0, [1.0, 1.0])])
    assert (line.x, line.y) == ((0.0, 2.0), (1.0, 4.0))
    assert [line.at(x) for x in (-1, 0, 0.5, 1, 2, 3)] == [1, 1, 1.75, 2.5, 4, 4]
    # Two residuals of 1, two of 0, and two of the four degrees of freedom are spent on the levels.
    assert (line.sigma, line.freedom) == (1.0, 2)


def test_means_that_fall_become_one_level() -> None:
    line = fitted([(0.0, [2.0]), (1.0, [1.0]), (2.0, [0.0]), (3.0, [5.0])])
    assert line.y == (1.0, 1.0, 1.0, 5.0)
    assert line.freedom == 2
    assert line.sigma == pytest.approx(1.0)


def test_one_observation_says_nothing_of_the_spread() -> None:
    assert (fitted([(0.0, [1.0])]).sigma, fitted([(0.0, [1.0])]).freedom) == (math.inf, 0)


@pytest.mark.parametrize("freedom,quantile", [(2, 1.8856), (3, 1.6377), (5, 1.4759), (10, 1.3722), (30, 1.3104)])
def test_the_quantiles_of_the_tables(freedom: int, quantile: float) -> None:
    assert student(freedom) == pytest.approx(quantile, rel=2e-3)


def test_one_degree_is_told_a_little_too_low() -> None:
    assert student(1) == pytest.approx(3.0777, rel=0.025)
