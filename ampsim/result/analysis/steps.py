"""Quantities that change in steps: queue lengths, instances in flight, bytes of memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ampsim.result.schema import Array


class Binned(NamedTuple):
    """A level in bins of time: its ``mean`` and its highest (``peak``) in each, and the same of all together."""

    mean: Array
    peak: Array
    overall: float
    highest: int


@dataclass(frozen=True)
class Steps:
    """A level: 0 before the first of ``times`` (s, strictly increasing), ``levels[i]`` from ``times[i]`` on."""

    times: Array
    levels: Array

    @classmethod
    def counting(cls, begins: Array, ends: Array) -> Steps:
        """How many of the intervals [begin, end) are open; an interval of no length never is."""
        times = np.unique(np.concatenate((begins, ends)))
        opened = np.searchsorted(np.sort(begins), times, "right")
        return cls(times, opened - np.searchsorted(np.sort(ends), times, "right"))

    @classmethod
    def sampled(cls, times: Array, levels: Array) -> Steps:
        """From samples in any order; of several at one time the last given counts."""
        order = np.argsort(times, kind="stable")
        times, levels = times[order], levels[order]
        last = np.append(times[1:] != times[:-1], True) if len(times) else np.zeros(0, np.bool_)
        return cls(times[last], levels[last])

    def at(self, points: Array) -> Array:
        """Levels at ``points`` (s)."""
        place = np.searchsorted(self.times, points, "right")
        return np.concatenate(([0], self.levels))[place]

    def integral(self, points: Array) -> Array:
        """Level times seconds, from the start up to each of ``points``."""
        if not len(self.times):
            return np.zeros(len(points))
        areas = np.concatenate(([0.0], np.cumsum(self.levels[:-1] * np.diff(self.times))))
        place = np.searchsorted(self.times, points, "right") - 1
        inside = np.maximum(place, 0)
        value: Array = areas[inside] + self.levels[inside] * (points - self.times[inside])
        return np.where(place < 0, 0.0, value)

    def mean(self, edges: Array) -> Array:
        """Mean over time within each of the bins that ``edges`` (s, increasing) bound."""
        return np.diff(self.integral(edges)) / np.diff(edges)

    def peak(self, edges: Array) -> Array:
        """The highest level within each bin [left, right): no extreme is lost, however wide the bin."""
        first = np.searchsorted(self.times, edges[:-1], "left")
        last = np.searchsorted(self.times, edges[1:], "left")
        highest = self.at(edges[:-1])
        some = last > first
        if some.any():
            bounds = np.column_stack((first, last))[some].ravel()
            inside = np.maximum.reduceat(np.append(self.levels, 0), bounds)[::2]
            highest[some] = np.maximum(highest[some], inside)
        return highest

    def binned(self, edges: Array) -> Binned:
        """What is drawn of it: two numbers a bin, however many steps there are."""
        whole = edges[[0, -1]]
        return Binned(self.mean(edges), self.peak(edges), float(self.mean(whole)[0]), self.highest)

    @property
    def highest(self) -> int:
        """The highest level of all; 0 where there is none."""
        return int(self.levels.max(initial=0))
