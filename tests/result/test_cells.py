"""The grid behind a text Gantt: every task counts in the cells that it lies in, with its time there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.result.analysis import cells as module
from ampsim.result.analysis.cells import cells
from ampsim.result.analysis.idle import BUSY, breakdown
from ampsim.result.schema import Table
from tests.result.synthetic import make_run, table


def rows(*found: tuple[int, int, float, float]) -> Table:
    """Tasks of (worker, node, start, end)."""
    return table("tasks", [(w, 0, n, start, end, 1, 1, 0.0, 0.0, 0, 0) for w, n, start, end in found])


def slowly(
    tasks: Table, workers: range, window: tuple[float, float], count: int, nodes: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Seconds by worker, cell and node, one task and one cell at a time."""
    edges = np.linspace(*window, count + 1)
    found = np.zeros((len(workers), count, nodes))
    for worker, node, start, end in zip(tasks["worker"], tasks["node"], tasks["start"], tasks["end"], strict=True):
        if worker in workers:
            inside = np.minimum(end, edges[1:]) - np.maximum(start, edges[:-1])
            found[worker - workers.start, :, node] += np.maximum(inside, 0)
    return found


def test_a_cell_shows_the_node_that_took_most_of_it() -> None:
    found = cells(rows((0, 1, 0.0, 0.4), (0, 2, 0.4, 1.0), (0, 1, 1.0, 1.25), (1, 0, 2.5, 3.5)), range(2), (0, 4), 4, 3)
    assert found.node.tolist() == [[2, 1, -1, -1], [-1, -1, 0, 0]]
    np.testing.assert_allclose(found.busy, [[1, 0.25, 0, 0], [0, 0, 0.5, 0.5]])
    np.testing.assert_allclose(found.seconds, [1.0, 0.65, 0.6])


def test_of_two_nodes_with_equal_time_the_first_counts() -> None:
    assert cells(rows((0, 2, 0, 0.5), (0, 1, 0.5, 1)), range(1), (0, 1), 1, 3).node.tolist() == [[1]]


def test_a_long_task_fills_all_cells_between_its_ends() -> None:
    found = cells(rows((0, 0, 0.5, 99.25)), range(1), (0, 100), 100, 1)
    assert found.busy[0].tolist() == [0.5, *[1.0] * 98, 0.25]


def test_tasks_that_overlap_do_not_make_a_worker_busier_than_all_the_time() -> None:
    assert cells(rows(*[(0, 0, 0.0, 1.0)] * 3), range(1), (0, 1), 2, 1).busy.max() == 1.0


def test_no_task_is_no_error_and_a_task_without_length_is_not_seen() -> None:
    assert (cells(rows(), range(3), (0, 1), 5, 2).node == -1).all()
    assert (cells(rows((0, 0, 0.5, 0.5)), range(1), (0, 1), 5, 2).node == -1).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.booleans())
def test_equal_to_the_slow_way_whatever_the_window_and_the_order(seed: int, count: int, ordered: bool) -> None:
    generator = np.random.default_rng(seed)
    number = int(generator.integers(1, 60))
    start = np.round(generator.random(number) * 10, 2)
    end = start + np.round(generator.exponential(0.5, number), 2)
    tasks = rows(*zip(generator.integers(0, 4, number), generator.integers(0, 5, number), start, end, strict=True))
    if ordered:
        order = np.argsort(tasks["worker"], kind="stable")
        tasks = {name: column[order] for name, column in tasks.items()}
    window = (float(generator.random() * 4), float(5 + generator.random() * 7))
    workers = range(int(generator.integers(0, 2)), int(generator.integers(2, 5)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", int(generator.choice([7, 50, 1 << 20])))
        found = cells(tasks, workers, window, count, 5)
    wanted = slowly(tasks, workers, window, count, 5)
    width = (window[1] - window[0]) / count
    np.testing.assert_allclose(found.busy, np.minimum(wanted.sum(axis=2) / width, 1), atol=1e-9)
    np.testing.assert_allclose(found.seconds, wanted.sum(axis=(0, 1)), atol=1e-9)
    idle = found.node < 0
    assert (wanted.sum(axis=2)[idle] < 1e-9).all()
    took = np.take_along_axis(wanted, np.maximum(found.node, 0)[:, :, None], axis=2)[:, :, 0]
    np.testing.assert_allclose(took[~idle], wanted.max(axis=2)[~idle], atol=1e-9)


def test_busy_is_what_the_report_calls_busy() -> None:
    run = make_run(3, instances=40)
    found = cells(run.tables["tasks"], range(3), (0.0, run.makespan), 60, len(run.summary["nodes"]))
    _, shares = breakdown(run.tables, 3, run.makespan).over_time(60)
    np.testing.assert_allclose(found.busy, shares[:, BUSY], atol=1e-6)
