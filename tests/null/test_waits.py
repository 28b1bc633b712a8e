"""Why nothing moves: a wait-for cycle where there is one, what is missing where there is none. Never in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ampsim.engine.assemble import replay_order
from ampsim.engine.complete import check_complete, check_work
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.engine.policy import Planned
from ampsim.engine.waits import Stop, find_cycle
from ampsim.engine.worker import WorkerState
from ampsim.errors import RunError, Stalled, UsageError
from ampsim.ir.data import Dataset
from ampsim.ir.graph import Graph
from ampsim.ir.message import Origin, Spec, State
from ampsim.ir.nodes import Linear, LogSoftmax, NllLoss, Source
from ampsim.job import Job, Recipe, Training
from ampsim.testing import Points, mlp, points
from tests.sim.stuck import stuck_job

Order = Mapping[int, Sequence[Planned]]


def few(instances: int) -> tuple[Dataset, None]:
    """Points to train on, and none to validate on."""
    return points(instances)[0], None


def neighbour(state: State) -> State:
    """Instances in pairs: 0 with 1, 2 with 3."""
    return (state[0] ^ 1,)


def two(**training: Any) -> Plan:
    """Two layers on two workers; four instances, two of them in flight."""
    x, labels, loss = Source("x"), Source("labels"), NllLoss("loss", key=training.pop("key", None))
    _ = x >> Linear("L0", 6, 6).affinity(0) >> Linear("L1", 6, 3).affinity(1) >> LogSoftmax() >> loss["prediction"]
    _ = labels >> loss["label"]
    settings = {"max_active_keys": 2, "shuffle": False, **training}
    return Plan(Job(Graph.of("two", x, labels), Recipe(few, {"instances": 4}), Training(**settings)), 2, {0: 0, 1: 1})


def text(plan: Plan, order: Order | None = None) -> str:
    """What is said of its stall."""
    with pytest.raises(Stalled) as error:
        NullBackend().execute(replace(plan, order=order))
    assert error.value.exit_code == 1
    return str(error.value)


def recorded(plan: Plan) -> dict[int, list[Planned]]:
    """An order that works."""
    return {worker: list(order) for worker, order in replay_order(NullBackend().execute(plan)).items()}


def changed(order: Order, worker: int, kind: str, node: int, to: int) -> dict[int, list[Planned]]:
    """The first task of a kind and node, moved to another place of its worker's order."""
    own = list(order[worker])
    task = next(planned for planned in own if (planned.kind, planned.node) == (kind, node))
    own.remove(task)
    own.insert(to, task)
    return {**{w: list(tasks) for w, tasks in order.items()}, worker: own}


# -- cycles ------------------------------------------------------------------------------------------------------------


def test_an_order_that_works_ends() -> None:
    plan = two()
    assert NullBackend().execute(replace(plan, order=recorded(plan))).summary["updates"] > 0


def test_two_workers_that_wait_for_each_other() -> None:
    plan = two()
    graph = plan.job.graph
    order = changed(recorded(plan), 0, "backward", graph.index("L0"), 0)
    found = text(plan, order)
    assert "wait-for cycle, each waiting for the next, the last for the first:\n" in found
    assert "worker 0 at backward of L0 in its given order waits for (0,) on the way back of L0.out -> L1.in" in found
    assert "worker 1 at forward of L1 in its given order waits for (0,) on L0.out -> L1.in" in found
    assert "change the given order" in found


def test_a_worker_that_waits_for_itself() -> None:
    plan = two()
    order = changed(recorded(plan), 1, "update", plan.job.graph.index("L1"), 0)
    cycle = text(plan, order).split("wait-for cycle:\n")[1]
    assert cycle.startswith(
        "    worker 1 at update of L1 in its given order waits for gradients of L1, which come later"
    )


def test_more_forward_passes_than_may_be_in_flight() -> None:
    """GPipe with four microbatches deadlocks where two may be in flight: 2 < 4."""
    order = recorded(two(max_active_keys=4, min_update_frequency=4))
    own = sorted(order[0], key=lambda planned: ("forward", "backward", "update").index(planned.kind))
    found = text(two(min_update_frequency=4), {**order, 0: own})
    assert "worker 0 at forward of x in its given order waits for instance 2 to be admitted" in found
    assert "admission waits for one of 2 instances in flight to end (max_active_keys is 2)" in found


def test_a_join_of_instances_of_which_one_may_not_come_in() -> None:
    """Each label goes with its neighbour's prediction: with one in flight that never comes, with two it does."""
    plan = two(key={"label": neighbour}, max_active_keys=1)
    found = text(plan)
    assert "loss on worker 1 waits for prediction of (0,) and label of (0,)" in found
    assert "admission waits for one of 1 instances in flight to end (max_active_keys is 1)" in found
    training = replace(plan.job.training, max_active_keys=2)
    NullBackend().execute(replace(plan, job=replace(plan.job, training=training)))


