"""A run that cannot end, has not ended, or did nothing is an error that says why: never a silent 0."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.engine.policy import Planned
from ampsim.errors import RunError, Stalled
from ampsim.hw.backend import Simulation
from tests.sim.chains import (
    MS,
    chain_job,
    chain_system,
    gpipe,
    one_forward_one_backward,
    schedule,
    simulate,
    simulation,
)
from tests.sim.stuck import stuck_job

Order = dict[int, list[Planned]]
LINKS = {"bandwidth": 1e9, "latency": 1e-6}


def told(stages: int, instances: int, mak: int, order: Order, **more: Any) -> str:
    """How a simulation of this order stalls; word for word the same without a clock."""
    job = chain_job(stages, instances, max_active_keys=mak, **more)
    system = chain_system([(MS, MS)] * stages, links=LINKS)
    with pytest.raises(Stalled) as simulated:
        simulate(job, system, stages, order=order)
    with pytest.raises(Stalled) as plain:
        NullBackend().execute(Plan(job, stages, {s: s for s in range(stages)}, "shapes", order=order))
    assert str(simulated.value) == str(plain.value)
    assert simulated.value.exit_code == 1
    return str(simulated.value)


def test_gpipe_with_fewer_in_flight_than_instances_waits_for_admission() -> None:
    """GPipe needs m in flight: with mak < m the first stage waits for an admission, and that for the way back."""
    order = schedule(chain_job(3, 4), gpipe(3, 4))
    found = told(3, 4, 2, order)
    cycle = found.split("each waiting for the next, the last for the first:\n")[1].splitlines()
    assert cycle[0] == "    worker 0 at forward of x in its given order waits for instance 2 to be admitted"
    assert cycle[1] == "    admission waits for one of 2 instances in flight to end (max_active_keys is 2)"


@settings(max_examples=12)
@given(st.integers(1, 5), st.integers(1, 8), st.integers(1, 8))
def test_an_order_runs_with_as_many_in_flight_as_it_needs_and_not_with_fewer(
    stages: int, instances: int, mak: int
) -> None:
    """GPipe needs m, 1F1B min(m, p)."""
    for make, needed in ((gpipe, instances), (one_forward_one_backward, min(instances, stages))):
        job = chain_job(stages, instances, max_active_keys=mak)
        order = schedule(job, make(stages, instances))
        if mak >= needed:
            run = simulate(job, chain_system([(MS, MS)] * stages), stages, order=order)
            assert run.makespan == pytest.approx((instances + stages - 1) * 2 * MS, rel=1e-9)
        else:
            assert "wait-for cycle" in told(stages, instances, mak, order)


def test_two_stages_that_turn_round_in_different_orders_wait_for_each_other() -> None:
    """Stage 0 wants the gradient of 1 before it sends 2; stage 1 scores 2 before it goes back with 1."""
    first = [("F", 0), ("F", 1), ("B", 1), ("F", 2), ("B", 0), ("B", 2)]
    second = [("F", 0), ("B", 0), ("F", 1), ("F", 2), ("B", 1), ("B", 2)]
    found = told(2, 3, 3, schedule(chain_job(2, 3), [first, second]))
    assert "worker 0 at backward of L0 in its given order waits for (1,) on the way back of L0.out -> L1.in" in found
    assert "worker 1 at forward of L1 in its given order waits for (2,) on L0.out -> L1.in" in found


@settings(max_examples=25)
@given(st.data())
def test_a_shuffled_order_ends_or_says_why_not(data: st.DataObject) -> None:
    """Whatever the orders of three stages are: all is done, or an error names a cycle, on every backend alike."""
    stages, instances = 3, 3
    turns = [(way, i) for i in range(instances) for way in "FB"]
    orders = [data.draw(st.permutations(turns)) for _ in range(stages)]
    job = chain_job(stages, instances, max_active_keys=instances)
    order = schedule(job, orders)
    try:
        run = simulate(job, chain_system([(MS, MS)] * stages, links=LINKS), stages, order=order)
        assert len(run.tables["instances"]["completed"]) == instances
    except Stalled:
        assert "wait-for cycle" in told(stages, instances, instances, order)


def test_what_is_missing_is_told_where_there_is_no_cycle() -> None:
    order = schedule(chain_job(2, 3), gpipe(2, 3))
    order[0] = order[0][:2]
    found = told(2, 3, 3, order)
    assert "wait-for" not in found
    assert "missing:\n    worker 0 at the end of its given order: nothing more was asked of it" in found


def test_keys_that_never_meet() -> None:
    """A join of a greedy run: no order is to blame, and the join says what it lacks."""
    with pytest.raises(Stalled) as error:
        simulate(stuck_job(max_active_keys=2), chain_system([(MS, MS)] * 2, links=LINKS), 2)
    assert "loss on worker 1: prediction of (0,) and label of (0,) was never sent, or came under another" in str(
        error.value
    )


@pytest.mark.parametrize("change", [{"rows": 0}, {"free": True}])
def test_work_that_takes_no_time_is_an_error(change: dict[str, Any]) -> None:
    """Instances without rows; chips and links that cost nothing."""
    job = chain_job(2, 3, rows=change.get("rows", 64))
    seconds = 0.0 if change.get("free") else MS
    with pytest.raises(RunError, match=r"no time passed: \d+ tasks and their messages cost nothing on system chain"):
        simulate(job, chain_system([(seconds, seconds)] * 2), 2)


def test_an_end_before_all_is_done_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a controller ever stop early: what is left over is named."""
    heard = Simulation._heard

    def stop(self: Simulation, effects: Any) -> None:
        heard(self, effects)
        self.controller.done = True

    monkeypatch.setattr(Simulation, "_heard", stop)
    early = simulation(chain_job(2, 6, max_active_keys=3), chain_system([(MS, MS)] * 2, links=LINKS), 2)
    with pytest.raises(RunError, match="the run ended with work unfinished\n  - "):
        early.run()
