"""An instance that never leaves its worker is updated for there; nobody is told, and nothing comes out differently."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ampsim.engine.controller import Controller, Orders
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.engine.program import Program
from ampsim.engine.schedule import Schedule
from ampsim.job import Job, Training
from ampsim.testing import mlp, points, replicated, rnn
from tests.null.copied import chain

BY_INSTANCE: dict[str, Any] = {"epochs": 2, "update": "instance", "gradient": "sum"}


def asked(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The instances whose gradients the controller asked to apply, order by order."""
    found: list[list[int]] = []
    report = Controller.report

    def watched(self: Controller, effects: Any, now: int) -> Orders:
        orders = report(self, effects, now)
        if orders.update:
            found.append(orders.update)
        return orders

    monkeypatch.setattr(Controller, "report", watched)
    NullBackend().execute(plan)
    return found


@pytest.mark.parametrize(
    "job, workers, home",
    [
        (rnn(**BY_INSTANCE), 1, [0, 0, 0]),
        (rnn(**BY_INSTANCE), 3, [None, None, None]),
        (replicated(rnn(**BY_INSTANCE), 2, "epoch"), 2, [0, 1, 0]),
    ],
    ids=["one worker", "cut over three", "a copy on each"],
)
def test_an_instance_is_at_home_where_all_its_nodes_are(job: Job, workers: int, home: list[int | None]) -> None:
    program = Plan(job, workers).program
    assert [program.home(instance) for instance in range(3)] == home


def test_homes_take_no_more_room_than_copies() -> None:
    """Copies on one worker by 1024, 1023 and 1021: what is kept grows with their sum, not with their multiple."""
    graph = chain(first=1024, second=1023, loss=1021)
    program = Program(graph, Schedule(points()[0], None, 1), Training(), (3,) * len(graph.nodes), 4)
    assert program.home(10**12) == 3
    assert program.home(10**12 + 1) == 3
    spread = Program(graph, program.schedule, program.settings, (3, *(0,) * (len(graph.nodes) - 1)), 4)
    assert spread.home(0) is None


def test_the_controller_asks_only_for_instances_that_leave_their_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(Plan(rnn(**BY_INSTANCE), 1), monkeypatch) == []
    assert asked(Plan(replicated(rnn(**BY_INSTANCE), 2, "epoch"), 2), monkeypatch) == []
    assert asked(Plan(rnn(**BY_INSTANCE), 3), monkeypatch) != []


@pytest.mark.parametrize("make", [mlp, rnn])
@pytest.mark.parametrize("settings", [{}, {"validate_every": 5}, {"max_batch": 8}], ids=str)
def test_told_or_not_the_parameters_are_the_same(
    make: Any, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At mak = 1: with everything on one worker, once as it is and once with the controller told of no home."""
    job = make(**BY_INSTANCE, **settings)
    alone = NullBackend().execute(Plan(job, 1))
    monkeypatch.setattr(Program, "home", lambda self, instance: None)
    told = NullBackend().execute(Plan(job, 1))
    for name, value in told.final.items():
        np.testing.assert_array_equal(alone.final[name], value, err_msg=name)
    assert alone.summary["updates"] == told.summary["updates"]
