"""With one instance in flight there is one order, so there is one result."""

from __future__ import annotations

import numpy as np
import pytest

from ampsim.engine.plan import Plan
from ampsim.result.run import Run
from tests.agreement.jobs import JOBS, backends


def losses(run: Run) -> np.ndarray:
    """Training losses by instance."""
    metrics = run.tables["metrics"]
    order = np.argsort(metrics["instance"], kind="stable")
    return metrics["loss"][order]


@pytest.mark.parametrize(
    "name,workers",
    [("mlp", 1), ("mlp", 3), ("rnn", 1), ("rnn", 2), ("tree", 1), ("graph", 2), ("graph", 3), ("molecules", 2)],
)
def test_at_mak_1_without_coalescing_losses_and_parameters_are_bit_equal(name: str, workers: int) -> None:
    """On one worker always; on several, where one instance has one order.

    The levels of a tree are classified beside the climb to the next level, so on several workers it has not.
    """
    plan = Plan(JOBS[name](max_active_keys=1, max_batch=1), workers)
    first, *others = [backend.execute(plan) for backend in backends()]
    for other in others:
        assert losses(first).tobytes() == losses(other).tobytes()
        for path, value in first.final.items():
            assert value.tobytes() == other.final[path].tobytes(), path


@pytest.mark.parametrize("name", JOBS)
def test_at_mak_1_coalescing_changes_rounding_only(name: str) -> None:
    alone, *_ = [backend.execute(Plan(JOBS[name](update="instance"), 2)) for backend in backends()[:1]]
    for backend in backends():
        together = backend.execute(Plan(JOBS[name](update="instance", max_batch=16), 2))
        np.testing.assert_allclose(losses(together), losses(alone), rtol=1e-5)
        for path, value in alone.final.items():
            np.testing.assert_allclose(together.final[path], value, rtol=1e-4, atol=1e-6)


def test_the_runtime_learns_the_same_after_a_detour_through_another_run() -> None:
    job = JOBS["mlp"](epochs=1, shuffle=False)
    whole = backends()[0].execute(Plan(job.with_training(epochs=2), 1))
    half = backends()[2].execute(Plan(job, 2))
    values = {"L1": {}, "L2": {}, "L3": {}, "L4": {}}  # type: dict[str, dict[str, np.ndarray]]
    for path, value in half.final.items():
        node, _, parameter = path.partition("/")
        values[node][parameter] = value
    rest = backends()[2].execute(Plan(job, 2, values=values))
    for path, value in whole.final.items():
        assert value.tobytes() == rest.final[path].tobytes(), path
