"""The tree workload is a recursive Tree-LSTM trained by SGD, whatever form its messages have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ampsim.engine.assemble import replay_order
from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import SGD, Adam
from ampsim.engine.plan import Plan
from ampsim.engine.schedule import Schedule
from ampsim.ir.verify import verify
from ampsim.job import Job
from ampsim.result.run import Run
from ampsim.workloads import workload
from tests.null.treenet import Step, read, sgd

RATE, EPOCHS = 0.02, 2
FORMS = ("level", "node")


def small(*, trees: int = 20, batch: int = 1, by: str = "level", **training: Any) -> Job:
    """Trees of up to 52 leaves, 8 columns wide."""
    job = workload(
        "tree_lstm", trees=trees, validation=6, batch=batch, by=by, hidden=8, embedding=10, vocabulary=200, seed=3
    )
    settings = {"epochs": EPOCHS, "optimizer": SGD(RATE), "max_active_keys": 1, "target": None, **training}
    return job.with_training(**settings)


def execute(job: Job, workers: int = 2, **settings: Any) -> Run:
    return NullBackend().execute(Plan(job, workers, **settings))


def reference(job: Job, initial: dict[str, np.ndarray], batch: int) -> tuple[list[Step], dict[str, np.ndarray]]:
    """The same instances in the same order, in numpy."""
    data = job.data.load()
    schedule = Schedule(*data, EPOCHS, seed=job.training.seed)
    minibatches = read(data.training.arrays, batch)
    weights = {name: value.astype(np.float64) for name, value in initial.items()}
    order = [schedule.entry(n).index for s in schedule.segments() if s.training for n in range(s.start, s.stop)]
    return list(sgd((minibatches[index] for index in order), weights, batch, RATE)), weights


def by_instance(run: Run) -> list[tuple[float, int, int]]:
    """Summed loss, correct and scored nodes of each training instance, in the order of admission."""
    metrics = run.tables["metrics"]
    found = {}
    for instance in np.unique(metrics["instance"][metrics["training"]]).tolist():
        own = metrics["instance"] == instance
        loss = float((metrics["loss"][own] * metrics["rows"][own]).sum())
        found[instance] = (loss, int(metrics["correct"][own].sum()), int(metrics["rows"][own].sum()))
    return [found[instance] for instance in sorted(found)]


def assert_close(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray], rtol: float = 1e-4) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=rtol, atol=rtol / 10, err_msg=name)


@pytest.mark.parametrize("by", FORMS)
@pytest.mark.parametrize("batch, trees", [(1, 20), (7, 20)])
def test_one_at_a_time_is_a_recursive_network_with_plain_sgd(by: str, batch: int, trees: int) -> None:
    """Losses, right answers and weights after two epochs; the last minibatch of seven has six trees."""
    job = small(trees=trees, batch=batch, by=by)
    run = execute(job)
    steps, weights = reference(job, run.initial, batch)
    assert_close(run.final, weights)
    for (loss, correct, rows), step in zip(by_instance(run), steps, strict=True):
        assert loss == pytest.approx(step.loss, rel=1e-4)
        assert (correct, rows) == (step.correct, step.scored)
    moved = {name: float(np.abs(run.final[name] - value).max()) for name, value in run.initial.items()}
    assert all(change > 1e-3 for change in moved.values()), moved


def test_the_network_itself_is_right() -> None:
    """By finite differences, so that no error is shared with the nodes."""
    job = small()
    run = execute(job.with_training(epochs=1))
    weights = {name: value.astype(np.float64) for name, value in run.initial.items()}
    trees = read(job.data.load().training.arrays, 4)[0]
    grads = Step(weights, 4).run(trees).grads
    random = np.random.default_rng(0)
    for name, value in weights.items():
        along = random.standard_normal(value.shape)
        sides = []
        for sign in (1, -1):
            value += sign * 1e-6 * along
            sides.append(Step(weights, 4).run(trees).loss / 4)
            value -= sign * 1e-6 * along
        np.testing.assert_allclose((sides[0] - sides[1]) / 2e-6, (grads[name] * along).sum(), rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("batch", [1, 5])
def test_both_forms_learn_the_same(batch: int) -> None:
    level, node = (execute(small(batch=batch, by=by)) for by in FORMS)
    assert_close(node.final, level.final)
    messages = [int(run.tables["edges"]["messages"].sum()) for run in (level, node)]
    assert messages[0] < messages[1]
    for one, other in zip(level.summary["epochs"], node.summary["epochs"], strict=True):
        assert one["train_accuracy"] == pytest.approx(other["train_accuracy"], abs=1e-9)
        assert one["validation_loss"] == pytest.approx(other["validation_loss"], rel=1e-5)


@pytest.mark.parametrize("by", FORMS)
def test_coalescing_changes_only_the_rounding(by: str) -> None:
    """Within one update an epoch no gradient is stale, however many trees are in flight."""
    settings: dict[str, Any] = {"update": "muf", "min_update_frequency": 10**6, "gradient": "mean"}
    alone = execute(small(by=by, **settings))
    together = execute(small(by=by, max_active_keys=8, max_batch=64, **settings))
    assert_close(together.final, alone.final)
    assert len(together.tables["tasks"]["kind"]) < len(alone.tables["tasks"]["kind"]) / 2


@pytest.mark.parametrize("by", FORMS)
@pytest.mark.parametrize("muf", [1, 10, 50, 200])
def test_updates_after_so_many_messages(by: str, muf: int) -> None:
    """A node has an update for every ``muf`` of its gradients, and one more at the end of an epoch for what is left."""
    job = small(by=by, update="muf", gradient="mean", min_update_frequency=muf, max_active_keys=4, max_batch=16)
    run = execute(job, 3)
    updates, edges, names = run.tables["updates"], run.tables["edges"], run.summary["nodes"]
    for name, edge in (("leaf", "embed.out -> leaf.in"), ("branch", "children.out -> branch.in")):
        chosen = (edges["edge"] == run.summary["edges"].index(edge)) & (edges["direction"] == 1)
        gradients = int(edges["messages"][chosen].sum())
        each, left = divmod(gradients // EPOCHS, muf)
        own = updates["gradients"][updates["node"] == names.index(name)]
        assert own.sum() == gradients
        assert len(own) == EPOCHS * (each + bool(left))
    assert np.isfinite(run.summary["epochs"][-1]["train_loss"])


@pytest.mark.parametrize("by", FORMS)
def test_shapes_walk_the_same_path_and_replay_gives_the_same_bits(by: str) -> None:
    job = small(by=by, max_active_keys=4, max_batch=8)
    run = execute(job, 3)
    shapes = execute(job, 3, mode="shapes")
    for column in ("edge", "direction", "messages", "bytes"):
        np.testing.assert_array_equal(run.tables["edges"][column], shapes.tables["edges"][column])
    again = NullBackend().execute(replace(Plan(job, 3), order=replay_order(run)))
    for name, value in run.final.items():
        np.testing.assert_array_equal(again.final[name], value, err_msg=name)


@pytest.mark.parametrize("by", FORMS)
def test_the_workload_passes_verification(by: str) -> None:
    job = small(by=by)
    verify(job.graph, job.data.load().training)


def test_accuracy_rises_on_trees_held_out() -> None:
    """More is known of unseen trees than that most nodes are neutral."""
    job = workload("tree_lstm", trees=400, validation=100, batch=10, hidden=16, embedding=16, vocabulary=300)
    run = execute(job.with_training(epochs=6, target=None, optimizer=Adam(5e-3)), 1)
    held_out = job.data.load().validation
    assert held_out is not None
    neutral = (held_out.arrays["labels"] == 2).mean()
    first, last = run.summary["epochs"][0], run.summary["epochs"][-1]
    assert last["validation_accuracy"] > neutral + 0.02
    assert last["validation_loss"] < first["validation_loss"]
