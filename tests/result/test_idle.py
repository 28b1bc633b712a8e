"""Why a worker was idle: every cause by hand on a trace of whole seconds, and a hundred per cent whatever is there."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.result.analysis import idle
from ampsim.result.analysis.idle import BUSY, CAUSES, breakdown
from ampsim.result.analysis.segments import ADMITTING, DRAINING, QUIET, phases, segments
from ampsim.result.schema import Table, empty_tables
from tests.result.synthetic import make_run, table

FORWARD, BACKWARD, UPDATE, SYNC = range(4)
CONTROLLER = -1
ADMISSION = -1


def tables(**rows: Any) -> dict[str, Table]:
    return empty_tables() | {name: table(name, found) for name, found in rows.items()}


def task(worker: int, kind: int, start: float, end: float) -> tuple[Any, ...]:
    return (worker, kind, 0, start, end, 1, 1, 0.0, 0.0, 0, 0)


def wait(worker: int, start: float, end: float, kind: int = 0) -> tuple[Any, ...]:
    return (worker, kind, start, end)


def message(task: int, edge: int, sent: float, arrived: float, instance: int = 0) -> tuple[Any, ...]:
    return (task, edge, 0, (instance,), 8, CONTROLLER if edge == ADMISSION else 0, sent, arrived)


def instance(number: int, admitted: float, completed: float, training: bool = True, epoch: int = 0) -> tuple[Any, ...]:
    return (number, epoch, training, number, 10, admitted, completed)


def update(worker: int, of: int = -1) -> tuple[Any, ...]:
    return (0, worker, 0.0, 1, of, 1, 0.0, 0)


def stall(number: int, start: float, end: float) -> tuple[Any, ...]:
    return (0, 0, start, end, 0, 0.0, 0.0, number)


def seconds(found: dict[str, Table], makespan: float, worker: int = 0) -> dict[str, float]:
    """Seconds of a worker by cause, those with none left out."""
    shares = breakdown(found, 2, makespan)
    assert (shares.ticks.sum(axis=1) == shares.total).all()
    return {cause: s for cause, s in zip(CAUSES, shares.seconds[worker].tolist(), strict=True) if s}


# -- each cause by itself ----------------------------------------------------------------------------------------------


def test_in_a_task_a_worker_is_busy_and_in_neither_task_nor_wait_it_is_messaging() -> None:
    found = tables(tasks=[task(0, FORWARD, 1, 3), task(0, BACKWARD, 4, 6)], instances=[instance(0, 0, 8)])
    assert seconds(found, 8.0) == {"busy": 4.0, "messaging": 4.0}


def test_until_its_message_was_sent_it_waits_for_input_and_then_for_the_link() -> None:
    """Between 2 and 10 it sends for a second, waits for seven, and takes a message in for a second."""
    found = tables(
        tasks=[task(0, FORWARD, 0, 2), task(0, BACKWARD, 11, 16)],
        waits=[wait(0, 3, 10)],
        messages=[message(1, 0, 7, 10.5)],
        instances=[instance(0, 0, 16)],
    )
    assert seconds(found, 16.0) == {
        "busy": 7.0, "messaging": 1.0 + 1.0, "waiting for input": 4.0, "blocked by a link": 3.0,
    }  # fmt: skip


def test_until_the_controller_sent_an_instance_it_is_starved_by_admission() -> None:
    found = tables(
        tasks=[task(0, FORWARD, 0, 2), task(0, FORWARD, 6, 8)],
        waits=[wait(0, 2, 6)],
        messages=[message(1, ADMISSION, 5, 6, instance=1)],
        instances=[instance(0, 0, 5), instance(1, 5, 8)],
    )
    assert seconds(found, 8.0) == {"busy": 4.0, "starved by admission": 3.0, "blocked by a link": 1.0}


def test_what_memory_held_back_is_out_of_memory_and_not_starved() -> None:
    """Another slot was free from 3 on, and the instance could not be let in before 5. A stall of others is theirs."""
    found = tables(
        tasks=[task(0, FORWARD, 0, 2), task(0, FORWARD, 6, 8)],
        waits=[wait(0, 2, 6)],
        messages=[message(1, ADMISSION, 5, 6, instance=1)],
        instances=[instance(0, 0, 7), instance(1, 5, 8)],
        overflow=[stall(1, 3, 5), stall(2, 2, 8)],
    )
    assert seconds(found, 8.0) == {
        "busy": 4.0, "starved by admission": 1.0, "out of memory": 2.0, "blocked by a link": 1.0,
    }  # fmt: skip


def test_a_wait_for_off_chip_memory_is_out_of_memory_wherever_it_lies() -> None:
    found = tables(
        tasks=[task(0, FORWARD, 2, 4)],
        waits=[wait(0, 0, 2, kind=1), wait(0, 4, 5, kind=1), wait(0, 5, 8)],
        instances=[instance(0, 0, 4)],
    )
    assert seconds(found, 8.0) == {"busy": 2.0, "out of memory": 3.0, "drained": 3.0}


TWO_SEGMENTS: dict[str, Any] = {
    "tasks": [task(0, FORWARD, 0, 2), task(0, FORWARD, 11, 16)],
    "waits": [wait(0, 2, 11)],
    "messages": [message(1, ADMISSION, 10, 11, instance=2)],
    "instances": [instance(0, 0, 5), instance(1, 4, 8), instance(2, 9, 16, training=False)],
}


def test_with_nothing_in_flight_workers_wait_for_one_another() -> None:
    """Instances 0 and 1 need nothing more of the worker.

    It is starved until the last of them is admitted (4), then drained until both are complete (8); then the segment is
    closed, until the next one begins (9).
    """
    assert seconds(tables(**TWO_SEGMENTS), 16.0) == {
        "busy": 7.0, "starved by admission": 2.0 + 1.0, "drained": 4.0, "synchronisation": 1.0,
        "blocked by a link": 1.0,
    }  # fmt: skip


def test_the_work_of_closing_a_segment_is_neither_waited_for_nor_drained_by() -> None:
    """An update of what is left and the averaging of copies come when all is quiet; the waits before are the same."""
    more = dict(TWO_SEGMENTS)
    more["tasks"] = [
        task(0, FORWARD, 0, 2),
        task(0, UPDATE, 8, 8.25),
        task(0, SYNC, 8.5, 8.75),
        task(0, FORWARD, 11, 16),
    ]
    more["waits"] = [wait(0, 2, 8), wait(0, 8.25, 8.5), wait(0, 8.75, 11)]
    more["messages"] = [message(2, ADMISSION, 8.25, 8.5, instance=1), message(3, ADMISSION, 10, 11, instance=2)]
    more["updates"] = [update(0)]
    assert seconds(tables(**more), 16.0) == {
        "busy": 7.5, "starved by admission": 2.0 + 1.0, "drained": 4.0, "synchronisation": 0.5,
        "blocked by a link": 1.0,
    }  # fmt: skip


def test_a_segment_ends_where_copies_are_made_equal() -> None:
    """One epoch, and still the worker is drained from 4 on: what it does next comes behind the sync."""
    more = dict(TWO_SEGMENTS)
    more["instances"] = [instance(0, 0, 5), instance(1, 4, 8), instance(2, 9, 16)]
    assert "drained" not in seconds(tables(**more), 16.0)
    more["tasks"] = [task(0, FORWARD, 0, 2), task(0, SYNC, 8, 9), task(0, FORWARD, 11, 16)]
    more["waits"] = [wait(0, 2, 8), wait(0, 9, 11)]
    more["messages"] = [message(1, ADMISSION, 8, 8, instance=1), message(2, ADMISSION, 10, 11, instance=2)]
    assert seconds(tables(**more), 16.0) == {
        "busy": 8.0, "starved by admission": 2.0 + 1.0, "drained": 4.0, "blocked by a link": 1.0,
    }  # fmt: skip


def test_an_update_at_the_end_of_an_instance_is_waited_for_until_that_is_complete() -> None:
    """The controller orders it then (6); another instance is in flight, so it is nobody's end."""
    found = tables(
        tasks=[task(0, FORWARD, 0, 2), task(0, UPDATE, 8, 9), task(0, FORWARD, 13, 16)],
        waits=[wait(0, 2, 8), wait(0, 9, 13)],
        messages=[message(2, 0, 12, 13, instance=1)],
        updates=[update(0, of=0)],
        instances=[instance(0, 0, 6), instance(1, 0, 16)],
    )
    assert seconds(found, 16.0) == {
        "busy": 6.0, "waiting for input": 4.0 + 3.0, "synchronisation": 2.0, "blocked by a link": 1.0,
    }  # fmt: skip


