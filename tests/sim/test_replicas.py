"""What synchronising costs on simulated hardware: bytes over bandwidth, and nothing where it does not happen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ampsim.engine.plan import Plan
from ampsim.errors import OutOfMemory
from ampsim.hw import System
from ampsim.hw.backend import SimBackend
from ampsim.result.analysis.idle import CAUSES, breakdown
from ampsim.result.run import Run
from ampsim.testing import mlp, replicated, rnn
from tests.sim.systems import chips, system

SIZE = 4 * (6 * 8 + 8 + 8 * 8 + 8 + 8 * 3 + 3)  # bytes of all parameters of the MLP
SLOW = 1e4  # bytes a second


def simulate(sync: str | int, copies: int = 2, bandwidth: float = SLOW, latency: float = 0.0, **training: Any) -> Run:
    job = replicated(mlp(epochs=1, max_active_keys=4, **training), copies, sync)
    return SimBackend(system(copies, "full", bandwidth=bandwidth, latency=latency)).execute(Plan(job, copies))


def sync_time(run: Run) -> float:
    """Seconds from the first task of a sync to the last one's end, of the only sync of a run."""
    tasks = run.tables["tasks"]
    chosen = tasks["kind"] == 3
    return float(tasks["end"][chosen].max() - tasks["start"][chosen].min())


def test_a_sync_over_a_slow_link_takes_bytes_over_bandwidth() -> None:
    """There and back; each node's parameters follow the other's at once, so the link is never idle on the way there."""
    run = simulate("epoch")
    assert sync_time(run) == pytest.approx(2 * SIZE / SLOW - _overlap(), rel=1e-3)


def _overlap() -> float:
    """The means of L1 and L2 go back while the parameters of later nodes are still on their way."""
    first, second, third = (4 * (6 * 8 + 8), 4 * (8 * 8 + 8), 4 * (8 * 3 + 3))
    there = np.cumsum([first, second, third])
    back = 0
    for arrived, size in zip(there.tolist(), (first, second, third), strict=True):
        back = max(back, arrived) + size
    return (2 * SIZE - back) / SLOW


def test_latency_counts_twice() -> None:
    fast = simulate("epoch", bandwidth=1e12)
    far = simulate("epoch", bandwidth=1e12, latency=0.5)
    assert sync_time(far) - sync_time(fast) == pytest.approx(1.0, rel=1e-6)


def test_the_run_is_longer_by_the_syncs() -> None:
    """Nothing else crosses a link, so the slow link costs the syncs and nothing more."""
    once, often = simulate("epoch"), simulate(3)
    assert often.summary["makespan"] - once.summary["makespan"] == pytest.approx(3 * sync_time(once), rel=0.02)
    links = often.tables["links"]
    between = (links["source"] >= 0) & (links["destination"] >= 0)
    assert int(links["bytes"][between].sum()) == 4 * 2 * SIZE


def test_nothing_is_admitted_meanwhile() -> None:
    run = simulate(3)
    tasks, instances = run.tables["tasks"], run.tables["instances"]
    chosen = tasks["kind"] == 3
    for start, end in zip(tasks["start"][chosen].tolist(), tasks["end"][chosen].tolist(), strict=True):
        assert not ((instances["admitted"] > start) & (instances["admitted"] < end)).any()
        assert not ((instances["admitted"] < start) & (instances["completed"] > end)).any()


def test_waiting_for_the_order_is_admission_and_for_the_mean_communication() -> None:
    """Copy 1 waits for what comes back; copy 0 for what comes."""
    run = simulate("epoch")
    found = breakdown(run.tables, 2, run.summary["makespan"])
    seconds = dict(zip(CAUSES, found.seconds.T.tolist(), strict=True))
    for worker, wanted in ((0, SIZE / SLOW), (1, sync_time(run))):
        spent = seconds["communication"][worker] + seconds["waiting for input"][worker]
        assert spent == pytest.approx(wanted, rel=0.01)
    assert max(seconds["overhead"]) < 0.01 * sync_time(run)


def test_parameters_on_their_way_take_memory() -> None:
    """All three messages wait for the slow link at once, in the outbox of the chip that sends them."""
    job = replicated(mlp({"rows": 1}, epochs=1), 2)

    def run(capacity: int) -> Run:
        values = system(2, "full", bandwidth=SLOW).to_dict() | {"chips": [chips(2, memory_capacity=capacity)]}
        return SimBackend(System.from_dict(values)).execute(Plan(job, 2))

    memory = run(2**20).tables["memory"]
    assert int(memory["outbox"].max()) == SIZE
    static = 2 * SIZE  # parameters and gradients
    assert run(static + SIZE + 100).summary["makespan"] > 0
    with pytest.raises(OutOfMemory, match="outbox"):
        run(static + SIZE - 10)


@pytest.mark.parametrize("mode", ["numeric", "shapes"])
@pytest.mark.parametrize("sync", [1, 5, "epoch"])
def test_nothing_stalls(sync: str | int, mode: str) -> None:
    """A loop with three copies of its cell on more and on fewer chips."""
    for workers in (1, 2, 4):
        job = replicated(rnn(epochs=2, max_active_keys=5, max_batch=3), 3, sync)
        shapes = SimBackend(system(4, "ring")).execute(Plan(job, workers, mode=mode))
        alone = SimBackend(system(4, "ring")).execute(Plan(rnn(cells=4, epochs=2, max_active_keys=5), workers))
        assert shapes.summary["makespan"] > 0 < alone.summary["makespan"]
