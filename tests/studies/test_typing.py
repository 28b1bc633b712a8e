"""What a type checker knows of the public face: mypy reads this file, and pytest runs it."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import pytest

import ampsim
from ampsim import SGD, Adam, AmpsimError, Graph, Job, Recipe, Run, System, Training, nodes
from ampsim.result.compare import Comparison


def build() -> Job:
    """The way a model is written, as the pages show it."""
    images, labels, loss = nodes.Source("images"), nodes.Source("labels"), nodes.NllLoss("loss")
    first = images >> nodes.Linear("L1", 784, 16).affinity(0) >> nodes.Relu()
    _ = first >> nodes.Linear("L2", 16, 10).affinity(1) >> nodes.LogSoftmax() >> loss["prediction"]
    _ = labels >> loss["label"]
    recipe = Recipe("ampsim.workloads.images:load", {"name": "generated", "training": 200, "validation": 100})
    return Job(Graph.of("typed", images, labels), recipe, Training(epochs=1, optimizer=Adam(1e-3)))


def test_a_job_is_built_and_simulated() -> None:
    job = build()
    assert_type(job.graph, Graph)
    assert_type(job.hash, str)
    assert_type(job.with_training(optimizer=SGD(0.1)), Job)
    run = ampsim.simulate(job, "host", workers=2, placement={0: 0, 1: 1})
    assert_type(run, Run)
    assert_type(run.makespan, float)
    assert_type(run.throughput, float | None)
    assert_type(ampsim.compare(run, run), Comparison)
    assert [row.difference for row in ampsim.compare(run, run).rows if row.difference] == []
    assert_type(ampsim.replay(run, ampsim.load_system("host")), Run)


def test_jobs_and_systems_are_loaded() -> None:
    assert_type(ampsim.workload("mlp", width=16), Job)
    assert_type(ampsim.load_job("mlp", {"training.epochs": 3}, seed=1), Job)
    assert_type(ampsim.load_system(Path(__file__).parents[2] / "hw" / "catalog" / "host.yaml"), System)
    assert_type(ampsim.verify(build().graph), None)


def test_every_error_has_what_where_and_what_to_do() -> None:
    with pytest.raises(AmpsimError) as caught:
        ampsim.workload("mpl")
    error = caught.value
    assert_type(error.what, str)
    assert_type(error.where, str | None)
    assert_type(error.do, str | None)
    assert_type(error.exit_code, int)
    assert (error.where, error.exit_code) == (None, 2)


def test_every_public_name_says_what_it_is() -> None:
    for name in ampsim.__all__:
        text = getattr(ampsim, name).__doc__
        assert text, name
        assert text.strip().partition("\n")[0].rstrip(":").endswith((".", "?", ")", "again")), name
