"""This machine measured with a small job: settings, rounds, a file, and predictions that are no nonsense."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ampsim
from ampsim import Job
from ampsim.errors import UsageError
from ampsim.result.provenance import usable_cores
from ampsim.studies.calibrate import stale, write
from ampsim.studies.calibrate.jobs import default_jobs
from ampsim.studies.calibrate.observe import FEATURES, observe
from ampsim.studies.calibrate.runs import ROUNDS, settings, short_runs
from ampsim.workloads import WORKLOADS
from tests.calibrate.known import truth


def small() -> Job:
    job = ampsim.workload("mlp", data="generated", training=1000, validation=100, width=64)
    return job.with_training(epochs=2, target=None, max_active_keys=4)


def test_settings_are_one_worker_all_cores_and_twice_as_many() -> None:
    assert {setting.workers for setting in settings(2, 4)} == {1, 2, 4}
    assert {setting.workers for setting in settings(2, 3)} == {1, 2}
    assert {setting.workers for setting in settings(8, 1)} == {1}
    assert {setting.workers for setting in settings(1, 2)} == {1, 2}
    for cores in (1, 2, 64):
        found = settings(cores, 2 * cores)
        assert len(found) == len(set(found))


def test_left_out_jobs_are_one_of_every_workload() -> None:
    assert sorted(job.name for job in default_jobs()) == sorted(WORKLOADS)


def test_a_job_that_cannot_run_is_not_measured() -> None:
    job = small()
    with pytest.raises(UsageError, match="the graph is empty"):
        ampsim.calibrate(Job(ampsim.Graph.of("empty"), job.data, job.training))


def test_a_system_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        write(truth(), tmp_path / "folder")
    with pytest.raises(UsageError, match="is no folder"):
        write(truth(), tmp_path / "no" / "host.yaml")
    write(truth(), tmp_path / "host.yaml")
    write(truth(), tmp_path / "host.yaml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "host.yaml"]


@pytest.mark.runtime
def test_this_machine_predicts_itself_within_a_wide_bound(tmp_path: Path) -> None:
    job, said = small(), list[str]()
    system = ampsim.calibrate(job, workers=2, seconds=1, say=said.append)
    assert [text for text in said if "round 1 of" in text]
    assert stale(system) == []
    write(system, tmp_path / "host.yaml")
    loaded = ampsim.load_system(tmp_path / "host.yaml")
    assert loaded.to_dict() == system.to_dict()
    (chips,) = loaded.chips
    assert chips.cores is not None
    assert chips.cores.count == usable_cores()
    assert chips.software.choosing > 0
    for operation, table in chips.measured.items():
        assert min(table.seconds) > 0, operation
    run = ampsim.run(job, workers=2)
    predicted = ampsim.simulate(job, loaded, workers=2)
    # No statement about accuracy, which depends on what else this machine does just now: only that it is no nonsense.
    assert 0.1 < predicted.makespan / run.makespan < 10
    known = loaded.uncertainty
    assert known is not None
    ends = (predicted.makespan * known.low, predicted.makespan * known.high)
    assert predicted.summary["interval"]["makespan"] == pytest.approx(ends)
    facts = {fact.name: fact.equal for fact in ampsim.compare(predicted, run).agreement}
    assert facts["messages per edge"]
    assert facts["updates per node"]


@pytest.mark.runtime
def test_a_job_of_ragged_instances_is_measured_on_one_worker() -> None:
    job = ampsim.workload("tree_lstm", trees=60, validation=10, vocabulary=200, embedding=8, hidden=8, batch=5)
    system = ampsim.calibrate(job, workers=1, seconds=0.1)
    (chips,) = system.chips
    assert {"Group(16) forward", "BranchLstm(8) backward"} <= set(" + ".join(chips.measured).split(" + "))
    assert {name.partition(" ")[0] for name in chips.kernels} >= {"Group", "BranchLstm"}


@pytest.mark.runtime
def test_real_runs_are_observed_whole() -> None:
    shorts = short_runs([small()], 1, 2, 0.1, "forkserver", str)
    assert [short.setting for short in shorts] == settings(1, 2) * ROUNDS
    for short in (shorts[0], shorts[-1]):
        found, run = observe(short.run, short.data), short.run
        begins, ends = (np.minimum(run.tables["waits"][name], run.makespan) for name in ("start", "end"))
        whole = run.workers * run.makespan
        assert found.seconds.sum() + found.messaging + (ends - begins).sum() == pytest.approx(whole, rel=1e-6)
        assert found.together.sum() == pytest.approx(run.makespan, rel=0.05)
        assert len(found.parts) == len(found.seconds) == len(run.tables["tasks"]["kind"])
        counts = dict(zip(FEATURES, found.counts.tolist(), strict=True))
        assert counts["tasks"] == len(found.parts)
        assert counts["bytes"] == 2 * run.tables["links"]["bytes"].sum()
        assert counts["reports"] == run.summary["reports"] > 0
        assert (counts["messages"] > 0) == (run.workers > 1)
        assert len(found.up) > 0
        assert (found.up > 0).all()
        assert (found.down > 0).all()
        assert run.tables["instances"]["training"].all()
