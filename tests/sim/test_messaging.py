"""What a unit does between tasks, cost by cost, in a run whose length can be written down to the femtosecond.

One instance in flight goes through a chain of layers of 1 ms forward and 2 ms backward, one a worker. On the way of one
instance are two tasks a layer, its source and its loss; the source of the labels runs meanwhile.
"""

from __future__ import annotations

from typing import Any

import pytest

from ampsim.hw import ChipCost, System, catalogue, load, to_fs, to_seconds
from ampsim.hw.messaging import Messaging
from ampsim.ir.message import FORWARD, Messages, Spec
from ampsim.job import Job
from ampsim.result.run import Run
from tests.sim.chains import MS, NBYTES, chain_job, chain_system, completions, simulate
from tests.sim.test_cost import kind

FORWARD_MS, BACKWARD_MS = 1 * MS, 2 * MS
N = 4
US = 10**9  # femtoseconds
COST = 7 * US


def chained(stages: int, job: Job | None = None, **chip: Any) -> Run:
    made = chain_system([(FORWARD_MS, BACKWARD_MS)] * stages, **chip)
    return simulate(job or chain_job(stages, N), made, stages)


def extra(stages: int = 2, **chip: Any) -> int:
    """Femtoseconds by which chips like this prolong the way of each instance."""
    found = completions(chained(stages, **chip))
    cycle = round(float(found[0]) * 10**15)
    assert found.tolist() == [to_seconds(cycle * k) for k in range(1, N + 1)]  # each after the one before, exactly
    return cycle - stages * to_fs(FORWARD_MS + BACKWARD_MS)


def software(**fields: Any) -> dict[str, Any]:
    return {"software": fields}


# -- one cost at a time ------------------------------------------------------------------------------------------------


def test_without_any_there_is_none() -> None:
    assert extra() == 0


@pytest.mark.parametrize("stages", [2, 3, 5])
def test_choosing_is_paid_by_every_task(stages: int) -> None:
    assert extra(stages, **software(choosing=7e-6)) == (2 * stages + 2) * COST


def test_one_worker_pays_for_all_that_it_chooses_and_gathers() -> None:
    """It is never idle, so its run takes longer by the sum. Single messages are not gathered, those of updates are."""
    job = chain_job(1, 11, max_active_keys=11, max_batch=5)
    plain = chained(1, job)
    messages = plain.tables["tasks"]["messages"]
    several = int(messages[messages > 1].sum())
    assert several > 0
    assert (messages == 1).any()
    gathering = chained(1, job, **software(gathering=7e-6))
    assert round((gathering.makespan - plain.makespan) * 10**15) == several * COST
    choosing = chained(1, job, **software(choosing=7e-6))
    assert round((choosing.makespan - plain.makespan) * 10**15) == len(messages) * COST


def test_a_group_of_messages_is_gathered_message_by_message() -> None:
    between = Messaging(ChipCost(kind(software={"choosing": 1e-6, "gathering": 2e-6})), "Blank")
    assert [between.choosing(n) for n in (1, 2, 5)] == [1 * US, 5 * US, 11 * US]


@pytest.mark.parametrize("stages", [1, 2, 4])
def test_a_message_is_paid_at_either_end(stages: int) -> None:
    """There and back over each boundary between two workers."""
    assert extra(stages, **software(message=7e-6)) == 4 * (stages - 1) * COST


def test_messages_of_a_parcel_are_paid_one_by_one() -> None:
    spec = Spec((3, 5), "float32")  # type: ignore[arg-type]
    parcel = [Messages(0, FORWARD, [(0,), (1,)], [1, 2], spec), Messages(1, FORWARD, [(0,)], [3], spec)]
    between = Messaging(
        ChipCost(kind(parcel_overhead=1e-6, copy_bandwidth=1e9, software={"message": 2e-6})),
        "Blank",
    )
    expected = (1 + 3 * 2) * US + 500 * 10**6
    assert between.sending(parcel, 500) == between.receiving(parcel, 500) == expected
    assert between.command(500) == between.report(500) == 1 * US + 500 * 10**6


def test_a_report_has_a_cost_of_its_own_or_that_of_a_parcel() -> None:
    """The loss is reported before its gradient goes on, the end behind all: two; the admission is a command."""
    assert extra(1, parcel_overhead=7e-6) == 3 * COST
    assert extra(1, **software(report=7e-6)) == 2 * COST
    assert extra(1, parcel_overhead=7e-6, software={"report": 0.0}) == 1 * COST


def test_what_follows_a_task_beyond_the_cache_takes_longer() -> None:
    """By then the task is over: it is no busy time, but what it sends leaves later.

    All but the last on an instance's way, which keeps rows for its weights and computes nothing, touch memory. A source
    reads and writes as much as it sends; layers read their weights besides.
    """
    assert extra(**software(cold=7e-6, cache=1)) == 5 * COST
    assert extra(**software(cold=7e-6, cache=2 * NBYTES)) == 3 * COST
    assert extra(**software(cold=7e-6, cache=10**9)) == 0
    run = chained(2, **software(cold=7e-6, cache=1))
    assert (run.tables["tasks"]["end"] - run.tables["tasks"]["start"]).max() == pytest.approx(BACKWARD_MS, rel=1e-12)


