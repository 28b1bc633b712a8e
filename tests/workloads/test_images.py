"""Minibatches of images: every row in exactly one of them, nothing copied, and clear errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.errors import UsageError
from ampsim.workloads.images import Minibatches, Shapes, generated, load

COUNTS = st.integers(0, 50)
BATCHES = st.integers(1, 20)


def rows(n: int, pixels: int = 3) -> dict[str, Any]:
    images = np.arange(n * pixels, dtype=np.float32).reshape(n, pixels)
    return {"images": images, "labels": np.arange(n, dtype=np.int64)}


@given(COUNTS, BATCHES)
def test_every_row_is_in_exactly_one_minibatch(n: int, batch: int) -> None:
    data = Minibatches(rows(n), batch=batch)
    labels = [label for i in range(len(data)) for label in data.payload("labels", i).tolist()]
    assert labels == list(range(n))
    assert [data.rows(i) for i in range(len(data))] == [len(data.payload("images", i)) for i in range(len(data))]


@given(COUNTS, BATCHES)
def test_drop_leaves_whole_minibatches_only(n: int, batch: int) -> None:
    data = Minibatches(rows(n), batch=batch, drop=True)
    assert len(data) == n // batch
    assert {data.rows(i) for i in range(len(data))} <= {batch}


@given(COUNTS, BATCHES, st.booleans())
def test_shapes_are_those_of_minibatches(n: int, batch: int, drop: bool) -> None:
    data = Minibatches(rows(n), batch=batch, drop=drop)
    shapes = Shapes({}, samples=n, pixels=3, batch=batch, drop=drop)
    assert len(shapes) == len(data)
    for i in range(len(data)):
        assert shapes.rows(i) == data.rows(i)
        for field in ("images", "labels"):
            assert shapes.spec(field, i) == data.spec(field, i)


def test_payloads_are_views() -> None:
    given_rows = rows(10)
    data = Minibatches(given_rows, batch=4)
    for index in range(3):
        for field in ("images", "labels"):
            payload = data.payload(field, index)
            assert np.shares_memory(payload, given_rows[field])
            assert payload.flags.c_contiguous
            assert not payload.flags.writeable


@pytest.mark.parametrize(
    "change, why",
    [
        ({"images": np.zeros((5, 3), np.float32)}, "do not fit"),
        ({"images": np.zeros((4, 3, 3), np.float32)}, "do not fit"),
        ({"images": np.zeros((4, 3))}, "float64"),
        ({"labels": np.zeros(4, np.int32)}, "int32"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        Minibatches({**rows(4), **change})


@pytest.mark.parametrize("batch", [0, -1])
def test_a_minibatch_has_rows(batch: int) -> None:
    with pytest.raises(UsageError, match="impossible"):
        Minibatches(rows(4), batch=batch)
    with pytest.raises(UsageError, match="impossible"):
        Shapes({}, samples=4, batch=batch)


def test_shapes_have_no_contents() -> None:
    with pytest.raises(UsageError, match="shapes without data"):
        Shapes({}, samples=4).payload("images", 0)
    with pytest.raises(KeyError):
        Shapes({}, samples=4).spec("sound", 0)


def test_the_generated_set_has_the_size_of_the_small_real_one() -> None:
    training, validation = load("generated")
    assert validation is not None
    assert (len(training), len(validation)) == (40, 10)
    assert training.spec("images", 0).shape == (100, 784)


def test_drop_concerns_training_only() -> None:
    training, validation = load("generated", 30, training=50, validation=50, drop=True)
    assert validation is not None
    assert (len(training), len(validation)) == (1, 2)


def test_no_validation_samples_no_validation_set() -> None:
    assert load("generated", training=10, validation=0)[1] is None
    assert load("none", validation=0)[1] is None


def test_none_takes_any_number_of_pixels() -> None:
    training, validation = load("none", 64, training=1000, validation=100, pixels=3072)
    assert validation is not None
    assert training.spec("images", 15).shape == (1000 - 15 * 64, 3072)
    assert validation.spec("labels", 0).shape == (64,)


def test_a_seed_gives_the_same_images_and_another_seed_others() -> None:
    def fingerprint(seed: int) -> str:
        return load("generated", seed=seed, training=50, validation=0)[0].fingerprint

    assert fingerprint(3) == fingerprint(3)
    assert fingerprint(3) != fingerprint(4)


def test_generated_training_and_validation_share_no_image() -> None:
    split = generated(200, 200)
    known = {image.tobytes() for image in split.training.images}
    assert not any(image.tobytes() in known for image in split.validation.images)


def test_hard_images_are_other_images() -> None:
    plain, hard = (load("generated", training=50, validation=0, hard=hard)[0] for hard in (False, True))
    assert plain.fingerprint != hard.fingerprint
    np.testing.assert_array_equal(plain.payload("labels", 0), hard.payload("labels", 0))


@pytest.mark.parametrize(
    "name, hint", [("mnist_5k", "did you mean mnist5k?"), ("generate", "did you mean generated?"), ("x", "one of: ")]
)
def test_an_unknown_name_gets_a_hint(name: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"(?s)no images called '{name}'.*{hint.replace('?', '[?]')}"):
        load(name)


@pytest.mark.parametrize(
    "options", [{"batch": 0}, {"batch": 1.5}, {"training": 0}, {"validation": -1}, {"seed": -1}, {"pixels": True}]
)
def test_numbers_out_of_range_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(options))} is .*it must be an int from"):
        load("generated", **options)


def test_data_that_are_not_there_say_how_to_get_them(tmp_path: Any) -> None:
    with pytest.raises(UsageError, match=r"(?s)mnist5k is not here.*ampsim data get mnist5k"):
        load("mnist5k", folder=str(tmp_path))
