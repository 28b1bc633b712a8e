"""Which instance is what: a pure function of the settings."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.engine.schedule import Schedule
from ampsim.testing import points

COUNTS = st.integers(1, 20)


def schedule(training: int, held_out: int | None, epochs: int, every: int | None, seed: int = 0) -> Schedule:
    """The validation set is cut to ``held_out`` instances, which may be none at all."""
    train, rest = points(training)[0], None if held_out is None else points(held_out)[0]
    return Schedule(train, rest, epochs, validate_every=every, seed=seed)


@given(COUNTS, st.none() | COUNTS, st.integers(1, 3), st.none() | COUNTS, st.integers(0, 5))
def test_segments_cover_the_run_without_gap(
    training: int, held_out: int | None, epochs: int, every: int | None, seed: int
) -> None:
    plan = schedule(training, held_out, epochs, every, seed)
    segments = plan.segments()
    assert [segment.start for segment in segments] == [0, *(segment.stop for segment in segments[:-1])]
    assert segments[-1].stop == plan.per_epoch * epochs
    for segment in segments:
        entries = [plan.entry(n) for n in range(segment.start, segment.stop)]
        assert {entry.training for entry in entries} == {segment.training}
        assert {entry.epoch for entry in entries} == {segment.epoch}
        assert all(plan.training(n) == segment.training for n in range(segment.start, segment.stop))
        if not segment.training:
            assert [entry.index for entry in entries] == list(range(held_out or 0))
        elif every is not None:
            assert len(entries) <= every


@given(COUNTS, st.none() | COUNTS, st.integers(1, 3), st.none() | COUNTS)
def test_every_epoch_takes_every_instance_once(
    training: int, held_out: int | None, epochs: int, every: int | None
) -> None:
    plan = schedule(training, held_out, epochs, every)
    for epoch in range(epochs):
        base = epoch * plan.per_epoch
        entries = [plan.entry(n) for n in range(base, base + plan.per_epoch)]
        assert sorted(entry.index for entry in entries if entry.training) == list(range(training))


@given(COUNTS, st.none() | COUNTS, st.integers(1, 3), st.none() | COUNTS)
def test_leftovers_are_applied_once_an_epoch_after_its_last_training(
    training: int, held_out: int | None, epochs: int, every: int | None
) -> None:
    segments = schedule(training, held_out, epochs, every).segments()
    for epoch in range(epochs):
        own = [segment for segment in segments if segment.epoch == epoch]
        trains = [segment for segment in own if segment.training]
        assert [segment.flush for segment in trains] == [False] * (len(trains) - 1) + [True]
        assert not any(segment.flush for segment in own if not segment.training)
        assert held_out is None or not own[-1].training  # an epoch ends in validation


def test_validate_every_cuts_an_epoch() -> None:
    """Train 4 | validate 2 | train 4 | validate 2 | train 2 | validate 2."""
    segments = schedule(10, 2, 1, 4).segments()
    assert [(s.stop - s.start, s.training) for s in segments] == [
        (4, True),
        (2, False),
        (4, True),
        (2, False),
        (2, True),
        (2, False),
    ]


def test_equal_settings_give_equal_orders_and_epochs_differ() -> None:
    one, two, other = schedule(20, 3, 2, None), schedule(20, 3, 2, None), schedule(20, 3, 2, None, seed=1)
    order = [one.entry(n) for n in range(46)]
    assert order == [two.entry(n) for n in reversed(range(46))][::-1]  # asked in any order
    assert order != [other.entry(n) for n in range(46)]
    assert [e.index for e in order[:20]] != [e.index for e in order[23:43]]


def test_without_shuffling_the_order_is_that_of_the_data() -> None:
    plan = Schedule(points(5)[0], None, 2, shuffle=False)
    assert [plan.entry(n).index for n in range(10)] == [*range(5)] * 2


@given(COUNTS, st.none() | COUNTS, st.integers(1, 3), st.none() | COUNTS, st.integers(1, 30))
def test_an_epoch_of_some_instances_is_the_beginning_of_one_of_all(
    training: int, held_out: int | None, epochs: int, every: int | None, instances: int
) -> None:
    """Each epoch takes the first of its own order, and no instance twice; more than there are is all."""
    data = points(training)[0], None if held_out is None else points(held_out)[0]
    short = Schedule(*data, epochs, validate_every=every, instances=instances)
    whole = Schedule(*data, epochs)
    size = min(instances, training)
    assert short.per_epoch == sum(s.stop - s.start for s in short.segments() if s.epoch == 0)
    assert short.total == short.per_epoch * epochs
    for epoch in range(epochs):
        order = [whole.entry(epoch * whole.per_epoch + n).index for n in range(size)]
        own = [s for s in short.segments() if s.epoch == epoch and s.training]
        taken = [short.entry(n).index for s in own for n in range(s.start, s.stop)]
        assert taken == order
        assert len(set(taken)) == size
        assert own[-1].trained == size
        assert own[-1].flush


def test_epochs_of_some_instances_choose_others_when_shuffled_and_the_same_when_not() -> None:
    def taken(shuffle: bool) -> list[set[int]]:
        plan = Schedule(points(20)[0], None, 3, instances=5, shuffle=shuffle)
        return [{plan.entry(5 * epoch + n).index for n in range(5)} for epoch in range(3)]

    assert taken(False) == [{0, 1, 2, 3, 4}] * 3
    one, two, three = taken(True)
    assert not one == two == three


def test_validation_is_whole_whatever_an_epoch_trains_on() -> None:
    """Train 3 | validate 4 | train 1 | validate 4, of 20."""
    plan = Schedule(points(20)[0], points(4)[0], 1, validate_every=3, instances=4)
    assert [(s.stop - s.start, s.training) for s in plan.segments()] == [(3, True), (4, False), (1, True), (4, False)]


def test_evaluation_knows_no_instances_of_training() -> None:
    plan = Schedule(points(20)[0], points(4)[0], 0, instances=3)
    assert [(s.stop - s.start, s.training) for s in plan.segments()] == [(4, False)]


@given(COUNTS, st.none() | COUNTS, st.integers(1, 3), st.none() | COUNTS, st.sampled_from([2, 3, 4, 6, 30]))
def test_the_kth_training_instance_has_a_number_that_is_k_modulo_lanes(
    training: int, held_out: int | None, epochs: int, every: int | None, lanes: int
) -> None:
    """Wherever validation lies. Instances and their order are those without lanes."""
    data = points(training)[0], None if held_out is None else points(held_out)[0]
    plan = Schedule(*data, epochs, validate_every=every, sync_every=[3], lanes=lanes)
    plain = Schedule(*data, epochs, validate_every=every, sync_every=[3])
    numbers = [(n, segment.training) for segment in plan.segments() for n in range(segment.start, segment.stop)]
    trained = [n for n, trains in numbers if trains]
    assert [n % lanes for n in trained] == [k % lanes for k in range(training * epochs)]
    assert all(a.stop <= b.start < a.stop + lanes for a, b in pairwise(plan.segments()))
    assert [plan.entry(n) for n, _ in numbers] == [plain.entry(n) for n in range(plain.total)]
    assert plan.total == plain.total == len(numbers)


def test_numbers_are_left_out_in_front_of_training_only() -> None:
    """Train 0 1 | validate 2 | train 4 5 | validate 6 | train 8 | validate 9 | train 11 12 ..."""
    plan = Schedule(points(5)[0], points(1)[0], 2, validate_every=2, lanes=2)
    starts = [(segment.start, segment.training) for segment in plan.segments()]
    first = [(0, True), (2, False), (4, True), (6, False), (8, True), (9, False)]
    assert starts == first + [(start + 11, training) for start, training in first]
    with pytest.raises(AssertionError, match="left out"):
        plan.entry(3)


def test_no_epoch_is_one_pass_of_validation() -> None:
    plan = schedule(5, 3, 0, None)
    (segment,) = plan.segments()
    assert (segment.start, segment.stop, segment.training, segment.flush) == (0, 3, False, False)


def test_data_and_structure_follow_from_the_number() -> None:
    train, held_out = points(4)
    plan = Schedule(train, held_out, 1)
    assert plan.dataset(0) is train
    assert plan.dataset(4) is held_out
    np.testing.assert_array_equal(plan.structure(0), train.structure(plan.entry(0).index))
