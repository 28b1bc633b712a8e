"""What a watcher of a run is told: sums that are right, seldom, and at no cost to a run that nobody watches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import ampsim
from ampsim.engine.controller import Controller
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.engine.watching import SHARE, Look, Watch
from ampsim.hw.backend import SimBackend
from ampsim.job import Job
from ampsim.result.run import Run


def job(**settings: object) -> Job:
    found = ampsim.workload("mlp", data="generated", training=600, validation=200, width=8)
    return found.with_training(**{"target": None, "epochs": 2, **settings})


class Clock:
    """A clock that goes on by ``step`` whenever it is read."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def watched(watch: Watch, each: Callable[[Look | None], object], mode: str = "numeric") -> Run:
    def progress(controller: Controller, now: float) -> None:
        each(watch.look(controller, now))

    plan = Plan(job(), 2, mode=mode, progress=progress)
    return SimBackend(ampsim.load_system("host")).execute(plan)


def test_the_sums_of_the_last_look_are_those_of_the_run() -> None:
    watch = Watch(0.0)
    looks: list[Look] = []
    run = watched(watch, lambda look: looks.append(look) if look else None)
    last, tables = looks[-1], run.tables
    training = tables["metrics"]["training"]
    assert last.done == len(tables["instances"]["instance"]) == 16
    assert last.trained == int(tables["instances"]["training"].sum()) == 12
    assert last.in_flight == 0
    assert last.rows == int(tables["metrics"]["rows"][training].sum()) == 1200
    assert last.correct == int(tables["metrics"]["correct"][training].sum())
    assert last.loss == pytest.approx(float((tables["metrics"]["loss"] * tables["metrics"]["rows"])[training].sum()))
    assert last.clock == pytest.approx(run.makespan)
    took = np.bincount(tables["tasks"]["worker"], tables["tasks"]["end"] - tables["tasks"]["start"])
    assert [busy for busy, _ in last.busy] == pytest.approx(took)
    assert watch.utilization() == pytest.approx(np.mean(run.summary["utilization"]))


def test_looks_are_sums_that_never_shrink_and_levels_within_their_bounds() -> None:
    looks: list[Look] = []
    run = watched(Watch(0.0), lambda look: looks.append(look) if look else None)
    for before, after in pairwise(looks):
        for name in ("wall", "clock", "done", "trained", "rows", "loss", "events"):
            assert getattr(before, name) <= getattr(after, name)
        assert all(a[0] <= b[0] for a, b in zip(before.busy, after.busy, strict=True))
    assert max(look.in_flight for look in looks) <= run.config["job"]["training"]["max_active_keys"]
    assert all(busy <= at for look in looks for busy, at in look.busy)


def test_most_calls_are_answered_with_nothing_and_the_last_one_never_is() -> None:
    found: list[Look | None] = []
    watched(Watch(1e9), found.append)
    assert [look is None for look in found] == [False, *[True] * (len(found) - 2), False]
    assert len(found) > 10


def test_dear_looks_are_few() -> None:
    """Each reading of the clock takes a second: looks may then be one fiftieth of the time, whatever was asked."""
    clock = Clock(1.0)
    taken: list[float] = []
    watched(Watch(0.0, clock), lambda look: taken.append(clock.now) if look else None)
    gaps = np.diff(taken[:-1])  # the last is taken in any case
    assert len(gaps) == 0 or gaps.min() >= 1 / SHARE


def test_without_numbers_there_is_no_loss_but_the_rest() -> None:
    watch = Watch(0.0)
    watched(watch, lambda _: None, mode="shapes")
    assert watch.loss() is None
    assert watch.utilization() is not None
    assert watch.left() == 0.0


def test_pace_and_time_left_by_a_clock_of_our_own() -> None:
    controller = Controller(Plan(job(), 1).program)
    clock = Clock(0.0)
    watch = Watch(0.0, clock)
    total = controller.schedule.total
    watch.look(controller, 0.0)
    assert (watch.pace(), watch.left(), watch.loss(), watch.utilization()) == (None, None, None, None)
    for number in range(4):
        controller.instances[number] = [0, 0]
        clock.now += 2.0
        watch.look(controller, clock.now)
    assert watch.pace() == pytest.approx(0.5)
    assert watch.left() == pytest.approx(2.0 * (total - 4))


def test_another_controller_begins_anew() -> None:
    watch = Watch(0.0)
    first, second = (Controller(Plan(job(), 1).program) for _ in range(2))
    first.instances[0] = [0, 0]
    assert watch.look(first, 5.0) is not None
    look = watch.look(second, 0.0)
    assert look is not None
    assert (look.done, len(watch.looks)) == (0, 1)


def test_a_run_that_is_watched_is_the_run_it_is_otherwise() -> None:
    plan = Plan(job(), 2)
    watch = Watch(0.0)
    system = ampsim.load_system("host")

    def progress(controller: Controller, now: float) -> None:
        watch.look(controller, now)

    seen = SimBackend(system).execute(replace(plan, progress=progress))
    unseen = SimBackend(system).execute(plan)
    for name, table in unseen.tables.items():
        assert all(seen.tables[name][key].tobytes() == column.tobytes() for key, column in table.items())


@pytest.mark.parametrize("epochs, every, lanes", [(2, None, 1), (3, 2, 1), (2, 2, 4), (1, 1, 2)])
def test_the_number_of_trained_instances_follows_from_that_of_all(epochs: int, every: int | None, lanes: int) -> None:
    from ampsim.engine.schedule import Schedule

    data = job().data.load()
    schedule = Schedule(data.training, data.validation, epochs, validate_every=every, lanes=lanes)
    numbers = [number for segment in schedule.segments() for number in range(segment.start, segment.stop)]
    for done in range(len(numbers) + 1):
        assert schedule.trained(done) == sum(schedule.entry(number).training for number in numbers[:done])


def test_a_backend_that_does_not_tell_has_no_utilization() -> None:
    controller = Controller(Plan(job(), 1).program)
    watch = Watch(0.0)
    look = watch.look(controller, 1.0)
    assert look is not None
    assert look.busy == ()
    assert NullBackend().execute(Plan(job(), 1)).summary["updates"] > 0
