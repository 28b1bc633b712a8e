"""Schedules of the rate: shares from 0 to 1, that go one way only, and depend on the count alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.engine.rates import Cosine, RateSchedule, Step, Warmup
from ampsim.errors import ConfigError

SPANS, SHARES, COUNTS = st.integers(1, 10**6), st.floats(0, 1), st.integers(1, 10**7)


@given(SPANS, SHARES, COUNTS)
def test_steps_go_down_and_lie_between_nothing_and_all(every: int, factor: float, count: int) -> None:
    schedule = Step(every, factor)
    assert 0 <= schedule.share(count + 1) <= schedule.share(count) <= 1
    assert schedule.share(count + every) == pytest.approx(schedule.share(count) * factor)


@given(SPANS, SHARES, COUNTS)
def test_a_cosine_goes_down_to_its_floor_and_stays(over: int, floor: float, count: int) -> None:
    schedule = Cosine(over, floor)
    assert floor - 1e-12 <= schedule.share(count + 1) <= schedule.share(count) <= 1
    assert schedule.share(1) == 1
    for late in (over + 1, over + count):
        assert schedule.share(late if late > over else over + 1) == pytest.approx(floor)


@given(SPANS, COUNTS)
def test_a_warmup_goes_up_to_all_and_stays(over: int, count: int) -> None:
    schedule = Warmup(over)
    assert 0 < schedule.share(count) <= schedule.share(count + 1) <= 1
    assert schedule.share(over) == schedule.share(over + count) == 1
    assert schedule.share(1) == 1 / over  # the first update is not lost


@given(st.one_of(st.builds(Step, SPANS, SHARES), st.builds(Cosine, SPANS, SHARES), st.builds(Warmup, SPANS)), COUNTS)
def test_the_count_is_all_that_matters(schedule: RateSchedule, count: int) -> None:
    """Asked in any order, any number of times: what replay needs."""
    first = schedule.share(count)
    schedule.share(1)
    assert type(schedule)(**vars(schedule)).share(count) == schedule.share(count) == first


def test_by_hand() -> None:
    assert [Step(2, 0.5).share(n) for n in range(1, 7)] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert [Warmup(4).share(n) for n in range(1, 7)] == [0.25, 0.5, 0.75, 1, 1, 1]
    assert [round(Cosine(4, 0.2).share(n), 3) for n in range(1, 7)] == [1, 0.883, 0.6, 0.317, 0.2, 0.2]


@pytest.mark.parametrize(
    "make, where",
    [
        (lambda: Step(0, 0.5), "every"),
        (lambda: Step(True, 0.5), "every"),
        (lambda: Step(1.5, 0.5), "every"),  # type: ignore[arg-type]
        (lambda: Step(5, 1.5), "factor"),
        (lambda: Step(5, "half"), "factor"),  # type: ignore[arg-type]
        (lambda: Step(5, float("nan")), "factor"),
        (lambda: Cosine(10**10), "over"),
        (lambda: Cosine(5, -0.1), "floor"),
        (lambda: Cosine(5, True), "floor"),
        (lambda: Warmup(0), "over"),
    ],
)
def test_a_bad_setting_is_named(make: Callable[[], RateSchedule], where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.where == f"training.optimizer.schedule.{where}"


def test_whole_numbers_and_floats_are_one_schedule() -> None:
    assert repr(Step(3, 1)) == repr(Step(3, 1.0))
    assert Cosine(3, 0) == Cosine(3)
