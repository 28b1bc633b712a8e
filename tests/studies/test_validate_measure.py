"""What one case is run with, and what two runs are asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ampsim.errors import RunError
from ampsim.job import Job
from ampsim.result.run import Run
from ampsim.studies.execute import load_system, simulate
from ampsim.studies.validate.items import items
from ampsim.studies.validate.load import suite_of
from ampsim.studies.validate.measure import About, about, accounted, growth, measure, prepared, side
from tests.studies.made_up import HERE, SUITE

HOST = load_system("fpga_ring_16")
LEARN = {**SUITE, "learning": [{"job": "small", "settings": {"training.target": 0.05, "training.epochs": 2}}]}


def asked(kind: int, backend: Any = None) -> tuple[Any, list[dict[str, Any]]]:
    """The record of an item of the suite, and what the two backends were given."""
    given: list[dict[str, Any]] = []

    def machine(job: Job, **settings: Any) -> Run:
        given.append({"job": job, **settings})
        return simulate(job, "gpu_switch_8", **settings)

    def simulator(job: Job, system: Any, **settings: Any) -> Run:
        given.append({"job": job, "system": system, **settings})
        return simulate(job, system, **settings)

    return measure(items(suite_of(LEARN))[kind], 3, HOST, HERE, (backend or machine, simulator)), given


def test_a_case_is_run_and_simulated_alike() -> None:
    record, (ran, simulated) = asked(1)
    assert (ran["job"], ran["workers"]) == (simulated["job"], 2)
    assert ran["placement"] == simulated["placement"] == {0: 0, 1: 1, 2: 0, 3: 1}
    assert (simulated["system"], simulated["mode"]) == (HOST, "shapes")
    assert (record.error, record.round, record.machine, record.program) == (None, 3, *HERE)
    assert record.measured.throughput > 0
    assert record.predicted.throughput > 0
    assert record.measured.throughput != record.predicted.throughput


def test_learning_is_numeric_has_the_seed_of_its_round_and_validates_every_tenth_of_an_epoch() -> None:
    record, (ran, simulated) = asked(2)
    training = ran["job"].training
    assert (training.seed, training.validate_every) == (3, 1)  # 2 instances
    assert training.target == 0.05
    assert simulated["mode"] == "numeric"
    assert record.predicted.time_to_target > 0
    long = items(suite_of({**LEARN, "jobs": {"small": {"job": "mlp", "settings": {"options.data": "generated"}}}}))[2]
    assert prepared(long, 1).training.validate_every == 4  # 40 instances
    assert prepared(long, 1).training.seed != prepared(long, 2).training.seed


def test_a_target_that_is_not_reached_is_an_error_that_says_where() -> None:
    def never(job: Job, **settings: Any) -> Run:
        return simulate(job.with_training(target=1.0), "gpu_switch_8", **settings)

    record, _ = asked(2, never)
    assert record.error.startswith("the machine did not reach the target in 2 epochs")


@pytest.mark.parametrize(
    "error,said",
    [(RunError("a worker died", "worker 1"), "a worker died\n  where: worker 1"), (KeyError("x"), "KeyError: 'x'")],
)
def test_an_error_is_a_record(error: Exception, said: str) -> None:
    def broken(job: Job, **settings: Any) -> Run:
        raise error

    record, _ = asked(0, broken)
    assert (record.error, record.measured, record.predicted) == (said, None, None)


def test_an_interruption_is_none() -> None:
    def interrupted(job: Job, **settings: Any) -> Run:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked(0, interrupted)


def test_a_side_holds_what_a_run_says() -> None:
    run = simulate(items(suite_of(SUITE))[1].job, HOST, workers=2, mode="shapes")
    run.summary["interval"] = {"level": 0.8, "throughput": [1.0, 2.0], "makespan": [3.0, 4.0]}
    found = side(run)
    assert (found.makespan, found.throughput, found.utilization) == (run.makespan, run.throughput, run.utilization)
    gradients = sum(count for node in found.staleness.values() for count in node.values())
    assert gradients == run.tables["staleness"]["count"].sum() > 0
    assert found.intervals == {"throughput": (1.0, 2.0), "makespan": (3.0, 4.0)}
    assert found.memory == accounted(run) >= sum(sum(s.values()) for s in run.summary["static_memory"])
    run.summary["interval"] = None
    assert side(run).intervals == {}


def process(before: dict[str, int], after: dict[str, int]) -> dict[str, dict[str, int]]:
    return {"before": before, "after": after}


def grown(resident: Any) -> int | None:
    return growth(cast("Run", SimpleNamespace(summary={"resident": resident})))


def test_memory_grows_from_before_the_job_to_its_peak_without_what_is_shared() -> None:
    one = process({"resident": 40, "peak": 40, "shared": 10}, {"resident": 90, "peak": 100, "shared": 30})
    assert grown([one]) == (100 - 30) - (40 - 10)
    assert grown([one, one]) == 80


@pytest.mark.parametrize("resident", [None, [], [None], [process({}, {})]])
def test_where_nobody_counted_there_is_no_growth(resident: Any) -> None:
    assert grown(resident) is None


def test_the_machine_and_the_program_are_named() -> None:
    here = about()
    assert isinstance(here, About)
    assert "cores" in here.machine
    assert here.program.startswith("ampsim ")
