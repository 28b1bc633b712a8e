"""Runs that are unusual and must work: many workers, idle workers, large parcels, large parameters, given orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ampsim.engine.assemble import replay_order
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.job import Job, Recipe
from ampsim.result.run import Run
from ampsim.runtime import crew
from ampsim.runtime.backend import RuntimeBackend
from ampsim.runtime.mesh import RingMesh, make_mesh
from ampsim.runtime.pipes import PipeMesh
from tests.agreement.jobs import small_mlp, small_rnn
from tests.runtime.faulty import Slow, faulty_job, slow
from tests.sim.chains import chain_job


def equal(run: Run, wanted: Run, *, bits: bool = True) -> None:
    """The same counts, and with ``bits`` the same parameters."""
    assert run.summary["updates"] == wanted.summary["updates"]
    assert run.summary["matmul"] == wanted.summary["matmul"]
    for column in ("edge", "direction", "messages", "bytes"):
        np.testing.assert_array_equal(run.tables["edges"][column], wanted.tables["edges"][column])
    assert run.final.keys() == wanted.final.keys()
    for path, value in wanted.final.items():
        assert not bits or value.tobytes() == run.final[path].tobytes(), path


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_more_workers_than_cores_and_workers_without_a_node(method: str) -> None:
    plan = Plan(small_rnn(epochs=1, max_active_keys=4), 5)
    run = RuntimeBackend(method).execute(plan)
    equal(run, NullBackend().execute(plan), bits=False)
    assert run.config["run"]["start_method"] == method
    assert run.summary["utilization"].count(0.0) == 2
    four = Plan(small_mlp(max_active_keys=8), 4)
    equal(RuntimeBackend(method).execute(four), NullBackend().execute(four), bits=False)


@pytest.mark.parametrize("make", [small_mlp, small_rnn])
def test_parcels_that_do_not_fit_the_channels(make: Callable[..., Job], monkeypatch: pytest.MonkeyPatch) -> None:
    def tiny(workers: int) -> RingMesh | PipeMesh:
        return make_mesh(workers, 512)

    monkeypatch.setattr(crew, "make_mesh", tiny)
    plan = Plan(make(max_active_keys=6, max_batch=3, min_update_frequency=3), 3)
    equal(RuntimeBackend().execute(plan), NullBackend().execute(plan), bits=False)
    alone = Plan(make(epochs=1), 2)
    equal(RuntimeBackend().execute(alone), NullBackend().execute(alone))


def test_one_parcel_larger_than_a_channel() -> None:
    job = chain_job(2, 2, rows=4096, width=512, max_active_keys=2, min_update_frequency=1)  # 8 MiB; a ring has 4
    run = RuntimeBackend().execute(Plan(job, 2, {0: 0, 1: 1}))
    links = run.tables["links"]
    assert links["bytes"].tolist() == [8 << 20] * 4
    equal(run, NullBackend().execute(Plan(job, 2, {0: 0, 1: 1})), bits=False)


def test_large_parameters_come_home() -> None:
    job = chain_job(2, 1, rows=2, width=4200)  # 2 x 67 MiB
    plan = Plan(job, 2, {0: 0, 1: 1})
    run = RuntimeBackend().execute(plan)
    assert sum(value.nbytes for value in run.final.values()) > 2 * (64 << 20)
    equal(run, NullBackend().execute(plan))


@pytest.mark.parametrize("make", [small_mlp, small_rnn])
def test_a_given_order_is_kept(make: Callable[..., Job]) -> None:
    plan = Plan(make(epochs=1, max_active_keys=4, max_batch=3, min_update_frequency=2), 2)
    wanted = NullBackend().execute(plan)
    order = replay_order(wanted)
    run = RuntimeBackend().execute(replace(plan, order=order))
    equal(run, wanted)
    assert replay_order(run) == order


def test_the_clock_starts_when_all_workers_stand_ready() -> None:
    job = faulty_job("raise", 1000)
    job = replace(job, data=Recipe(slow, {"instances": 5}))
    run = RuntimeBackend().execute(Plan(job, 2, {0: 0, 1: 1}))
    assert 0 < run.summary["makespan"] < Slow.SECONDS
    assert run.tables["tasks"]["start"].min() >= run.tables["instances"]["admitted"].min() >= 0


def test_times_of_messages_tasks_and_links_are_in_order() -> None:
    run = RuntimeBackend().execute(Plan(small_rnn(max_active_keys=4), 3))
    messages, tasks, links = run.tables["messages"], run.tables["tasks"], run.tables["links"]
    assert (messages["sent"] <= messages["arrived"]).all()
    assert (messages["arrived"] <= tasks["start"][messages["task"]]).all()
    assert (links["start"] <= links["end"]).all()
    assert set(links["link"].tolist()) == set(range(len(run.summary["links"])))
    assert run.summary["makespan"] >= tasks["end"].max()
