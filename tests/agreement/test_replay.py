"""The order of tasks that a run on real processes happened to have, fed to the simulator, gives the same bits."""

from __future__ import annotations

import pytest

from ampsim.engine.assemble import replay_order
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.errors import Stalled
from ampsim.hw import load
from ampsim.hw.backend import SimBackend
from ampsim.runtime.backend import RuntimeBackend
from ampsim.studies.execute import replay
from tests.agreement.jobs import JOBS, small_mlp


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize("workers,max_batch", [(2, 4), (3, 1), (3, 4)])
def test_replaying_a_run_gives_bit_equal_parameters(name: str, workers: int, max_batch: int) -> None:
    job = JOBS[name](max_active_keys=4, max_batch=max_batch, min_update_frequency=2)
    measured = RuntimeBackend().execute(Plan(job, workers))
    again = replay(measured, "gpu_switch_8")
    assert measured.final
    for path, value in measured.final.items():
        assert value.tobytes() == again.final[path].tobytes(), path


def test_a_replay_is_no_formality_since_the_order_matters() -> None:
    job = small_mlp(max_active_keys=4)
    plan = Plan(job, 2)
    free = SimBackend(load("fpga_ring_16")).execute(plan)
    other = NullBackend().execute(plan)
    assert any(free.final[path].tobytes() != other.final[path].tobytes() for path in free.final)


def test_a_run_replayed_through_its_folder_is_the_same(tmp_path_factory: pytest.TempPathFactory) -> None:
    from ampsim.studies.execute import load_run

    folder = tmp_path_factory.mktemp("runs") / "run"
    measured = RuntimeBackend().execute(Plan(small_mlp(max_active_keys=4), 2))
    measured.save(folder)
    again = replay(load_run(folder), "host")
    for path, value in measured.final.items():
        assert value.tobytes() == again.final[path].tobytes(), path


def test_an_order_that_cannot_happen_is_refused() -> None:
    job = small_mlp(max_active_keys=2)
    order = replay_order(NullBackend().execute(Plan(job, 2)))
    order[0].reverse()
    with pytest.raises(Stalled, match="never became possible"):
        SimBackend(load("gpu_switch_8")).execute(Plan(job, 2, order=order))
