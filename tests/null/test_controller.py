"""The controller alone: reports in, orders out. It keeps mak, drains before it changes mode, and knows when to stop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ampsim.engine.controller import Controller, Orders
from ampsim.engine.evaluate import evaluate
from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import SGD, Adam
from ampsim.engine.plan import Plan
from ampsim.engine.task import Effects, Metric
from ampsim.errors import UsageError
from ampsim.job import Job, Recipe
from ampsim.testing import mlp, points, rnn

LOSS = 3  # number of the loss in the MLP
X, LABELS = 0, 1  # and of its sources


def controller(workers: int = 3, **training: Any) -> Controller:
    """Of the MLP with 4 instances to train on and 2 held out."""
    return Controller(Plan(mlp({"instances": 4}, shuffle=False, **training), workers).program)


def ends(*instances: int) -> list[tuple[int, int]]:
    return [(source, instance) for instance in instances for source in (X, LABELS)]


def score(instance: int, loss: float = 1.0, correct: int = 0) -> Metric:
    return Metric(LOSS, instance, 5, loss, correct)


def finish(control: Controller, *instances: int, correct: int = 0, now: int = 0) -> Orders:
    """All that is to be heard of some instances, in one report."""
    training = control.schedule.training(instances[0])
    metrics = [score(instance, correct=correct) for instance in instances]
    return control.report(Effects(completed=ends(*instances) if training else [], metrics=metrics), now)


def acknowledge(control: Controller, now: int = 0) -> Orders:
    for _ in control.program.update_workers[1:]:
        assert control.report(Effects(acks=1), now) == Orders()
    return control.report(Effects(acks=1), now)


def test_the_numbers_above() -> None:
    graph = mlp().graph
    assert (graph.index("loss"), graph.index("x"), graph.index("labels")) == (LOSS, X, LABELS)


def test_mak_is_filled_and_refilled() -> None:
    control = controller(max_active_keys=2)
    assert control.start(0).admit == [0, 1]
    assert finish(control, 1).admit == [2]
    assert finish(control, 0, 2).admit == [3]
    assert list(control.in_flight) == [3]


def test_an_instance_is_complete_when_its_score_and_all_its_sources_are_in_whatever_comes_first() -> None:
    reports = [Effects(completed=ends(0)[:1]), Effects(completed=ends(0)[1:]), Effects(metrics=[score(0)])]
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        control = controller()
        assert control.start(0).admit == [0]
        assert control.report(reports[order[0]], 1) == Orders()
        assert control.report(reports[order[1]], 2) == Orders()
        assert control.report(reports[order[2]], 3).admit == [1]
        assert control.instances[0] == [0, 3]


def test_an_epoch_ends_with_leftovers_then_validation_then_the_next_epoch() -> None:
    """Train 4, apply what is left, wait for every worker with parameters, validate 1, on to epoch 1."""
    control = controller(epochs=2, max_active_keys=4, min_update_frequency=3)
    assert control.start(0).admit == [0, 1, 2, 3]
    assert finish(control, 0, 1, 2) == Orders()
    assert finish(control, 3) == Orders(flush=True)
    assert acknowledge(control) == Orders(admit=[4])
    assert finish(control, 4).admit == [5, 6, 7, 8]
    assert [row["epoch"] for row in control.epochs] == [0]


def test_validation_within_an_epoch_applies_no_leftovers() -> None:
    """Else the period of validation would change training."""
    control = controller(validate_every=2, max_active_keys=8)
    assert control.start(0).admit == [0, 1]
    assert finish(control, 0, 1) == Orders(update=[])  # what is due is finished, what is left over stays
    assert acknowledge(control) == Orders(admit=[2])
    assert not control.schedule.training(2)
    assert finish(control, 2) == Orders(admit=[3, 4])
    assert finish(control, 3, 4) == Orders(flush=True)


def test_at_instance_end_nothing_is_admitted_before_the_update_is_acknowledged() -> None:
    control = controller(update="instance", max_active_keys=2)
    assert control.start(0).admit == [0, 1]
    assert finish(control, 1) == Orders(update=[1])
    assert finish(control, 0) == Orders(update=[0])
    for _ in range(5):
        assert control.report(Effects(acks=1), 0) == Orders()
    assert control.report(Effects(acks=1), 0).admit == [2, 3]


def test_the_run_is_done_after_the_last_segment() -> None:
    control = controller(max_active_keys=4)
    control.start(0)
    finish(control, 0, 1, 2, 3)
    acknowledge(control)
    assert not control.done
    assert finish(control, 4) == Orders(done=True)
    assert control.done


@pytest.mark.parametrize("validate_every", [None, 2])
def test_the_run_stops_at_the_target(validate_every: int | None) -> None:
    control = controller(epochs=5, target=0.6, max_active_keys=4, validate_every=validate_every)
    first = control.start(10).admit
    assert finish(control, *first, now=30).updates
    orders = acknowledge(control)
    assert finish(control, *orders.admit, correct=3, now=40) == Orders(done=True)
    assert control.reached is not None
    assert control.reached["accuracy"] == 0.6
    assert len(control.epochs) == 1


def test_below_the_target_training_goes_on() -> None:
    control = controller(epochs=2, target=0.61, max_active_keys=4)
    control.start(0)
    finish(control, 0, 1, 2, 3)
    acknowledge(control)
    assert finish(control, 4, correct=3).admit == [5, 6, 7, 8]


@pytest.mark.parametrize(
    "goals, stops",
    [
        ({"target_loss": 1.0}, True),
        ({"target_loss": 0.99}, False),
        ({"target_loss": 1.0, "target": 1.0}, True),
        ({"target_loss": 0.5, "target": 0.6}, True),
        ({"target_loss": 0.5, "target": 1.0}, False),
    ],
)
def test_the_run_stops_when_the_loss_is_low_enough_or_the_accuracy_high_enough(
    goals: dict[str, Any], stops: bool
) -> None:
    control = controller(epochs=2, max_active_keys=4, **goals)
    control.start(0)
    finish(control, 0, 1, 2, 3)
    acknowledge(control)
    assert finish(control, 4, correct=3).done is stops  # loss 1, accuracy 0.6
    assert (control.reached is not None) is stops


def test_losses_are_means_over_rows() -> None:
    control = controller(max_active_keys=4)
    control.start(0)
    metrics = [
        Metric(LOSS, i, rows, loss, 1) for i, (rows, loss) in enumerate([(1, 4.0), (2, 1.0), (3, 0.0), (2, 1.0)])
    ]
    control.report(Effects(completed=ends(0, 1, 2, 3), metrics=metrics), 0)
    acknowledge(control)
    finish(control, 4, correct=2)
    (row,) = control.epochs
    assert (row["train_loss"], row["train_accuracy"]) == (1.0, 0.5)
    assert (row["validation_loss"], row["validation_accuracy"]) == (1.0, 0.4)


def test_time_to_target_is_time_of_training() -> None:
    """Validation is measured, not paid for."""
    control = controller(epochs=2, target=1.0, max_active_keys=4)
    control.start(0)
    finish(control, 0, 1, 2, 3, now=100)
    acknowledge(control, now=110)
    finish(control, 4, now=150)
    finish(control, 5, 6, 7, 8, now=250)
    acknowledge(control, now=260)
    finish(control, 9, correct=5, now=300)
    assert [row["time"] for row in control.validations] == [150, 300]
    assert [row["training_time"] for row in control.validations] == [110, 220]
    assert control.reached == control.validations[1]


# -- through a backend ------------------------------------------------------------------------------------------------


def test_the_summary_of_a_run() -> None:
    run = NullBackend().execute(Plan(mlp(epochs=3, optimizer=Adam(0.02), validate_every=5), 2))
    assert [row["epoch"] for row in run.summary["epochs"]] == [0, 1, 2]
    assert len(run.summary["validations"]) == 9
    metrics = run.tables["metrics"]
    own = metrics["training"] & (metrics["epoch"] == 1)
    assert run.summary["epochs"][1]["train_loss"] == pytest.approx(metrics["loss"][own].mean())
    assert run.summary["epochs"][2]["train_loss"] < run.summary["epochs"][0]["train_loss"]
    assert run.summary["time_to_target"] is None
    assert run.summary["throughput"] is None  # without a clock there is no time


def test_validation_changes_nothing_but_the_time() -> None:
    often, never = (
        NullBackend().execute(Plan(rnn(epochs=2, min_update_frequency=5, validate_every=every), 2))
        for every in (3, None)
    )
    for name, value in never.final.items():
        np.testing.assert_array_equal(often.final[name], value)


def test_a_target_ends_the_run_and_says_how_long_it_took() -> None:
    ticks = iter(range(10**9))
    job = mlp({"instances": 30}, epochs=50, optimizer=Adam(0.02), target=0.8)
    run = NullBackend(lambda: next(ticks), frequency=1).execute(Plan(job, 2))
    assert run.summary["epochs_to_target"] == len(run.summary["epochs"]) < 50
    assert 0 < run.summary["time_to_target"] < run.summary["makespan"]
    assert run.summary["epochs"][-1]["validation_accuracy"] >= 0.8


def test_a_target_loss_ends_the_run_and_says_how_long_it_took() -> None:
    ticks = iter(range(10**9))
    job = mlp({"instances": 30}, epochs=50, optimizer=Adam(0.02), target_loss=0.6)
    run = NullBackend(lambda: next(ticks), frequency=1).execute(Plan(job, 2))
    assert (run.summary["target"], run.summary["target_loss"]) == (None, 0.6)
    assert run.summary["epochs_to_target"] == len(run.summary["epochs"]) < 50
    assert 0 < run.summary["time_to_target"] < run.summary["makespan"]
    assert run.summary["epochs"][-1]["validation_loss"] <= 0.6 < run.summary["epochs"][-2]["validation_loss"]


def held_in() -> tuple[Any, None]:
    return points()[0], None


def test_without_validation_the_last_update_lies_within_the_makespan() -> None:
    ticks = iter(range(10**9))
    made = mlp(min_update_frequency=100)
    run = NullBackend(lambda: next(ticks), frequency=1).execute(
        Plan(Job(made.graph, Recipe(held_in), made.training), 2)
    )
    assert run.summary["makespan"] >= run.tables["tasks"]["end"].max() > run.tables["instances"]["completed"].max()
    assert all(0 < used <= 1 for used in run.summary["utilization"])
    assert run.summary["epochs"][0]["validation_loss"] is None


def test_evaluating_a_run_repeats_its_last_validation() -> None:
    run = NullBackend().execute(Plan(mlp(epochs=2, optimizer=SGD(0.2)), 2))
    found = evaluate(run)
    assert found.loss == pytest.approx(run.summary["epochs"][-1]["validation_loss"])
    assert found.accuracy == run.summary["epochs"][-1]["validation_accuracy"]
    assert found.rows == 4 * 5
    assert evaluate(run, points(seed=5)[0]).rows == 12 * 5
    with pytest.raises(UsageError, match="nothing to score on"):
        evaluate(run, type(points()[0])({name: array[:0] for name, array in points()[0].arrays.items()}))
