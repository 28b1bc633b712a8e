"""What is in a trace, from the tables of the run it was made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.errors import UsageError
from ampsim.reports.trace.blocks import Counters, Slices, joined, lanes
from ampsim.reports.trace.stream import Stream
from ampsim.reports.trace.write import write
from ampsim.result.analysis.causes import MESSAGING
from ampsim.result.analysis.idle import BUSY, CAUSES, breakdown
from ampsim.result.analysis.queues import queue_lengths
from ampsim.result.run import Run
from tests.reports.trace.reading import check, read
from tests.result.synthetic import TICK, make_run, table

RUNS = st.builds(
    make_run,
    st.integers(1, 4),
    mak=st.integers(1, 6),
    epochs=st.integers(1, 2),
    instances=st.integers(1, 8),
    validation=st.integers(0, 3).map(lambda count: max(count, 1)),
    compute=st.integers(4, 5000),
    latency=st.integers(0, 5000),
)
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=30).map(
    lambda rows: np.asarray(sorted((a, a + b) for a, b in rows), np.int64).reshape(-1, 2).T
)


def slices(run: Run, ending: str = "", **window: float) -> list[Slices]:
    blocks = [block for block in Stream(run, **window) if isinstance(block, Slices)]
    return [block for block in blocks if block.track.name.endswith(ending)]


@settings(max_examples=25)
@given(RUNS)
def test_every_task_is_one_slice_of_its_worker_and_the_slices_of_a_worker_add_up_to_its_busy_time(run: Run) -> None:
    tasks = run.tables["tasks"]
    found = slices(run, " tasks")
    rows = np.concatenate([block.facts["task"] for block in found])
    assert sorted(rows.tolist()) == list(range(len(tasks["kind"])))
    for worker, block in enumerate(found):  # the scheduler never overlaps them, so a worker has one track
        assert block.track.name == f"chip{worker} tasks"
        mine = tasks["worker"] == worker
        assert set(block.facts["task"].tolist()) == set(np.flatnonzero(mine).tolist())
        busy = float((tasks["end"] - tasks["start"])[mine].sum())
        assert (block.end - block.begin).sum() * 1e-9 == pytest.approx(busy, abs=1e-9 * max(1, mine.sum()))
        named = [block.names[label] for label in block.label]
        kinds = ("forward", "backward", "update")
        wanted = [f"L{worker + 1} {kinds[tasks['kind'][task]]}" for task in block.facts["task"]]
        assert named == wanted


@settings(max_examples=25)
@given(RUNS)
def test_waiting_is_what_the_breakdown_says_and_never_meets_a_task(run: Run) -> None:
    idle = breakdown(run.tables, run.workers, run.makespan)
    for worker, block in enumerate(slices(run, " waiting")):
        for cause in set(range(len(CAUSES))) - {BUSY, MESSAGING}:
            mine = block.label == cause
            seconds = float((block.end - block.begin)[mine].sum()) * 1e-9
            assert seconds == pytest.approx(idle.seconds[worker, cause], abs=1e-9 * (1 + mine.sum()))
        tasks = slices(run, " tasks")[worker]
        begin, end = np.append(tasks.begin, block.begin), np.append(tasks.end, block.end)
        order = np.lexsort((end, begin))
        assert (begin[order][1:] >= end[order][:-1] - 1).all()


@settings(max_examples=25)
@given(RUNS)
def test_counters_are_the_tables(run: Run) -> None:
    found = {block.track.name: block for block in Stream(run) if isinstance(block, Counters)}
    memory, queues = run.tables["memory"], list(queue_lengths(run.tables, run.workers))
    for worker in range(run.workers):
        block = found[f"chip{worker} memory"]
        assert list(block.series) == ["static", "caches", "deferred", "queues", "outbox"]
        rows = np.flatnonzero(memory["worker"] == worker)
        time = np.rint(memory["time"][rows] * 1e9).astype(np.int64)
        for series, column in zip(block.series[1:], block.levels.T[1:], strict=True):
            place = np.searchsorted(block.time, time, "right") - 1
            last = np.append(time[1:] != time[:-1], True)
            assert (column[place][last] == memory[series][rows][last]).all()
        assert (block.levels[:, 0] == 96).all()
        queue = found[f"chip{worker} queue"]
        steps = queues[worker]
        assert (queue.levels[:, 0] == steps.at(queue.time * 1e-9 + TICK / 4)).all()
        assert queue.levels.max() == steps.highest
    flying = found["instances"].levels[:, 0]
    assert flying.max() <= run.config["job"]["training"]["max_active_keys"]
    assert flying[-1] == 0
    for block in found.values():
        assert (np.diff(block.time) > 0).all()
        assert (block.levels[1:] != block.levels[:-1]).any(axis=1).all()


def test_epochs_hold_training_and_validation_which_hold_admitting_and_draining() -> None:
    block = slices(make_run(2, epochs=2, instances=6, validation=6), "segments")[0]
    named = [block.names[label] for label in block.label]
    inner = ["admitting", "draining"]
    each = ["training", *inner, "validation", *inner]
    assert named == ["epoch 0", *each, "epoch 1", *each]
    depth = [sum(b <= begin and end <= e for b, e in zip(block.begin, block.end, strict=True))
             for begin, end in zip(block.begin, block.end, strict=True)]  # fmt: skip
    assert max(depth) == 3


def test_parcels_that_are_on_a_link_together_lie_on_tracks_of_one_name() -> None:
    run = make_run(2, mak=4, compute=64, latency=4096)  # sending is quicker than a link
    blocks = [block for block in slices(run) if block.track.group == "links"]
    assert {block.track.name for block in blocks} == {"chip0 -> chip1", "chip1 -> chip0"}
    assert len(blocks) > 2
    assert sum(len(block.begin) for block in blocks) == len(run.tables["links"]["link"])
    assert {block.names[label] for block in blocks for label in block.label} == {"chip0 to chip1", "chip1 to chip0"}


def test_units_of_a_chip_are_tracks_of_its_group() -> None:
    run = make_run(3)
    run.summary["chips"] = [{"name": "left", "workers": [0, 2]}, {"name": "right", "workers": [1]}]
    groups = {block.track.name: block.track.group for block in slices(run, " tasks")}
    assert groups == {"chip0 tasks": "left", "chip2 tasks": "left", "chip1 tasks": "right"}


def test_what_a_full_memory_cost_is_a_track_where_there_was_something() -> None:
    run = make_run(2)
    assert not slices(run, " overflow")
    rows = [(1, 1, 10, 30, 4096, 0.0, 0.0, -1), (1, 2, 20, 40, 512, 0.0, 0.0, 7)]
    run.tables["overflow"] = table("overflow", rows, TICK)
    run.tables["memory"]["off_chip"][:] = 3
    first, second = slices(run, " overflow")  # they overlap
    assert first.track.name == second.track.name == "chip1 overflow"
    assert [first.names[first.label[0]], second.names[second.label[0]]] == ["spill", "fetch"]
    assert second.facts["instance"].tolist() == [7]
    assert "chip0 off chip" in {block.track.name for block in Stream(run)}


@settings(max_examples=25)
@given(RUNS, st.floats(0, 1), st.floats(0, 1))
def test_a_window_holds_whole_what_reaches_into_it_and_counts_the_rest(run: Run, a: float, b: float) -> None:
    low, high = sorted((a * run.makespan, b * run.makespan))
    if round(low * 1e9) >= round(high * 1e9):
        return
    tasks = run.tables["tasks"]
    stream = Stream(run, low, high)
    rows = np.concatenate([b.facts["task"] for b in stream if isinstance(b, Slices) and "task" in b.facts])
    begin, end = stream.tasks.begin, stream.tasks.end
    inside = (end >= round(low * 1e9)) & (begin <= round(high * 1e9))
    assert sorted(rows.tolist()) == np.flatnonzero(inside).tolist()
    assert stream.left_out()["tasks"] == len(tasks["kind"]) - len(rows)
    for block in stream:
        if isinstance(block, Counters):
            assert block.time[0] == round(low * 1e9)
            assert block.time[-1] <= round(high * 1e9)


def test_a_window_cuts_no_arrow_in_two(tmp_path: Path) -> None:
    run = make_run(3, latency=5000)
    whole = write(run, tmp_path / "whole.json")
    part = write(run, tmp_path / "part.json", begin=0.2 * run.makespan, end=0.4 * run.makespan)
    trace = read(part.path)
    check(trace)
    assert 0 < len(trace.flows) < whole.counts["flows"]
    assert part.left_out["messages"] == whole.counts["flows"] - len(trace.flows)
    assert part.left_out["parcels"] > 0
    assert not any(whole.left_out.values())


def test_a_run_without_a_clock_and_an_empty_window_are_refused() -> None:
    run = make_run(1)
    with pytest.raises(UsageError, match="ends before it begins"):
        Stream(run, 2.0, 1.0)
    run.summary["makespan"] = 0.0
    for name in ("start", "end"):
        run.tables["tasks"][name][:] = 0
    with pytest.raises(UsageError, match="no clock"):
        Stream(run)


@given(SPANS)
def test_lanes_keep_slices_apart_on_as_few_as_can_be(spans: tuple[np.ndarray, np.ndarray]) -> None:
    begin, end = spans
    lane = lanes(begin, end)
    for number in set(lane.tolist()):
        first, last = begin[lane == number], end[lane == number]
        assert (first[1:] >= last[:-1]).all()
    open_ = [(begin <= t) & ((t < end) | ((begin == t) & (end == t))) for t in begin]
    most = max((int(found.sum()) for found in open_), default=0)
    assert len(set(lane.tolist())) <= max(most, 1)


@given(SPANS)
def test_joining_moves_a_begin_by_one_nanosecond_at_most_and_leaves_no_overlap_of_one(
    spans: tuple[np.ndarray, np.ndarray],
) -> None:
    begin, end = joined(*spans)
    assert ((begin == spans[0]) | (begin == spans[0] + 1)).all()
    assert (begin <= end).all()
    before = np.maximum.accumulate(end)[:-1]
    assert not ((before - begin[1:] == 1) & (end[1:] > begin[1:])).any()
