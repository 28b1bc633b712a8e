"""Order is a data structure: what a run wrote down can be given to another, and leads to the same bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ampsim.engine.assemble import replay_order
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.engine.policy import Planned
from ampsim.errors import Stalled, UsageError
from ampsim.job import Job
from ampsim.testing import diamond, mlp, rnn
from tests.null.shuffled import ShuffledBackend

Order = dict[int, list[Planned]]


def job(make: Callable[..., Job] = rnn, max_batch: int = 3) -> Job:
    return make(epochs=2, max_active_keys=4, max_batch=max_batch, min_update_frequency=3)


def recorded(order: Order | None = None) -> Plan:
    """A plan on two workers, in the order that NullBackend takes by itself or in a given one."""
    plan = Plan(job(), 2)
    return Plan(plan.job, 2, order=replay_order(NullBackend().execute(plan)) if order is None else order)


@pytest.mark.parametrize("make", [mlp, rnn, diamond])
@pytest.mark.parametrize("update", ["muf", "instance"])
def test_a_random_order_is_replayed_to_the_bit(make: Callable[..., Job], update: str) -> None:
    """Different orders lead to different weights, each to its own again."""
    made = job(make).with_training(update=update)
    finals = []
    for seed in range(10):
        run = ShuffledBackend(seed).execute(Plan(made, 2))
        for backend in (NullBackend(), ShuffledBackend(seed + 100)):
            again = backend.execute(Plan(made, 2, order=replay_order(run)))
            for name, value in run.final.items():
                np.testing.assert_array_equal(again.final[name], value, err_msg=name)
            assert replay_order(again) == replay_order(run)
        finals.append(b"".join(value.tobytes() for value in run.final.values()))
    assert len(set(finals)) > 1


@pytest.mark.parametrize("copies", [1, 2])
def test_an_epoch_of_some_instances_is_replayed_to_the_bit(copies: int) -> None:
    made = rnn(cells=copies, epochs=3, instances=5, max_active_keys=4, max_batch=3, min_update_frequency=3)
    run = ShuffledBackend(7).execute(Plan(made, 2))
    training = run.tables["instances"]["training"]
    assert training.sum() == 3 * 5
    assert len(set(run.tables["instances"]["index"][training])) > 5  # each epoch chooses anew
    again = NullBackend().execute(Plan(Job.from_dict(made.to_dict()), 2, order=replay_order(run)))
    assert replay_order(again) == replay_order(run)
    for name, value in run.final.items():
        np.testing.assert_array_equal(again.final[name], value, err_msg=name)


def test_the_order_of_fifo_is_an_order() -> None:
    again = NullBackend().execute(recorded())
    assert replay_order(again) == recorded().order


def spoil(change: Callable[[Order], object]) -> Order:
    order = recorded().order
    assert order is not None
    copy = {worker: list(tasks) for worker, tasks in order.items()}
    change(copy)
    return copy


def first(order: Order, worker: int, kind: str) -> int:
    """The place of the first task of a kind."""
    return next(i for i, task in enumerate(order[worker]) if task.kind == kind)


def swap_to_the_front(order: Order) -> None:
    order[1].insert(0, order[1].pop(first(order, 1, "backward")))


def forget_one(order: Order) -> None:
    order[0].pop(first(order, 0, "forward"))


def forget_the_end(order: Order) -> None:
    del order[1][-3:]


def forget_an_update(order: Order) -> None:
    order[0].pop(first(order, 0, "update"))


def update_too_soon(order: Order) -> None:
    order[0].insert(0, order[0].pop(first(order, 0, "update")))


def one_too_many(order: Order) -> None:
    order[1].append(order[1][0])


def nothing_for_one(order: Order) -> None:
    order[1].clear()


def another_node(order: Order) -> None:
    order[1][0] = order[1][0]._replace(node=99)


def another_state(order: Order) -> None:
    task = order[1][0]
    order[1][0] = task._replace(messages=((task.messages[0][0], (77, 0)),))


@pytest.mark.parametrize(
    "change",
    [
        swap_to_the_front,
        forget_one,
        forget_the_end,
        forget_an_update,
        update_too_soon,
        one_too_many,
        nothing_for_one,
        another_node,
        another_state,
    ],
)
@pytest.mark.parametrize("backend", [NullBackend, ShuffledBackend])
def test_a_wrong_order_stalls(change: Callable[[Order], object], backend: type[NullBackend | ShuffledBackend]) -> None:
    with pytest.raises(Stalled) as error:
        backend().execute(recorded(spoil(change)))
    assert "stop" in str(error.value) or "stalled" in str(error.value)


def test_where_a_given_order_stops_is_said() -> None:
    with pytest.raises(Stalled, match=r"worker 1: the given order stops at task 0 of \d+: forward of node 99 never"):
        NullBackend().execute(recorded(spoil(another_node)))


def test_an_order_cannot_take_more_than_may_go_together() -> None:
    """An order of a run with larger groups: they would cross an update."""
    coarse = NullBackend().execute(Plan(job(max_batch=8).with_training(min_update_frequency=8), 2))
    with pytest.raises(UsageError, match=r"takes \d+ messages at once, where at most \d+ may go together"):
        NullBackend().execute(recorded(replay_order(coarse)))


def test_an_order_must_name_every_worker() -> None:
    order = spoil(lambda order: order.pop(1))
    with pytest.raises(UsageError, match="order"):
        NullBackend().execute(recorded(order))