def test_structure_is_looked_up_by_who_first_hears_of_an_instance_from_another() -> None:
    """The first and the last chip have instances admitted; those between do not."""
    look = {"Blank_structure": 7e-6}
    assert [extra(stages, more=look) for stages in (1, 2, 3, 5)] == [0, 0, COST, 3 * COST]
    assert extra(3, more={"Other_structure": 7e-6}) == 0


# -- waking ------------------------------------------------------------------------------------------------------------


def test_the_first_task_after_a_wait_takes_longer() -> None:
    """Worker 1 waits before its forward pass, worker 0 before its backward pass: a half more of each."""
    assert extra(**software(waking=1.5)) == to_fs(FORWARD_MS + BACKWARD_MS) // 2


def test_who_never_waits_is_never_woken() -> None:
    """One worker, and a controller that answers at once: a wait of no length is none."""
    assert extra(1, **software(waking=1.5)) == 0


def test_waking_makes_whole_tasks_longer_and_is_busy_time() -> None:
    """A controller that takes a while: each instance but the first begins with a source that is woken."""
    job = chain_job(1, N)
    host, more = {"handling": 3 * MS}, {"Source_x_forward": 0.5 * MS}
    plain = chained(1, job, host=host, more=more)
    run = chained(1, job, host=host, more=more, task_overhead=0.0, software={"waking": 3.0})
    sources = run.tables["tasks"]["node"] == run.summary["nodes"].index("x")
    took = (run.tables["tasks"]["end"] - run.tables["tasks"]["start"])[sources & (run.tables["tasks"]["kind"] == 0)]
    assert took == pytest.approx([0.5 * MS] + [1.5 * MS] * (N - 1), rel=1e-9)
    assert run.makespan - plain.makespan == pytest.approx((N - 1) * MS, rel=1e-9)


# -- the controller ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("handling", [0.5 * MS, 2 * MS, 5 * MS])
def test_a_controller_hears_a_loss_while_the_worker_goes_back_and_then_the_end(handling: float) -> None:
    """It has cores of its own: forward, then the backward pass beside the loss, whichever is longer; then the end."""
    run = chained(1, host={"handling": handling})
    cycle = to_fs(FORWARD_MS) + max(to_fs(BACKWARD_MS), to_fs(handling)) + to_fs(handling)
    assert completions(run).tolist() == [to_seconds(cycle * k) for k in range(1, N + 1)]


@pytest.mark.parametrize("handling", [0.5 * MS, 2 * MS, 5 * MS])
def test_within_a_processor_of_one_core_it_takes_the_sum(handling: float) -> None:
    run = chained(1, host={"handling": handling, "within": "chip"}, cores={"count": 1})
    cycle = to_fs(FORWARD_MS) + to_fs(BACKWARD_MS) + 2 * to_fs(handling)
    assert completions(run).tolist() == pytest.approx([to_seconds(cycle * k) for k in range(1, N + 1)], abs=1e-14)


def test_reports_are_counted() -> None:
    """A loss, with which the labels end, and an end for each instance; and the acknowledgement of the last update."""
    run = chained(1)
    assert run.summary["reports"] == 2 * N + 1


# -- defaults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", catalogue())
def test_shipped_systems_pay_for_parcels_what_their_chips_say_and_nothing_else(name: str) -> None:
    for chip in load(name).chips:
        between = Messaging(ChipCost(chip), "Blank")
        copy = 0 if isinstance(chip.copy_bandwidth, str) else to_fs(10**6 / chip.copy_bandwidth)
        assert between.command(10**6) == between.report(10**6) == to_fs(chip.parcel_overhead) + copy
        assert between.sending([], 10**6) == between.receiving([], 10**6) == between.command(10**6)
        assert between.choosing(5) == between.after([]) == 0


def test_fields_that_are_left_out_are_those_that_cost_nothing() -> None:
    plain = chain_system([(FORWARD_MS, BACKWARD_MS)] * 2, parcel_overhead=1e-6)
    nothing = {"choosing": 0.0, "message": 0.0, "gathering": 0.0, "cold": 0.0, "waking": 1.0}
    chips = [group | {"software": nothing, "kernels": {}} for group in plain.to_dict()["chips"]]
    said = System.from_dict(plain.to_dict() | {"chips": chips, "host": {"handling": 0.0}})
    job = chain_job(2, 6, max_active_keys=3, min_update_frequency=2)
    one, two = (simulate(job, made, 2) for made in (plain, said))
    assert one.makespan == two.makespan
    for name, columns in one.tables.items():
        for column, values in columns.items():
            assert values.tobytes() == two.tables[name][column].tobytes(), f"{name}.{column}"
