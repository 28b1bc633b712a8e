"""Copies made equal while nothing is in flight: when, by which messages, to which values, and at what cost."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ampsim.engine.assemble import replay_order
from ampsim.engine.controller import Controller, Orders, Sync
from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import SGD, Adam
from ampsim.engine.plan import Plan
from ampsim.engine.schedule import Schedule
from ampsim.engine.task import Effects, Metric
from ampsim.engine.worker import WorkerState
from ampsim.errors import Stalled
from ampsim.ir.copies import Mark
from ampsim.ir.message import FORWARD, Array, Messages, Origin
from ampsim.ir.nodes import Linear, Parameterised, Source
from ampsim.job import Job
from ampsim.result.run import Run
from ampsim.testing import diamond, mlp, points, replicated, rnn
from tests.null.copied import bytes_between, copied, syncs, with_graph, with_marks
from tests.null.models import Setting
from tests.null.shuffled import ShuffledBackend
from tests.null.test_exactness import mlp_step, rnn_step

few = hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


class Peeking(NullBackend):
    """Notes the parameters of all nodes before and after every synchronisation."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[tuple[Sync, dict[str, Array]]] = []
        self.after: list[dict[str, Array]] = []

    def _obey(self, controller: Controller, workers: list[WorkerState], orders: Orders) -> None:
        waited = len(self.before) > len(self.after)
        if waited and (orders.admit or orders.done):
            self.after.append(weights(workers))
        if orders.sync:
            self.before.append((orders.sync, weights(workers)))
        super()._obey(controller, workers, orders)


def weights(workers: list[WorkerState]) -> dict[str, Array]:
    return {name: value.copy() for state in workers for name, value in state.values().items()}


def copies_of(values: dict[str, Array], base: str, parameter: str, copies: int) -> list[Array]:
    return [values[f"{base}.{copy}/{parameter}"] for copy in range(copies)]


# -- values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copies", [2, 3, 4])
@pytest.mark.parametrize("make", [mlp, rnn, diamond])
def test_afterwards_all_copies_are_the_plain_mean(make: Any, copies: int) -> None:
    """To the bit what numpy says, each time; and before it they had gone apart."""
    job = replicated(make(epochs=3, max_active_keys=4, min_update_frequency=2), copies, sync=5)
    backend = Peeking()
    backend.execute(Plan(job, copies))
    assert len(backend.before) == len(backend.after) == 3 * 3  # of 12 instances an epoch: at 5, 10 and 12
    apart = False
    for (_, before), after in zip(backend.before, backend.after, strict=True):
        for node in make().graph.nodes:
            for name in node.parameters() if isinstance(node, Parameterised) else ():
                parts = copies_of(before, node.name, name, copies)
                apart |= any((part != parts[0]).any() for part in parts)
                for value in copies_of(after, node.name, name, copies):
                    np.testing.assert_array_equal(value, np.mean(np.stack(parts), axis=0))
    assert apart


def momentum(workers: list[WorkerState], job: Job, slot: str) -> list[Array]:
    """A slot of L1/W of every copy."""
    found = {}
    for state in workers:
        for index, parameters in state.parameters.items():
            found[job.graph.nodes[index].name] = parameters.slots["W"][slot]
    return [found[name] for name in sorted(found) if name.startswith("L1.")]


@pytest.mark.parametrize("slots", ["average", "keep"])
def test_the_state_of_the_optimizer_is_averaged_or_kept(slots: str) -> None:
    job = replicated(mlp(epochs=1, optimizer=Adam(0.01)), 2, slots=slots)
    seen: list[tuple[list[Array], list[Array]]] = []

    class Slots(NullBackend):
        def _obey(self, controller: Controller, workers: list[WorkerState], orders: Orders) -> None:
            before = [value.copy() for value in momentum(workers, job, "m")]
            super()._obey(controller, workers, orders)
            if orders.sync:
                self._before, self._workers = before, workers

        def _execute(self, plan: Plan) -> Run:
            run = super()._execute(plan)
            seen.append((self._before, momentum(self._workers, job, "m")))
            return run

    run = Slots().execute(Plan(job, 2))
    before, after = seen[0]
    assert (before[0] != before[1]).any()
    wanted = [np.mean(np.stack(before), axis=0)] * 2 if slots == "average" else before
    for value, expected in zip(after, wanted, strict=True):
        np.testing.assert_array_equal(value, expected)
    sizes = 4 * (6 * 8 + 8) * (3 if slots == "average" else 1)
    assert bytes_between(run)["L1.1.sync -> L1.0.sync", FORWARD] == (1, sizes)