def test_whoever_has_no_further_task_is_drained() -> None:
    found = tables(
        tasks=[task(0, FORWARD, 0, 2)],
        waits=[wait(0, 3, 8), wait(1, 0, 8)],
        instances=[instance(0, 0, 5), instance(1, 4, 7)],
    )
    assert seconds(found, 8.0) == {"busy": 2.0, "messaging": 1.0, "drained": 5.0}
    assert seconds(found, 8.0, worker=1) == {"drained": 8.0}  # it never had one


# -- which message counts ----------------------------------------------------------------------------------------------


def waited(*messages: tuple[Any, ...]) -> dict[str, float]:
    """A wait from 0 to 4, then a task that takes these."""
    found = tables(
        tasks=[task(0, FORWARD, 4, 8)], waits=[wait(0, 0, 4)], messages=list(messages), instances=[instance(0, 0, 8)]
    )
    return seconds(found, 8.0)


def test_the_message_that_ended_the_wait_counts_and_not_one_that_was_there_or_came_with_it() -> None:
    early, ended, later = message(0, 0, 0, 1), message(0, 1, 3, 4.25), message(0, 2, 3.75, 4.5)
    assert waited(early, later, ended) == {"busy": 4.0, "waiting for input": 3.0, "blocked by a link": 1.0}


