"""What is read off the tables of a run on real workers: messaging, ways, and when there was room."""

from __future__ import annotations

from typing import Any

import pytest

from ampsim.engine.schedule import Segment
from ampsim.errors import UsageError
from ampsim.hw.measured import Measured, Step, Took, Way
from ampsim.result.run import Run
from ampsim.result.schema import empty_tables
from tests.result.synthetic import table

UNIT = 10**15  # a time of the tables below in femtoseconds
FORWARD, UPDATE, SYNC = 0, 2, 3


def task(worker: int, start: int, end: int, kind: int = FORWARD) -> tuple[Any, ...]:
    return (worker, kind, 0, start, end, 1, 1, 0.0, 0.0, 0, 0)


def instance(number: int, admitted: int, completed: int) -> tuple[Any, ...]:
    return (number, 0, True, number, 1, admitted, completed)


def measured(segments: list[Segment] | None = None, limit: int = 1, backend: str = "runtime", **rows: Any) -> Measured:
    """Two workers; one instance from 0 to 100 unless others are given."""
    rows = {"instances": [instance(0, 0, 100)], **rows}
    tables = empty_tables() | {name: table(name, found) for name, found in rows.items()}
    run = Run({"backend": backend, "workers": 2}, tables, {}, {}, {}, {})
    return Measured(run, segments or [Segment(0, 1, 0, True, True)], limit)


def seconds(took: Took) -> tuple[float, ...]:
    return tuple(time / UNIT for time in took)


def test_messaging_is_what_is_left_of_a_gap_without_its_waits() -> None:
    """Until the first wait it belongs to the task before, from the last one on to the task behind."""
    tasks = [task(0, 5, 10), task(0, 20, 30), task(0, 33, 40), task(1, 50, 60)]
    waits = [(0, 0, 0, 4), (0, 0, 12, 14), (0, 0, 15, 19), (0, 0, 42, 90), (1, 0, 1, 48)]
    found = measured(tasks=tasks, waits=waits)
    assert [seconds(took) for took in found.tasks[0]] == [(1, 5, 2, 10), (1, 10, 3, 30), (0, 7, 2, 40)]
    assert [seconds(took) for took in found.tasks[1]] == [(2, 10, 0, 60)]


def test_waits_for_memory_are_not_those_for_messages() -> None:
    found = measured(tasks=[task(0, 5, 10), task(0, 20, 30)], waits=[(0, 1, 12, 18)])
    assert [seconds(took)[2] for took in found.tasks[0]] == [10, 0]


def test_a_parcel_is_there_when_the_wait_for_it_ends_and_usually_takes_as_long_where_nobody_waited() -> None:
    tasks = [task(1, 10, 20), task(1, 22, 40), task(1, 45, 50)]
    waits = [(1, 0, 0, 9), (1, 0, 41, 44)]
    links = [
        (0, 2, 10, 8, 0, 1),  # waited for until 9: seven on its way
        (0, 12, 21, 8, 0, 1),  # came while the worker was busy until 20: seven, too
        (0, 30, 45, 8, 0, 1),  # busy until 40, seen only at the end of the wait at 44
        (0, 38, 39, 8, 1, 0),  # handled after one: not more than that
    ]
    found = measured(tasks=tasks, waits=waits, links=links)
    # Seven and fourteen were waited for: ten and a half is usual, but by 21 the second one was handled.
    assert list(found.parcels[0, 1]) == [Way(at * UNIT, at * UNIT) for at in (9, 21, 44)]
    assert found.parcels[1, 0][0] == Way(39 * UNIT, 39 * UNIT)


def test_an_admission_took_since_there_was_room() -> None:
    """Two in flight: 0 and 1 are let in at once, 2 when the first of them has ended, however late it is sent."""
    instances = [instance(0, 1, 30), instance(1, 1, 20), instance(2, 24, 40)]
    tasks = [task(0, 5, 6), task(0, 7, 8), task(0, 27, 29)]
    waits = [(0, 0, 0, 4), (0, 0, 10, 26)]
    messages = [(t, -1, 0, (t,), 0, -1, sent, 4 if t < 2 else 26) for t, sent in enumerate((1, 1, 24))]
    segments = [Segment(0, 3, 0, True, True)]
    found = measured(segments, 2, instances=instances, tasks=tasks, waits=waits, messages=messages)
    assert found.admissions == {(0, 0): 3 * UNIT, (0, 1): 3 * UNIT, (0, 2): 6 * UNIT}
    assert found.began == UNIT


def test_between_segments_the_controller_goes_on_step_by_step() -> None:
    """Drained at 10, copies are made equal from 20 on, and the next segment begins at 30."""
    instances = [instance(0, 1, 10), instance(1, 30, 40)]
    tasks = [task(0, 13, 16, UPDATE), task(0, 24, 25, SYNC), task(0, 32, 33)]
    waits = [(0, 0, 0, 12), (0, 0, 17, 23)]
    messages = [(1, -1, 0, (0,), 0, -1, 20, 23)]
    segments = [Segment(0, 1, 0, True, True), Segment(1, 2, 1, True, True)]
    updates = [(0, 0, 16, 1, -1, 1, 0.0, 0)]
    found = measured(segments, instances=instances, tasks=tasks, waits=waits, messages=messages, updates=updates)
    assert found.steps["flush", 0] == Step(10 * UNIT, 20 * UNIT)
    assert found.steps["sync", 0] == Step(20 * UNIT, 30 * UNIT)
    assert found.steps["flush", 1] == Step(40 * UNIT, None)
    assert found.orders["flush", 0, 0] == 2 * UNIT
    assert found.orders["sync", 0, 0] == 3 * UNIT
    assert found.orders["flush", 1, 0] == 0


@pytest.mark.parametrize("backend", ["sim", "null"])
def test_only_real_workers_have_measured_times(backend: str) -> None:
    with pytest.raises(UsageError, match=f"backend {backend} has no measured durations"):
        measured(backend=backend)
