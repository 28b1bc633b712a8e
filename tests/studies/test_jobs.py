"""A job by its name, with settings: what each of them changes, and which of them goes first."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ampsim
from ampsim.engine.optimizer import SGD, Adam, Momentum
from ampsim.engine.rates import Cosine, Step, Warmup
from ampsim.errors import ConfigError, UsageError
from ampsim.job import Job
from ampsim.result.text import yaml_text
from ampsim.studies.jobs import load_job
from ampsim.workloads import WORKLOADS, workload


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_name_alone_is_the_workload(name: str) -> None:
    assert load_job(name).hash == workload(name).hash == ampsim.load_job(name, {}).hash


def test_settings_reach_what_they_name() -> None:
    job = load_job("mlp", {"options.width": 16, "training.epochs": 3, "training.target": None})
    assert job.hash == workload("mlp", width=16).with_training(epochs=3, target=None).hash


# Optimizers ---------------------------------------------------------------------------------------------------------

OPTIMIZERS: list[tuple[dict[str, Any], object]] = [
    ({"training.optimizer.rate": 0.1}, SGD(0.1)),
    ({"training.optimizer.name": "sgd", "training.optimizer.rate": 0.1}, SGD(0.1)),
    ({"training.optimizer.name": "sgd"}, workload("mlp").training.optimizer),  # the workload's own, named once more
    ({"training.optimizer": "adam"}, Adam()),
    ({"training.optimizer.name": "adam"}, Adam()),
    ({"training.optimizer.name": "adam", "training.optimizer.rate": 0.1}, Adam(0.1)),
    ({"training.optimizer": "adam", "training.optimizer.rate": 0.1}, Adam(0.1)),
    ({"training.optimizer.rate": 0.1, "training.optimizer.name": "adam"}, Adam(0.1)),
    ({"training.optimizer": {"name": "adam", "beta1": 0.5}}, Adam(beta1=0.5)),
    ({"training.optimizer": {"rate": 0.1}}, SGD(0.1)),
    ({"training.optimizer": "momentum", "training.optimizer.nesterov": True}, Momentum(nesterov=True)),
    (
        {"training.optimizer.schedule": "step", "training.optimizer.schedule.every": 5}
        | {"training.optimizer.schedule.factor": 0.5, "training.optimizer.rate": 0.1},
        SGD(0.1, schedule=Step(5, 0.5)),
    ),
    ({"training.optimizer": {"name": "adam", "schedule": {"name": "warmup", "over": 9}}}, Adam(schedule=Warmup(9))),
    ({"training.optimizer.rate": 1, "training.optimizer.schedule": None}, SGD(1.0)),
]


@pytest.mark.parametrize("settings, optimizer", OPTIMIZERS)
def test_an_optimizer_is_changed_in_part_or_replaced_with_its_defaults(
    settings: dict[str, Any], optimizer: object
) -> None:
    assert load_job("mlp", settings).training.optimizer == optimizer


def test_a_schedule_is_changed_in_part_or_replaced(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    schedule = "schedule: {name: step, every: 100, factor: 0.5}"
    file.write_text(f"workload: mlp\ntraining:\n  optimizer: {{name: sgd, rate: 0.1, {schedule}}}\n")
    changes: list[tuple[dict[str, Any], object]] = [
        ({}, Step(100, 0.5)),
        ({"training.optimizer.schedule.every": 7}, Step(7, 0.5)),
        ({"training.optimizer.schedule.name": "step", "training.optimizer.schedule.factor": 0.1}, Step(100, 0.1)),
        ({"training.optimizer.schedule": {"name": "cosine", "over": 7}}, Cosine(7)),
        ({"training.optimizer.schedule.name": "warmup", "training.optimizer.schedule.over": 3}, Warmup(3)),
        ({"training.optimizer.schedule": None}, None),
    ]
    for settings, wanted in changes:
        assert load_job(file, settings).training.optimizer == SGD(0.1, schedule=wanted)  # type: ignore[arg-type]


# Nodes --------------------------------------------------------------------------------------------------------------

OWN: list[tuple[dict[str, Any], dict[str, dict[str, Any]]]] = [
    ({"training.nodes.L1.min_update_frequency": 10}, {"L1": {"min_update_frequency": 10}}),
    (
        {
            "training.nodes.L1.gradient": "sum",
            "training.nodes.L1.update": "instance",
            "training.nodes.L2.gradient": "sum",
        },
        {"L1": {"gradient": "sum", "update": "instance"}, "L2": {"gradient": "sum"}},
    ),
    ({"training.nodes.L1": {"gradient": "sum"}}, {"L1": {"gradient": "sum"}}),
    ({"training.nodes": {"L1": {"gradient": "sum"}}}, {"L1": {"gradient": "sum"}}),
    ({"training.nodes.L1.optimizer": "adam"}, {"L1": {"optimizer": Adam()}}),
    (
        {"training.nodes.L1.optimizer": "adam", "training.nodes.L1.optimizer.rate": 0.1},
        {"L1": {"optimizer": Adam(0.1)}},
    ),
    ({"training.nodes.L1.optimizer.rate": 0.1}, {"L1": {"optimizer": SGD(0.1)}}),  # part of that of the job
    (
        {"training.optimizer": "adam", "training.nodes.L1.optimizer.rate": 0.1},
        {"L1": {"optimizer": Adam(0.1)}},
    ),
    (
        {"training.nodes.L1.optimizer.schedule.name": "warmup", "training.nodes.L1.optimizer.schedule.over": 5},
        {"L1": {"optimizer": SGD(0.03, schedule=Warmup(5))}},
    ),
    ({"training.nodes.L1": None}, {}),
    ({"training.nodes.L1.optimizer": None, "training.nodes.L1.gradient": "sum"}, {"L1": {"gradient": "sum"}}),
]


@pytest.mark.parametrize("settings, nodes", OWN)
def test_settings_of_nodes(settings: dict[str, Any], nodes: dict[str, Any]) -> None:
    assert load_job("mlp", settings).training.nodes == nodes


def test_names_of_nodes_may_have_dots() -> None:
    settings: dict[str, Any] = {
        "options.replicas": 2,
        "training.nodes.L1.optimizer": {"name": "momentum", "rate": 0.5},
        "training.nodes.L1.1.optimizer.rate": 0.1,
        "training.nodes.L2.0.gradient": "sum",
        "training.nodes.L2.1": {"gradient": "sum"},
    }
    assert load_job("mlp", settings).training.nodes == {
        "L1": {"optimizer": Momentum(0.5)},
        "L1.1": {"optimizer": Momentum(0.1)},  # part of what the node has
        "L2.0": {"gradient": "sum"},
        "L2.1": {"gradient": "sum"},
    }


def test_settings_of_nodes_change_those_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    own = "L1: {gradient: sum, optimizer: {name: adam, rate: 0.1}}, L2: {update: instance}"
    file.write_text(f"workload: mlp\ntraining:\n  nodes: {{{own}}}\n")

    def found(settings: dict[str, Any]) -> object:
        return load_job(file, settings).training.nodes

    one, other = {"gradient": "sum", "optimizer": Adam(0.1)}, {"update": "instance"}
    assert found({}) == {"L1": one, "L2": other}
    changed = {"gradient": "sum", "optimizer": Adam(0.1, beta1=0.5)}
    assert found({"training.nodes.L1.optimizer.beta1": 0.5}) == {"L1": changed, "L2": other}
    assert found({"training.nodes.L1.optimizer": None}) == {"L1": {"gradient": "sum"}, "L2": other}
    assert found({"training.nodes.L1": None}) == {"L2": other}
    assert found({"training.nodes": None}) == {}


def test_a_bad_setting_of_a_node_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("workload: mlp\ntraining:\n  nodes:\n    L1:\n      gradient: sum\n    L7:\n      gradient: sum\n")
    with pytest.raises(ConfigError, match="the graph has no node 'L7'") as caught:
        load_job(file)
    assert caught.value.where == f"{file}:6: training.nodes.L7"


@given(st.text(max_size=20), st.integers() | st.text() | st.none() | st.dictionaries(st.text(), st.none()))
def test_no_setting_of_a_node_brings_anything_but_a_usage_error(name: str, value: object) -> None:
    with contextlib.suppress(UsageError):
        load_job("mlp", {f"training.nodes.{name}": value, "training.nodes.L1.optimizer.schedule.every": value})


@pytest.mark.parametrize("name", [3, None, ["adam"], {"a": 1}, True])
def test_the_name_of_an_optimizer_is_a_word(name: object) -> None:
    with pytest.raises(ConfigError) as caught:
        load_job("mlp", {"training.optimizer.name": name})
    assert caught.value.where == "training.optimizer.name"


@pytest.mark.parametrize(
    "settings",
    [
        {"training": 3},
        {"epochs": 3},
        {"graph.name": "x"},
        {"options.": 1},
        {".epochs": 1},
        {"training..epochs": 1},
        {"": 1},
    ],
)
def test_a_setting_has_a_section_and_a_name(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="is not a setting of a job"):
        load_job("mlp", settings)


@given(st.sampled_from(["training", "options"]), st.text(max_size=20), st.integers() | st.text() | st.none())
def test_no_setting_brings_anything_but_a_usage_error(section: str, name: str, value: object) -> None:
    with contextlib.suppress(UsageError):
        load_job("mlp", {f"{section}.{name}": value})


# Seeds --------------------------------------------------------------------------------------------------------------


def seeds(job: Job) -> tuple[int, object]:
    return job.training.seed, job.data.options.get("seed")


def test_a_seed_is_the_seed_of_training_and_data() -> None:
    assert seeds(load_job("mlp", seed=5)) == (5, 5)
    assert seeds(load_job("list_reduction", seed=5)) == (5, 5)


def test_a_setting_goes_before_the_seed() -> None:
    assert seeds(load_job("mlp", {"options.seed": 1}, seed=5)) == (5, 1)
    assert seeds(load_job("mlp", {"training.seed": 1}, seed=5)) == (1, 5)


def test_the_seed_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("workload: mlp\noptions:\n  seed: 1\ntraining:\n  seed: 2\n")
    assert seeds(load_job(file)) == (2, 1)
    assert seeds(load_job(file, seed=5)) == (5, 5)
    assert seeds(load_job(file, {"options.seed": 3}, seed=5)) == (5, 3)


def test_a_whole_job_has_a_seed_as_well(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(yaml_text(workload("mlp", seed=1).to_dict()))
    assert load_job(file).hash == workload("mlp", seed=1).hash
    assert seeds(load_job(file, seed=5)) == (5, 5)


# Files --------------------------------------------------------------------------------------------------------------


def test_a_file_says_what_differs_from_the_workload(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("workload: mlp\noptions:\n  width: 16\ntraining:\n  optimizer: adam\n")
    assert load_job(file).hash == workload("mlp", width=16).with_training(optimizer=Adam()).hash
    assert load_job(str(file), {"options.width": 8}).hash == (
        workload("mlp", width=8).with_training(optimizer=Adam()).hash
    )


@pytest.mark.parametrize("text", ["workload: mlp\n", "workload: mlp\noptions:\ntraining:\n"])
def test_sections_may_be_empty(text: str, tmp_path: Path) -> None:
    file = tmp_path / "job.yml"
    file.write_text(text)
    assert load_job(file).hash == workload("mlp").hash


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_job_comes_back_from_yaml(name: str, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    for text in (yaml_text(workload(name).to_dict()), yaml_text({"job": workload(name).to_dict(), "run": {}})):
        file.write_text(text)
        assert load_job(file).hash == workload(name).hash


def test_an_option_of_the_caller_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("workload: mlp\noptions:\n  width: 16\n")
    with pytest.raises(UsageError) as caught:
        load_job(file, {"options.width": "wide"})
    assert caught.value.where == "options.width"


# Options of workloads -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1.0, "1", True, None, [1], 1j])
def test_an_option_has_the_type_of_its_default(value: object) -> None:
    with pytest.raises(UsageError, match="width must be of type int") as caught:
        workload("mlp", width=value)
    assert caught.value.where == "options.width"


def test_an_int_will_do_for_a_float_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ampsim.workloads.WORKLOADS, "probe", f"{__name__}:probe")
    assert workload("probe", rate=1).training.optimizer == SGD(1.0)
    for wrong in (True, "1", None):
        with pytest.raises(UsageError, match="rate must be of type float"):
            workload("probe", rate=wrong)
    with pytest.raises(UsageError, match="sparse must be of type bool, not 1"):
        workload("probe", sparse=1)
    assert load_job("probe", seed=3).training.seed == 3  # it has no option seed, and needs none


def probe(*, rate: float = 0.1, sparse: bool = False) -> Job:
    """A workload with an option of each kind."""
    assert type(rate) is float
    assert type(sparse) is bool
    return workload("mlp").with_training(optimizer=SGD(rate))


@given(st.text(max_size=30))
def test_no_name_brings_anything_but_a_usage_error(name: str) -> None:
    if name not in WORKLOADS:
        with pytest.raises(UsageError):
            load_job(name)
