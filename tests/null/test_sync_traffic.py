"""Copies made equal by real messages: how many, how large, at what cost, and where they wait."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.engine.worker import WorkerState
from ampsim.ir.message import BACKWARD, FORWARD, Origin
from ampsim.testing import mlp, replicated
from tests.null.copied import SYNC, bytes_between, syncs

few = hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


@pytest.mark.parametrize("mode", ["numeric", "shapes"])
@pytest.mark.parametrize("copies", [2, 4])
def test_each_copy_sends_one_message_and_gets_one(copies: int, mode: str) -> None:
    job = replicated(mlp(epochs=2, max_active_keys=3), copies, sync=4)
    run = NullBackend().execute(Plan(job, copies, mode=mode))
    times = 2 * 3  # of 12 instances an epoch: at 4, 8 and 12
    found = bytes_between(run)
    for name, size in (("L1", 6 * 8 + 8), ("L2", 8 * 8 + 8), ("L3", 8 * 3 + 3)):
        for copy in range(1, copies):
            for direction in (FORWARD, BACKWARD):
                assert found.pop((f"{name}.{copy}.sync -> {name}.0.sync", direction)) == (times, times * 4 * size)
    assert found == {}
    wanted = {f"{name}.{c}": times * (2 if c else 1) for name in ("L1", "L2", "L3") for c in range(copies)}
    assert syncs(run) == wanted


def test_the_messages_say_what_they_are() -> None:
    """The order comes from the controller; the state is the last instance before it."""
    job = replicated(mlp(epochs=1), 2, sync=6)
    run = NullBackend().execute(Plan(job, 2))
    tasks, messages = run.tables["tasks"], run.tables["messages"]
    kinds = tasks["kind"][messages["task"]]
    of_copy = [
        (run.summary["edges"][e] if e >= 0 else "order", d, state, source)
        for e, d, state, source in zip(
            messages["edge"][kinds == SYNC].tolist(),
            messages["direction"][kinds == SYNC].tolist(),
            messages["state"][kinds == SYNC][:, 0].tolist(),
            messages["source"][kinds == SYNC].tolist(),
            strict=True,
        )
    ]
    edge = "L2.1.sync -> L2.0.sync"
    for instance in (5, 11):
        assert of_copy.count(("order", FORWARD, instance, -1)) == 3
        assert of_copy.count((edge, FORWARD, instance, 1)) == 1
        assert of_copy.count((edge, BACKWARD, instance, 0)) == 1


def test_the_work_of_a_sync_is_its_additions_and_bytes() -> None:
    job = replicated(mlp(epochs=1), 3)
    run = NullBackend().execute(Plan(job, 3))
    tasks = run.tables["tasks"]
    size = 6 * 8 + 8
    rows = [
        (run.summary["nodes"][n], vector, read, written)
        for kind, n, vector, read, written in zip(
            *(tasks[c].tolist() for c in ("kind", "node", "vector", "read", "written")), strict=True
        )
        if kind == SYNC and run.summary["nodes"][n].startswith("L1")
    ]
    assert rows == [
        ("L1.0", 3.0 * size, 3 * 4 * size, 2 * 4 * size),
        *[("L1.1", 0.0, 4 * size, 4 * size)] * 2,
        *[("L1.2", 0.0, 4 * size, 4 * size)] * 2,
    ]


def test_what_waits_for_the_others_is_accounted() -> None:
    job = replicated(mlp(epochs=1), 3)
    program = Plan(job, 3).program
    workers = [WorkerState(program, w) for w in range(3)]
    size = 4 * (6 * 8 + 8)
    workers[1].synchronise(0, [0], Origin())
    task = workers[1].next_task()
    assert task is not None
    assert task.kind == "sync"
    parcel = workers[1].run(task).parcels[0]
    workers[0].synchronise(0, [0], Origin())
    workers[0].deliver(parcel, Origin(1))
    assert workers[0].memory() == (0, 0, size)
    assert workers[0].next_task() is None
    assert workers[0].waiting() == ["L1.0 misses a sync message on its edge from copy 2 for (0,)"]


def test_a_mean_may_be_formed_before_the_order_comes() -> None:
    """Orders and parcels come over different ways; the order is acknowledged all the same, once."""
    program = Plan(replicated(mlp(epochs=1), 2), 2).program
    first, second = (WorkerState(program, w) for w in range(2))
    second.synchronise(0, [0, 1], Origin())
    for _ in range(2):
        task = second.next_task()
        assert task is not None
        first.deliver(second.run(task).parcels[0], Origin(1))
        task = first.next_task()
        assert task is not None
        effects = first.run(task)
        assert effects.acks == 0
        second.deliver(effects.parcels[1], Origin(0))
    first.synchronise(0, [0, 1], Origin())
    assert first.take_effects().acks == 1
    acks = []
    while task := second.next_task():
        acks.append(second.run(task).acks)
    assert acks == [0, 1]
