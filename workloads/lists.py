"""List reduction: a word that names one of four reductions, then digits; the answer is one digit.

    12 7 3 9        12 is "largest minus smallest"; the answer is 6

Tokens 10 to 13 name the reduction, 1 to 10 digits follow, each uniform in 0..9, so an input has T = 2 to 11 tokens:

    10  floor of the mean
    11  (sum at even positions - sum at odd positions) mod 10; the first digit stands at position 0
    12  largest minus smallest
    13  how many digits, mod 10

There are only 40 lists of one digit and 400 of two, so among 100,000 all of them occur: no validation set that follows
the same law can be free of them. Training and validation are two independent streams of one seed instead; lists of
five digits and more are practically always new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ampsim.ir.data import Dataset
from ampsim.ir.message import Array, Spec
from ampsim.workloads.limits import seeded, whole

LONGEST = 10  # digits
FIRST_WORD = 10  # the token of the first reduction
REDUCTIONS = ("mean", "alternating", "range", "length")

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Drawn:
    """Lists as drawn: ``digits`` (n, 10) of which the first ``count`` (n,) are valid, ``reduction`` (n,); int64."""

    digits: Integers
    count: Integers
    reduction: Integers


def draw(lists: int, generator: np.random.Generator) -> Drawn:
    """``lists`` lists with uniform length, reduction and digits; digits that do not count are 0."""
    count = generator.integers(1, LONGEST + 1, lists)
    reduction = generator.integers(0, len(REDUCTIONS), lists)
    digits = generator.integers(0, 10, (lists, LONGEST))
    digits[np.arange(LONGEST) >= count[:, None]] = 0
    return Drawn(digits, count, reduction)


def answers(drawn: Drawn) -> Integers:
    """The answer of every list, (n,) int64 in 0..9."""
    digits, count = drawn.digits, drawn.count
    valid = np.arange(LONGEST) < count[:, None]
    signs = np.where(np.arange(LONGEST) % 2 == 0, 1, -1)
    largest, smallest = digits.max(axis=1), np.where(valid, digits, 9).min(axis=1)
    choices = [digits.sum(axis=1) // count, (digits * signs).sum(axis=1) % 10, largest - smallest, count % 10]
    return np.choose(drawn.reduction, choices).astype(np.int64)


class Lists(Dataset):
    """Lists in minibatches of equal length; an instance is one minibatch, its structure the number of tokens T.

    Fields, for a minibatch of ``r`` rows:
    ``tokens``, states ``(0,) .. (T-1,)``: (T * r,) int64 in time-major order, so that one state is ``r`` rows;
    ``h0``, state ``(0,)``: zeros (r, hidden) float32;
    ``labels``, state ``()``: (r,) int64.

    Arrays: ``tokens``, ``labels``, and per minibatch its ``lengths``; ``rows`` (minibatches + 1,) are offsets into
    ``labels``, ``offsets`` into ``tokens``. Option ``hidden``: width of ``h0``.
    """

    def __init__(self, arrays: Mapping[str, Array], *, hidden: int = 128) -> None:
        super().__init__(arrays, hidden=hidden)
        self._hidden = hidden
        self._lengths: list[int] = self.arrays["lengths"].tolist()
        self._rows: list[int] = self.arrays["rows"].tolist()
        self._offsets: list[int] = self.arrays["offsets"].tolist()
        self._zeros = np.zeros((int(np.diff(self.arrays["rows"]).max(initial=0)), hidden), np.float32)
        self._zeros.flags.writeable = False

    def __len__(self) -> int:
        return len(self._lengths)

    def rows(self, index: int) -> int:
        return self._rows[index + 1] - self._rows[index]

    def structure(self, index: int) -> int:
        return self._lengths[index]

    def states(self, field: str, index: int) -> list[tuple[int, ...]]:
        if field == "tokens":
            return [(t,) for t in range(self._lengths[index])]
        return [(0,)] if field == "h0" else [()]

    def spec(self, field: str, index: int) -> Spec:
        rows = self.rows(index)
        if field == "h0":
            return Spec((rows, self._hidden), np.dtype(np.float32))
        return Spec(({"tokens": self._lengths[index] * rows, "labels": rows}[field],), np.dtype(np.int64))

    def payload(self, field: str, index: int) -> Array:
        if field == "h0":
            return self._zeros[: self.rows(index)]
        bounds = {"tokens": self._offsets, "labels": self._rows}[field]
        return self.arrays[field][bounds[index] : bounds[index + 1]]


def bucket(drawn: Drawn, batch: int, hidden: int) -> Lists:
    """The data set: sorted by length, cut into minibatches; the last one of each length may be smaller."""
    words = np.concatenate([drawn.reduction[:, None] + FIRST_WORD, drawn.digits], axis=1)
    labels = answers(drawn)
    tokens, ordered, lengths, rows = [], [], [], []
    for count in np.unique(drawn.count).tolist():
        chosen = np.flatnonzero(drawn.count == count)
        ordered.append(labels[chosen])
        for start in range(0, len(chosen), batch):
            part = chosen[start : start + batch]
            tokens.append(words[part, : count + 1].T.reshape(-1))
            lengths.append(count + 1)
            rows.append(len(part))
    sizes = np.array(rows, np.int64)
    arrays = {
        "tokens": np.concatenate(tokens),
        "labels": np.concatenate(ordered),
        "lengths": np.array(lengths, np.int64),
        "rows": np.concatenate([[0], np.cumsum(sizes)]),
        "offsets": np.concatenate([[0], np.cumsum(sizes * np.array(lengths, np.int64))]),
    }
    return Lists(arrays, hidden=hidden)


def load(
    training: int = 100_000, validation: int = 10_000, batch: int = 100, hidden: int = 128, seed: int = 0
) -> tuple[Lists, Lists | None]:
    """Training and validation lists; ``validation=0`` gives None. Raises ConfigError for a number out of range."""
    whole(1, training=training, batch=batch, hidden=hidden)
    whole(0, validation=validation)
    seeded(seed)
    # One stream a purpose: changing the size of one set leaves the other as it is.
    drawn = draw(training, np.random.default_rng([seed, 0]))
    held_out = draw(validation, np.random.default_rng([seed, 1])) if validation else None
    return bucket(drawn, batch, hidden), bucket(held_out, batch, hidden) if held_out else None
