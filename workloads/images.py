"""Minibatches of images for the multilayer perceptron.

    rows        0 ........ 99 | 100 ....... 199 | 200 ... 249
    instance         0        |        1        |      2        the last one is smaller, or dropped

The rows of a minibatch are fixed by the loader's seeded shuffle; in which order the minibatches are taken is the
schedule's business. So a payload is a slice of one array, and nothing is copied.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ampsim.errors import UsageError
from ampsim.ir.data import Dataset
from ampsim.ir.message import Array, Spec
from ampsim.workloads.images28 import images28
from ampsim.workloads.labelled import LOADERS, Labelled, Split
from ampsim.workloads.limits import seeded, whole

NAMES = (*LOADERS, "generated", "none")


class Minibatches(Dataset):
    """Consecutive rows, ``batch`` of them an instance.

    Fields: ``images`` (rows, pixels) float32 and ``labels`` (rows,) int64, which are also the two arrays. A last
    minibatch of fewer rows is kept unless ``drop``. Raises UsageError if the arrays do not fit each other or ``batch``.
    """

    def __init__(self, arrays: Mapping[str, Array], *, batch: int = 100, drop: bool = False) -> None:
        super().__init__(arrays, batch=batch, drop=drop)
        images, labels = self.arrays["images"], self.arrays["labels"]
        if images.ndim != 2 or labels.shape != images.shape[:1]:
            raise UsageError(
                f"images {images.shape} and labels {labels.shape} do not fit; they must be (n, pixels) and (n,)"
            )
        if images.dtype != np.float32 or labels.dtype != np.int64:
            raise UsageError(f"images are {images.dtype} and labels {labels.dtype}, not float32 and int64")
        self._count = _minibatches(len(labels), batch, drop=drop)
        self._rows, self._batch = len(labels), batch

    def __len__(self) -> int:
        return self._count

    def rows(self, index: int) -> int:
        return min(self._batch, self._rows - index * self._batch)

    def spec(self, field: str, index: int) -> Spec:
        array = self.arrays[field]
        return Spec((self.rows(index), *array.shape[1:]), array.dtype)

    def payload(self, field: str, index: int) -> Array:
        return self.arrays[field][index * self._batch : (index + 1) * self._batch]


class Shapes(Dataset):
    """Minibatches without contents: for shapes mode, where only sizes count. Fields as in :class:`Minibatches`."""

    def __init__(
        self,
        arrays: Mapping[str, Array],
        *,
        samples: int,
        pixels: int = 784,
        batch: int = 100,
        drop: bool = False,
    ) -> None:
        super().__init__(arrays, samples=samples, pixels=pixels, batch=batch, drop=drop)
        self._count = _minibatches(samples, batch, drop=drop)
        self._samples, self._batch, self._pixels = samples, batch, pixels

    def __len__(self) -> int:
        return self._count

    def rows(self, index: int) -> int:
        return min(self._batch, self._samples - index * self._batch)

    def spec(self, field: str, index: int) -> Spec:
        rows = self.rows(index)
        if field == "labels":
            return Spec((rows,), np.dtype(np.int64))
        return Spec((rows, {"images": self._pixels}[field]), np.dtype(np.float32))

    def payload(self, field: str, index: int) -> Array:
        raise UsageError(
            f"there are no {field}: the job was given shapes without data",
            "data.options.name",
            "use shapes mode, or name a data set: " + ", ".join(NAMES[:-1]),
        )


def _minibatches(rows: int, batch: int, *, drop: bool) -> int:
    if batch < 1:
        raise UsageError(f"a minibatch of {batch} rows is impossible", "options.batch", "use at least 1")
    return rows // batch if drop else -(-rows // batch)


def load(
    name: str = "mnist5k",
    batch: int = 100,
    *,
    seed: int = 0,
    training: int = 4000,
    validation: int = 1000,
    pixels: int = 784,
    drop: bool = False,
    hard: bool = False,
    folder: str | None = None,
) -> tuple[Dataset, Dataset | None]:
    """Training and validation minibatches of the set called ``name``; without validation samples None.

    ``seed`` fixes split and order of the rows; ``drop`` leaves out a last, smaller training minibatch. ``training``
    and ``validation`` are numbers of samples, used by ``generated`` and ``none`` only, as are ``hard`` by the first and
    ``pixels`` by the second.
    ``folder`` is the data folder (see :func:`ampsim.workloads.store.data_folder`). Raises UsageError for an unknown
    name, a number out of range, and data that are not there.
    """
    whole(1, batch=batch, training=training, pixels=pixels)
    whole(0, validation=validation)
    seeded(seed)
    if name == "none":
        return (
            Shapes({}, samples=training, pixels=pixels, batch=batch, drop=drop),
            Shapes({}, samples=validation, pixels=pixels, batch=batch) if validation else None,
        )
    if name == "generated":
        split = generated(training, validation, seed, hard=hard)
    elif name in LOADERS:
        split = LOADERS[name](seed, None if folder is None else Path(folder))
    else:
        close = difflib.get_close_matches(name, NAMES, 1)
        hint = f"did you mean {close[0]}?" if close else f"one of: {', '.join(NAMES)}"
        raise UsageError(f"there are no images called {name!r}", "data.options.name", hint)
    held_out = Minibatches(_arrays(split.validation), batch=batch) if len(split.validation.labels) else None
    return Minibatches(_arrays(split.training), batch=batch, drop=drop), held_out


def generated(training: int = 4000, validation: int = 1000, seed: int = 0, *, hard: bool = False) -> Split:
    """Generated images (:mod:`ampsim.workloads.images28`) in place of real ones: two independent streams of a seed."""
    first, second = (images28(n, [seed, stream], hard=hard) for stream, n in enumerate((training, validation)))
    return Split(Labelled(*first), Labelled(*second))


def _arrays(labelled: Labelled) -> dict[str, Array]:
    return {"images": labelled.images, "labels": labelled.labels}
