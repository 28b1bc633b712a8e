"""With the measured durations of a run on real workers the simulator needs as long as they did.

Tasks, messaging and ways take as long as they took; who waits for whom, and for how long, comes out. That holds on a
busy machine as well as on a quiet one: what disturbed it has been measured.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ampsim.engine.assemble import replay_order
from ampsim.engine.plan import Plan
from ampsim.engine.values import nested
from ampsim.errors import UsageError
from ampsim.hw import System, load
from ampsim.hw.measured import Measured, Took
from ampsim.hw.playback import Playback
from ampsim.result.run import Run
from ampsim.runtime.backend import RuntimeBackend
from ampsim.studies.execute import replay
from tests.agreement.jobs import JOBS
from tests.agreement.runs import CASES, SYSTEM, Case, measured, replayed


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_makespan_is_the_measured_one(case: Case) -> None:
    run, again = measured(case), replayed(case, durations=True)
    assert again.makespan == pytest.approx(run.makespan, rel=0.02)
    assert again.throughput == pytest.approx(run.throughput, rel=0.02)
    assert again.utilization == pytest.approx(run.utilization, abs=0.02)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_waits_come_out_as_they_were(case: Case) -> None:
    """They are not told to the simulator: it finds them from what waits for what."""
    run, again = measured(case), replayed(case, durations=True)
    for worker in range(case.workers):
        there, here = (waited(r, worker) for r in (run, again))
        assert here == pytest.approx(there, abs=0.05 * run.makespan)


def waited(run: Run, worker: int) -> float:
    """Seconds that a worker waited until its last task."""
    waits, tasks = run.tables["waits"], run.tables["tasks"]
    last = tasks["end"][tasks["worker"] == worker].max()
    here = (waits["worker"] == worker) & (waits["end"] <= last)
    return float((waits["end"] - waits["start"])[here].sum())


@pytest.mark.parametrize("case", CASES[::5], ids=str)
def test_parameters_are_bit_equal_here_too(case: Case) -> None:
    run, again = measured(case), replayed(case, durations=True)
    for path, value in run.final.items():
        assert value.tobytes() == again.final[path].tobytes(), path


def test_shapes_alone_take_as_long() -> None:
    case = Case("mlp", 2, 1)
    shapes = replay(measured(case), SYSTEM, mode="shapes", durations=True)
    assert shapes.makespan == replayed(case, durations=True).makespan


def test_what_a_system_says_of_its_processor_takes_no_time_here() -> None:
    """Cores that are shared, a program's costs, a controller's: all of it was measured."""
    case = Case("mlp", 2, 1)
    values = load(SYSTEM).to_dict()
    values["chips"][0] |= {
        "prefix": "core",
        "cores": {"count": 1, "slowdown": [3.0], "crowded": 2.0},
        "software": {"choosing": 1e-3, "message": 1e-3, "report": 1e-3, "cold": 1e-3, "cache": 1, "waking": 2.0},
    }
    values["host"] |= {"handling": 1e-3, "within": "core"}
    slow = replay(measured(case), System.from_dict(values), durations=True)
    assert slow.makespan == replayed(case, durations=True).makespan


@pytest.fixture(scope="module")
def alone() -> Run:
    """One instance in flight, so that nothing goes on beside a loss."""
    return RuntimeBackend().execute(Plan(JOBS["mlp"](max_active_keys=1, epochs=1), 2))


def played(run: Run, change: Callable[[int, Took], Took]) -> Run:
    """A run with its durations, those of each task changed first: ``change(node, times)``."""
    job, owner = JOBS["mlp"](max_active_keys=1, epochs=1), tuple(run.config["run"]["owner"])
    plan = Plan(job, run.workers, values=nested(run.initial), order=replay_order(run), owner=owner)
    times = Measured(run, plan.program.schedule.segments(), 1)
    tasks = run.tables["tasks"]
    for worker, queue in enumerate(times.tasks):
        nodes = tasks["node"][tasks["worker"] == worker].tolist()
        for _ in range(len(queue)):
            queue.append(change(nodes.pop(0), queue.popleft()))
    return Playback(plan, load(SYSTEM), times).run()


def test_a_slower_loss_delays_a_run_by_as_much_as_it_is_slower(alone: Run) -> None:
    """So the durations are no mere copy of the measured clock: what follows is moved by what it waits for."""
    loss, slower = alone.summary["nodes"].index("loss"), 10**12  # one millisecond
    tasks = int((alone.tables["tasks"]["node"] == loss).sum())
    same = played(alone, lambda node, took: took)
    later = played(alone, lambda node, took: took._replace(time=took.time + slower * (node == loss)))
    assert tasks == 25
    assert later.makespan - same.makespan == pytest.approx(tasks * 1e-3, rel=1e-6)


def test_faster_workers_wait_longer_and_save_less_than_they_compute_less(alone: Run) -> None:
    same = played(alone, lambda node, took: took)
    half = played(alone, lambda node, took: took._replace(time=took.time // 2))
    saved = same.makespan - half.makespan
    busy = (alone.tables["tasks"]["end"] - alone.tables["tasks"]["start"]).sum()
    assert 0 < saved <= busy / 2 + 1e-9


def test_only_a_run_on_real_workers_has_durations() -> None:
    case = Case("mlp", 2, 1)
    with pytest.raises(UsageError, match="backend sim has no measured durations"):
        replay(replayed(case), SYSTEM, durations=True)


def test_links_are_pairs_of_workers_and_nothing_arrives_before_it_was_sent() -> None:
    case = Case("rnn", 3, 1)
    run, again = measured(case), replayed(case, durations=True)
    assert again.summary["links"] == run.summary["links"]
    there, here = (np.sort(r.tables["links"]["bytes"]) for r in (run, again))
    np.testing.assert_array_equal(here, there)
    assert (again.tables["links"]["start"] <= again.tables["links"]["end"]).all()