# -- no cycle: what is missing -----------------------------------------------------------------------------------------


def test_keys_that_never_meet_are_no_cycle_even_if_others_wait_to_come_in() -> None:
    found = text(Plan(stuck_job(max_active_keys=2), 2, {0: 0, 1: 1}))
    assert "wait-for" not in found
    assert "missing:\n    loss on worker 1: prediction of (0,) and label of (0,) was never sent, or came" in found
    assert "look at the keys of these joins" in found


def test_an_update_that_the_order_does_not_have() -> None:
    plan = two()
    order = recorded(plan)
    last = [planned for planned in order[0] if planned.kind != "update"]
    found = text(plan, {**order, 0: last})
    assert "worker 0 at the end of its given order: an update of L0 is due, and not in the order" in found


def test_a_worker_that_was_asked_for_too_little() -> None:
    plan = two()
    order = recorded(plan)
    found = text(plan, {**order, 1: order[1][:1]})
    assert "worker 1 at the end of its given order: nothing more was asked of it" in found


def test_an_update_of_gradients_that_are_too_few() -> None:
    plan = two(min_update_frequency=2)
    order = recorded(plan)
    first = [planned.kind for planned in order[1]].index("backward")
    early = [*order[1][: first + 1], next(planned for planned in order[1] if planned.kind == "update")]
    found = text(plan, {**order, 1: early})
    assert (
        "update of L1 in its given order: the backward tasks of L1 in the order are done, and make no update" in found
    )


def test_updates_that_admission_waits_for() -> None:
    """Two epochs: the first one's gradients have to be applied before the second one's instances come in."""
    plan = two(min_update_frequency=4, epochs=2)
    order = recorded(plan)
    late = [planned for planned in order[1] if planned.kind != "update"]
    found = text(plan, {**order, 1: late})
    assert "admission waits for updates of L1" in found
    assert "worker 1 at forward of labels in its given order waits for instance 4 to be admitted" in found


def test_an_instance_that_does_not_exist() -> None:
    plan = two()
    order = recorded(plan)
    more = Planned("forward", plan.job.graph.index("x"), ((-1, (99,)),))
    found = text(plan, {**order, 0: [more, *order[0]]})
    assert "instance 99" in found


def test_cycles_are_short_and_always_the_same() -> None:
    a, b, c, d = (Stop(name, "something") for name in "abcd")
    assert find_cycle({a: [b], b: [c], c: [d], d: []}) == []
    assert find_cycle({a: [b], b: [b]}) == [b]
    assert find_cycle({a: [b], b: [c, d], c: [b], d: [c]}) == [b, c]
    assert find_cycle({}) == []


# -- nothing done, or not all ------------------------------------------------------------------------------------------


class Silent(Points):
    """No instance has a message."""

    def states(self, field: str, index: int) -> list[tuple[int, ...]]:
        return []

    def spec(self, field: str, index: int) -> Spec:
        return super().spec(field, index).with_rows(0)


def silent() -> tuple[Silent, None]:
    """A training set in which there is nothing."""
    return Silent(points(4)[0].arrays), None


def test_a_run_that_does_nothing_is_an_error() -> None:
    job = two().job
    with pytest.raises(RunError, match="nothing was done: none of the 4 instances has a message to send"):
        NullBackend().execute(Plan(replace(job, data=Recipe(silent)), 2, {0: 0, 1: 1}))
    with pytest.raises(RunError, match="nothing was done"):
        check_work(0, 7)
    check_work(1, 7)


def test_to_evaluate_without_anything_to_evaluate_on_is_refused() -> None:
    plan = two()
    with pytest.raises(UsageError, match="no validation set"):
        NullBackend().execute(replace(plan, evaluate=True))


def test_what_is_left_over_at_the_end_is_named() -> None:
    plan = Plan(mlp(), 1)
    plan.check()
    state = WorkerState(plan.program, 0)
    check_complete([state])
    with pytest.raises(RunError, match=r"work unfinished\n  - 3 parcels are on their way"):
        check_complete([state], travelling=3)
    (source,) = (station for station in state.sources.values() if station.field == "x")
    source.admit(1, 0, Origin(-1))
    with pytest.raises(RunError, match="worker 0: forward messages wait at x"):
        check_complete([state])
    state.ledger.caches += 1000
    with pytest.raises(RunError, match="1,000 bytes of cached values were never used"):
        check_complete([state])


def test_a_node_and_an_edge_that_do_not_exist() -> None:
    plan = two()
    order = recorded(plan)
    assert "there is no node 99" in text(plan, {**order, 1: [order[1][0]._replace(node=99), *order[1][1:]]})
    linear = next(i for i, planned in enumerate(order[1]) if planned.node == plan.job.graph.index("L1"))
    lost = order[1][linear]._replace(messages=((99, (0,)),))
    assert "there is no edge 99" in text(plan, {**order, 1: [*order[1][:linear], lost, *order[1][linear + 1 :]]})
