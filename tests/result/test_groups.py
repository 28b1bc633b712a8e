"""Looking at a run worker by worker, or in parts, finds what the whole holds, in whatever order rows stand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.result.analysis import idle, links, order, placement, roofline, segments
from ampsim.result.analysis.groups import Groups
from ampsim.result.analysis.idle import breakdown
from ampsim.result.analysis.memory import memory
from ampsim.result.analysis.path import critical_path
from ampsim.result.analysis.queues import queue_lengths
from ampsim.result.analysis.traffic import arrows, departures, matrix
from ampsim.result.run import Run
from ampsim.result.schema import Array, Table
from ampsim.result.table import chunks
from tests.result.synthetic import make_run


@given(st.lists(st.integers(0, 4), max_size=40), st.booleans())
def test_groups_are_the_rows_with_their_number(keys: list[int], ordered: bool) -> None:
    key = np.asarray(sorted(keys) if ordered else keys, np.int32)
    table: Table = {"key": key, "row": np.arange(len(key)) * 10}
    found = Groups.by(table, key, 5)
    assert found.together == (sorted(keys) == key.tolist())
    for number in range(5):
        mine = np.flatnonzero(key == number)
        assert np.array_equal(np.asarray(found.rows(number)), mine)
        assert np.array_equal(found.take(number, "row")[0], table["row"][mine])
        assert found.table(number, ("key",))["key"].tolist() == [number] * len(mine)
        assert np.array_equal(found.places(number, mine[::-1]), np.arange(len(mine))[::-1])


def mixed(run: Run) -> Run:
    """The same run with rows in order of time, so that those of a worker stand nowhere together."""
    tables: dict[str, Any] = {name: dict(table) for name, table in run.tables.items()}

    def sort(name: str, column: str) -> Array:
        rows = np.argsort(tables[name][column], kind="stable")
        tables[name] = {key: values[rows] for key, values in tables[name].items()}
        return rows

    old = sort("tasks", "end")
    place = np.empty_like(old)
    place[old] = np.arange(len(old))
    tables["messages"]["task"] = place[tables["messages"]["task"]]
    for name, column in (("messages", "sent"), ("waits", "start"), ("memory", "time"), ("updates", "time")):
        sort(name, column)
    return Run(run.summary, tables, run.config, run.provenance, run.initial, run.final)


def test_the_order_of_rows_changes_nothing() -> None:
    run = make_run(3)
    other = mixed(run)
    times = [breakdown(found.tables, 3, found.makespan) for found in (run, other)]
    assert np.array_equal(times[0].ticks, times[1].ticks)
    assert np.array_equal(times[0].over_time(7)[1], times[1].over_time(7)[1])
    paths = [critical_path(found.tables, time) for found, time in zip((run, other), times, strict=True)]
    assert np.array_equal(paths[0].lengths, paths[1].lengths)
    assert np.array_equal(paths[0].waits, paths[1].waits)
    for column in ("worker", "start"):
        left, right = (found.tables["tasks"][column] for found in (run, other))
        assert np.array_equal(left[paths[0].tasks], right[paths[1].tasks])
    static = run.summary["static_memory"]
    levels = [memory(found.tables, 3, static) for found in (run, other)]
    assert np.array_equal(levels[0].peak, levels[1].peak)
    queues = [list(queue_lengths(found.tables, 3)) for found in (run, other)]
    for one, two in zip((*queues[0], *levels[0].levels), (*queues[1], *levels[1].levels), strict=True):
        assert np.array_equal(one.times, two.times)
        assert np.array_equal(one.levels, two.levels)
    assert np.array_equal(matrix(run.tables, 3), matrix(other.tables, 3))
    assert np.array_equal(departures(run.tables, 3), departures(other.tables, 3))
    for left, right in zip(*(vars(arrows(found.tables, 3)).values() for found in (run, other)), strict=True):
        assert np.array_equal(left, right)


def test_intervals_found_again_are_those_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(3)
    kept = breakdown(run.tables, 3, run.makespan)
    monkeypatch.setattr(idle, "KEPT", 0)
    again = breakdown(run.tables, 3, run.makespan)
    assert kept.of_worker(1) is kept.of_worker(1)
    assert again.of_worker(1) is not again.of_worker(1)
    assert np.array_equal(kept.ticks, again.ticks)
    for left, right in zip(kept.parts, again.parts, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def test_few_instances_kept_in_order_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(3)
    wanted = critical_path(run.tables, breakdown(run.tables, 3, run.makespan))
    monkeypatch.setattr(order, "INSTANCES", 1)
    found = critical_path(run.tables, breakdown(run.tables, 3, run.makespan))
    assert np.array_equal(found.tasks, wanted.tasks)


def edges(run: Run) -> Array:
    return np.linspace(0, run.makespan, 11)


@pytest.mark.parametrize(
    "module, find",
    [
        (links, lambda run: links.link_load(run.tables, len(run.summary["links"]), edges(run))),
        (placement, lambda run: placement.node_load(run.tables, len(run.summary["nodes"])).seconds),
        (placement, placement.owners),
        (roofline, lambda run: roofline.roofline(run).seconds),
        (segments, lambda run: segments.segments(run.tables)),
        (idle, lambda run: breakdown(run.tables, run.workers).ticks),
        (order, lambda run: critical_path(run.tables, breakdown(run.tables, run.workers, run.makespan)).lengths),
    ],
)
def test_sums_do_not_depend_on_the_size_of_the_parts(
    monkeypatch: pytest.MonkeyPatch, module: Any, find: Callable[[Run], Array]
) -> None:
    run = make_run(3)
    run.config["run"] = {}
    whole = find(run)
    for size in (1, 13):
        monkeypatch.setattr(module, "chunks", partial(chunks, size=size))
        assert np.allclose(find(run), whole, rtol=1e-12, atol=0)
