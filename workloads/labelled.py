"""Real images as arrays: pixels scaled to [0, 1], split and shuffled by a seed."""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ampsim.errors import UsageError
from ampsim.workloads.store import read

PIXELS = 784
CLASSES = 10


class Labelled(NamedTuple):
    """``images`` (n, 784) float32 in [0, 1] and ``labels`` (n,) int64 in 0..9."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]


class Split(NamedTuple):
    """What is trained on, and what is held out."""

    training: Labelled
    validation: Labelled


def mnist5k(seed: int = 0, folder: Path | None = None, held_out: int = 1000) -> Split:
    """The 5,000 digits of ``mnist5k``, 4,000 and 1,000, every class in proportion. Raises UsageError."""
    table = _table(gzip.GzipFile(fileobj=io.BytesIO(read("mnist5k", "mnist_5k.csv.gz", folder))))
    images, labels = _scaled(table[:, :PIXELS]), table[:, PIXELS].astype(np.int64)
    kept, out = stratified(labels, held_out, seed)
    return Split(Labelled(images[kept], labels[kept]), Labelled(images[out], labels[out]))


def mnist(seed: int = 0, folder: Path | None = None) -> Split:
    """MNIST with its own split of 60,000 and 10,000. Raises UsageError."""
    return _idx_set("mnist", seed, folder)


def fashion_mnist(seed: int = 0, folder: Path | None = None) -> Split:
    """Fashion-MNIST with its own split of 60,000 and 10,000. Raises UsageError."""
    return _idx_set("fashion_mnist", seed, folder)


LOADERS: dict[str, Callable[[int, Path | None], Split]] = {
    "mnist5k": mnist5k,
    "mnist": mnist,
    "fashion_mnist": fashion_mnist,
}


def stratified(labels: NDArray[np.int64], held_out: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions to keep and to hold out, each shuffled; of every class the same share is held out.

    ``held_out`` must leave every class whole: 1,000 of 5,000 takes 100 of 500. Raises UsageError if it does not.
    """
    generator = np.random.default_rng([seed, 0])
    kept, out = [], []
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        share, rest = divmod(held_out * len(members), len(labels))
        if rest:
            raise UsageError(f"{held_out} of {len(labels)} cannot be held out in the proportion of the classes")
        out.append(members[:share])
        kept.append(members[share:])
    return generator.permutation(np.concatenate(kept)), generator.permutation(np.concatenate(out))


def shuffled(images: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> Labelled:
    """The rows in an order drawn from ``seed``."""
    order = np.random.default_rng([seed, 1]).permutation(len(labels))
    return Labelled(images[order], labels[order])


def idx(contents: bytes, name: str) -> NDArray[np.uint8]:
    """An array in the IDX format of MNIST: two zeros, type 8 (uint8), rank, big-endian sizes, then the values.

    Raises UsageError, naming the file, if header and length do not agree.
    """
    rank = contents[3] if len(contents) > 4 and contents[:3] == b"\0\0\x08" else 0
    start = 4 + 4 * rank
    if not 1 <= rank <= 3 or len(contents) < start:
        raise UsageError(f"{name} is not an IDX file of bytes", name)
    shape = struct.unpack_from(f">{rank}I", contents, 4)
    values = np.frombuffer(contents, np.uint8, offset=start)
    if values.size != int(np.prod(shape, dtype=object)):
        raise UsageError(f"{name} says {shape} and holds {values.size} values", name)
    return values.reshape(shape)


def _idx_set(name: str, seed: int, folder: Path | None) -> Split:
    def half(stem: str) -> Labelled:
        pair = [f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte"]
        images, labels = (idx(read(name, file, folder), file) for file in pair)
        order = np.random.default_rng([seed, 1]).permutation(len(labels))
        # Shuffled as bytes, which is a quarter of the work.
        return Labelled(_scaled(images.reshape(len(labels), -1)[order]), labels[order].astype(np.int64))

    return Split(half("train"), half("t10k"))


def _table(text: io.BufferedIOBase) -> NDArray[np.uint8]:
    """The rows of the digit table: 784 pixels and the label."""
    # 5,000 rows of at most four characters a value; the checksum has already vouched for the file.
    contents = text.read(5000 * (PIXELS + 1) * 4 + 1)
    values = np.fromstring(contents.replace(b"\n", b",").rstrip(b",").decode("ascii"), np.int64, sep=",")
    if values.size != 5000 * (PIXELS + 1) or values.min() < 0 or values.max() > 255:
        raise UsageError(f"mnist_5k.csv.gz holds {values.size} values instead of 5,000 x 785 bytes")
    table = values.reshape(5000, PIXELS + 1).astype(np.uint8)
    counts = np.bincount(table[:, PIXELS], minlength=CLASSES)
    if counts.tolist() != [500] * CLASSES:
        raise UsageError(f"mnist_5k.csv.gz holds {counts.tolist()} images of the ten classes instead of 500 each")
    return table


def _scaled(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return pixels.astype(np.float32) / np.float32(255)
