"""Least squares with costs: exact where the costs are not negative, never negative, and not to be improved."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.result.schema import Array
from ampsim.studies.calibrate.fit import costs

SEEDS = st.integers(0, 2**32 - 1)
COLUMNS = st.integers(1, 6)
SCALES = st.sampled_from([1e-9, 1e-3, 1.0, 1e6])


def drawn(seed: int, columns: int) -> tuple[np.random.Generator, Array]:
    draw = np.random.default_rng(seed)
    return draw, draw.uniform(0, 1, (40, columns)) + 0.01


def error(features: Array, times: Array, weights: Array, found: Array) -> float:
    return float((((features @ found - times) / weights) ** 2).sum())


@given(SEEDS, COLUMNS, SCALES)
def test_costs_that_made_the_times_come_back(seed: int, columns: int, scale: float) -> None:
    draw, features = drawn(seed, columns)
    true = draw.uniform(0, 1, columns) * scale
    true[draw.uniform(size=columns) < 0.3] = 0.0
    times = features @ true
    if not times.any():
        return
    assert costs(features, times, np.full(len(times), scale)) == pytest.approx(true, rel=1e-4, abs=1e-4 * scale)


@given(SEEDS, COLUMNS, SCALES)
def test_columns_of_any_size_are_alike(seed: int, columns: int, scale: float) -> None:
    """Bytes by the million beside tasks by the dozen: what a column is counted in does not matter."""
    draw, features = drawn(seed, columns)
    times = features @ draw.uniform(0.1, 1, columns)
    units = np.geomspace(scale, 1.0, columns)
    assert costs(features / units, times) == pytest.approx(costs(features, times) * units, rel=1e-6)


@given(SEEDS, COLUMNS)
def test_no_cost_is_negative_and_none_near_by_is_better(seed: int, columns: int) -> None:
    draw, features = drawn(seed, columns)
    times = features @ draw.normal(0, 1, columns)
    times = np.abs(times) + 0.1  # made of negative costs as well: the best costs lie on the bounds
    found = costs(features, times)
    assert (found >= 0).all()
    least = error(features, times, times, found)
    for size in (1e-3, 1e-2, 0.1, 1.0):
        for _ in range(5):
            other = np.maximum(found + size * draw.normal(size=columns), 0.0)
            assert error(features, times, times, other) >= least * (1 - 1e-7)


def test_errors_are_relative_to_the_times_unless_said_otherwise() -> None:
    features, times = np.ones((2, 1)), np.array([1.0, 3.0])
    assert costs(features, times, np.ones(2)).tolist() == pytest.approx([2.0])
    # Minimum of (x - 1)^2 + (x / 3 - 1)^2.
    assert costs(features, times).tolist() == pytest.approx([(1 + 1 / 3) / (1 + 1 / 9)])


def test_what_never_happened_costs_nothing() -> None:
    features = np.array([[1.0, 0.0], [2.0, 0.0]])
    assert costs(features, np.array([2.0, 4.0])).tolist() == pytest.approx([2.0, 0.0])
    assert costs(np.zeros((2, 1)), np.ones(2)).tolist() == [0.0]
