"""A time to target put together is that of a training where both can be had, and no guess elsewhere."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import fmean
from typing import Any

import msgspec
import pytest

import ampsim
from ampsim.errors import RunError, UsageError
from ampsim.studies.reach import check_alike, one_epoch, put_together
from ampsim.studies.resources import speed_up
from ampsim.studies.staleness_curve import StalenessCurve, Trial
from ampsim.studies.trials import loaded, settings_of, staleness_curve, stretch


def digits(training: int = 2000, width: int = 32, **settings: Any) -> ampsim.Job:
    """Forty minibatches an epoch of the easier images: the target is reached within an epoch or two."""
    job = ampsim.workload("mlp", data="generated", batch=50, training=training, validation=200, width=width)
    return job.with_training(
        **{"epochs": 6, "max_active_keys": 1, "target": 0.9, "optimizer": ampsim.SGD(0.1), **settings}
    )


@pytest.fixture(scope="module")
def curve() -> StalenessCurve:
    return staleness_curve(digits(), (1, 2, 4), seeds=2)


def test_a_curve_tries_every_setting_with_every_seed(curve: StalenessCurve) -> None:
    tried = [(t.max_active_keys, t.workers, t.seed) for t in curve.trials]
    assert tried == [(1, 1, 0), (1, 1, 1), *((m, w, s) for m in (2, 4) for w in (1, 2, 4) for s in (0, 1))]
    assert {t.staleness for t in curve.trials if t.max_active_keys == 1} == {0.0}
    assert all(0 < t.staleness <= t.max_active_keys - 1 for t in curve.trials if t.max_active_keys > 1)
    # The target is looked for every tenth of an epoch.
    assert all(t.epochs and round(10 * t.epochs, 9) == round(10 * t.epochs) for t in curve.trials)


def test_epochs_are_those_until_the_validation_that_reached_it(curve: StalenessCurve) -> None:
    job = digits(validate_every=4)
    run = ampsim.simulate(job, "host", workers=1)
    (first,) = [t for t in curve.trials if (t.max_active_keys, t.seed) == (1, 0)]
    assert first.epochs == pytest.approx(len(run.summary["validations"]) / 10)


def test_the_time_is_that_of_training_without_staleness(curve: StalenessCurve) -> None:
    """With one instance in flight a training on any system is that of the curve, so only the seed is unknown."""
    job = digits()
    found = ampsim.reach(job, "fpga_ring_16", curve)
    times = [
        ampsim.simulate(job.with_training(seed=seed, validate_every=4), "fpga_ring_16").time_to_target
        for seed in (0, 1)
    ]
    (a, b) = (time or math.nan for time in times)
    assert (found.staleness, found.same_job, found.run.mode) == (0.0, True, "shapes")
    assert found.time.low <= min(a, b) <= max(a, b) <= found.time.high
    level = [t.epochs or math.nan for t in curve.trials if t.max_active_keys == 1]
    if found.epochs.value == pytest.approx(math.sqrt(level[0] * level[1])):  # not pooled with its neighbour
        assert found.time.value == pytest.approx(math.sqrt(a * b), rel=1e-3)
    assert found.time.value == pytest.approx(found.epochs.value * found.epoch_time)


def test_the_time_is_about_that_of_training_with_staleness(curve: StalenessCurve) -> None:
    job = digits(max_active_keys=4)
    found = ampsim.reach(job, "gpu_switch_8", curve)
    runs = [ampsim.simulate(job.with_training(seed=s, validate_every=4), "gpu_switch_8") for s in (10, 11, 12)]
    assert 0 < found.staleness <= 3
    assert found.time.value == pytest.approx(fmean(run.time_to_target or math.nan for run in runs), rel=0.4)


def test_one_epoch_takes_the_time_of_its_stretches() -> None:
    run = one_epoch(digits(max_active_keys=4), "fpga_ring_16")
    assert len(run.summary["validations"]) == 10
    assert run.summary["updates"] == 40 * 4
    # Time spent training counts what is left to do at the end of a stretch; throughput does not.
    found = put_together(digits(), flat(), run)
    assert found.epoch_time == pytest.approx(2000 / (run.throughput or math.nan), rel=0.1)
    assert found.epoch_time >= 2000 / (run.throughput or math.nan) * (1 - 1e-9)


def flat(epochs: float = 2.0) -> StalenessCurve:
    """The same epochs at any staleness to 3."""
    trials = [Trial(mak, 1, seed, mak - 1.0, epochs) for mak in (1, 4) for seed in (0, 1)]
    settings = settings_of(digits())
    return StalenessCurve(job="flat", source="", settings=settings, most_epochs=9, trials=trials)


def test_a_system_twice_as_fast_reaches_it_in_half_the_time() -> None:
    twice = speed_up(ampsim.load_system("fpga_ring_16"), {"all": 2})
    slow, fast = (ampsim.reach(digits(), system, flat()) for system in ("fpga_ring_16", twice))
    assert slow.epochs == fast.epochs
    assert fast.time.value == pytest.approx(slow.time.value / 2)


def test_the_interval_of_a_system_widens_that_of_the_seeds() -> None:
    run = one_epoch(digits(), "fpga_ring_16")
    alone = put_together(digits(), flat(), run).time
    rate = run.throughput or math.nan
    run.summary["interval"] = {"level": 0.8, "throughput": [0.5 * rate, 1.25 * rate]}
    both = put_together(digits(), flat(), run).time
    assert both.value == alone.value
    assert math.log(both.high / both.value) == pytest.approx(
        math.hypot(math.log(alone.high / alone.value), math.log(2))
    )
    assert math.log(both.value / both.low) == pytest.approx(
        math.hypot(math.log(alone.value / alone.low), math.log(1.25))
    )


def test_a_staleness_nobody_has_seen_is_refused() -> None:
    job = digits(max_active_keys=4)
    narrow = msgspec.structs.replace(flat(), trials=[Trial(1, 1, seed, 0.0, 2.0) for seed in (0, 1)])
    with pytest.raises(UsageError, match="is outside 0 to 0, which is all that was tried"):
        ampsim.reach(job, "fpga_ring_16", narrow)


def test_a_target_that_is_missed_is_said_to_be() -> None:
    missed = staleness_curve(digits(epochs=1, target=1.0, optimizer=ampsim.SGD(1e-6)), (1,), seeds=2)
    assert [trial.epochs for trial in missed.trials] == [None, None]
    with pytest.raises(RunError, match="missed within 1 epochs"):
        missed.epochs(0.0)


def test_a_training_that_burns_has_missed_the_target() -> None:
    burnt = staleness_curve(digits(optimizer=ampsim.SGD(1e4)), (4,), workers=(4,), seeds=2)
    assert [trial.epochs for trial in burnt.trials] == [None, None]
    assert all(trial.staleness > 0 for trial in burnt.trials)


@pytest.mark.parametrize(
    "changes,said",
    [
        ({"target": 0.8}, "target is 0.8 here, 0.9 there"),
        ({"optimizer": ampsim.Adam(0.1)}, "optimizer is .*adam.* here, .*sgd"),
        ({"min_update_frequency": 2}, "min_update_frequency is 2 here, 1 there"),
        ({"nodes": {"L1": {"gradient": "sum"}}}, "nodes is"),
    ],
)
def test_a_curve_of_other_training_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=f"trained otherwise: {said}"):
        ampsim.reach(digits(**changes), "fpga_ring_16", flat())


def test_a_curve_of_other_minibatches_or_copies_is_refused() -> None:
    job = ampsim.workload("mlp", data="generated", batch=10, training=400, validation=100, replicas=2)
    job = replace(job, training=digits().training)
    with pytest.raises(UsageError, match="an instance has 10 rows here, 50 there; nodes have 2 copies here, 1 there"):
        check_alike(job, flat())
    with pytest.raises(UsageError, match="trained otherwise"):
        check_alike(job, digits())


@pytest.mark.parametrize("name,value", [("max_active_keys", 16), ("epochs", 1), ("seed", 5), ("max_batch", 4)])
def test_what_only_changes_order_or_length_may_differ(name: str, value: int) -> None:
    check_alike(digits(**{name: value}), flat())


def test_a_curve_of_another_job_is_used_and_said_to_be() -> None:
    assert not ampsim.reach(digits(width=64), "fpga_ring_16", flat()).same_job


@pytest.mark.parametrize(
    "job,said",
    [
        (digits(target=None), "no target to reach"),
        (replace(digits(), data=ampsim.Recipe("ampsim.workloads.images:load",
                 {"name": "generated", "training": 100, "validation": 0})), "no validation set"),
    ],
)  # fmt: skip
def test_a_job_that_can_reach_nothing_is_refused(job: ampsim.Job, said: str) -> None:
    for ask in (lambda: ampsim.reach(job, "fpga_ring_16"), lambda: ampsim.staleness_curve(job), lambda: loaded(job)):
        with pytest.raises(UsageError, match=said):
            ask()


@pytest.mark.parametrize("options", [{"seeds": 1}, {"maks": ()}, {"workers": ()}])
def test_a_curve_needs_some_of_everything(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="two seeds"):
        staleness_curve(digits(), **options)


def test_no_more_instances_are_let_in_than_there_are_between_validations() -> None:
    job = digits(training=500)
    assert stretch(len(job.data.load().training)) == 1
    said: list[str] = []
    found = staleness_curve(job, (1, 4, 16), seeds=2, say=said.append)
    assert {trial.max_active_keys for trial in found.trials} == {1}
    assert said[0].startswith("mak 1, 1 worker, seed 0: ")


def test_without_other_words_the_curve_goes_beyond_what_the_job_has() -> None:
    found = staleness_curve(digits(max_active_keys=3), workers=(1,), seeds=2)
    assert sorted({trial.max_active_keys for trial in found.trials}) == [1, 2, 4]  # 8, but for the length of a stretch
