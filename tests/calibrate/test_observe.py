"""What a run shows of its machine, on tables made by hand."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from ampsim.result.run import Run
from ampsim.result.schema import empty_tables
from ampsim.studies.calibrate.observe import FEATURES, WARMING, Observed, observe
from tests.calibrate.known import measured
from tests.result.synthetic import table

CONTROLLER = -1
MODULE = importlib.import_module("ampsim.studies.calibrate.observe")


def task(worker: int, start: float, end: float, messages: int = 1, nbytes: int = 0) -> tuple[Any, ...]:
    return (worker, 0, 0, start, end, messages, 1, 0.0, 0.0, nbytes, 0)


def message(number: int, source: int, sent: float, arrived: float, nbytes: int = 8, instance: int = 0) -> Any:
    return (number, 0, 0, (instance,), nbytes, source, sent, arrived)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Observes a run of two workers until 100, of the given rows; there is no job whose arithmetic could be found."""
    monkeypatch.setattr(MODULE, "_parts", lambda run, data: [()] * len(run.tables["tasks"]["kind"]))

    def look(makespan: float = 100.0, reports: int = 0, workers: int = 2, **rows: Any) -> Observed:
        tables = empty_tables() | {name: table(name, found) for name, found in rows.items()}
        return observe(Run({"workers": workers, "makespan": makespan, "reports": reports}, tables, {}, {}, {}, {}))

    return look


def test_messaging_is_what_is_neither_a_task_nor_a_wait(seen: Any) -> None:
    """Worker 0: 5 to 20 and 30 to 40 in tasks, 40 to 90 waiting; worker 1 waits until 50, works until 60, waits."""
    tasks = [task(0, 5, 20), task(0, 30, 40), task(1, 50, 60)]
    found = seen(tasks=tasks, waits=[(0, 0, 40, 90), (1, 0, 0, 50), (1, 0, 61, 100)])
    assert found.seconds.tolist() == [15, 10, 10]
    assert found.messaging == 200 - 35 - (50 + 50 + 39)
    # From 50 to 61 only worker 1; from 0 to 40 and 90 to 100 only worker 0: 61 in all, and nobody else together.
    assert found.together.tolist() == [39, 61, 0]
    assert found.together.sum() == 100


def test_a_wait_that_outlasts_the_run_counts_until_its_end(seen: Any) -> None:
    found = seen(tasks=[task(0, 0, 100), task(1, 0, 50)], waits=[(1, 0, 60, 130)])
    assert found.messaging == 10
    assert found.together.tolist() == [0, 40, 60]


def test_how_many_worked_beside_a_task(seen: Any) -> None:
    tasks = [task(0, 0, 40), task(0, 40, 60), task(1, 20, 60)]
    found = seen(tasks=tasks, waits=[(1, 0, 0, 20), (1, 0, 60, 100), (0, 0, 60, 100)])
    assert found.beside == pytest.approx([0.5, 1.0, 1.0])


def test_tasks_that_follow_a_wait_of_their_worker(seen: Any) -> None:
    tasks = [task(0, 10, 20), task(0, 20, 30), task(0, 45, 50), task(1, 0, 10), task(1, 10, 20)]
    found = seen(tasks=tasks, waits=[(0, 0, 0, 9), (0, 0, 30, 35), (0, 0, 38, 44), (1, 0, 20, 100)])
    assert found.woken.tolist() == [True, False, True, False, False]


def test_the_first_tasks_of_a_run_are_not_steady(seen: Any) -> None:
    """Whoever's they are: a run warms up as a whole."""
    tasks = [task(worker, at, at + 1) for worker in (0, 1) for at in range(0, 40, 2)]
    found = seen(tasks=tasks)
    first = round(len(tasks) * MODULE.WARMING / 2)
    assert found.steady.tolist() == ([False] * first + [True] * (20 - first)) * 2


def test_what_messaging_was_made_of(seen: Any) -> None:
    """Two messages of one instance in one parcel, an admission to each worker, one message to oneself."""
    tasks = [task(0, 0, 1), task(0, 2, 3), task(1, 10, 20, messages=3, nbytes=2 << 20)]
    messages = [
        message(0, CONTROLLER, 0, 0), message(1, 0, 1, 1), message(2, 0, 4, 6), message(2, 0, 4, 6),
        message(2, CONTROLLER, 5, 6, instance=1),
    ]  # fmt: skip
    links = [(0, 4, 6, 16, 0, 1)]
    found = seen(reports=7, tasks=tasks, messages=messages, links=links)
    assert dict(zip(FEATURES, found.counts.tolist(), strict=True)) == {
        "tasks": 3, "gathered": 3, "parcels": 2 + 2, "messages": 2 * 2, "bytes": 2 * 16, "reports": 7, "cold": 1,
    }  # fmt: skip


