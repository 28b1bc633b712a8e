"""Laws of every simulated run: parcels and links, determinism, ends that are told."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import numpy as np
import pytest

from ampsim import testing
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.errors import Stalled, UsageError
from ampsim.hw import System, load
from ampsim.hw.backend import SimBackend
from ampsim.ir.graph import Graph
from ampsim.ir.nodes import Linear, LogSoftmax, NllLoss, Source
from ampsim.job import Job, Recipe, Training
from ampsim.result.run import Run
from ampsim.testing import check_backend
from tests.sim.chains import MS, blank, chain_job, chain_system, simulate
from tests.sim.stuck import broken_job, stuck_job

DIRECT: dict[str, Any] = {"links": {"bandwidth": 1e9, "latency": 1e-6}, "topology": {"kind": "full"}}


def test_the_contract_of_a_backend_is_kept() -> None:
    check_backend(lambda: SimBackend(load("gpu_switch_8")))


# -- parcels -----------------------------------------------------------------------------------------------------------


def parcels(run: Run) -> Counter[tuple[int, int, int]]:
    """What the messages say: (source, destination, bytes) of all that one task sent to one worker."""
    messages, tasks = run.tables["messages"], run.tables["tasks"]
    source, destination = messages["source"], tasks["worker"][messages["task"]]
    sums: Counter[tuple[int, int, float]] = Counter()
    columns = (source, destination, messages["sent"], messages["bytes"])
    for a, b, sent, nbytes in zip(*(column.tolist() for column in columns), strict=True):
        if a not in (-1, b):
            sums[a, b, sent] += nbytes
    return Counter((a, b, nbytes) for (a, b, _), nbytes in sums.items())


@pytest.mark.parametrize(
    "make, max_batch",
    [
        (testing.mlp, 1),
        (testing.mlp, 4),
        (testing.diamond, 1),
        (testing.diamond, 4),
        (testing.rnn, 1),
    ],
)
def test_one_transfer_for_each_task_and_destination(make: Any, max_batch: int) -> None:
    job = make(max_active_keys=4, max_batch=max_batch, min_update_frequency=3)
    system = chain_system([(MS, MS)] * 3, task_overhead=1e-5, **DIRECT)
    run = simulate(job, system, 3)
    links = run.tables["links"]
    carried = [links[column].tolist() for column in ("source", "destination", "bytes")]
    found = Counter(row for row in zip(*carried, strict=True) if row[0] >= 0 <= row[1])
    assert found == parcels(run)
    assert (links["end"] >= links["start"]).all()


def test_two_edges_to_one_worker_share_a_parcel() -> None:
    # The Bcast of the diamond sends the same array over two edges; both consumers are on the other worker here.
    job = testing.diamond(max_active_keys=2)
    graph = job.graph
    owner = tuple(0 if graph.nodes[n].name in ("x", "base", "fan") else 1 for n in range(len(graph.nodes)))
    system = chain_system([(MS, MS)] * 2, task_overhead=1e-5, **DIRECT)
    run = SimBackend(system).execute(Plan(job, 2, mode="shapes", owner=owner))
    links = run.tables["links"]
    forward = links["bytes"][(links["source"] == 0) & (links["destination"] == 1)]
    assert set(forward.tolist()) == {2 * 5 * 4 * 4}
    assert len(forward) == len(run.tables["instances"]["instance"])


def test_a_busy_link_is_shared_in_order_and_never_twice_at_a_time() -> None:
    job = testing.rnn(max_active_keys=6, max_batch=2)
    links = simulate(job, chain_system([(MS, MS)] * 3, task_overhead=1e-6, links={"bandwidth": 1e6, "latency": 0}), 3)
    table = links.tables["links"]
    for link in np.unique(table["link"]):
        own = table["link"] == link
        start, end = table["start"][own], table["end"][own]
        assert (start[1:] >= end[:-1]).all()


# -- ties ----------------------------------------------------------------------------------------------


def two_ways(**training: Any) -> Job:
    """Two chains that cross: a0, a1 on chip 0 lead to a2 on chip 1; b0 on chip 1 leads to b1 on chip 0."""
    x, y, labels, marks = Source("x"), Source("y"), Source("labels"), Source("labels2")
    one, two = NllLoss("one"), NllLoss("two")
    _ = (
        x
        >> Linear("a0", 4, 5).affinity(0)
        >> Linear("a1", 5, 6).affinity(0)
        >> Linear("a2", 6, 7).affinity(1)
        >> LogSoftmax()
        >> one["prediction"]
    )
    _ = y >> Linear("b0", 4, 6).affinity(1) >> Linear("b1", 6, 7).affinity(0) >> LogSoftmax() >> two["prediction"]
    _ = labels >> one["label"]
    _ = marks >> two["label"]
    recipe = Recipe(crossing, {"instances": 1})
    return Job(Graph.of("crossing", x, y, labels, marks), recipe, Training(**training))


def crossing(instances: int) -> Any:
    """Four fields, two of which are labels."""
    return Crossing({}, instances=instances, rows=8, width=4), None


class Crossing(type(blank(1)[0])):  # type: ignore[misc]
    """The same rows under other names."""

    def spec(self, field: str, index: int) -> Any:
        return super().spec("labels" if field.startswith("labels") else field, index)


@pytest.mark.parametrize("late", [0, 1])
def test_what_is_sent_at_the_same_time_is_served_by_source(late: int) -> None:
    # Chip 0 takes two tasks until it sends, chip 1 one, which began before: the order of events is not that of sources.
    seconds = {"Linear(4, 5) forward": MS, "Linear(5, 6) forward": MS, "Linear(4, 6) forward": (2 + late) * MS}
    seconds |= {"Source x forward": 0.0, "Source y forward": 0.0, "Source labels forward": 0.0}
    measured = {name: {"rows": [8], "seconds": [value]} for name, value in seconds.items()}
    measured["Source labels2 forward"] = measured["Source labels forward"]
    links = {"bandwidth": 1e5, "latency": 0, "duplex": "half"}
    run = simulate(two_ways(), chain_system([(0, 0)] * 2, links=links, measured=measured), 2)
    table = run.tables["links"]
    assert table["source"][:2].tolist() == [0, 1]
    first_end = 2 * MS + 8 * 6 * 4 / 1e5
    np.testing.assert_allclose(table["start"][:2], [2 * MS, max(first_end, (2 + late) * MS)], rtol=1e-12)


def fingerprint(run: Run) -> str:
    """Over every table and the final parameters."""
    digest = hashlib.sha256()
    for name, table in sorted(run.tables.items()):
        for column, values in sorted(table.items()):
            digest.update(f"{name}.{column}".encode() + values.tobytes())
    for name, value in sorted(run.final.items()):
        digest.update(name.encode() + value.tobytes())
    return digest.hexdigest()


def chaos() -> Run:
    """Some of everything: a loop, coalescing, several chips, a host that is far."""
    job = testing.rnn(epochs=2, max_active_keys=5, max_batch=3, min_update_frequency=2)
    host = {"at": ["chip0"], "latency": 1e-6, "bandwidth": 1e9}
    system = chain_system([(MS, MS)] * 3, host=host, links={"bandwidth": 1e8, "latency": 1e-6}, parcel_overhead=1e-7)
    return SimBackend(system).execute(Plan(job, 3))


# -- ends --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["shapes", "numeric"])
def test_a_join_that_never_completes_is_a_stall_and_told_as_elsewhere(mode: str) -> None:
    job = stuck_job(max_active_keys=3)
    with pytest.raises(Stalled) as simulated:
        simulate(job, chain_system([(MS, MS)] * 2, links={"bandwidth": 1e9, "latency": 1e-6}), 2, mode=mode)
    with pytest.raises(Stalled) as plain:
        NullBackend().execute(Plan(job, 2, {0: 0, 1: 1}, mode=mode))
    assert str(simulated.value) == str(plain.value)
    for part in ("3 instances in flight (0, 1, 2)", "loss misses", "label", "prediction", "(2,)"):
        assert part in str(simulated.value)


def test_an_error_of_a_node_comes_out_as_it_is() -> None:
    # On one chip the event queue is empty while a node computes: this is no deadlock.
    with pytest.raises(RuntimeError, match="no such luck"):
        simulate(broken_job(), chain_system([(MS, MS)]), 1, mode="numeric")


def test_more_workers_than_chips_are_refused() -> None:
    with pytest.raises(UsageError, match="3 workers do not fit on the 2 chips"):
        simulate(chain_job(3, 2), chain_system([(MS, MS)] * 2), 3)


def test_chips_without_a_node_stay_idle() -> None:
    system: System = chain_system([(MS, MS)] * 4)
    run = simulate(chain_job(2, 3), system, 2)
    more = SimBackend(system).execute(Plan(chain_job(2, 3), 4, {0: 0, 1: 3}, mode="shapes"))
    assert more.summary["makespan"] == run.summary["makespan"]
    assert more.summary["utilization"][1:3] == [0.0, 0.0]
