"""The critical path on examples small enough to do by hand, times in whole seconds, and on tables without sense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.result.analysis.causes import BUSY, CAUSES, DRAINED
from ampsim.result.analysis.idle import breakdown
from ampsim.result.analysis.path import critical_path
from ampsim.result.schema import Table, empty_tables
from tests.result.synthetic import make_run, table


def tables(**rows: Any) -> dict[str, Table]:
    return empty_tables() | {name: table(name, found) for name, found in rows.items()}


def task(worker: int, start: float, end: float, kind: int = 0) -> tuple[Any, ...]:
    return (worker, kind, 0, start, end, 1, 1, 0.0, 0.0, 0, 0)


def message(task: int, source: int, sent: float, arrived: float, instance: int = 0) -> tuple[Any, ...]:
    return (task, -1 if source < 0 else 0, 0, (instance,), 8, source, sent, arrived)


def instance(number: int, admitted: float, completed: float) -> tuple[Any, ...]:
    return (number, 0, True, number, 1, admitted, completed)


def found(example: dict[str, Table], makespan: float) -> tuple[dict[int, float], dict[str, float]]:
    """Seconds of the tasks on the path, and of the waits between them; all of them are the makespan."""
    idle = breakdown(example, 2, makespan)
    path = critical_path(example, idle)
    assert int(path.lengths.sum() + path.waits.sum()) == idle.total
    second = idle.total / idle.horizon
    waits = {cause: round(ticks / second, 9) for cause, ticks in zip(CAUSES, path.waits.tolist(), strict=True) if ticks}
    return {
        row: round(ticks / second, 9) for row, ticks in zip(path.tasks.tolist(), path.lengths.tolist(), strict=True)
    }, waits


def test_a_message_that_was_waited_for_leads_to_its_sender() -> None:
    """Worker 0 works from 0 to 4; what it sends arrives at 6; worker 1 works from 7 to 8 and has worked until 3."""
    example = tables(
        tasks=[task(0, 0, 4), task(1, 0, 3), task(1, 7, 8)],
        waits=[(1, 0, 3, 6)],
        messages=[message(2, 0, 4, 6)],
        instances=[instance(0, 0, 8)],
    )
    assert found(example, 8.0) == ({0: 4.0, 2: 1.0}, {"blocked by a link": 2.0, "messaging": 1.0})


def test_a_message_that_was_there_leads_to_the_task_before() -> None:
    """The same message, but worker 1 is busy until 7: only its own tasks matter."""
    example = tables(
        tasks=[task(0, 0, 4), task(1, 0, 7), task(1, 7, 8)],
        messages=[message(2, 0, 4, 7)],
        instances=[instance(0, 0, 8)],
    )
    assert found(example, 8.0) == ({1: 7.0, 2: 1.0}, {})


def test_an_admission_leads_to_the_instance_that_made_room() -> None:
    """Instance 0 is done by worker 1 at 5, of which the controller knows at 6; it lets instance 1 in at 7."""
    example = tables(
        tasks=[task(0, 0, 2), task(0, 8, 9), task(1, 2, 5)],
        waits=[(0, 0, 2, 8)],
        messages=[message(0, -1, 0, 0), message(1, -1, 7, 8, instance=1), message(2, 0, 2, 2)],
        instances=[instance(0, 0, 6), instance(1, 7, 9)],
    )
    tasks, waits = found(example, 9.0)
    assert tasks == {0: 2.0, 2: 3.0, 1: 1.0}
    assert sum(waits.values()) == 3.0
    assert set(waits) <= {"starved by admission", "blocked by a link"}


def test_an_update_follows_its_gradient() -> None:
    example = tables(
        tasks=[task(0, 0, 3, 1), task(0, 4, 8, 2), task(1, 0, 3.5)],
        messages=[message(0, -1, 0, 0)],
        instances=[instance(0, 0, 3.75)],
    )
    assert found(example, 8.0) == ({0: 3.0, 1: 4.0}, {"messaging": 1.0})


def test_an_update_that_the_controller_ordered_follows_the_last_completion() -> None:
    """The update of worker 0 at 8 was ordered when worker 1 was done, at 6, of which the controller knew at 6.5."""
    example = tables(
        tasks=[task(0, 0, 3, 1), task(0, 3, 4, 2), task(0, 8, 9, 2), task(1, 1, 6, 1)],
        waits=[(0, 0, 4, 8)],
        messages=[message(0, -1, 0, 0), message(3, -1, 1, 1, instance=1)],
        instances=[instance(0, 0, 4), instance(1, 0, 6.5)],
    )
    assert found(example, 9.0) == ({3: 5.0, 2: 1.0}, {"messaging": 1.0, "synchronisation": 2.0})


def test_a_message_that_was_only_passed_on_leads_to_where_it_came_from() -> None:
    """Worker 0 works for instance 0 until 3; its result reaches worker 1 at 4, which sends it back at 5."""
    example = tables(
        tasks=[task(0, 0, 3), task(0, 6, 8), task(1, 0, 1)],
        waits=[(0, 0, 3, 6), (1, 0, 1, 4)],
        messages=[message(0, -1, 0, 0), message(1, 1, 5, 6), message(2, -1, 0, 0, instance=1)],
        instances=[instance(0, 0, 8), instance(1, 0, 1)],
    )
    tasks, waits = found(example, 8.0)
    assert tasks == {0: 3.0, 1: 2.0}
    assert waits == {"blocked by a link": 2.0, "messaging": 1.0}


def test_an_instance_that_was_only_passed_on_leads_to_its_admission() -> None:
    """Instance 0 completes at 2; instance 1 is admitted at 3 at its source on worker 1, which sends it on at 5."""
    example = tables(
        tasks=[task(0, 0, 2), task(0, 6, 8)],
        waits=[(0, 0, 2, 6), (1, 0, 0, 4)],
        messages=[message(0, -1, 0, 0), message(1, 1, 5, 6, instance=1)],
        instances=[instance(0, 0, 2), instance(1, 3, 8)],
    )
    tasks, waits = found(example, 8.0)
    assert tasks == {0: 2.0, 1: 2.0}
    assert sum(waits.values()) == 4.0
    assert waits["blocked by a link"] + waits["messaging"] == 3.0


def test_before_the_end_of_a_run_the_path_is_not_drained() -> None:
    """Each pass of validation ends with workers that have nothing left to do; the next epoch waits for it."""
    run = make_run(3, mak=2, latency=9000)
    idle = breakdown(run.tables, 3, run.makespan)
    assert idle.ticks[:, DRAINED].any()
    assert critical_path(run.tables, idle).waits[DRAINED] == 0


def test_what_one_worker_does_is_all_on_the_path() -> None:
    run = make_run(1, mak=1)
    idle = breakdown(run.tables, 1, run.makespan)
    path = critical_path(run.tables, idle)
    assert path.tasks.tolist() == np.argsort(run.tables["tasks"]["start"], kind="stable").tolist()
    assert path.lengths.sum() == idle.ticks[0, BUSY]


def test_with_one_instance_at_a_time_nothing_is_waited_for_but_links() -> None:
    """Every moment of a lonely instance is a task or a way; nobody starves on the path, although workers idle."""
    run = make_run(3, mak=1, epochs=1, validation=0)
    path = critical_path(run.tables, breakdown(run.tables, 3, run.makespan))
    assert [cause for cause, ticks in zip(CAUSES, path.waits.tolist(), strict=True) if ticks] == ["blocked by a link"]


def test_without_a_clock_or_without_tasks_there_is_no_path() -> None:
    nothing = critical_path(empty_tables(), breakdown(empty_tables(), 2, 0.0))
    assert (len(nothing.tasks), nothing.waits.sum()) == (0, 0)
    still = tables(tasks=[task(0, 0, 0)])
    assert len(critical_path(still, breakdown(still, 1)).tasks) == 0


TIME = st.floats(0, 1e4, allow_nan=False) | st.integers(0, 9).map(float)
TASKS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), TIME, TIME), min_size=1, max_size=30)
MESSAGES = st.lists(st.tuples(st.integers(0, 29), st.integers(-3, 6), TIME, TIME, st.integers(0, 5)), max_size=60)
WAITS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1), TIME, TIME), max_size=20)
INSTANCES = st.lists(st.tuples(TIME, TIME), max_size=5)


@pytest.mark.parametrize("makespan", [1e-9, 5.0, 1e5])
@given(TASKS, MESSAGES, WAITS, INSTANCES)
def test_it_ends_and_adds_up_whatever_the_tables_hold(
    makespan: float, tasks: list[Any], messages: list[Any], waits: list[Any], instances: list[Any]
) -> None:
    """Tasks in one place at one time, or that end before they start; messages from the future and from nowhere."""
    example = tables(
        tasks=[task(worker, start, end, kind) for worker, kind, start, end in tasks],
        waits=waits,
        messages=[message(t, source, a, b, i) for t, source, a, b, i in messages if t < len(tasks)],
        instances=[instance(number, a, b) for number, (a, b) in enumerate(instances)],
    )
    idle = breakdown(example, 5, makespan)
    path = critical_path(example, idle)
    assert int(path.lengths.sum() + path.waits.sum()) == idle.total
    assert (path.lengths >= 0).all()
    assert (path.waits >= 0).all()
    assert len(set(path.tasks.tolist())) == len(path.tasks)