def test_of_two_messages_at_one_time_the_one_sent_last_counts() -> None:
    assert waited(message(0, 0, 3, 4), message(0, 1, 1, 4)) == {
        "busy": 4.0, "waiting for input": 3.0, "blocked by a link": 1.0,
    }  # fmt: skip


def test_a_wait_that_nothing_is_known_to_have_ended_is_messaging() -> None:
    assert waited(message(0, 0, 1, 2)) == {"busy": 4.0, "messaging": 4.0}
    assert waited() == {"busy": 4.0, "messaging": 4.0}


def test_a_wait_that_came_to_nothing_is_explained_by_the_task_after_it() -> None:
    """At 2 half of a join comes, at 6 the other half."""
    found = tables(
        tasks=[task(0, FORWARD, 6, 8)],
        waits=[wait(0, 0, 2), wait(0, 2, 6)],
        messages=[message(0, 0, 1, 2), message(0, 1, 3, 6)],
        instances=[instance(0, 0, 8)],
    )
    assert seconds(found, 8.0) == {"busy": 2.0, "waiting for input": 1.0 + 1.0, "blocked by a link": 1.0 + 3.0}


# -- segments ---------------------------------------------------------------------------------------------------------


def test_segments_are_cut_at_epochs_and_between_training_and_validation() -> None:
    rows = [
        instance(0, 0.5, 2), instance(1, 1, 3), instance(2, 4, 6, training=False), instance(3, 5, 7, training=False),
        instance(4, 8, 9, epoch=1),
    ]  # fmt: skip
    found = segments(tables(instances=rows[::-1]))
    assert found.tolist() == [[0, 1, 3], [4, 5, 7], [8, 8, 9]]
    phase, number = phases(found.ravel(), np.asarray([0, 1, 3, 4, 6, 7, 8, 8.5, 9]))
    assert phase.tolist() == [ADMITTING, DRAINING, QUIET, ADMITTING, DRAINING, QUIET, DRAINING, DRAINING, QUIET]
    assert number.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_without_instances_all_is_one_segment() -> None:
    assert segments(empty_tables()).tolist() == [[0.0, np.inf, np.inf]]


# -- a hundred per cent ------------------------------------------------------------------------------------------------

TIME = st.integers(0, 9).map(float) | st.floats(0, 10) | st.floats(0, 1e4)
WORKER = st.integers(0, 4)
NUMBER = st.integers(0, 6)
ROWS = st.fixed_dictionaries(
    {
        "tasks": st.lists(st.builds(task, WORKER, st.integers(0, 3), TIME, TIME), max_size=20),
        "waits": st.lists(st.builds(wait, WORKER, TIME, TIME, st.integers(0, 1)), max_size=20),
        "messages": st.lists(
            st.builds(message, st.integers(0, 19), st.integers(-1, 2), TIME, TIME, NUMBER), max_size=40
        ),
        "instances": st.lists(st.builds(instance, NUMBER, TIME, TIME, st.booleans(), st.integers(0, 1)), max_size=8),
        "updates": st.lists(st.builds(update, WORKER, st.integers(-1, 6)), max_size=10),
        "overflow": st.lists(st.builds(stall, NUMBER, TIME, TIME), max_size=4),
    }
)


@given(ROWS, st.just(10.0) | st.floats(1e-9, 1e5), st.integers(1, 40))
def test_causes_add_up_to_the_whole_whatever_the_tables_hold(rows: dict[str, Any], makespan: float, bins: int) -> None:
    """Overlapping tasks and waits, tasks that end before they start, messages from the future: all of it."""
    rows["messages"] = [row for row in rows["messages"] if row[0] < len(rows["tasks"])]
    found = breakdown(tables(**rows), 5, makespan)
    assert (found.ticks.sum(axis=1) == found.total).all()
    assert (found.ticks >= 0).all()
    assert found.shares.sum(axis=1).tolist() == [1.0] * 5
    _, shares = found.over_time(bins)
    assert (shares >= 0).all()
    assert np.allclose(shares.sum(axis=1), 1.0, rtol=0, atol=1e-12)


