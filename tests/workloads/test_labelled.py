"""Real images as arrays, read from small made-up files of the real formats."""

from __future__ import annotations

import gzip
import hashlib
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ampsim.errors import UsageError
from ampsim.workloads import labelled
from ampsim.workloads.images import load
from ampsim.workloads.labelled import fashion_mnist, idx, mnist, mnist5k, stratified
from ampsim.workloads.published import PUBLISHED
from ampsim.workloads.store import present

HERE = Path(__file__).parents[2] / "data"


def encode(array: np.ndarray[Any, Any]) -> bytes:
    """The IDX file of a uint8 array."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def plant(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, files: dict[str, bytes]) -> None:
    """Put files into the data folder and vouch for them."""
    (folder / name).mkdir()
    for file, contents in files.items():
        (folder / name / file).write_bytes(contents)
    known = tuple(
        replace(file, size=len(files[file.name]), sha256=hashlib.sha256(files[file.name]).hexdigest())
        for file in PUBLISHED[name].files
    )
    monkeypatch.setitem(PUBLISHED, name, replace(PUBLISHED[name], files=known))


def digits(classes: int = 10) -> bytes:
    """A table like that of mnist5k: sorted by class, the first two pixels numbering the row."""
    table = np.zeros((5000, 785), np.uint8)
    table[:, 0], table[:, 1], table[:, 2] = np.arange(5000) % 256, np.arange(5000) // 256, 255
    table[:, 784] = np.arange(5000) * classes // 5000
    return gzip.compress("\n".join(",".join(map(str, row)) for row in table.tolist()).encode() + b"\n", 1)


@pytest.fixture(scope="module")
def digit_table() -> bytes:
    return digits()


@given(arrays(np.uint8, array_shapes(max_dims=3, max_side=5)))
def test_an_idx_file_is_read_as_it_was_written(array: np.ndarray[Any, Any]) -> None:
    np.testing.assert_array_equal(idx(encode(array), "file"), array)


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"\0\0\x08",
        b"\0\0\x08\x01",
        b"\0\0\x08\x01\0\0\0",
        b"\0\0\x09\x01\0\0\0\x01x",
        b"\x1f\x8b\x08\x00" + b"x" * 20,
        b"\0\0\x08\x00x",
        b"\0\0\x08\x04" + b"\0\0\0\x01" * 4 + b"x",
    ],
)
def test_other_files_are_refused_by_name(contents: bytes) -> None:
    with pytest.raises(UsageError, match="train-images is not an IDX file"):
        idx(contents, "train-images")


@pytest.mark.parametrize("sizes", [(3,), (5,), (2**31, 2**31, 2**31)])
def test_a_length_that_does_not_agree_is_refused(sizes: tuple[int, ...]) -> None:
    header = struct.pack(f">BBBB{len(sizes)}I", 0, 0, 8, len(sizes), *sizes)
    with pytest.raises(UsageError, match="and holds 4 values"):
        idx(header + b"abcd", "file")


@given(st.integers(1, 20), st.integers(1, 5), st.integers(0, 2**63 - 1))
def test_a_stratified_split_is_disjoint_complete_and_in_proportion(per_class: int, classes: int, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(classes), per_class * 4))
    kept, out = stratified(labels, classes * per_class, seed)
    assert sorted([*kept.tolist(), *out.tolist()]) == list(range(len(labels)))
    assert np.bincount(labels[out]).tolist() == [per_class] * classes
    again = stratified(labels, classes * per_class, seed)
    np.testing.assert_array_equal(kept, again[0])
    np.testing.assert_array_equal(out, again[1])


def test_classes_of_different_size_keep_their_shares() -> None:
    labels = np.repeat([0, 1], [40, 20])
    _, out = stratified(labels, 15, 0)
    assert np.bincount(labels[out]).tolist() == [10, 5]
    with pytest.raises(UsageError, match="in the proportion of the classes"):
        stratified(labels, 10, 0)


def test_the_small_digits(digit_table: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, tmp_path, "mnist5k", {"mnist_5k.csv.gz": digit_table})
    training, validation = mnist5k(3, tmp_path)
    assert (training.images.shape, validation.images.shape) == ((4000, 784), (1000, 784))
    assert training.images.dtype == np.float32
    assert training.labels.dtype == np.int64
    assert np.bincount(training.labels).tolist() == [400] * 10
    assert np.bincount(validation.labels).tolist() == [100] * 10
    rows = [
        np.round(half.images[:, 0] * 255).astype(int) + 256 * np.round(half.images[:, 1] * 255).astype(int)
        for half in (training, validation)
    ]
    assert sorted(np.concatenate(rows).tolist()) == list(range(5000))  # no image twice, none lost
    np.testing.assert_array_equal(rows[0] // 500, training.labels)  # each with its own label
    assert (training.images[:, 2] == 1).all()
    assert not np.array_equal(training.labels, np.sort(training.labels))
    other, _ = mnist5k(4, tmp_path)
    assert not np.array_equal(other.labels, training.labels)


def test_a_table_without_its_classes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, tmp_path, "mnist5k", {"mnist_5k.csv.gz": digits(classes=5)})
    with pytest.raises(UsageError, match="images of the ten classes instead of 500 each"):
        mnist5k(0, tmp_path)


@pytest.mark.parametrize("text", [b"", b"1,2,3\n", b"1,300\n" * 1000])
def test_a_table_of_another_size_is_refused(text: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, tmp_path, "mnist5k", {"mnist_5k.csv.gz": gzip.compress(text)})
    with pytest.raises(UsageError, match="values instead of 5,000 x 785 bytes"):
        mnist5k(0, tmp_path)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_large_sets_keep_their_own_split(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {}
    for stem, count in (("train", 30), ("t10k", 20)):
        images = np.zeros((count, 28, 28), np.uint8)
        images[:, 0, 0] = np.arange(count) * 3
        files[f"{stem}-images-idx3-ubyte"] = encode(images)
        files[f"{stem}-labels-idx1-ubyte"] = encode((np.arange(count) % 10).astype(np.uint8))
    plant(monkeypatch, tmp_path, name, files)
    loader = {"mnist": mnist, "fashion_mnist": fashion_mnist}[name]
    split = loader(1, tmp_path)
    for half, count in zip(split, (30, 20), strict=True):
        numbers = np.round(half.images[:, 0] * 85).astype(int)
        assert sorted(numbers.tolist()) == list(range(count))
        np.testing.assert_array_equal(numbers % 10, half.labels)
        assert not np.array_equal(numbers, np.arange(count))
    np.testing.assert_array_equal(loader(1, tmp_path).training.images, split.training.images)
    assert not np.array_equal(loader(2, tmp_path).training.images, split.training.images)
    training, validation = load(name, 10, folder=str(tmp_path))
    assert validation is not None
    assert (len(training), len(validation)) == (3, 2)


def test_every_loader_has_a_published_set() -> None:
    assert set(labelled.LOADERS) <= set(PUBLISHED)


def test_the_real_digits() -> None:
    if not present("mnist5k", HERE):
        pytest.skip("the real digits are not here; get them: ampsim data get mnist5k")
    training, validation = mnist5k(0, HERE)
    assert np.bincount(training.labels).tolist() == [400] * 10
    assert np.bincount(validation.labels).tolist() == [100] * 10
    assert 0.15 < (training.images > 0).mean() < 0.25
    known = {image.tobytes() for image in training.images}
    assert not any(image.tobytes() in known for image in validation.images)
