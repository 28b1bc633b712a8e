"""What synchronising costs on simulated hardware: bytes over bandwidth, and nothing where it does not happen."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from ampsim.engine.null import NullBackend
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


KINDS = ("ring", "tree", "halving_doubling", "star")


def simulate(
    sync: str | int,
    copies: int = 2,
    bandwidth: float = SLOW,
    latency: float = 0.0,
    by: str = "star",
    workers: int | None = None,
    kind: str = "full",
    **training: Any,
) -> Run:
    job = replicated(mlp(epochs=1, max_active_keys=4, **training), copies, sync)
    built = system(copies, kind, bandwidth=bandwidth, latency=latency, all_reduce=by)
    return SimBackend(built).execute(Plan(job, workers or copies))


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


def test_waiting_for_the_mean_is_synchronisation() -> None:
    """Copy 0 waits for what comes, and until copy 1 has what went back; copy 1 for all of that."""
    run = simulate("epoch")
    found = breakdown(run.tables, 2, run.summary["makespan"])
    seconds = dict(zip(CAUSES, found.seconds.T.tolist(), strict=True))
    assert seconds["synchronisation"] == pytest.approx([sync_time(run)] * 2, rel=0.01)
    assert max(seconds["messaging"]) < 0.01 * sync_time(run)


def test_parameters_on_their_way_take_memory() -> None:
    """All three messages wait for the slow link at once, in the outbox of the chip that sends them."""
    job = replicated(mlp({"rows": 1}, epochs=1), 2)

    def run(capacity: int) -> Run:
        values = system(2, "full", bandwidth=SLOW, all_reduce="star").to_dict() | {
            "chips": [chips(2, memory_capacity=capacity)]
        }
        return SimBackend(System.from_dict(values)).execute(Plan(job, 2))

    memory = run(2**20).tables["memory"]
    assert int(memory["outbox"].max()) == SIZE
    static = 2 * SIZE  # parameters and gradients
    assert run(static + SIZE + 100).summary["makespan"] > 0
    with pytest.raises(OutOfMemory, match="outbox"):
        run(static + SIZE - 10)


@pytest.mark.parametrize("mode", ["numeric", "shapes"])
@pytest.mark.parametrize("sync", [1, 5, "epoch"])
def test_all_is_done_and_each_sync_that_is_due(sync: str | int, mode: str) -> None:
    """A loop with three copies, or with four copies of its cell alone, on more and on fewer chips.

    Instances, messages and updates are those of a run without a clock, and no unit is busy longer than the run takes.
    """
    whole = replicated(rnn(epochs=2, max_active_keys=5, max_batch=3), 3, sync)
    inner = rnn(cells=4, epochs=2, max_active_keys=5)
    times = {"epoch": 1, 1: 12, 5: 3}[sync]  # in an epoch of 12 instances
    for workers, job in product((1, 2, 4), (whole, inner)):
        run = SimBackend(system(4, "ring", all_reduce="star")).execute(Plan(job, workers, mode=mode))
        wanted = NullBackend().execute(Plan(job, workers, mode=mode))
        for column in ("instance", "epoch", "training", "index"):
            np.testing.assert_array_equal(run.tables["instances"][column], wanted.tables["instances"][column])
        for column, values in wanted.tables["edges"].items():
            np.testing.assert_array_equal(run.tables["edges"][column], values)
        assert run.summary["updates"] == wanted.summary["updates"]
        tasks = run.tables["tasks"]
        if job is whole:  # for each of 3 nodes two copies send, the first forms the mean, and the two take it
            assert (tasks["kind"] == 3).sum() == 2 * times * 3 * 5
        busy = np.bincount(tasks["worker"], tasks["end"] - tasks["start"])
        assert 0 < busy.max() <= run.summary["makespan"]


# -- by other collectives ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["ring", "tree", "halving_doubling"])
@pytest.mark.parametrize("copies,workers", [(2, 2), (3, 3), (4, 4), (5, 5), (4, 2), (5, 3)])
@pytest.mark.parametrize("mode", ["numeric", "shapes"])
def test_all_but_the_times_is_that_of_the_star(by: str, copies: int, workers: int, mode: str) -> None:
    """Parameters to the bit, and each worker's tasks one by one; no two of these systems differ in anything else."""
    job = replicated(mlp(epochs=2, max_active_keys=4), copies, 4)
    one, star = (
        SimBackend(system(workers, "ring", bandwidth=SLOW, all_reduce=kind)).execute(Plan(job, workers, mode=mode))
        for kind in (by, "star")
    )
    assert {name: value.tobytes() for name, value in one.final.items()} == {
        name: value.tobytes() for name, value in star.final.items()
    }
    for column, values in star.tables["edges"].items():
        assert np.array_equal(one.tables["edges"][column], values)
    wanted = NullBackend().execute(Plan(job, workers, mode=mode))
    for run in (one, star):
        assert rows_of_syncs(run) == rows_of_syncs(wanted)
        assert run.summary["matmul"] == wanted.summary["matmul"]


