"""Which instance is what: a pure function of the settings, the same in every process.

Instances are numbered in the order of admission over the whole run. Because epoch, mode and data index follow from
the number alone, the controller sends numbers only and no process has to be told anything else.

    epoch 0                                      epoch 1
    | train ... | validate | train ... | validate | train ...
      <- validate_every ->               always at the epoch's end

Where replicas are synchronised within an epoch a stretch of training is cut as well, without a validation.

Copies of nodes share instances by number (copy i takes those with number modulo copies = i), and validation takes
numbers too. So that training is shared evenly whatever lies between, numbers are left out in front of a stretch of
training until it begins with the number, modulo ``lanes``, of the training instances before it:

    5 to train on, 1 held out, validate_every 2, lanes 2:    train 0 1 | 2 | train 4 5 | 6 | train 8 | 9 |  11 12 | ...
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ampsim.ir.data import Dataset


class Entry(NamedTuple):
    """What instance number n is: its epoch, whether it trains, its index in the data set of that mode."""

    epoch: int
    training: bool
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody wants of an Entry


class Segment(NamedTuple):
    """Consecutive instances of one mode; between two segments the pipeline is drained."""

    start: int  # first instance
    stop: int
    epoch: int
    training: bool
    flush: bool  # leftover gradients are applied after it: the last training segment of an epoch
    trained: int = 0  # training instances of the epoch when it ends; 0 for validation


class Schedule:
    """Order of the instances of a run over ``epochs`` epochs; with ``epochs`` 0 one pass of validation only.

    ``instances`` are the training instances of an epoch (None: all).

    ``lanes`` is a common multiple of the numbers of copies that nodes have: the k-th training instance of the run,
    counted from 0, has a number that is k modulo ``lanes``. With one lane no number is left out.
    """

    def __init__(
        self,
        training: Dataset,
        validation: Dataset | None,
        epochs: int,
        *,
        validate_every: int | None = None,
        instances: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        sync_every: Sequence[int] = (),
        lanes: int = 1,
    ) -> None:
        self.data = (validation, training)  # by Entry.training
        self.epochs = epochs
        self._shuffle, self._seed = shuffle, seed
        held_out = len(validation) if validation is not None else 0
        size = min(len(training), instances or len(training)) if epochs else 0
        every = min(validate_every or size, size) or 1
        self._lengths: list[tuple[int, bool, int]] = []  # length, training, first data index, within an epoch
        cuts = {0, size, *(cut for step in (every, *sync_every) for cut in range(step, size, step))}
        for start, stop in pairwise(sorted(cuts)):
            self._lengths.append((stop - start, True, start))
            if held_out and (stop % every == 0 or stop == size):
                self._lengths.append((held_out, False, 0))
        if not epochs and held_out:
            self._lengths.append((held_out, False, 0))
        self._starts: list[int] = []  # first number of each, within an epoch
        free = 0
        for length, trains, first in self._lengths:
            self._starts.append(_congruent(free, first, lanes) if trains else free)
            free = self._starts[-1] + length
        self.per_epoch = _congruent(free, size, lanes)  # numbers, those left out included
        numbers = sum(length for length, _, _ in self._lengths)
        self.total = numbers * max(epochs, 1)  # instances, if no target ends the run before
        self.entry = functools.lru_cache(maxsize=1 << 16)(self._entry)
        self.structure = functools.lru_cache(maxsize=1 << 14)(self._structure)
        self.training = functools.lru_cache(maxsize=1 << 16)(self._training)
        self._order = functools.lru_cache(maxsize=2)(self._permutation)

    def segments(self) -> list[Segment]:
        """All segments of the run, in order."""
        found = []
        for epoch in range(max(self.epochs, 1)):
            base = epoch * self.per_epoch
            last = max((i for i, (_, training, _) in enumerate(self._lengths) if training), default=-1)
            for i, (length, training, first) in enumerate(self._lengths):
                start = base + self._starts[i]
                trained = first + length if training else 0
                found.append(Segment(start, start + length, epoch, training, i == last, trained))
        return found

    def trained(self, done: int) -> int:
        """How many of the first ``done`` instances of the run train; stretches of either kind never overlap."""
        epochs, left = divmod(done, sum(length for length, _, _ in self._lengths) or 1)
        found = epochs * sum(length for length, trains, _ in self._lengths if trains)
        for length, trains, _ in self._lengths:
            found += min(length, left) * trains
            left -= min(length, left)
        return found

    def told(self, instance: int) -> str:
        """What an instance is, for people: ``7 (epoch 0, index 3 of the training data)``."""
        epoch, training, index = self.entry(instance)
        return f"{instance} (epoch {epoch}, index {index} of the {'training' if training else 'validation'} data)"

    def dataset(self, instance: int) -> Dataset:
        """The data set an instance is taken from."""
        data = self.data[self.entry(instance).training]
        assert data is not None
        return data

    def _training(self, instance: int) -> bool:
        """Whether backward messages follow."""
        return self.entry(instance).training

    def _entry(self, instance: int) -> Entry:
        epoch, offset = divmod(instance, self.per_epoch)
        i = bisect_right(self._starts, offset) - 1
        length, training, first = self._lengths[i]
        assert offset < self._starts[i] + length, "a number that was left out"
        position = first + offset - self._starts[i]
        return Entry(epoch, training, int(self._order(epoch)[position]) if training else position)

    def _permutation(self, epoch: int) -> Any:
        size = len(self.data[1])
        if not self._shuffle:
            return np.arange(size)
        return np.random.default_rng([self._seed, epoch]).permutation(size)

    def _structure(self, instance: int) -> Any:
        return self.dataset(instance).structure(self.entry(instance).index)


def _congruent(least: int, wanted: int, modulus: int) -> int:
    """The first number from ``least`` on that is ``wanted`` modulo ``modulus``."""
    return least + (wanted - least) % modulus
