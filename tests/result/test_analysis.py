"""Every analysis on an example small enough to do by hand, times in whole seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from ampsim.result.analysis.instances import in_flight
from ampsim.result.analysis.learning import time_to_target, training_curve, validations
from ampsim.result.analysis.links import link_load, link_totals
from ampsim.result.analysis.memory import memory
from ampsim.result.analysis.queues import queue_lengths
from ampsim.result.analysis.staleness import histograms
from ampsim.result.analysis.steps import Steps
from ampsim.result.schema import Table, empty_tables
from tests.result.synthetic import table


def tables(**rows: Any) -> dict[str, Table]:
    return empty_tables() | {name: table(name, found) for name, found in rows.items()}


def task(worker: int, kind: int, start: int, end: int) -> tuple[Any, ...]:
    return (worker, kind, 0, start, end, 1, 1, 0.0, 0.0, 0, 0)


def message(task: int, edge: int, sent: int, arrived: int, source: int = 0) -> tuple[Any, ...]:
    return (task, edge, 0, (0,), 8, source, sent, arrived)


TIME = st.floats(0, 1e4, allow_nan=False) | st.integers(0, 9).map(float)

# One worker, 16 s: tasks from 3 to 5, 10 to 12 and 13 to 14
EXAMPLE = tables(
    tasks=[task(0, 0, 3, 5), task(0, 1, 10, 12), task(0, 2, 13, 14)],
    messages=[message(0, -1, 2, 3, -1), message(1, 0, 1, 2), message(1, 1, 7, 9)],
)


def test_steps_count_what_is_open() -> None:
    steps = Steps.counting(np.array([0.0, 1.0, 1.0, 3.0]), np.array([2.0, 1.0, 4.0, 4.0]))
    assert steps.times.tolist() == [0, 1, 2, 3, 4]
    assert steps.levels.tolist() == [1, 2, 1, 2, 0]
    edges = np.array([0.0, 2.0, 4.0, 6.0])
    assert steps.mean(edges).tolist() == [1.5, 1.5, 0.0]
    assert steps.peak(edges).tolist() == [2, 2, 0]
    assert steps.at(np.array([-1.0, 0.5, 9.0])).tolist() == [0, 1, 0]
    assert steps.highest == 2


def test_no_steps_are_zero() -> None:
    none = Steps.counting(np.zeros(0), np.zeros(0))
    assert none.mean(np.array([0.0, 1.0])).tolist() == [0.0]
    assert none.peak(np.array([0.0, 1.0])).tolist() == [0]
    assert none.highest == 0


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=20))
def test_steps_agree_with_counting_by_hand(pairs: list[tuple[int, int]]) -> None:
    pairs = [(min(pair), max(pair)) for pair in pairs]
    begins, ends = (np.array([p[i] for p in pairs], np.float64) for i in (0, 1))
    steps, edges = Steps.counting(begins, ends), np.arange(22.0)
    open_at = [sum(a <= t < b for a, b in pairs) for t in range(21)]
    assert steps.at(edges[:-1]).tolist() == open_at
    assert steps.peak(edges).tolist() == open_at
    assert np.allclose(steps.mean(edges), open_at)


def test_messages_wait_from_arrival_to_the_start_of_their_task() -> None:
    (queue,) = queue_lengths(EXAMPLE, 1)
    assert queue.times.tolist() == [2, 3, 9, 10]
    assert queue.levels.tolist() == [1, 1, 2, 0]


LINKS = tables(
    links=[(0, 0, 4, 8, 0, 1), (0, 3, 5, 4, 0, 1), (0, 8, 8, 6, 0, 1), (1, 1, 9, 16, 1, 0), (0, 6, 7, 2, -1, 1)]
)


def test_link_totals() -> None:
    totals = link_totals(LINKS, 3)
    assert totals.bytes.tolist() == [20, 16, 0]
    assert totals.parcels.tolist() == [4, 1, 0]
    assert totals.occupied.tolist() == [6.0, 8.0, 0.0]


def test_bytes_are_spread_over_the_time_on_the_link() -> None:
    load = link_load(LINKS, 3, np.arange(0.0, 11.0, 2.0))
    assert load[0].tolist() == [2.0, (4 + 2) / 2, 2 / 2, 2 / 2, 6 / 2]
    assert load[1].tolist() == [1, 2, 2, 2, 1]
    assert load[2].tolist() == [0] * 5


@example([(0, 0.0, 6667.0, 999850030), (1, 0.0, 6668.0, 1)], 3)  # little beside much
@given(st.lists(st.tuples(st.integers(0, 3), TIME, TIME, st.integers(0, 10**9)), max_size=40), st.integers(1, 50))
def test_no_byte_is_lost_between_bins(rows: list[Any], bins: int) -> None:
    found = tables(links=[(link, min(a, b), max(a, b), size, 0, 1) for link, a, b, size in rows])
    load = link_load(found, 4, np.linspace(0, 1e4, bins + 1))
    assert (load >= -1e-6).all()
    assert np.allclose(load.sum(axis=1) * 1e4 / bins, link_totals(found, 4).bytes, rtol=1e-6, atol=1e-3)


LEARNING = tables(
    instances=[
        (0, 0, True, 0, 10, 0, 4), (1, 0, True, 1, 10, 1, 5), (2, 0, False, 0, 10, 6, 7), (3, 0, False, 1, 30, 6, 8),
        (4, 1, True, 1, 10, 8, 10), (5, 1, False, 0, 10, 11, 12), (6, 1, False, 1, 30, 11, 13),
    ],
    metrics=[
        (5, 3, 1, 0, True, 10, 2.0, 4), (4, 3, 0, 0, True, 10, 4.0, 2), (7, 3, 2, 0, False, 10, 1.0, 5),
        (8, 3, 3, 0, False, 30, 3.0, 15), (10, 3, 4, 1, True, 20, 1.0, 20), (12, 3, 5, 1, False, 10, 1.0, 10),
        (13, 3, 6, 1, False, 30, 0.0, 28),
    ],
)  # fmt: skip


def test_training_curves_are_means_over_rows() -> None:
    curve = training_curve(LEARNING, 1)
    assert curve.time.tolist() == [4, 5, 10]
    assert curve.loss.tolist() == [4, 2, 1]
    assert curve.accuracy.tolist() == [0.2, 0.4, 1.0]
    smooth = training_curve(LEARNING, 3)
    assert smooth.loss.tolist() == [3.0, (40 + 20 + 20) / 40, (20 + 20) / 30]


def test_a_loss_that_is_no_number_leaves_a_gap_and_what_follows_is_drawn() -> None:
    losses = {0: np.inf, 1: np.nan}
    metrics = [(i, 3, i, 0, True, 10, losses.get(i, float(i)), 1) for i in range(6)]
    curve = training_curve(tables(instances=[(i, 0, True, i, 10, i, i) for i in range(6)], metrics=metrics), 3)
    assert np.isnan(curve.loss).tolist() == [True, True, True, False, False, False]
    assert curve.loss[3:].tolist() == [3.0, 4.0, 4.5]
    assert (curve.accuracy == 0.1).all()


def test_validation_passes_and_the_time_to_a_target() -> None:
    found = validations(LEARNING)
    assert found.epoch.tolist() == [0, 1]
    assert found.time.tolist() == [8, 13]
    assert found.training_time.tolist() == [6, 9]
    assert found.loss.tolist() == [2.5, 0.25]
    assert found.accuracy.tolist() == [0.5, 0.95]
    assert time_to_target(LEARNING, 0.5) == 6.0
    assert time_to_target(LEARNING, 0.51) == 9.0
    assert time_to_target(LEARNING, 0.99) is None
    assert time_to_target(LEARNING, None, 2.5) == 6.0
    assert time_to_target(LEARNING, None, 2.4) == 9.0
    assert time_to_target(LEARNING, 0.99, 2.5) == 6.0
    assert time_to_target(LEARNING, 0.5, 0.1) == 6.0
    assert time_to_target(LEARNING, None, 0.2) is None


def test_learning_without_metrics_is_empty() -> None:
    assert len(training_curve(empty_tables()).time) == 0
    assert len(validations(empty_tables()).time) == 0


def test_instances_in_flight() -> None:
    training = in_flight(LEARNING, training=True)
    assert training.times.tolist() == [0, 1, 4, 5, 8, 10]
    assert training.levels.tolist() == [1, 2, 1, 0, 1, 0]
    assert in_flight(LEARNING, training=False).highest == 2


def test_staleness_is_added_up_per_node() -> None:
    first, second = histograms(tables(staleness=[(2, 0, 3), (5, 1, 4), (2, 2, 1), (2, 0, 2)]))
    assert (first.node, first.counts.tolist(), first.gradients, first.mean, first.highest) == (
        2,
        [5, 0, 1],
        6,
        1 / 3,
        2,
    )
    assert (second.node, second.counts.tolist(), second.mean) == (5, [0, 4], 1.0)


def test_memory_adds_static_parts_and_finds_the_peak() -> None:
    rows = [(0, 1, 10, 1, 2, 3, 0), (0, 2, 5, 0, 20, 0, 0), (1, 1, 7, 0, 0, 0, 0), (0, 3, 0, 0, 0, 0, 0)]
    found = memory(tables(memory=rows), 3, [{"parameters": 100, "gradients": 50, "optimizer": 0}] * 3)
    assert found.levels[0].levels.tolist() == [150, 166, 175, 150]
    assert found.peak.tolist() == [[100, 50, 0, 5, 0, 20, 0], [100, 50, 0, 7, 0, 0, 0], [100, 50, 0, 0, 0, 0, 0]]
    assert found.levels[2].highest == 150
