"""Run, simulate, replay, go on, score: the Python face of the backends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ampsim
from ampsim import Job, Run
from ampsim.errors import CapacityError, ConfigError, UsageError


def small(**training: object) -> Job:
    job = ampsim.workload("mlp", data="generated", training=300, validation=100, width=16)
    return job.with_training(**{"epochs": 1, "target": None, **training})


def equal(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return sorted(a) == sorted(b) and all(a[name].tobytes() == b[name].tobytes() for name in a)


@pytest.fixture(scope="module")
def simulated() -> Run:
    return ampsim.simulate(small(epochs=2), "host")


@pytest.mark.runtime
def test_run_simulate_replay_and_compare() -> None:
    measured = ampsim.run(small(), workers=2, placement={0: 0, 1: 0, 2: 1, 3: 1})
    assert (measured.backend, measured.workers) == ("runtime", 2)
    again = ampsim.replay(measured, "fpga_ring_16")
    assert equal(measured.final, again.final)
    facts = {fact.name: fact.equal for fact in ampsim.compare(again, measured).agreement}
    assert set(facts.values()) == {True}


@pytest.mark.runtime
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_both_ways_to_start_workers(method: str) -> None:
    run = ampsim.run(small(), workers=1, start_method=method)
    assert run.config["run"]["start_method"] == method


def test_a_system_by_name_by_file_and_as_it_is(tmp_path: Path, simulated: Run) -> None:
    system = ampsim.load_system("host")
    (tmp_path / "copy.yaml").write_text(system.to_yaml())
    for given in (system, tmp_path / "copy.yaml", str(tmp_path / "copy.yaml")):
        again = ampsim.simulate(small(epochs=2), given)
        assert equal(again.final, simulated.final)
        assert again.makespan == simulated.makespan
    assert ampsim.load_system(system) is system


# Going on -----------------------------------------------------------------------------------------------------------


def test_a_run_goes_on_from_the_parameters_of_another(simulated: Run) -> None:
    second = ampsim.simulate(small(), "host", init=simulated)
    assert equal(second.initial, simulated.final)
    assert not equal(second.final, simulated.final)


def test_two_epochs_are_one_and_one_more() -> None:
    """With plain SGD, one instance in flight and a fixed order there is nothing but the parameters to hand over."""
    still = {"max_active_keys": 1, "shuffle": False}
    whole = ampsim.simulate(small(epochs=2, **still), "host")
    first = ampsim.simulate(small(**still), "host")
    second = ampsim.simulate(small(**still), "host", init=first)
    assert equal(whole.final, second.final)


def test_a_run_goes_on_from_its_folder(simulated: Run, tmp_path: Path) -> None:
    simulated.save(tmp_path / "run")
    second = ampsim.simulate(small(), "host", init=ampsim.load_run(tmp_path / "run"))
    assert equal(second.initial, simulated.final)


@pytest.mark.parametrize("backend", ["run", "simulate"])
def test_parameters_of_another_graph_are_refused(backend: str, simulated: Run) -> None:
    other = ampsim.workload("mlp", data="generated", training=300, validation=100, width=8)
    with pytest.raises(UsageError, match="do not fit node L1") as caught:
        _ = ampsim.run(other, init=simulated) if backend == "run" else ampsim.simulate(other, "host", init=simulated)
    assert caught.value.where == "init"


def test_shapes_have_no_parameters_to_go_on_from() -> None:
    counted = ampsim.simulate(small(), "host", mode="shapes")
    with pytest.raises(UsageError, match="do not fit node L1"):
        ampsim.simulate(small(), "host", init=counted)
    with pytest.raises(UsageError, match="has no parameters to score"):
        counted.evaluate()


# Scoring ------------------------------------------------------------------------------------------------------------


def test_a_score_is_the_last_validation_once_more(simulated: Run) -> None:
    score, last = simulated.evaluate(), simulated.epochs[-1]
    assert score.rows == 100
    assert score.accuracy == last["validation_accuracy"]
    assert score.loss == pytest.approx(last["validation_loss"], rel=1e-6)


@pytest.mark.runtime
def test_a_measured_run_is_scored_the_same_way(tmp_path: Path) -> None:
    measured = ampsim.run(small(max_active_keys=4), workers=2)
    measured.save(tmp_path / "run")
    score = ampsim.load_run(tmp_path / "run").evaluate()
    assert score.accuracy == measured.epochs[-1]["validation_accuracy"]


def test_a_score_on_other_data(simulated: Run) -> None:
    training = small().data.load().training
    score = simulated.evaluate(training)
    assert score.rows == 300
    assert 0 <= score.accuracy <= 1
    with pytest.raises(UsageError, match="nothing to score on"):
        simulated.evaluate(type(training)({name: array[:0] for name, array in training.arrays.items()}))


# What is refused ----------------------------------------------------------------------------------------------------


def test_shapes_mode_refuses_a_target_and_says_how_to_leave_it_out() -> None:
    with pytest.raises(UsageError) as caught:
        ampsim.simulate(small(target=0.9), "host", mode="shapes")
    assert caught.value.where == "training.target"
    assert caught.value.do == "set training.target to null, or use numeric mode"
    assert ampsim.simulate(small(target=0.9).with_training(target=None), "host", mode="shapes").mode == "shapes"


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown mode 'fast'"):
        ampsim.simulate(small(), "host", mode="fast")


PLACEMENTS: list[tuple[dict[int, int], str]] = [
    ({}, "says nothing of unit 0"),
    ({0: 0, 1: 0, 2: 0}, "says nothing of unit 3"),
    ({0: 0, 1: 0, 2: 0, 3: 2}, "puts unit 3 on worker 2, but there are 2"),
    ({0: 0, 1: 0, 2: 0, 3: -1}, "puts unit 3 on worker -1, but there are 2"),
    ({0: 0, 1: 0, 2: 0, 3: 1, 4: 1}, "has no unit 4"),
]


@pytest.mark.parametrize("placement, reason", PLACEMENTS)
@pytest.mark.parametrize("backend", ["run", "simulate"])
def test_a_placement_that_is_wrong(placement: dict[int, int], reason: str, backend: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        _ = (
            ampsim.run(small(), workers=2, placement=placement)
            if backend == "run"
            else ampsim.simulate(small(), "host", workers=2, placement=placement)
        )
    assert caught.value.where == "placement"


def test_more_workers_than_chips() -> None:
    with pytest.raises(UsageError, match="3 workers do not fit on the 2 chips of system host"):
        ampsim.simulate(small(), "host", workers=3)
    for count in (0, -1):
        with pytest.raises(UsageError, match="workers cannot run anything"):
            ampsim.simulate(small(), "host", workers=count)
        with pytest.raises(UsageError, match="workers cannot run anything"):
            ampsim.run(small(), workers=count)


def test_a_job_too_large_for_its_chips_is_refused_with_a_table() -> None:
    job = ampsim.workload("mlp", data="none", width=20_000).with_training(target=None)
    with pytest.raises(CapacityError) as caught:
        ampsim.simulate(job, "fpga_ring_16", mode="shapes")
    assert caught.value.exit_code == 2
    head, names, *rows = caught.value.what.splitlines()
    assert head == "the job does not fit the memory of 3 of 4 chips in use"
    assert names.split() == ["chip", "parameters", "gradients", "optimizer", "needed", "available", "missing"]
    assert [row.split()[0] for row in rows] == ["fpga0", "fpga1", "fpga2"]


def test_an_unknown_start_method_is_refused() -> None:
    with pytest.raises(UsageError, match="no start method 'fork'"):
        ampsim.run(small(), start_method="fork")


def test_a_graph_without_nodes_is_refused_as_such() -> None:
    job = small()
    empty = Job(ampsim.Graph.of("empty"), job.data, job.training)
    with pytest.raises(UsageError, match="the graph is empty"):
        ampsim.simulate(empty, "host")


def test_training_settings_are_checked_where_they_are_made() -> None:
    with pytest.raises(ConfigError, match="training has no setting 'epoch'"):
        small(epoch=3)


def test_progress_is_told_while_a_run_goes_on() -> None:
    heard: list[tuple[int, float, int]] = []
    run = ampsim.simulate(
        small(),
        "host",
        progress=lambda controller, now: heard.append((len(controller.instances), now, controller.events)),
    )
    assert heard[-1][0] == 4  # three instances of training, one of validation
    assert [now for _, now, _ in heard] == sorted(now for _, now, _ in heard)
    assert heard[-1][1] == pytest.approx(run.makespan)
    # An event at the end of every task at least, and to look at their number changes nothing.
    events = [count for _, _, count in heard]
    assert events == sorted(events)
    assert events[-1] >= len(run.tables["tasks"]["kind"])
    unheard = ampsim.simulate(small(), "host")
    assert all(
        run.tables["tasks"][name].tobytes() == column.tobytes() for name, column in unheard.tables["tasks"].items()
    )
