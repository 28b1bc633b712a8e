"""Images that look a little like digits, from one seed and no file: ten classes of 28 x 28 grey pixels.

The ten prototypes are fixed: each is the sum of four Gaussian blobs (variance 2.5 px) at uniform centres in [6, 22]^2.
A sample is its class's prototype times U(0.6, 1.2) plus N(0, 0.15), values up to 0.25 set to 0, clipped to [0, 1].
That keeps shape, range, about 19 % inked pixels and ten balanced classes of handwritten digits.

``hard=True`` adds a shift of up to 2 px either way and, to 5 % of the samples, a second prototype at half strength:
the best possible accuracy then stays below 100 %.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 28
CLASSES = 10
PROTOTYPE_SEED = 1234
BLOBS = 4
VARIANCE = 2.5  # px
THRESHOLD = 0.25
CHUNK = 4096  # samples made at a time, so that 60,000 need no gigabyte

Floats = NDArray[np.float32]


def prototypes() -> Floats:
    """The ten class images, (10, 28, 28) float32, the same for every seed."""
    generator = np.random.default_rng(PROTOTYPE_SEED)
    centres = generator.uniform(6, 22, (CLASSES, BLOBS, 2, 1))
    # Separable: a blob is the outer product of a column profile and a row profile.
    profile = np.exp(-((np.arange(SIDE) - centres) ** 2) / (2 * VARIANCE))
    shapes: Floats = np.einsum("cby,cbx->cyx", profile[:, :, 0], profile[:, :, 1]).astype(np.float32)
    return shapes


def images28(n: int, seed: int | list[int] = 0, *, hard: bool = False) -> tuple[Floats, NDArray[np.int64]]:
    """``n`` images (n, 784) float32 in [0, 1] and their labels (n,) int64, in random order.

    Classes are balanced: their counts differ by at most one.
    """
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(n, dtype=np.int64) % CLASSES)
    images = np.empty((n, SIDE, SIDE), np.float32)
    for start in range(0, n, CHUNK):
        images[start : start + CHUNK] = _samples(labels[start : start + CHUNK], generator, hard=hard)
    return images.reshape(n, SIDE * SIDE), labels


def _samples(labels: NDArray[np.int64], generator: np.random.Generator, *, hard: bool) -> Floats:
    n = len(labels)
    shapes = prototypes()
    clean = shapes[labels]
    if hard:
        other = (labels + generator.integers(1, CLASSES, n)) % CLASSES
        clean = clean + np.where(generator.random(n) < 0.05, 0.5, 0.0).astype(np.float32)[:, None, None] * shapes[other]
        clean = _shifted(clean, generator.integers(-2, 3, (2, n)))
    strength = generator.uniform(0.6, 1.2, n).astype(np.float32)
    noise = generator.standard_normal(clean.shape, np.float32) * np.float32(0.15)
    noisy = clean * strength[:, None, None] + noise
    noisy[noisy <= THRESHOLD] = 0
    noisy[noisy > 1] = 1
    return noisy


def _shifted(images: Floats, by: NDArray[np.int64]) -> Floats:
    """Every image moved by its own (rows, columns); what leaves one side is lost, zeros come in at the other."""
    margin = 2
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin)))
    rows = np.arange(SIDE) + margin - by[0][:, None]
    columns = np.arange(SIDE) + margin - by[1][:, None]
    moved: Floats = padded[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved
