"""A case is judged by medians over its rounds; what cannot be judged says why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.studies.validate.judge import Figure, Within, figure, intervals, judge, staleness, utilization
from ampsim.studies.validate.suite import Tolerances
from tests.studies.made_up import a_row, an_item, of_kind, records, says

POSITIVE = st.floats(1e-3, 1e6)


def test_the_error_is_the_median_of_the_rounds_and_one_bad_round_is_none() -> None:
    """Round by round: a prediction belongs to the calibration of its own round."""
    found = figure([(110, 100), (220, 200), (100, 400)])
    assert found is not None
    assert found.error == pytest.approx(0.1)
    assert (found.predicted, found.measured) == (110, 200)


def test_the_spread_is_the_interquartile_range_of_what_was_measured() -> None:
    found = figure([(1, 90), (500, 100), (1, 104), (1, 96), (9, 1000)])
    assert found is not None
    assert found.spread == pytest.approx((104 - 96) / 100)


@given(st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=9), st.floats(0.01, 100))
def test_units_do_not_matter(pairs: list[tuple[float, float]], scale: float) -> None:
    found, scaled = figure(pairs), figure([(p * scale, m * scale) for p, m in pairs])
    assert found is not None
    assert scaled is not None
    assert (scaled.error, scaled.spread) == pytest.approx((found.error, found.spread), rel=1e-9, abs=1e-9)


@given(st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=9))
def test_the_order_of_rounds_does_not_matter(pairs: list[tuple[float, float]]) -> None:
    assert figure(pairs) == figure(sorted(pairs))


def test_without_a_round_there_is_no_figure() -> None:
    assert figure([]) is None


def test_utilization_is_judged_worker_by_worker_in_points() -> None:
    """Errors that cancel in the mean do not cancel here; the worker that is furthest off counts."""
    rounds = [(says(utilization=[0.5, 0.5]), says(utilization=[0.55, 0.4 + extra])) for extra in (-0.1, 0.0, 0.3)]
    assert utilization(rounds) == pytest.approx(0.1)


def test_staleness_is_the_total_variation_of_the_worst_node() -> None:
    predicted = says(staleness={0: {0: 10}, 1: {0: 3, 1: 1}})
    measured = says(staleness={0: {0: 999}, 1: {0: 1, 1: 1}})
    assert staleness([(predicted, measured)]) == pytest.approx(0.25)


def test_staleness_pools_the_rounds() -> None:
    """What differs from round to round and is the same in all of them together is no error."""
    both, half = says(staleness={0: {0: 1, 1: 1}}), [says(staleness={0: {s: 1}}) for s in (0, 1)]
    assert staleness([(both, side) for side in half]) == 0


def test_a_node_that_only_one_side_has_is_as_far_as_can_be() -> None:
    assert staleness([(says(staleness={0: {0: 1}, 1: {0: 1}}), says(staleness={0: {0: 1}}))]) == 1
    assert staleness([(says(staleness={}), says(staleness={}))]) is None


def test_a_measurement_lies_inside_its_interval_or_not() -> None:
    predicted = says(100, intervals={"throughput": (90, 120), "makespan": (9.0, 9.5)})
    assert list(intervals([(predicted, says(90))])) == [Within(True, 0.3), Within(False, pytest.approx(0.05))]  # type: ignore[arg-type]
    assert [within.inside for within in intervals([(predicted, says(value, makespan=9.2)) for value in (89, 121)])] == [
        False, True, False, True,
    ]  # fmt: skip
    assert list(intervals([(says(), says())])) == []


@pytest.mark.parametrize("measured,judged", [((99, 100, 101), True), ((95, 100, 105), False)])
def test_a_case_that_spreads_too_far_is_listed(measured: tuple[float, ...], judged: bool) -> None:
    row = a_row("spread", 100, *measured)
    assert (row.judged, row.note) == (judged, "" if judged else "the measurements spread too far")
    assert row.figures["throughput"].measured == 100


def test_the_makespan_may_spread_too() -> None:
    item = an_item()
    pairs = [(says(100), says(100, makespan=value)) for value in (9.0, 10.0, 11.0)]
    assert not judge(item, records(item, pairs), Tolerances()).judged


def test_memory_is_judged_from_a_size_on() -> None:
    assert of_kind("memory", "memory", [3e8], [2e8], "large").judged
    small = of_kind("memory", "memory", [3e8], [1.9e8], "small")
    assert (small.judged, small.note) == (False, "too little memory to be judged")


def test_learning_is_judged_however_far_the_seeds_are_apart() -> None:
    row = of_kind("learning", "time_to_target", [1, 2, 3], [3, 6, 9], "seeds")
    assert row.judged
    assert row.figures == {"time_to_target": Figure(2, 6, pytest.approx(-2 / 3), 0.5, 4.5, 7.5)}  # type: ignore[arg-type]
    assert (row.utilization, row.staleness, row.intervals) == (None, None, [])


def test_a_round_that_failed_is_told_once_and_takes_no_part() -> None:
    item = an_item()
    good = records(item, [(says(110), says(100))])
    bad = records(item, [(says(1), says(1))] * 2, error="it broke")
    row = judge(item, [*bad, *good], Tolerances())
    assert (row.rounds, row.errors) == (1, ["it broke"])
    assert row.figures["throughput"].error == pytest.approx(0.1)


def test_a_case_without_a_round_is_not_judged() -> None:
    row = judge(an_item(), [], Tolerances())
    assert (row.rounds, row.judged, row.figures, row.spread) == (0, False, {}, None)


def test_disturbed_rounds_are_counted_and_judged_all_the_same() -> None:
    item = an_item()
    pairs = [(says(), says())] * 2
    found = [r for told in (True, False, None) for r in records(item, pairs, disturbed=told)]
    row = judge(item, found, Tolerances())
    assert (row.disturbed, row.judged) == (2, True)


def test_date_and_machine_are_those_of_the_last_round() -> None:
    item = an_item()
    pairs = [(says(), says())]
    found = records(item, pairs, ended="2026-02", machine="new") + records(item, pairs, ended="2026-01", machine="old")
    row = judge(item, found, Tolerances())
    assert (row.ended, row.machine) == ("2026-02", "new")


def test_a_figure_has_the_quartiles_of_what_was_measured_and_the_middle_of_the_intervals() -> None:
    item = an_item()
    told = [says(100, intervals={"throughput": (90.0 + n, 110.0 + n)}) for n in range(3)]
    found = judge(item, records(item, list(zip(told, map(says, (98, 100, 104)), strict=True))), Tolerances()).figures
    assert found["throughput"][4:] == (99.0, 102.0, 91.0, 111.0)
    assert found["makespan"][6:] == (None, None)
