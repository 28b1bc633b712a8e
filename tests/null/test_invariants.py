"""The laws of the engine on random graphs, in random orders of events.

- Every forward message of training is answered on its edge by exactly one backward message of equal state.
- When all is still, nothing is kept: no cache, no queue, no unanswered instance, no deferred row, no byte counted.
- Neither timing, nor placement, nor grouping, nor the mode changes what is counted.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from ampsim.engine.assemble import replay_order
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.ir.message import BACKWARD, FORWARD
from ampsim.ir.nodes import Parameterised, Transform
from ampsim.result.run import Run
from tests.null.models import Setting, settings
from tests.null.shuffled import ShuffledBackend, Watched

SEEDS = st.integers(0, 2**32)
# A drawn graph can outgrow hypothesis' buffer, which it counts as filtered out.
LARGE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
many = how(max_examples=40, suppress_health_check=LARGE)


def shuffled(plan: Plan, seed: int) -> tuple[Run, ShuffledBackend]:
    backend = ShuffledBackend(seed)
    return backend.execute(plan), backend


def counted(run: Run) -> dict[str, Any]:
    """What may never depend on timing, placement, grouping or mode."""
    tables = run.tables

    def rows(table: str, *columns: str) -> list[tuple[Any, ...]]:
        return sorted(zip(*(tables[table][column].tolist() for column in columns), strict=True))

    return {
        "edges": rows("edges", "edge", "direction", "messages", "bytes"),
        "matmul": run.summary["matmul"],
        "updates": Counter(tables["updates"]["node"].tolist()),
        "gradients": int(tables["updates"]["gradients"].sum()),
        "instances": rows("instances", "instance", "epoch", "training", "index", "rows"),
    }


@many
@given(settings(), SEEDS)
def test_every_message_of_training_is_answered_once_and_none_of_validation(setting: Setting, seed: int) -> None:
    plan = setting.plan()
    run, backend = shuffled(plan, seed)
    training = plan.program.schedule.training
    for edge in range(len(plan.job.graph.edges)):
        forward, backward = backend.sent[edge, FORWARD], backend.sent[edge, BACKWARD]
        asked = Counter((state, rows) for state, rows, _ in forward if training(state[0]))
        assert asked == Counter((state, rows) for state, rows, _ in backward)
        assert not asked or max(asked.values()) == 1
        if plan.job.graph.needs_gradient[edge]:
            shapes = {state: spec for state, _, spec in forward}
            assert all(shapes[state] == spec for state, _, spec in backward)
        # Inside a chain messages are counted only; what is counted is what would have been sent.
        counts = {d: sum(w.counts[edge][d][0] for w in backend.workers) for d in (FORWARD, BACKWARD)}
        inner = not forward and counts[FORWARD] > 0
        assert inner or (counts[FORWARD], counts[BACKWARD]) == (len(forward), len(backward))
    assert run.summary["makespan"] > 0


@many
@given(settings(), SEEDS)
def test_with_every_node_alone_every_edge_is_seen(setting: Setting, seed: int) -> None:
    nodes = len(setting.owner)
    plan = Plan(setting.job, nodes, owner=tuple(range(nodes)))
    run, backend = shuffled(plan, seed)
    assert counted(run) == counted(NullBackend().execute(setting.plan()))
    trained = set(run.tables["instances"]["instance"][run.tables["instances"]["training"]].tolist())
    for edge in range(len(plan.job.graph.edges)):
        asked = [state for state, _, _ in backend.sent[edge, FORWARD] if state[0] in trained]
        assert Counter(asked) == Counter(state for state, _, _ in backend.sent[edge, BACKWARD])


def assert_still(state: Watched) -> None:
    """Nothing is left at a worker."""
    for station in state.stations:
        assert station.head() is None
        assert station.waiting() == {}
    assert all(source.unanswered == {} for source in state.sources.values())
    assert all(site.cache == {} for site in state.sites())
    assert not state.due
    assert state.memory() == (0, 0, 0)


@many
@given(settings(), SEEDS)
def test_when_all_is_still_nothing_is_kept(setting: Setting, seed: int) -> None:
    _, backend = shuffled(setting.plan(), seed)
    assert backend.controller.in_flight == {}
    for state in backend.workers:
        assert_still(state)


def test_the_watch_sees_every_kind_of_site() -> None:
    """Else the test above would see nothing too easily."""
    from ampsim.testing import diamond, rnn

    kinds = set()
    for job in (rnn(), diamond()):
        backend = ShuffledBackend()
        backend.execute(Plan(job, 2))
        kinds |= {type(site.node).__name__ for worker in backend.workers for site in worker.sites()}
    assert kinds >= {"Phi", "Cond", "Isu", "Concat", "Embedding", "Linear", "Bcast", "Split", "NllLoss"}


@many
@given(settings(), SEEDS)
def test_every_instance_ends_once_and_mak_holds(setting: Setting, seed: int) -> None:
    plan = setting.plan()
    run, backend = shuffled(plan, seed)
    instances = run.tables["instances"]
    assert instances["instance"].tolist() == list(range(len(instances["instance"])))
    trained = instances["instance"][instances["training"]].tolist()
    wanted = {(source, n) for n in trained for source in plan.program.sources}
    assert backend.completed == dict.fromkeys(wanted, 1)
    assert (instances["completed"] >= instances["admitted"]).all()
    assert backend.most_in_flight <= plan.job.training.max_active_keys


@many
@given(settings(), SEEDS)
def test_first_in_first_out_on_every_edge_without_a_join(setting: Setting, seed: int) -> None:
    """A Phi is left out: what it passes on comes from two edges."""
    plan = setting.plan()
    run, backend = shuffled(plan, seed)
    graph, messages = plan.job.graph, run.tables["messages"]
    states = [tuple(x for x in state if x != np.iinfo(np.int64).min) for state in messages["state"].tolist()]
    for number, edge in enumerate(graph.edges):
        sent = [state for state, _, _ in backend.sent[number, FORWARD]]
        if not sent or not isinstance(graph.nodes[edge.target], Transform):
            continue
        taken = (messages["edge"] == number) & (messages["direction"] == FORWARD)
        assert [states[i] for i in np.flatnonzero(taken)] == sent


@many
@given(settings(), SEEDS)
def test_bytes_are_conserved(setting: Setting, seed: int) -> None:
    """What was sent on an edge that ends in a queue is what tasks took from it, in number and in bytes."""
    run, _ = shuffled(setting.plan(), seed)
    messages, edges = run.tables["messages"], run.tables["edges"]
    for edge, direction, number, nbytes in zip(*(edges[c].tolist() for c in edges), strict=True):
        taken = (messages["edge"] == edge) & (messages["direction"] == direction)
        if taken.any():
            assert (int(taken.sum()), int(messages["bytes"][taken].sum())) == (number, nbytes)


@many
@given(settings(), SEEDS, st.integers(1, 16), st.integers(1, 4))
def test_counts_depend_on_nothing_but_the_job(setting: Setting, seed: int, max_batch: int, workers: int) -> None:
    wanted = counted(NullBackend().execute(setting.plan()))
    assert counted(shuffled(setting.plan(), seed)[0]) == wanted
    assert counted(NullBackend().execute(setting.plan(mode="shapes"))) == wanted
    assert counted(shuffled(setting.plan(mode="shapes"), seed)[0]) == wanted
    assert counted(NullBackend().execute(setting.plan(workers=workers, max_batch=max_batch))) == wanted


@many
@given(settings())
def test_shapes_mode_walks_the_very_same_path(setting: Setting) -> None:
    """Equal tasks, messages, work and memory, row by row: control flow never looks at a payload."""
    numeric = NullBackend().execute(setting.plan()).tables
    shapes = NullBackend().execute(setting.plan(mode="shapes")).tables
    for name in ("tasks", "messages", "updates", "staleness", "memory", "edges", "instances"):
        for column, values in numeric[name].items():
            np.testing.assert_array_equal(values, shapes[name][column], err_msg=f"{name}.{column}")


@many
@given(settings(), SEEDS)
def test_one_instance_at_a_time_updated_at_its_end_is_never_stale(setting: Setting, seed: int) -> None:
    run, _ = shuffled(setting.plan(max_active_keys=1, update="instance", nodes=None), seed)
    assert set(run.tables["staleness"]["staleness"].tolist()) <= {0}


@many
@given(settings(), SEEDS)
def test_staleness_is_counted_for_every_gradient(setting: Setting, seed: int) -> None:
    run, _ = shuffled(setting.plan(), seed)
    assert int(run.tables["staleness"]["count"].sum()) == int(run.tables["updates"]["gradients"].sum())
    assert (run.tables["updates"]["staleness_max"] >= run.tables["updates"]["staleness_mean"]).all()


@many
@given(settings(), SEEDS)
def test_updates_are_as_many_as_gradients_ask_for(setting: Setting, seed: int) -> None:
    """With muf: the gradients of an epoch over muf, rounded up. At the instance's end: one for each with gradients."""
    nodes = len(setting.owner)
    plan = Plan(setting.job, nodes, owner=tuple(range(nodes)))
    run, backend = shuffled(plan, seed)
    schedule, updates = plan.program.schedule, run.tables["updates"]
    for index, node in enumerate(plan.job.graph.nodes):
        if isinstance(node, Parameterised):
            training = plan.job.training.of_node(node.name, node.base)
            own = updates["node"] == index
            asked = backend.sent[plan.job.graph.incoming[index][0][0], FORWARD]
            instances = [state[0] for state, _, _ in asked if schedule.training(state[0])]
            if training.update == "instance":
                wanted = sorted(Counter(instances).values())
            else:
                muf = training.min_update_frequency
                epochs = Counter(schedule.entry(instance).epoch for instance in instances).values()
                wanted = sorted(size for n in epochs for size in (*[muf] * (n // muf), n % muf) if size)
            assert sorted(updates["gradients"][own].tolist()) == wanted
            assert updates["version"][own].tolist() == list(range(1, len(wanted) + 1))


@many
@given(settings(), SEEDS)
def test_times_go_forward(setting: Setting, seed: int) -> None:
    """A message is sent by the worker of the task that made it, arrives after that task's end, and is taken then."""
    run, _ = shuffled(setting.plan(), seed)
    tasks, messages = run.tables["tasks"], run.tables["messages"]
    assert (messages["sent"] <= messages["arrived"]).all()
    assert (messages["arrived"] <= tasks["start"][messages["task"]]).all()
    assert (tasks["end"] <= run.summary["makespan"]).all()
    local = messages["source"] == tasks["worker"][messages["task"]]
    assert (messages["arrived"][local] == messages["sent"][local]).all()
    assert (messages["arrived"][~local] > messages["sent"][~local]).all()


@many
@given(settings(), SEEDS)
def test_an_order_that_happened_can_be_replayed_to_the_bit(setting: Setting, seed: int) -> None:
    plan = setting.plan()
    run, _ = shuffled(plan, seed)
    again = NullBackend().execute(Plan(plan.job, plan.workers, owner=plan.owner, order=replay_order(run)))
    assert run.final.keys() == again.final.keys()
    for name, value in run.final.items():
        np.testing.assert_array_equal(value, again.final[name], err_msg=name)


@pytest.mark.parametrize("seed", range(3))
def test_a_score_that_comes_after_the_last_gradient_still_belongs_to_training(seed: int) -> None:
    """Loss and source sit on different workers, so one may overtake the other on the way to the controller."""
    from ampsim.testing import mlp

    job = mlp(epochs=3, max_active_keys=2)
    plan = Plan(job, 2, placement={0: 0, 1: 0, 2: 1})
    metrics = shuffled(plan, seed)[0].tables["metrics"]
    wanted = NullBackend().execute(plan).tables["metrics"]
    assert np.bincount(metrics["training"]).tolist() == np.bincount(wanted["training"]).tolist()
    run = shuffled(plan, seed)[0]
    assert all(row["train_loss"] is not None for row in run.summary["epochs"])
