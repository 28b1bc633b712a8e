"""What every data set promises: flat arrays, plain options, and that these two are all there is to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from ampsim.errors import UsageError
from ampsim.ir.data import Dataset
from ampsim.ir.message import Array
from ampsim.workloads.images import Minibatches, Shapes
from ampsim.workloads.images import load as load_images
from ampsim.workloads.lists import load as load_lists

FIELDS = {"Minibatches": ("images", "labels"), "Lists": ("tokens", "h0", "labels")}


class Pairs(Dataset):
    """One instance a row of ``numbers``."""

    def __init__(self, arrays: Mapping[str, Array], *, scale: int = 1, names: Any = ()) -> None:
        super().__init__(arrays, scale=scale, names=names)

    def __len__(self) -> int:
        return len(self.arrays["numbers"])

    def rows(self, index: int) -> int:
        return 1


def numbers() -> dict[str, Array]:
    return {"numbers": np.arange(12, dtype=np.int64).reshape(6, 2)}


def images() -> Dataset:
    return load_images("generated", 30, training=100, validation=20)[0]


def lists() -> Dataset:
    return load_lists(training=500, validation=0, batch=20, hidden=8)[0]


SETS = pytest.mark.parametrize("make", [images, lists])


def test_arrays_are_views_that_nobody_can_write() -> None:
    given = numbers()
    held = Pairs(given).arrays["numbers"]
    assert np.shares_memory(held, given["numbers"])
    with pytest.raises(ValueError, match="read-only"):
        held[0, 0] = 7
    given["numbers"][0, 0] = 7  # the owner still can


def test_arrays_become_contiguous() -> None:
    held = Pairs({"numbers": numbers()["numbers"].T}).arrays["numbers"]
    assert held.flags.c_contiguous
    assert held.shape == (2, 6)


@pytest.mark.parametrize(
    "array", [np.array(["a"]), np.array([{}], dtype=object), [1, 2], np.array([(1, 2)], dtype=[("a", int), ("b", int)])]
)
def test_only_numbers_are_flat(array: Any) -> None:
    with pytest.raises(UsageError, match="'numbers' of a data set must be a numpy array of numbers"):
        Pairs({"numbers": array})


@pytest.mark.parametrize("names", [{1, 2}, object(), float("nan"), np.float32(1)])
def test_options_must_be_plain(names: Any) -> None:
    with pytest.raises(UsageError, match="plain JSON values"):
        Pairs(numbers(), names=names)


def test_options_are_the_same_before_and_after_a_rebuild() -> None:
    first = Pairs(numbers(), names=("a", "b"))
    assert first.options == {"scale": 1, "names": ["a", "b"]}
    assert Dataset.rebuild(first.reference, first.arrays, first.options).options == first.options


@SETS
def test_a_rebuilt_set_is_the_set(make: Callable[[], Dataset]) -> None:
    first = make()
    again = Dataset.rebuild(first.reference, first.arrays, first.options)
    assert type(again) is type(first)
    assert len(again) == len(first)
    assert again.fingerprint == first.fingerprint
    for name, array in again.arrays.items():
        assert np.shares_memory(array, first.arrays[name])
    for index in range(len(first)):
        assert again.structure(index) == first.structure(index)
        for field in FIELDS[type(first).__name__]:
            assert again.states(field, index) == first.states(field, index)
            np.testing.assert_array_equal(again.payload(field, index), first.payload(field, index))


@SETS
def test_spec_tells_what_payload_returns(make: Callable[[], Dataset]) -> None:
    data = make()
    for index in range(len(data)):
        for field in FIELDS[type(data).__name__]:
            payload, spec = data.payload(field, index), data.spec(field, index)
            assert (payload.shape, payload.dtype) == spec
            assert payload.flags.c_contiguous
            assert payload.dtype in (np.float32, np.int64)
            assert len(payload) == data.rows(index) * len(data.states(field, index))


@SETS
def test_an_unknown_field_is_a_key_error(make: Callable[[], Dataset]) -> None:
    data = make()
    with pytest.raises(KeyError):
        data.spec("sound", 0)
    with pytest.raises(KeyError):
        data.payload("sound", 0)


def test_the_defaults_of_the_base() -> None:
    data = Pairs(numbers())
    assert data.structure(0) is None
    assert data.states("numbers", 0) == [()]
    with pytest.raises(KeyError):
        data.spec("numbers", 0)
    with pytest.raises(KeyError):
        data.payload("numbers", 0)


def test_the_fingerprint_sees_class_options_names_types_shapes_and_bytes() -> None:
    class Other(Pairs):
        pass

    one = np.ones((2, 2), np.float32)
    different = [
        Pairs({"numbers": one}),
        Other({"numbers": one}),
        Pairs({"numbers": one}, scale=2),
        Pairs({"digits": one}),
        Pairs({"numbers": one.reshape(4)}),
        Pairs({"numbers": one.view(np.int32)}),
        Pairs({"numbers": one * 2}),
        Pairs({}),
        Pairs({"numbers": one[:0]}),
    ]
    assert len({data.fingerprint for data in different}) == len(different)
    assert Pairs({"numbers": one.copy()}).fingerprint == different[0].fingerprint


def test_the_order_of_arrays_does_not_count() -> None:
    a, b = np.zeros(2, np.float32), np.ones(2, np.float32)
    assert Pairs({"a": a, "b": b}).fingerprint == Pairs({"b": b, "a": a}).fingerprint
    assert Pairs({"a": b, "b": a}).fingerprint != Pairs({"a": a, "b": b}).fingerprint


def test_a_class_inside_a_function_has_no_reference() -> None:
    class Local(Pairs):
        pass

    with pytest.raises(UsageError, match="inside a function"):
        _ = Local(numbers()).reference


@pytest.mark.parametrize(
    "reference, options, why",
    [
        ("ampsim.workloads.lists:load", {}, "not a subclass of Dataset"),
        ("ampsim.workloads.nothing:Lists", {}, "cannot be imported"),
        ("ampsim.workloads.images:Shapes", {"colour": 1}, "cannot be rebuilt"),
        ("ampsim.ir.data:Dataset", {}, "cannot be rebuilt"),
    ],
)
def test_a_rebuild_of_something_else_is_refused(reference: str, options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        Dataset.rebuild(reference, {}, options)


def test_references_name_the_class() -> None:
    assert images().reference == "ampsim.workloads.images:Minibatches"
    assert Shapes({}, samples=1).reference == "ampsim.workloads.images:Shapes"
    assert lists().reference == "ampsim.workloads.lists:Lists"
    assert isinstance(images(), Minibatches)
