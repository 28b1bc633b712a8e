"""A job is frozen, hashable, plain data; bad settings are told at once, with their place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.engine.optimizer import SGD, Adam, Momentum, Optimizer
from ampsim.engine.rates import Cosine, Step, Warmup
from ampsim.errors import ConfigError, UsageError
from ampsim.job import Job, Recipe, Training
from ampsim.testing import diamond, mlp, points, rnn
from tests.null.models import Setting, settings

RATES = st.floats(0, 10) | st.integers(0, 10)
SCHEDULES = st.sampled_from([None, Step(3, 0.5), Cosine(10, 0.1), Warmup(4)])


@given(settings())
def test_json_and_back_is_the_same_job(setting: Setting) -> None:
    text = json.dumps(setting.job.to_dict())
    again = Job.from_dict(json.loads(text))
    assert again.hash == setting.job.hash
    assert json.dumps(again.to_dict()) == text


@given(
    st.one_of(*(st.builds(kind, RATES, schedule=SCHEDULES) for kind in (SGD, Momentum, Adam))),
    st.none() | st.sampled_from([1, 0.5, 1.0]),
)
def test_whole_numbers_and_floats_are_one_job(optimizer: Optimizer, target: float | None) -> None:
    job = mlp(optimizer=optimizer, target=target, target_loss=target)
    again = Job.from_dict(json.loads(json.dumps(job.to_dict())))
    assert (again.hash, again.training) == (job.hash, job.training)
    assert mlp(optimizer=SGD(1)).hash == mlp(optimizer=SGD(1.0)).hash


def test_jobs_that_do_the_same_work_have_one_hash() -> None:
    assert mlp().hash == mlp().hash
    assert mlp(epochs=2).hash == mlp().with_training(epochs=2).hash
    ordered = Recipe(points, {"rows": 4, "seed": 1}), Recipe("ampsim.testing:points", {"seed": 1, "rows": 4})
    assert len({Job(mlp().graph, recipe).hash for recipe in ordered}) == 1


def test_jobs_that_differ_anywhere_have_different_hashes() -> None:
    moved = Job(mlp().graph.with_units({"L1": 2}), mlp().data, mlp().training)
    jobs = [
        mlp(),
        rnn(),
        diamond(),
        moved,
        mlp(options={"seed": 1}),
        mlp(seed=1),
        mlp(epochs=2),
        mlp(max_active_keys=2),
        mlp(min_update_frequency=2),
        mlp(update="instance"),
        mlp(gradient="sum"),
        mlp(max_batch=2),
        mlp(validate_every=1),
        mlp(instances=1),
        mlp(target=0.5),
        mlp(target_loss=0.5),
        mlp(nodes={"L1": {"gradient": "sum"}}),
        mlp(nodes={"L2": {"gradient": "sum"}}),
        mlp(shuffle=False),
        mlp(optimizer=SGD(0.2)),
        mlp(optimizer=Adam()),
        mlp(optimizer=Adam(beta1=0.8)),
        mlp(optimizer=Adam(schedule=Warmup(5))),
        mlp(optimizer=Momentum()),
        mlp(optimizer=Momentum(nesterov=True)),
    ]
    assert len({job.hash for job in jobs}) == len(jobs)


@pytest.mark.parametrize(
    "name, value",
    [
        ("epochs", 0),
        ("epochs", 1.0),
        ("epochs", True),
        ("epochs", "3"),
        ("max_active_keys", 0),
        ("max_active_keys", None),
        ("min_update_frequency", -1),
        ("min_update_frequency", 10**10),
        ("max_batch", 0),
        ("update", "epoch"),
        ("gradient", "median"),
        ("validate_every", 0),
        ("validate_every", 2.5),
        ("instances", 0),
        ("instances", 2.5),
        ("instances", 10**10),
        ("instances", True),
        ("target", 0),
        ("target", 1.5),
        ("target", float("nan")),
        ("target", True),
        ("target", "0.9"),
        ("target_loss", "0.9"),
        ("target_loss", True),
        ("target_loss", float("nan")),
        ("target_loss", float("inf")),
        ("nodes", 3),
        ("nodes", {"L1": {"gradient": "median"}}),
        ("nodes", {"L9": {"gradient": "sum"}}),
        ("shuffle", "yes"),
        ("shuffle", 1),
        ("seed", -1),
        ("seed", 2**63),
        ("seed", 0.5),
        ("optimizer", "rmsprop"),
        ("optimizer", None),
        ("optimizer", {"rate": 0.1}),
        ("optimizer", {"name": "sgd", "momentum": 0.9}),
        ("optimizer", {"name": "sgd", "rate": -1}),
        ("optimizer", {"name": "sgd", "rate": "fast"}),
        ("optimizer", {"name": "adam", "beta1": 1}),
        ("optimizer", {"name": "momentum", "momentum": 1}),
        ("optimizer", {"name": "sgd", "schedule": "step"}),
        ("optimizer", {"name": "sgd", "schedule": {"every": 3}}),
        ("optimizer", {"name": "sgd", "schedule": {"name": "cosine", "over": 0}}),
        ("optimizer", {"name": "sgd", "schedule": {"name": "warmup", "over": 3, "floor": 0}}),
        ("optimizer", {"name": "sgd", "schedule": 3}),
        ("optimizer", {"name": "adam", "beta2": 1.0}),
        ("optimizer", {"name": "adam", "rate": float("inf")}),
        ("colour", "red"),
    ],
)
def test_a_bad_setting_is_a_config_error_with_its_place(name: str, value: Any) -> None:
    given = {**mlp().to_dict(), "training": {name: value}}
    makes: tuple[Callable[[], Job], ...] = (
        lambda: Job.from_dict(given),
        lambda: mlp().with_training(**{name: value}),
    )
    for make in makes:
        with pytest.raises(ConfigError) as error:
            make()
        assert error.value.where is not None
        assert error.value.where.startswith(f"training.{name}")


@pytest.mark.parametrize(
    "make",
    [lambda: SGD(-0.1), lambda: SGD(float("nan")), lambda: Adam(epsilon=True), lambda: Training(optimizer="adam")],  # type: ignore[arg-type]
)
def test_what_is_made_in_python_is_checked_too(make: Any) -> None:
    with pytest.raises(ConfigError):
        make()


def test_an_optimizer_by_its_name_alone() -> None:
    assert Training.from_dict({"optimizer": "adam"}).optimizer == Adam()
    assert Training.from_dict({"optimizer": {"name": "sgd", "rate": 1}}).optimizer == SGD(1.0)


@pytest.mark.parametrize(
    "data",
    [{}, {"graph": {}}, {"graph": {}, "data": 7}, {"graph": {}, "data": {"options": {}}}, {"graph": [], "data": {}}],
)
def test_what_is_no_job_is_a_usage_error(data: Any) -> None:
    with pytest.raises(UsageError):
        Job.from_dict(data)


def unwilling() -> None:
    raise TypeError


@pytest.mark.parametrize(
    "recipe, where",
    [
        (Recipe("points"), "data.function"),
        (Recipe("ampsim.testing:nothing"), "data.function"),
        (Recipe(lambda: None), "data.function"),
        (Recipe("__main__:points"), "data.function"),
        (Recipe(points, {"colour": "red"}), "data.options"),
        (Recipe(unwilling), "data.options"),
    ],
)
def test_a_recipe_that_cannot_be_followed(recipe: Recipe, where: str) -> None:
    with pytest.raises(ConfigError) as error:
        recipe.load()
    assert error.value.where == where


def test_a_recipe_gives_training_and_validation() -> None:
    data = Recipe(points, {"instances": 9}).load()
    assert data.validation is not None
    assert (len(data.training), len(data.validation)) == (9, 3)