def averaging_loop(job: Job, step: Any, initial: dict[str, Array], copies: int, every: int, rate: float) -> Any:
    """Model averaging as one would write it: instance n trains copy n modulo copies; float64, nothing of messages."""
    training = job.training
    data = job.data.load()
    schedule = Schedule(*data, training.epochs, seed=training.seed, lanes=copies)
    models = [{name: v.astype(np.float64) for name, v in initial.items() if f".{i}/" in name} for i in range(copies)]
    models = [{name.replace(f".{i}/", "/"): v for name, v in m.items()} for i, m in enumerate(models)]
    for segment in schedule.segments():
        if not segment.training:
            continue
        for done, n in enumerate(range(segment.start, segment.stop), 1):
            model = models[n % copies]
            _, grads = step(model, data.training.arrays, schedule.entry(n).index)
            for name in model:
                model[name] = model[name] - rate * grads[name]
            if done % every == 0 or n + 1 == segment.stop:
                mean = {name: np.mean([m[name] for m in models], axis=0) for name in model}
                models = [dict(mean) for _ in models]
    return models[0]


@pytest.mark.parametrize("copies", [2, 3])
@pytest.mark.parametrize("every", [1, 4, 1000])
@pytest.mark.parametrize("make, step", [(mlp, mlp_step), (rnn, rnn_step)])
def test_one_at_a_time_it_is_model_averaging(make: Any, step: Any, copies: int, every: int) -> None:
    plain = make(epochs=2, optimizer=SGD(0.2), update="instance", gradient="sum")
    job = replicated(plain, copies, sync=every)
    run = NullBackend().execute(Plan(job, 2))
    wanted = averaging_loop(job, step, run.initial, copies, every, 0.2)
    for name, value in wanted.items():
        node, _, parameter = name.partition("/")
        for copy in range(copies):
            found = run.final[f"{node}.{copy}/{parameter}"]
            np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-6, err_msg=name)


def test_one_copy_is_the_job_itself_to_the_bit() -> None:
    for make in (mlp, rnn):
        job = make(epochs=2, max_active_keys=3, optimizer=Adam(0.01))
        alone = NullBackend().execute(Plan(job, 2))
        single = NullBackend().execute(Plan(replicated(job, 1, sync=3), 2))
        assert replicated(job, 1).hash == job.hash
        for name, value in alone.final.items():
            np.testing.assert_array_equal(single.final[name], value)


def test_validation_at_the_end_of_an_epoch_sees_equal_weights() -> None:
    """Scored anew with copy 0 alone, on the plain graph: the same losses to the bit."""
    plain = mlp(epochs=1, optimizer=SGD(0.3))
    run = NullBackend().execute(Plan(replicated(plain, 3), 3))
    values: dict[str, dict[str, Array]] = {}
    for name, value in run.final.items():
        node, _, parameter = name.partition("/")
        if node.endswith(".0"):
            values.setdefault(node.removesuffix(".0"), {})[parameter] = value
    again = NullBackend().execute(Plan(plain, 1, values=values, evaluate=True))
    metrics = run.tables["metrics"]
    np.testing.assert_array_equal(metrics["loss"][~metrics["training"]], again.tables["metrics"]["loss"])


# -- when --------------------------------------------------------------------------------------------------------------


@given(
    st.integers(1, 13),
    st.lists(st.integers(1, 9), max_size=2),
    st.sampled_from([None, 1, 4]),
    st.integers(1, 3),
    st.booleans(),
)
def test_the_schedule_is_cut_where_copies_meet(
    size: int, every: list[int], validate: int | None, epochs: int, held_out: bool
) -> None:
    """Only cut: instances, modes and indices are as without."""
    train, rest = points(size)
    made = Schedule(train, rest if held_out else None, epochs, validate_every=validate, sync_every=every)
    plain = Schedule(train, rest if held_out else None, epochs, validate_every=validate)
    assert [made.entry(n) for n in range(made.total)] == [plain.entry(n) for n in range(plain.total)]
    segments = made.segments()
    assert all(a.stop == b.start for a, b in pairwise(segments))
    training = [s for s in segments if s.training]
    cuts = {*every, validate or size}
    ends = [n for n in range(1, size + 1) if n == size or any(n % step == 0 for step in cuts)]
    assert [s.trained for s in training] == ends * epochs
    assert [s.trained == size for s in training] == [s.flush for s in training]
    assert [s for s in segments if not s.training] == [s for s in plain.segments() if not s.training]