@given(ROWS, st.integers(1, 4))
def test_stretches_looked_at_one_by_one_are_the_whole(rows: dict[str, Any], together: int) -> None:
    """Of tasks that follow one another, as those of backends do."""
    rows["messages"] = sorted(row for row in rows["messages"] if row[0] < len(rows["tasks"]))
    rows["tasks"] = one_by_one(rows["tasks"], 3)
    rows["waits"] = one_by_one(rows["waits"], 2)
    found = breakdown(tables(**rows), 5, 10.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idle, "TOGETHER", together)
        parts = breakdown(tables(**rows), 5, 10.0)
        assert max(len(list(parts.of_worker(worker))) for worker in range(5)) > 1 or len(rows["tasks"]) <= 5 * together
        assert np.array_equal(parts.ticks, found.ticks)
        assert np.array_equal(parts.over_time(7)[1], found.over_time(7)[1])


def one_by_one(rows: list[Any], start: int) -> list[Any]:
    """Rows by worker and time, none beginning before the one before it has ended."""
    found: list[Any] = []
    for row in sorted(rows, key=lambda row: (row[0], row[start])):
        begin, end = row[start], max(row[start : start + 2])
        if found and found[-1][0] == row[0]:
            begin = max(begin, found[-1][start + 1])
        found.append((*row[:start], begin, max(begin, end), *row[start + 2 :]))
    return found


@given(st.lists(st.tuples(TIME, TIME), max_size=30), st.lists(st.tuples(TIME, TIME), max_size=30))
def test_busy_time_is_the_union_of_tasks_whatever_was_waited_for(tasks: list[Any], waits: list[Any]) -> None:
    rows = [task(0, FORWARD, min(pair), max(pair)) for pair in tasks]
    found = breakdown(tables(tasks=rows, waits=[wait(0, min(pair), max(pair)) for pair in waits]), 1, 1e4)
    points = sorted({0.0, 1e4, *(row[3] for row in rows), *(row[4] for row in rows)})
    covered = sum(b - a for a, b in pairwise(points) if any(row[3] <= a and b <= row[4] for row in rows))
    assert abs(found.seconds[0, BUSY] - covered) <= 1e-9 * 1e4


# -- over time ---------------------------------------------------------------------------------------------------------


def test_time_bins_hold_the_parts_that_lie_in_them() -> None:
    edges, shares = breakdown(tables(**TWO_SEGMENTS), 1, 16.0).over_time(4)
    assert edges.tolist() == [0, 4, 8, 12, 16]
    assert shares[0, CAUSES.index("busy")].tolist() == [0.5, 0, 0.25, 1]
    assert shares[0, CAUSES.index("starved by admission")].tolist() == [0.5, 0, 0.25, 0]
    assert shares[0, CAUSES.index("drained")].tolist() == [0, 1, 0, 0]
    assert shares[0].sum(axis=0).tolist() == [1, 1, 1, 1]


def test_any_span_of_a_worker_can_be_asked_for() -> None:
    found = breakdown(tables(**TWO_SEGMENTS), 2, 16.0)
    second = found.total // 16
    spans = found.within(np.asarray([[0, 4 * second], [3 * second, 9 * second], [16 * second, 20 * second]]))[:, :, 0]
    wanted = [{"busy": 2, "starved by admission": 2}, {"starved by admission": 1, "drained": 4, "synchronisation": 1}]
    for span, parts in zip(spans[:2], wanted, strict=True):
        assert {CAUSES[c]: ticks // second for c, ticks in enumerate(span.tolist()) if ticks} == parts
    assert spans[2].tolist() == [0, 4 * second, *[0] * 6]  # of worker 1, of which nothing is known


def test_tasks_after_the_makespan_lengthen_the_horizon() -> None:
    assert breakdown(tables(**TWO_SEGMENTS), 1, 1.0).horizon == 16.0


def test_without_a_clock_there_are_no_shares() -> None:
    still = tables(tasks=[task(0, FORWARD, 0, 0)], messages=[message(0, ADMISSION, 0, 0)])
    found = breakdown(still, 2)
    assert found.shares.tolist() == np.zeros((2, len(CAUSES))).tolist()
    assert found.over_time(3)[1].sum() == 0


def test_a_made_up_run_is_busy_for_as_long_as_its_summary_says_and_has_the_causes_of_a_pipeline() -> None:
    run = make_run(3, mak=2)
    found = breakdown(run.tables, 3, run.makespan)
    assert np.allclose(found.utilization, run.summary["utilization"], rtol=1e-12)
    seen = {cause for cause, s in zip(CAUSES, found.shares.sum(axis=0), strict=True) if s}
    assert seen == set(CAUSES) - {"messaging", "out of memory"}
