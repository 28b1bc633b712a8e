"""What a page leaves out of a large run it says, and no extreme is among it."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.reports.figures import gantt, learning, memory, queues
from ampsim.reports.model import Plot, shown
from ampsim.result.analysis.learning import Curve
from ampsim.result.analysis.memory import memory as levels_of
from ampsim.result.analysis.queues import queue_lengths
from ampsim.result.analysis.steps import Steps
from ampsim.result.run import Run
from ampsim.result.table import chunks
from benchmarks._bigrun import big_run
from tests.result.synthetic import make_run

ROOT = Path(__file__).parents[2]


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 1000)), min_size=1, max_size=60), st.integers(1, 8))
def test_the_envelope_of_a_level_holds_its_extremes(samples: list[tuple[float, int]], bins: int) -> None:
    times, values = (np.asarray(column) for column in zip(*samples, strict=True))
    steps, edges = Steps.sampled(times, values), np.linspace(0, 11, bins + 1)
    found = steps.binned(edges)
    assert found.highest == steps.levels.max() == found.peak.max()
    for place, level in zip(np.searchsorted(edges, steps.times, "right") - 1, steps.levels, strict=True):
        assert found.peak[place] >= level
    assert (found.mean <= found.peak + 1e-9).all()


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=3000), st.integers(0, 1))
def test_a_thinned_curve_holds_ends_and_extremes(values: list[float], which: int) -> None:
    count = len(values)
    columns = [np.asarray(values), np.zeros(count)]
    curve = Curve(np.arange(count, dtype=np.float64), columns[which], columns[1 - which], np.arange(count))
    quantity = ("loss", "accuracy")[which]
    thin = learning.thinned(curve, quantity)
    assert len(thin.time) <= learning.MOST_POINTS
    assert {0, count - 1, int(np.argmin(values)), int(np.argmax(values))} <= set(thin.time.tolist())
    kept = thin.time.astype(int)
    assert np.array_equal(getattr(thin, quantity), np.asarray(values)[kept])


def longest(run: Run) -> tuple[float, float]:
    tasks = run.tables["tasks"]
    row = int(np.argmax(tasks["end"] - tasks["start"]))
    return float(tasks["start"][row]), float(tasks["end"][row])


def drawn(plot: Plot) -> set[tuple[float, float]]:
    bars = [trace for trace in plot.figure.data if not trace.name.startswith("messages")]
    x = np.concatenate([np.asarray(trace.x).reshape(-1, 4) for trace in bars])
    return set(zip(x[:, 0].tolist(), x[:, 2].tolist(), strict=True))


def test_the_longest_of_the_tasks_left_out_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gantt, "MOST_TASKS", 30)
    monkeypatch.setattr(gantt, "MOST_LONGEST", 3)
    monkeypatch.setattr(gantt, "chunks", partial(chunks, size=11))
    run = make_run(2)
    start = run.tables["tasks"]["start"]
    row = int(np.argsort(start)[len(start) // 4])  # in none of the windows
    run.tables["tasks"]["end"][row] = start[row] + 0.5 * run.makespan
    (one,) = shown([run])
    plot = gantt.gantt(one)
    scale = 1e3 if one.horizon < 1 else 1.0
    found = longest(run)
    assert (found[0] * scale, found[1] * scale) in drawn(plot)
    assert "3 longest of the others" in plot.note
    left_out = sum(int(a.text.split()[0].replace(",", "")) for a in plot.figure.layout.annotations)
    assert left_out + len(drawn(plot)) == run.tables["tasks"].rows


def test_the_table_of_tasks_counts_all_of_them() -> None:
    run = make_run(3)
    tasks = run.tables["tasks"]
    sums, most = gantt.sums_by_kind(tasks, len(run.summary["nodes"]))
    assert sums["tasks"].sum() == tasks.rows
    assert most.max() == (tasks["end"] - tasks["start"]).max()
    assert np.isclose(sums["time"].sum(), (tasks["end"] - tasks["start"]).sum())
    assert sums["flop"].sum() == (tasks["matmul"] + tasks["vector"]).sum()


def test_the_figures_of_queues_and_memory_reach_the_highest_of_all() -> None:
    run = big_run(20_000, 8)
    page = shown([run])
    (queue,) = [block for block in queues.section(page).blocks if isinstance(block, Plot)]
    wanted = [steps.highest for steps in queue_lengths(run.tables, 8)]
    assert np.asarray(queue.figure.data[0].z).max(axis=1).tolist() == wanted
    levels = levels_of(run.tables, 8, run.summary["static_memory"])
    (held, *_) = [block for block in memory.section(page).blocks if isinstance(block, Plot)]
    shares = np.asarray(held.figure.data[0].z).max(axis=1)
    assert np.allclose(shares, [100 * steps.highest / 2**33 for steps in levels.levels])


def test_losses_that_smoothing_hides_stand_in_the_note() -> None:
    run = big_run(40_000, 8)
    plots = [block for block in learning.section(shown([run])).blocks if isinstance(block, Plot)]
    assert f"to {run.tables['metrics']['loss'].max():.0f}" in plots[0].note
    assert "lowest and the highest point" in plots[1].note


def made(folder: Path, tasks: int) -> dict[str, Any]:
    """What a page of a made-up run of so many tasks costs, in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.report", "--tasks", str(tasks), "--folder", str(folder), "--json"]
    found: dict[str, Any] = json.loads(subprocess.run(words, check=True, capture_output=True, cwd=ROOT).stdout)
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_page_of_a_million_tasks_is_small_and_is_made_in_little_memory(tmp_path: Path) -> None:
    found = made(tmp_path, 1_000_000)
    assert found["page"] < 15e6
    assert found["peak"] < 600 << 20
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "1,000,000 tasks are too many to draw" in page
    assert "longest of the others" in page