def rows_of_syncs(run: Run) -> list[tuple[Any, ...]]:
    tasks = run.tables["tasks"]
    columns = ("worker", "node", "messages", "rows", "vector", "read", "written")
    chosen = tasks["kind"] == 3
    return sorted(zip(*(tasks[column][chosen].tolist() for column in columns), strict=True))


def between_chips(run: Run) -> dict[int, int]:
    """Bytes of syncs by link; nothing else goes from chip to chip."""
    links = run.tables["links"]
    found: dict[int, int] = {}
    for link, source, destination, nbytes in zip(
        *(links[column].tolist() for column in ("link", "source", "destination", "bytes")), strict=True
    ):
        if source >= 0 and destination >= 0:
            found[link] = found.get(link, 0) + nbytes
    return found


@pytest.mark.parametrize("copies", [2, 4])
def test_around_a_ring_each_link_carries_its_share(copies: int) -> None:
    """2 (P-1)/P of the parameters on each link the way round; a star brings P - 1 times all of them to one chip."""
    run = simulate("epoch", copies, by="ring", kind="ring")
    assert set(between_chips(run).values()) == {2 * (copies - 1) * SIZE // copies}
    assert len(between_chips(run)) == copies
    star = simulate("epoch", copies, by="star", kind="switch")
    assert max(between_chips(star).values()) == (copies - 1) * SIZE


@pytest.mark.parametrize("copies", [2, 4, 8])
@pytest.mark.parametrize("by", KINDS)
def test_latencies_one_behind_the_other(by: str, copies: int) -> None:
    """2 (P-1) round a ring, 2 log2(P) in a tree or by halving and doubling, 2 to copy 0 and back."""
    fast, far = (simulate("epoch", copies, 1e12, latency, by) for latency in (0.0, 0.5))
    depth = {"ring": copies - 1, "star": 1}.get(by, copies.bit_length() - 1)
    assert sync_time(far) - sync_time(fast) == pytest.approx(2 * depth * 0.5, rel=1e-6)


@pytest.mark.parametrize("copies", [2, 4, 8])
def test_bytes_decide_on_slow_links(copies: int) -> None:
    """Behind a switch a ring needs 2 (P-1)/P n/B, a star 2 (P-1) n/B less what overlaps both ways."""
    ring, star = (sync_time(simulate("epoch", copies, by=by, kind="switch")) for by in ("ring", "star"))
    assert ring == pytest.approx(2 * (copies - 1) / copies * SIZE / SLOW, rel=0.1)
    assert star > (copies - 1) * SIZE / SLOW
    assert star / ring > copies / 2


def test_copies_on_one_worker_are_one_rank() -> None:
    """Four copies on two workers: one vector each way, as with two copies."""
    assert sorted(between_chips(simulate("epoch", 4, by="ring", workers=2)).values()) == [SIZE, SIZE]
    assert between_chips(simulate("epoch", 3, by="ring", workers=1)) == {}


def test_other_traffic_shares_the_links_with_it() -> None:
    """Every byte that is sent is in the table of links, and the ring is what a system has by default."""
    assert system(2).all_reduce == "ring"
    run = simulate(3, 4, by="ring", kind="ring")
    links = run.tables["links"]
    for link in set(links["link"].tolist()):
        mine = links["link"] == link
        assert (links["start"][mine][1:] >= links["end"][mine][:-1] - 1e-12).all()


@pytest.mark.parametrize("by", KINDS)
def test_a_seed_for_ties_changes_no_byte(by: str) -> None:
    job = replicated(mlp(epochs=1, max_active_keys=4), 4, 3)
    built = system(4, "switch", all_reduce=by)
    runs = [SimBackend(built, tie_break=seed).execute(Plan(job, 4)) for seed in (1, 2)]
    assert between_chips(runs[0]) == between_chips(runs[1])
    assert rows_of_syncs(runs[0]) == rows_of_syncs(runs[1])


@pytest.mark.parametrize("by", KINDS)
@pytest.mark.parametrize("workers", [2, 3, 4])
def test_loops_and_syncs_after_every_instance_end(by: str, workers: int) -> None:
    job = replicated(rnn(epochs=2, max_active_keys=5, max_batch=3), 3, 1)
    run = SimBackend(system(4, "ring", all_reduce=by)).execute(Plan(job, workers))
    assert run.final["cell.0/W"].tobytes() == run.final["cell.2/W"].tobytes()
