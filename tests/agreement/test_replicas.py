"""Replicas on all backends: the same messages, the same means, and a replay to the bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ampsim.engine.optimizer import Adam
from ampsim.engine.plan import Plan
from ampsim.job import Job
from ampsim.runtime.backend import RuntimeBackend
from ampsim.studies.execute import replay
from ampsim.studies.jobs import load_job
from ampsim.testing import replicated, rnn
from tests.agreement.jobs import backends, small_mlp, small_rnn


def layers(**training: Any) -> Job:
    """The MLP with all layers but the last copied, as the workload has it."""
    options = {"data": "generated", "width": 32, "batch": 20, "training": 400, "validation": 100, "replicas": 2}
    job = load_job("mlp", {f"options.{name}": value for name, value in options.items()})
    return job.with_training(**{"epochs": 2, "target": None, "max_active_keys": 1, **training})


def whole(**training: Any) -> Job:
    return replicated(small_rnn(**training), 2, sync=7)


def cell(**training: Any) -> Job:
    return rnn(cells=3, **{"epochs": 2, **training})


JOBS: dict[str, Callable[..., Job]] = {"layers": layers, "whole": whole, "cell": cell}


@pytest.mark.parametrize("name", JOBS)
def test_with_one_instance_in_flight_all_backends_give_the_same_bits(name: str) -> None:
    plan = Plan(JOBS[name](optimizer=Adam(0.003)), 2)
    first, *others = [backend.execute(plan) for backend in backends()]
    for other in others:
        for column, values in first.tables["edges"].items():
            np.testing.assert_array_equal(values, other.tables["edges"][column])
        assert first.summary["edges"] == other.summary["edges"]
        for path, value in first.final.items():
            assert value.tobytes() == other.final[path].tobytes(), path


@pytest.mark.parametrize("update", ["muf", "instance"])
@pytest.mark.parametrize("name", JOBS)
def test_a_run_with_replicas_is_replayed_to_the_bit(name: str, update: str) -> None:
    """What the real processes happened to do, given to the simulator."""
    job = JOBS[name](max_active_keys=4, max_batch=2, min_update_frequency=2, update=update, validate_every=6)
    measured = RuntimeBackend().execute(Plan(job, 2))
    assert (measured.tables["tasks"]["kind"] == 3).any()
    again = replay(measured, "gpu_switch_8")
    for path, value in measured.final.items():
        assert value.tobytes() == again.final[path].tobytes(), path


def test_a_run_that_meets_its_target_in_mid_epoch_is_replayed_with_its_last_sync() -> None:
    job = layers(max_active_keys=4, min_update_frequency=2, validate_every=6, target=1e-9)
    measured = RuntimeBackend().execute(Plan(job, 2))
    assert measured.tables["instances"]["training"].sum() == 6
    again = replay(measured, "gpu_switch_8")
    for path, value in measured.final.items():
        assert value.tobytes() == again.final[path].tobytes(), path
        assert value.tobytes() == measured.final[path.replace(".1/", ".0/")].tobytes(), path


def test_counts_agree_with_more_in_flight_and_in_shapes_mode() -> None:
    job = replicated(small_mlp(max_active_keys=6, max_batch=4, min_update_frequency=3), 3, sync=5, slots="keep")
    runs = [backend.execute(Plan(job, 3, mode=mode)) for backend in backends() for mode in ("numeric", "shapes")]
    for run in runs[1:]:
        for column, values in runs[0].tables["edges"].items():
            np.testing.assert_array_equal(values, run.tables["edges"][column])
        assert run.summary["updates"] == runs[0].summary["updates"]
        assert np.bincount(run.tables["tasks"]["kind"])[3] == np.bincount(runs[0].tables["tasks"]["kind"])[3]
