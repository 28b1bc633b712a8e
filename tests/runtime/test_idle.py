"""Waits and idle by cause on real processes: every cause that a machine has appears, and all add up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ampsim.engine.plan import Plan
from ampsim.job import Job
from ampsim.result.analysis.idle import CAUSES, breakdown
from ampsim.result.run import Run
from ampsim.runtime.backend import RuntimeBackend
from ampsim.testing import replicated
from tests.agreement.jobs import small_mlp, small_rnn


def shares(run: Run) -> dict[str, float]:
    """The mean worker's time by cause."""
    found = breakdown(run.tables, run.workers, run.makespan)
    assert (found.ticks.sum(axis=1) == found.total).all()
    assert np.allclose(found.utilization, run.summary["utilization"], rtol=1e-9)
    return dict(zip(CAUSES, found.shares.mean(axis=0).tolist(), strict=True))


@pytest.mark.parametrize("make", [small_mlp, small_rnn])
def test_every_cause_that_processes_have_appears(make: Callable[..., Job]) -> None:
    """With one in flight each worker starves in its turn; a validation empties the pipeline."""
    found = shares(RuntimeBackend().execute(Plan(make(epochs=2, max_active_keys=1), 2)))
    assert {cause for cause, share in found.items() if share == 0} == {"out of memory"}


def test_making_copies_equal_is_synchronisation() -> None:
    job = replicated(small_mlp(epochs=1, max_active_keys=4), 2, 2)
    run = RuntimeBackend().execute(Plan(job, 2))
    assert shares(run)["synchronisation"] > 0


def test_a_worker_is_in_a_task_or_in_a_wait_or_in_neither_and_never_in_both() -> None:
    """And its first wait begins with the run, the last ends after it: it is asleep unless it has something to do."""
    run = RuntimeBackend().execute(Plan(small_mlp(epochs=2, max_active_keys=4), 3))
    waits, tasks = run.tables["waits"], run.tables["tasks"]
    assert not waits["kind"].any()
    for worker in range(3):
        spans = [np.column_stack([table["start"], table["end"]])[table["worker"] == worker] for table in (waits, tasks)]
        assert spans[0][0, 0] == 0
        # Who did the last task of all may still be sending when the controller knows that all is done; nobody else.
        assert spans[0][-1, 1] >= run.makespan or spans[1][-1, 1] == tasks["end"].max()
        together = np.concatenate(spans)
        together = together[np.argsort(together[:, 0])]
        assert (together[:, 1] > together[:, 0]).all()
        assert (together[1:, 0] >= together[:-1, 1]).all()


def test_the_clock_starts_with_the_first_admission() -> None:
    run = RuntimeBackend().execute(Plan(small_mlp(epochs=1), 2))
    instances = run.tables["instances"]
    assert instances["admitted"].min() == 0
    assert run.makespan == max(instances["completed"].max(), run.tables["tasks"]["end"].max())
