"""The critical path by resource: nothing is left out, links have names, and bounds hold in the same order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import ampsim
from ampsim.result.analysis.idle import breakdown
from ampsim.result.analysis.path import critical_path
from ampsim.result.analysis.resources import (
    COMPUTING,
    KINDS,
    LINKS,
    NO_TASK,
    NOWHERE,
    PER_WORKER,
    Part,
    Pieces,
    bound,
    parts,
    pieces,
    shares,
)
from ampsim.result.schema import Table, empty_tables
from ampsim.studies.execute import load_system
from ampsim.studies.resources import speed_up
from tests.result.synthetic import make_run, table


def of(tables: Mapping[str, Table], workers: int, makespan: float) -> Pieces:
    idle = breakdown(tables, workers, makespan)
    return pieces(tables, idle, critical_path(tables, idle))


def tables(**rows: Any) -> dict[str, Table]:
    return empty_tables() | {name: table(name, found) for name, found in rows.items()}


def task(worker: int, start: float, end: float) -> tuple[Any, ...]:
    return (worker, 0, 0, start, end, 1, 1, 0.0, 0.0, 0, 0)


TWO_HOPS = tables(
    tasks=[task(0, 0, 4), task(1, 0, 3), task(1, 9, 10)],
    waits=[(1, 0, 3, 9)],
    messages=[(2, 0, 0, (0,), 8, 0, 4.0, 9.0)],
    instances=[(0, 0, True, 0, 1, 0.0, 10.0)],
    links=[(5, 4.0, 6.0, 8, 0, 1), (7, 6.0, 8.5, 8, 0, 1), (5, 1.0, 2.0, 8, 1, 0)],
)


def test_a_way_over_two_links_is_cut_where_the_parcel_leaves_the_first() -> None:
    """From 4 to 6 on link 5, from 6 to 9 on link 7: latency belongs to the link it comes after."""
    found = of(TWO_HOPS, 2, 10.0)
    assert found.begin.tolist() == pytest.approx([0, 4, 6, 9])
    assert found.end.tolist() == pytest.approx([4, 6, 9, 10])
    assert [KINDS[kind] for kind in found.kind.tolist()] == ["computing", "link", "link", "computing"]
    assert found.index.tolist() == [0, 5, 7, 1]
    assert found.task.tolist() == [0, NO_TASK, NO_TASK, 2]


def test_a_message_on_its_way_before_the_worker_was_free_is_followed_to_its_sender() -> None:
    """Worker 1 is busy until 5 and waits until 9 for what was sent at 4: the way from 4 on is what took so long."""
    late = {name: dict(columns) for name, columns in TWO_HOPS.items()}
    late["tasks"]["end"] = np.asarray([4.0, 5.0, 10.0])
    late["waits"]["start"] = np.asarray([5.0])
    found = of(late, 2, 10.0)
    assert found.task.tolist() == [0, NO_TASK, NO_TASK, 2]
    assert found.begin.tolist() == pytest.approx([0, 4, 6, 9])


def test_a_way_that_no_link_tells_of_is_nowhere() -> None:
    found = of({**TWO_HOPS, "links": empty_tables()["links"]}, 2, 10.0)
    assert found.index[found.kind == LINKS].tolist() == [NOWHERE]


@pytest.mark.parametrize("workers, latency", [(1, 8), (3, 16), (4, 20000)])
def test_pieces_follow_one_another_and_fill_the_run(workers: int, latency: int) -> None:
    run = make_run(workers, latency=latency)
    found = of(run.tables, workers, run.makespan)
    assert found.begin[0] == 0
    assert found.end[-1] == pytest.approx(run.makespan)
    assert np.allclose(found.begin[1:], found.end[:-1], rtol=0, atol=1e-9 * run.makespan)
    assert sum(part.share for part in parts(found)) == pytest.approx(1.0)
    assert shares(found).sum() == pytest.approx(1.0)
    rows = parts(found)
    assert [part.seconds for part in rows] == sorted((part.seconds for part in rows), reverse=True)
    edges = np.linspace(0, run.makespan, 50)
    over = found.over_time(edges)
    assert np.allclose(over.sum(axis=0), np.diff(edges))
    assert np.allclose(over.sum(axis=1), shares(found) * run.makespan)


def test_without_a_clock_there_is_nothing() -> None:
    assert parts(of(empty_tables(), 2, 0.0)) == []


def test_a_bound_halves_what_is_tied_lets_loose_waits_vanish_and_never_exceeds_twice_everything() -> None:
    fast, slow = Part(COMPUTING, 0, 4.0, 0.4, 3, 0.0), Part(LINKS, 2, 6.0, 0.6, 3, 0.1)
    assert bound([fast], [fast, slow]) == pytest.approx(0.2 + 0.1)
    assert bound([slow], [fast, slow]) == pytest.approx(0.25 + 0.1)
    assert bound([fast, slow], [fast, slow]) == 0.5
    assert bound([fast], [fast, slow], factor=4) == pytest.approx(0.3 + 0.1)


@pytest.mark.parametrize("system", ["fpga_ring_16", "gpu_switch_8"])
@pytest.mark.parametrize("resource, kinds", [("chip", PER_WORKER), ("link", (LINKS,))])
def test_no_resource_twice_as_fast_gains_more_in_the_same_order(
    system: str, resource: str, kinds: tuple[int, ...]
) -> None:
    """The simulator, made to keep the order of tasks, never saves more than the bound."""
    job = ampsim.workload("mlp", data="generated", training=1000, validation=200, width=128)
    run = ampsim.simulate(job.with_training(epochs=1, target=None), system)
    found = parts(of(run.tables, run.workers, run.makespan))
    faster = ampsim.replay(run, speed_up(load_system(system), {resource: 2}))
    most = bound([part for part in found if part.kind in kinds], found)
    assert 0 <= 1 - faster.makespan / run.makespan <= most + 1e-9
