"""Rows: gather and scatter are adjoint, agree with numpy's slow way, and know no order of arrival."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.ir.message import FORWARD, Spec
from ampsim.ir.nodes import Flatmap
from ampsim.ir.rows import Rows, gather_rows, repeated, scatter_rows, single


@st.composite
def plans(draw: st.DrawFn) -> list[Rows]:
    """One to four Rows; some messages are empty, some rows of the one are never referred to."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        total = draw(st.integers(1, 6))
        counts = draw(st.lists(st.integers(0, 4), min_size=0, max_size=4))
        index = draw(st.lists(st.integers(0, total - 1), min_size=sum(counts), max_size=sum(counts)))
        found.append(Rows(counts, np.array(index, np.int64), total))
    return found


def whole_numbers(rows: int, seed: int) -> np.ndarray:
    """Float32 whole numbers, so that sums are exact whatever their order."""
    return np.random.default_rng(seed).integers(-8, 9, (rows, 3)).astype(np.float32)


@settings(deadline=None)
@given(plans(), st.integers(0, 99))
def test_gather_takes_the_rows_of_each_message_from_its_own_one(plan: list[Rows], seed: int) -> None:
    one = whole_numbers(sum(rows.total for rows in plan), seed)
    wanted, at = [], 0
    for rows in plan:
        wanted.append(one[at : at + rows.total][rows.index])
        at += rows.total
    np.testing.assert_array_equal(gather_rows(one, plan), np.concatenate(wanted))


@settings(deadline=None)
@given(plans(), st.integers(0, 99))
def test_scatter_adds_what_add_at_would_add(plan: list[Rows], seed: int) -> None:
    many = whole_numbers(sum(len(rows) for rows in plan), seed)
    wanted, at = [], 0
    for rows in plan:
        part = np.zeros((rows.total, 3), np.float32)
        np.add.at(part, rows.index, many[at : at + len(rows)])
        wanted.append(part)
        at += len(rows)
    np.testing.assert_array_equal(scatter_rows(many, plan), np.concatenate(wanted))


@settings(deadline=None)
@given(plans(), st.integers(0, 99))
def test_the_two_are_adjoint(plan: list[Rows], seed: int) -> None:
    one = whole_numbers(sum(rows.total for rows in plan), seed)
    many = whole_numbers(sum(len(rows) for rows in plan), seed + 1)
    assert np.vdot(gather_rows(one, plan), many) == np.vdot(one, scatter_rows(many, plan))


@settings(deadline=None)
@given(plans(), st.integers(0, 99))
def test_a_stack_gives_the_bits_of_its_parts(plan: list[Rows], seed: int) -> None:
    many = np.random.default_rng(seed).standard_normal((sum(len(r) for r in plan), 3), dtype=np.float32)
    whole = np.asarray(scatter_rows(many, plan))
    at = to = 0
    for rows in plan:
        part = scatter_rows(many[at : at + len(rows)], [rows])
        np.testing.assert_array_equal(whole[to : to + rows.total], part)
        at, to = at + len(rows), to + rows.total


@given(plans())
def test_shapes_follow_the_arrays(plan: list[Rows]) -> None:
    one, many = sum(rows.total for rows in plan), sum(len(rows) for rows in plan)
    spec = Spec((one, 3), np.dtype(np.float32))
    assert gather_rows(spec, plan) == spec.with_rows(many)
    assert scatter_rows(spec.with_rows(many), plan) == spec
    assert gather_rows(None, plan) is None
    assert scatter_rows(None, plan) is None


def test_rows_are_added_in_the_order_of_the_index() -> None:
    many = np.array([[1e8], [1.0], [-1e8], [1.0]], np.float32)
    rows = Rows((4,), np.zeros(4, np.int64), 1)
    in_order = ((many[0] + many[1]) + many[2]) + many[3]
    np.testing.assert_array_equal(scatter_rows(many, [rows]), [in_order])
    assert [targets.tolist() for _, targets in rows.rounds] == [[0]] * 4


def test_nothing_is_copied_where_nothing_moves() -> None:
    one = whole_numbers(6, 0)
    for rows in (single(6), Rows((2, 4), np.arange(6), 6)):
        assert rows.identity
        assert gather_rows(one, [rows]) is one
        assert scatter_rows(one, [rows]) is one
    assert not repeated(3, 2).identity
    assert not Rows((3,), np.arange(3), 4).identity


@pytest.mark.parametrize(
    "counts, index, total",
    [((2,), [0], 1), ((1,), [1], 1), ((1,), [-1], 1), ((-1, 2), [0], 1), ((2,), [[0, 0]], 1)],
    ids=["too few", "beyond", "negative", "negative count", "two axes"],
)
def test_what_does_not_fit_is_refused(counts: tuple[int, ...], index: list[int], total: int) -> None:
    with pytest.raises(ValueError, match=r"counts add up to|index runs from"):
        Rows(counts, np.array(index), total)


def test_work_counts_bytes_moved_and_floats_added() -> None:
    one, many = Spec((4, 3), np.dtype(np.float32)), Spec((10, 3), np.dtype(np.float32))
    node = Flatmap("f", "m:g")
    assert node.work(one, many, adds=False) == ((), 0, 120, 120)
    assert node.work(one, many, adds=True) == ((), 18, 120, 48)
    assert node.infer(one.with_rows(FORWARD + 1)).shape == (1, 3)