def controller(sync: str | int, **training: Any) -> Controller:
    """Of a wholly replicated MLP with 4 instances to train on and 2 held out, on two workers."""
    job = mlp({"instances": 5}, shuffle=False, **training)
    return Controller(Plan(replicated(job, 2, sync), 2).program)


def finish(control: Controller, *instances: int) -> Orders:
    graph, trained = control.program.graph, control.schedule.training(instances[0])
    orders = Orders()
    for instance in instances:
        ends = [(i, instance) for i, n in enumerate(graph.nodes) if isinstance(n, Source) and n.emits(instance)]
        loss = graph.index(f"loss.{instance % 2}")
        orders = control.report(
            Effects(completed=ends if trained else [], metrics=[Metric(loss, instance, 5, 1.0, 1)]), 0
        )
    return orders


def acknowledge(control: Controller) -> Orders:
    assert control.report(Effects(acks=1), 0) == Orders()
    return control.report(Effects(acks=1), 0)


def test_nothing_is_admitted_before_all_is_acknowledged() -> None:
    control = controller(2, max_active_keys=4)
    assert control.start(0).admit == [0, 1]
    assert finish(control, 0, 1) == Orders(update=[])
    assert acknowledge(control) == Orders(sync=Sync(1, (0, 1, 2)))
    assert acknowledge(control).admit == [2, 3]
    assert finish(control, 2, 3) == Orders(update=[])
    assert acknowledge(control) == Orders(sync=Sync(3, (0, 1, 2)))
    assert acknowledge(control).admit == [4]
    assert finish(control, 4) == Orders(flush=True)
    assert acknowledge(control) == Orders(sync=Sync(4, (0, 1, 2)))
    assert acknowledge(control).admit == [5]  # validation, on equal weights
    assert finish(control, 5).done


def test_by_the_epoch_they_meet_once() -> None:
    control = controller("epoch", max_active_keys=4, validate_every=2)
    control.start(0)
    assert finish(control, 0, 1) == Orders(update=[])
    assert acknowledge(control).admit == [2]  # validation in mid-epoch: of each copy as it is
    control = controller("epoch", max_active_keys=8)
    control.start(0)
    assert finish(control, 0, 1, 2, 3, 4) == Orders(flush=True)
    assert acknowledge(control) == Orders(sync=Sync(4, (0, 1, 2)))


@pytest.mark.parametrize("make_backend", [NullBackend, lambda: ShuffledBackend(3)])
@pytest.mark.parametrize("sync", ["epoch", 5])
def test_a_target_met_in_mid_epoch_ends_with_equal_copies(make_backend: Any, sync: str | int) -> None:
    job = replicated(mlp(epochs=2, max_active_keys=4, validate_every=4, target=1e-9, optimizer=SGD(0.3)), 3, sync)
    run = make_backend().execute(Plan(job, 3))
    assert 0 < run.tables["instances"]["training"].sum() < 12
    assert syncs(run)["L1.0"] == 1
    for name, value in run.final.items():
        node, _, parameter = name.partition("/")
        np.testing.assert_array_equal(value, run.final[f"{node.partition('.')[0]}.0/{parameter}"], err_msg=name)
    assert (run.final["L1.0/W"] != run.initial["L1.0/W"]).any()
    again = NullBackend().execute(replace(Plan(job, 3), order=replay_order(run)))
    for name, value in run.final.items():
        np.testing.assert_array_equal(again.final[name], value, err_msg=name)


def test_what_is_left_to_admit_is_counted_in_instances() -> None:
    """5 to train on and 1 to validate with after every 1, on two copies: numbers are left out, instances are not."""
    control = controller("epoch", max_active_keys=9, validate_every=1)
    assert (control.left, control.schedule.per_epoch) == (10, 15)
    control.start(0)
    assert finish(control, 0) == Orders(update=[])
    assert acknowledge(control).admit == [1]
    assert finish(control, 1).admit == [3]
    assert control.left == 7


def test_copies_that_are_equal_already_are_left_alone_when_a_target_ends_the_run() -> None:
    """Once, after the 4 instances; the mean of three equal numbers is rounded, and would cost time."""
    job = replicated(mlp(epochs=2, validate_every=4, target=1e-9), 3, 4)
    assert syncs(NullBackend().execute(Plan(job, 3)))["L1.0"] == 1
    job = replicated(mlp(epochs=2, target=1e-9), 3)
    assert syncs(NullBackend().execute(Plan(job, 3)))["L1.0"] == 1


