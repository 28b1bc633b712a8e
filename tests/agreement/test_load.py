"""Every run says what else the machine did meanwhile; the processes of a run do not count as others."""

from __future__ import annotations

from pathlib import Path

import pytest

from ampsim.engine.plan import Plan
from ampsim.result.load import load_of
from ampsim.result.run import Run
from ampsim.runtime.backend import RuntimeBackend
from tests.agreement.jobs import backends, small_mlp


@pytest.mark.parametrize("backend", backends(), ids=lambda backend: backend.name)
def test_every_backend_writes_down_the_load(backend: RuntimeBackend, tmp_path: Path) -> None:
    run = backend.execute(Plan(small_mlp(epochs=1), 2))
    run.save(tmp_path / "run")
    load = load_of(Run.load(tmp_path / "run"))
    assert load is not None
    assert load == load_of(run)
    assert load.own > 0
    assert load.seconds > 0


def test_workers_are_no_others() -> None:
    """What workers computed is part of what the run itself used."""
    run = RuntimeBackend().execute(Plan(small_mlp(epochs=4, max_active_keys=4), 2))
    tasks, load = run.tables["tasks"], load_of(run)
    assert load is not None
    assert load.seconds >= run.makespan
    computed, waited = float((tasks["end"] - tasks["start"]).sum()), (load.waiting or 0.0) * load.seconds
    assert load.own * load.seconds > 0.5 * (computed - waited)
