"""Minibatches of molecules, and what a loss means in debye."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.errors import ConfigError, UsageError
from ampsim.workloads import random_molecules
from ampsim.workloads.dipoles import ACCURACY, CENTER, SCALE, errors, errors_of, load
from ampsim.workloads.ggsnn_qm9 import ggsnn_qm9


def test_generated_norms_have_the_mean_and_spread_of_qm9() -> None:
    training, validation = load(training=2000, validation=500)
    assert validation is not None
    for data in (training, validation):
        assert data.arrays["answers"].mean() == pytest.approx(0, abs=0.15)
        assert data.arrays["answers"].std() == pytest.approx(1, abs=0.12)
        assert data.arrays["answers"].dtype == np.float32


def test_a_generated_norm_is_the_molecules_own() -> None:
    training, _ = load(training=40, validation=0, batch=7, seed=5)
    drawn = random_molecules.draw(40, np.random.default_rng([5, 0]))
    np.testing.assert_array_equal(training.arrays["nodes"], drawn.nodes)
    debye = training.arrays["answers"] * SCALE + CENTER
    made_up = (debye - CENTER) / SCALE * random_molecules.SD + random_molecules.MEAN
    np.testing.assert_allclose(made_up, drawn.answers, rtol=1e-4, atol=1e-5)


def test_a_seed_is_reproducible_and_sizes_do_not_disturb_each_other() -> None:
    training, validation = load(training=40, validation=20, batch=8, seed=7)
    same, _ = load(training=40, validation=10, batch=8, seed=7)
    other, _ = load(training=40, validation=20, batch=8, seed=8)
    _, held_out = load(training=50, validation=20, batch=8, seed=7)
    assert validation is not None
    assert held_out is not None
    assert same.fingerprint == training.fingerprint != other.fingerprint
    assert held_out.fingerprint == validation.fingerprint
    assert load(training=5, validation=0)[1] is None


def test_a_loss_in_debye() -> None:
    assert errors(1.0).mae == SCALE
    assert errors(ACCURACY / SCALE).ratio == pytest.approx(1)


def test_errors_of_a_run_are_those_of_its_predictions() -> None:
    job = ggsnn_qm9(data="generated", training=40, validation=30, batch=10, hidden=8, steps=2).with_training(epochs=2)
    run = NullBackend().execute(Plan(job, 1))
    found = errors_of(run)
    assert len(found) == 2
    metrics = run.tables["metrics"]
    last = metrics["loss"][~metrics["training"]][-3:]
    assert found[-1].mae == pytest.approx(last.mean() * SCALE)
    assert found[-1].ratio == pytest.approx(last.mean() * SCALE / 0.1)
    within = run.summary["epochs"][-1]["validation_accuracy"]
    assert 0 <= within <= 1
    without = NullBackend().execute(Plan(ggsnn_qm9(data="generated", training=10, validation=0, hidden=4), 1))
    with pytest.raises(UsageError, match="epochs without a validation loss"):
        errors_of(without)


@pytest.mark.parametrize(
    "options", [{"training": 0}, {"validation": -1}, {"batch": 0}, {"steps": 0}, {"seed": -1}, {"batch": True}]
)
def test_numbers_out_of_range_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(options))} is .*it must be an int from"):
        load(**options)


def test_an_unknown_set_gets_a_hint() -> None:
    with pytest.raises(UsageError, match=r"(?s)no molecules called 'qm8'.*did you mean qm9\?"):
        load("qm8")
    with pytest.raises(UsageError, match="one of: qm9, generated"):
        load("")