def test_the_time_of_a_validation_is_not_that_of_the_sync_behind_it() -> None:
    control = controller("epoch", max_active_keys=4, validate_every=2, target=0.1)
    control.start(0)
    assert finish(control, 0, 1) == Orders(update=[])
    assert acknowledge(control).admit == [2]
    assert finish(control, 2) == Orders(sync=Sync(2, (0, 1, 2)))
    assert not control.done
    assert control.report(Effects(acks=1), 7) == Orders()
    assert control.report(Effects(acks=1), 9).done
    assert control.validations[0]["time"] == 0
    assert control.epochs[0]["time"] == 9


def test_nodes_with_periods_of_their_own() -> None:
    """The cell every 5 of 12 instances, the others by the epoch."""
    job = rnn(epochs=2)
    marks = {job.graph.index("cell"): Mark(2, 5, "keep"), job.graph.index("classify"): Mark(3, "epoch", "keep")}
    run = NullBackend().execute(Plan(with_graph(job, with_marks(job.graph, marks)), 2))
    assert syncs(run) == {"cell.0": 6, "cell.1": 12, "classify.0": 2, "classify.1": 4, "classify.2": 4}


def test_leftovers_are_not_applied_in_mid_epoch() -> None:
    """With muf 100 nothing is applied before the end of the epoch, whatever happens in between."""
    job = replicated(mlp(epochs=1, min_update_frequency=100), 2, sync=3)
    backend = Peeking()
    run = backend.execute(Plan(job, 2))
    assert run.summary["updates"] == 6
    for _, values in backend.before[:-1]:
        for name, value in values.items():
            np.testing.assert_array_equal(value, run.initial[name])


def test_a_sync_is_no_update() -> None:
    job = replicated(mlp(epochs=2), 2, sync=1)
    run = NullBackend().execute(Plan(job, 2))
    updates = run.tables["updates"]
    assert run.summary["updates"] == 2 * 12 * 3
    for node in np.unique(updates["node"]).tolist():
        assert updates["version"][updates["node"] == node].tolist() == list(range(1, 13))
    assert run.tables["staleness"]["staleness"].max() == 0


# -- any order, and the same again -------------------------------------------------------------------------------------


@few
@given(copied(), st.integers(0, 9))
def test_whatever_the_order_of_events_copies_end_equal_and_replay_gives_the_same_bits(
    pair: tuple[Setting, Setting], seed: int
) -> None:
    made = pair[1]
    run = ShuffledBackend(seed).execute(made.plan())
    for node in made.job.graph.nodes:
        if node.replica and isinstance(node, Linear):
            for name in node.parameters():
                first = run.final[f"{node.base}.0/{name}"]
                np.testing.assert_array_equal(run.final[f"{node.name}/{name}"], first)
    plan = replace(made.plan(), order=replay_order(run))
    for backend in (NullBackend(), ShuffledBackend(seed + 1)):
        again = backend.execute(plan)
        for name, value in run.final.items():
            np.testing.assert_array_equal(again.final[name], value, err_msg=name)
        assert replay_order(again) == replay_order(run)


@few
@given(copied(), st.integers(0, 9))
def test_counts_depend_on_nothing_but_the_job(pair: tuple[Setting, Setting], seed: int) -> None:
    made = pair[1]
    runs = [
        NullBackend().execute(made.plan()),
        NullBackend().execute(made.plan(mode="shapes", workers=2)),
        ShuffledBackend(seed).execute(made.plan(max_batch=5)),
    ]
    for run in runs[1:]:
        assert bytes_between(run) == bytes_between(runs[0])
        assert syncs(run) == syncs(runs[0])
        assert run.summary["edges"] == runs[0].summary["edges"]


def test_a_given_order_without_a_sync_stalls_and_says_where() -> None:
    plan = Plan(replicated(mlp(epochs=1), 2, sync=6), 2)
    order = replay_order(NullBackend().execute(plan))
    at = next(i for i, task in enumerate(order[1]) if task.kind == "sync")
    del order[1][at]
    with pytest.raises(Stalled, match=r"stop|stalled"):
        NullBackend().execute(replace(plan, order=order))


def test_messages_between_copies_are_ordinary_messages() -> None:
    program = Plan(replicated(mlp(), 2), 2).program
    edge = program.sync_edges[1][0]
    assert program.edge_names[edge] == "L2.1.sync -> L2.0.sync"
    assert edge == len(program.graph.edges) + 1
    message = Messages(edge, FORWARD, [(7,)], [1], np.zeros((1, 72), np.float32))
    state = WorkerState(program, 0)
    state.deliver([message], Origin(1))
    task = state.next_task()
    assert task is not None
    assert (task.kind, program.graph.nodes[task.node].name, task.messages) == ("sync", "L2.0", 1)
