"""The order of tasks that a run on real processes happened to have, fed to the simulator, gives the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from ampsim.engine.assemble import replay_order
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.errors import Stalled
from ampsim.hw import load
from ampsim.hw.backend import SimBackend
from ampsim.result.run import Run
from ampsim.runtime.backend import RuntimeBackend
from ampsim.studies.execute import replay
from tests.agreement.jobs import small_mlp
from tests.agreement.runs import CASES, Case, measured, replayed

UNTIMED = {
    "tasks": ("worker", "kind", "node", "messages", "rows", "matmul", "vector", "read", "written"),
    "messages": ("task", "edge", "direction", "state", "bytes", "source"),
    "updates": ("node", "worker", "version", "instance", "gradients", "staleness_mean", "staleness_max"),
    "staleness": ("node", "staleness", "count"),
    "edges": ("edge", "direction", "messages", "bytes"),
    "instances": ("instance", "epoch", "training", "index", "rows"),
}


def losses(run: Run) -> list[tuple[float, ...]]:
    """Node, instance, loss and correct rows of every loss, whatever the order in which they came in."""
    metrics = run.tables["metrics"]
    columns = ("node", "instance", "rows", "loss", "correct")
    return sorted(zip(*(metrics[column].tolist() for column in columns), strict=True))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_replaying_a_run_gives_bit_equal_parameters(case: Case) -> None:
    run, again = measured(case), replayed(case)
    assert run.final
    for path, value in run.final.items():
        assert value.tobytes() == again.final[path].tobytes(), path


@pytest.mark.parametrize("case", CASES, ids=str)
def test_replaying_a_run_gives_its_tasks_messages_and_losses(case: Case) -> None:
    """All but times: which tasks with which rows and FLOP, which messages from whom, which losses, which updates."""
    run, again = measured(case), replayed(case)
    assert (run.tables["tasks"]["kind"] == 3).any() == (case.copies > 1)
    for table, columns in UNTIMED.items():
        for column in columns:
            np.testing.assert_array_equal(again.tables[table][column], run.tables[table][column], f"{table}.{column}")
    assert losses(again) == losses(run)


def test_a_replay_is_no_formality_since_the_order_matters() -> None:
    job = small_mlp(max_active_keys=4)
    plan = Plan(job, 2)
    free = SimBackend(load("fpga_ring_16")).execute(plan)
    other = NullBackend().execute(plan)
    assert any(free.final[path].tobytes() != other.final[path].tobytes() for path in free.final)


def test_a_run_replayed_through_its_folder_is_the_same(tmp_path_factory: pytest.TempPathFactory) -> None:
    from ampsim.studies.execute import load_run

    folder = tmp_path_factory.mktemp("runs") / "run"
    run = RuntimeBackend().execute(Plan(small_mlp(max_active_keys=4), 2))
    run.save(folder)
    again = replay(load_run(folder), "host")
    for path, value in run.final.items():
        assert value.tobytes() == again.final[path].tobytes(), path


def test_an_order_that_cannot_happen_is_refused() -> None:
    job = small_mlp(max_active_keys=2)
    order = replay_order(NullBackend().execute(Plan(job, 2)))
    order[0].reverse()
    with pytest.raises(Stalled, match="never became possible"):
        SimBackend(load("gpu_switch_8")).execute(Plan(job, 2, order=order))
