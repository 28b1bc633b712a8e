"""Which instance is what: a pure function of the settings, the same in every process.

Instances are numbered in the order of admission over the whole run. Because epoch, mode and data index follow from
the number alone, the controller sends numbers only and no process has to be told anything else.

    epoch 0                                      epoch 1
    | train ... | validate | train ... | validate | train ...
      <- validate_every ->               always at the epoch's end

Where replicas are synchronised within an epoch a stretch of training is cut as well, without a validation.
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
    """Order of the instances of a run over ``epochs`` epochs; with ``epochs`` 0 one pass of validation only."""

    def __init__(
        self,
        training: Dataset,
        validation: Dataset | None,
        epochs: int,
        *,
        validate_every: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        sync_every: Sequence[int] = (),
    ) -> None:
        self.data = (validation, training)  # by Entry.training
        self.epochs = epochs
        self._shuffle, self._seed = shuffle, seed
        held_out = len(validation) if validation is not None else 0
        size = len(training) if epochs else 0
        every = min(validate_every or size, size) or 1
        self._lengths: list[tuple[int, bool, int]] = []  # length, training, first data index, within an epoch
        cuts = {0, size, *(cut for step in (every, *sync_every) for cut in range(step, size, step))}
        for start, stop in pairwise(sorted(cuts)):
            self._lengths.append((stop - start, True, start))
            if held_out and (stop % every == 0 or stop == size):
                self._lengths.append((held_out, False, 0))
        if not epochs and held_out:
            self._lengths.append((held_out, False, 0))
        self._starts = [0]
        for length, _, _ in self._lengths:
            self._starts.append(self._starts[-1] + length)
        self.per_epoch = self._starts[-1]
        self.total = self.per_epoch * max(epochs, 1)  # instances, if no target ends the run before
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
        _, training, first = self._lengths[i]
        position = first + offset - self._starts[i]
        return Entry(epoch, training, int(self._order(epoch)[position]) if training else position)

    def _permutation(self, epoch: int) -> Any:
        size = len(self.data[1])
        if not self._shuffle:
            return np.arange(size)
        return np.random.default_rng([self._seed, epoch]).permutation(size)

    def _structure(self, instance: int) -> Any:
        return self.dataset(instance).structure(self.entry(instance).index)
