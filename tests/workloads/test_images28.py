"""The generator of images, against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.workloads.images28 import CHUNK, _shifted, images28, prototypes


def test_a_prototype_is_a_sum_of_four_blobs() -> None:
    centres = np.random.default_rng(1234).uniform(6, 22, (10, 4, 2))
    shapes = prototypes()
    for label in (0, 3, 9):
        for y, x in ((0, 0), (10, 14), (20, 7)):
            squared = ((centres[label] - (y, x)) ** 2).sum(axis=1)
            assert shapes[label, y, x] == pytest.approx(np.exp(-squared / 5).sum(), abs=1e-6)


@pytest.mark.parametrize("hard", [False, True])
@settings(max_examples=15)
@given(n=st.integers(0, 120), seed=st.integers(0, 2**63 - 1))
def test_shape_range_and_balance(hard: bool, n: int, seed: int) -> None:
    images, labels = images28(n, seed, hard=hard)
    assert images.shape == (n, 784)
    assert labels.shape == (n,)
    assert images.dtype == np.float32
    assert labels.dtype == np.int64
    counts = np.bincount(labels, minlength=10)
    assert counts.max() - counts.min() <= 1
    inked = images[images != 0]
    assert np.all(inked > 0.25)
    assert np.all(inked <= 1)


def test_a_seed_is_reproducible() -> None:
    first, again, other = images28(40, 5), images28(40, 5), images28(40, 6)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])


def test_a_share_of_the_pixels_is_inked() -> None:
    images, _ = images28(1000)
    assert 0.12 < (images > 0).mean() < 0.2


def test_classes_can_be_told_apart_by_their_prototypes() -> None:
    """The nearest prototype is nearly always right on plain images, and less often on hard ones."""
    shapes = prototypes().reshape(10, -1)
    unit = shapes / np.linalg.norm(shapes, axis=1, keepdims=True)

    def accuracy(hard: bool) -> float:
        images, labels = images28(2000, 1, hard=hard)
        return float(((images @ unit.T).argmax(axis=1) == labels).mean())

    assert accuracy(hard=False) > 0.95
    assert 0.3 < accuracy(hard=True) < accuracy(hard=False)


def test_labels_stand_in_random_order() -> None:
    _, labels = images28(1000)
    assert not np.array_equal(labels, np.sort(labels))
    assert not np.array_equal(labels, np.arange(1000) % 10)


def test_many_samples_are_made_in_parts() -> None:
    images, labels = images28(CHUNK + 3)
    assert len(images) == len(labels) == CHUNK + 3
    assert images[-3:].any(axis=1).all()


def test_a_shift_moves_the_picture() -> None:
    image = np.zeros((1, 28, 28), np.float32)
    image[0, 10, 10] = 1
    for rows in (-2, 0, 2):
        for columns in (-1, 0, 1):
            moved = _shifted(image, np.array([[rows], [columns]]))
            assert np.argwhere(moved).tolist() == [[0, 10 + rows, 10 + columns]]


def test_what_is_shifted_out_is_lost() -> None:
    image = np.ones((1, 28, 28), np.float32)
    moved = _shifted(image, np.array([[2], [0]]))
    assert not moved[0, :2].any()
    assert moved[0, 2:].all()