def test_links_to_the_controller_carry_no_parcels(seen: Any) -> None:
    """A simulated system may have them."""
    links = [(0, 0, 1, 8, CONTROLLER, 0), (1, 2, 3, 100, 0, 1), (2, 4, 5, 32, 1, CONTROLLER)]
    found = dict(zip(FEATURES, seen(tasks=[task(0, 0, 1)], links=links).counts.tolist(), strict=True))
    assert (found["parcels"], found["bytes"]) == (2, 200)


def test_an_instance_is_met_when_its_first_message_comes_from_another_worker(seen: Any) -> None:
    tasks = [task(0, 0, 1), task(1, 10, 20), task(1, 20, 30), task(0, 40, 50)]
    messages = [
        message(0, CONTROLLER, 0, 0), message(1, 0, 1, 9), message(2, 0, 3, 19), message(3, 1, 31, 39),
        message(2, 0, 3, 19, instance=5),
    ]  # fmt: skip
    # Worker 1 meets instances 0 and 5; worker 0 knew instance 0 from the controller.
    assert seen(tasks=tasks, messages=messages).met == 2


def test_ways_are_read_where_the_receiver_waited(seen: Any) -> None:
    tasks = [task(0, 5, 10), task(1, 30, 40), task(1, 60, 70)]
    waits = [(0, 0, 0, 4), (1, 0, 0, 28)]
    messages = [
        message(0, CONTROLLER, 1, 4),
        message(1, 0, 20, 28, 100),  # waited for from 0 to 28
        message(1, 0, 20, 28, 60),  # the same parcel
        message(2, 0, 35, 59, 7),  # worker 1 was busy
    ]
    found = seen(tasks=tasks, waits=waits, messages=messages)
    assert found.down.tolist() == [3]
    assert found.across.tolist() == [[160, 8]]


def test_nothing_is_seen_where_nothing_was_sent(seen: Any) -> None:
    found = seen(tasks=[task(0, 0, 100)], workers=1)
    assert (found.messaging, found.met, len(found.up), len(found.down), found.across.shape) == (0, 0, 0, 0, (0, 2))


def test_the_arithmetic_of_every_task_is_found_again() -> None:
    for _, _, found in measured():
        tasks = found.run.tables["tasks"]
        assert [sum(part.work.matmul for part in parts) for parts in found.parts] == tasks["matmul"].tolist()
        assert len(found.parts) == len(found.seconds) == len(found.woken) == len(found.beside)


def test_all_time_of_all_workers_is_a_task_messaging_or_a_wait() -> None:
    for _, _, found in measured():
        begins, ends = (np.minimum(found.run.tables["waits"][name], found.run.makespan) for name in ("start", "end"))
        waited = (ends - begins).sum()
        whole = found.run.workers * found.run.makespan
        assert found.seconds.sum() + found.messaging + waited == pytest.approx(whole)
        assert found.together @ np.arange(found.run.workers + 1) == pytest.approx(whole - waited)


def test_the_way_up_is_from_the_last_task_of_the_instance(seen: Any) -> None:
    """The second instance ends while the report on the first is on its way; it is none of the first one's time."""
    found = seen(
        tasks=[task(0, 0, 10), task(0, 10, 14)],
        messages=[message(0, -1, 0, 0, instance=0), message(1, -1, 10, 10, instance=1)],
        instances=[(0, 0, True, 0, 1, 0.0, 15.0), (1, 0, True, 1, 1, 0.0, 20.0)],
    )
    assert found.up.tolist() == [5.0, 6.0]


def test_the_first_quarter_of_the_tasks_is_not_steady() -> None:
    for _, _, found in measured():
        starts = found.run.tables["tasks"]["start"]
        early = int(len(starts) * WARMING)
        assert found.steady.sum() == len(starts) - early > early > 0
        assert starts[~found.steady].max() <= starts[found.steady].min()
