"""Dataset arrays are mapped by everyone and written by nobody but their creator."""

from __future__ import annotations

import mmap
import os
import stat

import msgspec
import numpy as np
import pytest

from ampsim.errors import RunError
from ampsim.runtime.pool import Pool, Said
from ampsim.runtime.shared import ArrayStore

PATIENCE = 30.0


def sample() -> dict[str, np.ndarray]:
    return {
        "x": np.arange(1000, dtype=np.float32).reshape(10, 100),
        "y": np.arange(7, dtype=np.int64),
        "none": np.zeros((0, 4)),
        "odd": np.arange(3, dtype=np.uint8),
        "turned": np.arange(12.0).reshape(3, 4).T,
    }


def test_the_creator_sees_what_was_given() -> None:
    given = sample()
    with ArrayStore(given) as store:
        assert list(store.arrays) == list(given)
        assert len(store.arrays) == 5
        for name, array in given.items():
            shared = store.arrays[name]
            assert shared.dtype == array.dtype
            assert np.array_equal(shared, array)
            assert shared.flags.c_contiguous
            assert shared.ctypes.data % 64 == 0 or not shared.size


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_workers_see_the_same(method: str) -> None:
    with (
        ArrayStore({"x": np.ones((3, 4)), "y": np.full(5, 2, np.int64)}) as store,
        Pool("tests.runtime.entries:tell", 2, arrays=store, method=method) as pool,
    ):
        said = pool.finish(PATIENCE)
    assert sorted(msgspec.msgpack.decode(each.message) for each in said) == [
        [worker, 2, b"", {"x": 12.0, "y": 10.0}] for worker in range(2)
    ]


def test_a_worker_cannot_write() -> None:
    with ArrayStore({"x": np.zeros(4)}) as store, Pool("tests.runtime.entries:write_shared", 1, arrays=store) as pool:
        assert pool.finish(PATIENCE) == [Said(0, b"refused"), Said(0, b"refused"), Said(0, b"refused")]
        assert store.arrays["x"].tolist() == [0, 0, 0, 0]


def test_nobody_gets_a_new_writable_mapping() -> None:
    with ArrayStore({"x": np.zeros(4)}) as store:
        assert stat.S_IMODE(os.fstat(store._memory).st_mode) == 0o600
        with pytest.raises(PermissionError):
            mmap.mmap(store._memory, 64)
        with pytest.raises(PermissionError):
            os.ftruncate(store._memory, 0)


def test_the_creator_may_fill_an_array_anew() -> None:
    with ArrayStore(sample()) as store:
        store.fill("y", np.arange(7, 14))
        assert store.arrays["y"].tolist() == list(range(7, 14))
        assert store.arrays["odd"].tolist() == [0, 1, 2]
        for wrong in (np.arange(8), np.arange(7.0)):
            with pytest.raises(ValueError, match="does not fit"):
                store.fill("y", wrong)


def test_arrays_in_use_survive_the_store() -> None:
    with ArrayStore(sample()) as store:
        kept = store.arrays["y"]
    assert kept.tolist() == list(range(7))
    assert len(store.arrays) == 0
    store.close()


def test_no_arrays_at_all() -> None:
    with ArrayStore({}) as store:
        assert dict(store.arrays) == {}


def test_objects_are_refused() -> None:
    with pytest.raises(TypeError, match="'o' holds Python objects"):
        ArrayStore({"o": np.array([{}])})


def test_too_little_memory_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(RunError, match=r"no room for 1 arrays of the dataset: 7\.6 MiB"):
        ArrayStore({"x": np.zeros(1_000_000)})
