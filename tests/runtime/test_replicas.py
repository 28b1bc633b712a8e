"""Synchronising over real channels: through rings that are too small, by every instance, with idle workers."""

from __future__ import annotations

import numpy as np
import pytest

from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import Adam
from ampsim.engine.plan import Plan
from ampsim.result.run import Run
from ampsim.runtime import crew
from ampsim.runtime.backend import RuntimeBackend
from ampsim.runtime.mesh import RingMesh, make_mesh
from ampsim.runtime.pipes import PipeMesh
from ampsim.testing import mlp, replicated, rnn


def alike(run: Run, wanted: Run) -> None:
    for column, values in wanted.tables["edges"].items():
        np.testing.assert_array_equal(run.tables["edges"][column], values)
    for path, value in run.final.items():
        node, _, name = path.partition("/")
        np.testing.assert_array_equal(value, run.final[f"{node.rpartition('.')[0]}.0/{name}"], err_msg=path)


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_copies_on_any_number_of_workers(workers: int) -> None:
    plan = Plan(replicated(rnn(epochs=2, max_active_keys=5, optimizer=Adam(0.01)), 3, sync=4), workers)
    alike(RuntimeBackend().execute(plan), NullBackend().execute(plan))


def test_parameters_larger_than_the_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both directions at once between the same two workers; nothing waits for room while it could receive."""

    def tiny(workers: int) -> RingMesh | PipeMesh:
        return make_mesh(workers, 512)

    monkeypatch.setattr(crew, "make_mesh", tiny)
    job = replicated(mlp(epochs=2, max_active_keys=4, optimizer=Adam(0.01)), 2, sync=1)  # up to 864 bytes a message
    plan = Plan(job, 2)
    alike(RuntimeBackend().execute(plan), NullBackend().execute(plan))


def test_a_wholly_replicated_job_has_no_traffic_but_the_sync() -> None:
    run = RuntimeBackend().execute(Plan(replicated(mlp(epochs=2, max_active_keys=4), 2), 2))
    links, size = run.tables["links"], 4 * (6 * 8 + 8 + 8 * 8 + 8 + 8 * 3 + 3)
    assert int(links["bytes"].sum()) == 2 * 2 * size  # there and back, after each of two epochs
    tasks = run.tables["tasks"]
    took = (tasks["end"] - tasks["start"])[tasks["kind"] == 3]
    assert len(took) == 2 * 3 * 3
    assert (took > 0).all()
