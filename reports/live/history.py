"""What is kept of a run that goes on: a bounded number of looks, each a sum since the start.

    looks      0  1  2  3  4  5  6  7      every second one is dropped when there are too many
    kept       0     2     4     6   ..    and from then on every second one is taken

A point of a figure is the difference of two neighbours, so it stays the exact mean over the time between them, however
many looks there were in between. Levels (instances in flight) are summed look by look for the same reason, with the
highest beside them.
"""

from __future__ import annotations

from typing import NamedTuple

from ampsim.engine.watching import Look

MOST = 512
"""Looks that are kept; of older ones there are as few as of newer ones, evenly."""
LINES = 8
"""So many workers have a line each; of more only the least, the mean and the most busy are kept."""


class Kept(NamedTuple):
    """A look, with the sum and number of all levels looked at until then, and the highest since the one before.

    ``busy`` has of each worker (seconds busy, at that time), of at most :data:`LINES`, or of more the mean of all;
    ``least`` and ``most`` are shares over the time since the one before, where there are more.
    """

    look: Look
    flying: int
    looks: int
    highest: int
    busy: tuple[tuple[float, float], ...]
    spread: tuple[float, float] | None


class History:
    """At most ``most`` looks of a run, an even number, evenly over its length."""

    def __init__(self, most: int = MOST) -> None:
        self.kept: list[Kept] = []
        self.stride = 1  # looks that one point stands for
        self._most = most
        self._flying = self._looks = self._highest = 0
        self._before: tuple[tuple[float, float], ...] = ()

    def add(self, look: Look, last: bool = False) -> None:
        """A look; ``last`` is kept in any case."""
        self._flying += look.in_flight
        self._looks += 1
        self._highest = max(self._highest, look.in_flight)
        if (self._looks - 1) % self.stride and not last:
            return
        self.kept.append(self._point(look))
        self._highest = 0
        self._before = look.busy
        if len(self.kept) > self._most:
            self._thin()

    def _point(self, look: Look) -> Kept:
        busy, spread = look.busy, None
        if len(busy) > LINES:
            spread = _spread(self._before, busy)
            busy = ((sum(b for b, _ in busy) / len(busy), sum(at for _, at in busy) / len(busy)),)
        return Kept(look, self._flying, self._looks, self._highest, busy, spread)

    def _thin(self) -> None:
        """Drop every second; the highest of what is dropped passes to the one after it."""
        merged = []
        for first, second in zip(self.kept[1::2], self.kept[2::2], strict=False):
            spread = second.spread and first.spread and (
                min(first.spread[0], second.spread[0]), max(first.spread[1], second.spread[1])
            )  # fmt: skip
            merged.append(second._replace(highest=max(first.highest, second.highest), spread=spread))
        tail = self.kept[-1:] if len(self.kept) % 2 == 0 else []
        self.kept = [self.kept[0], *merged, *tail]
        self.stride *= 2


def _spread(
    before: tuple[tuple[float, float], ...], now: tuple[tuple[float, float], ...]
) -> tuple[float, float] | None:
    """The least and the most busy of all workers between two looks, as far as there is news of them."""
    old = before if len(before) == len(now) else ((0.0, 0.0),) * len(now)
    shares = [(b - a) / (t - s) for (a, s), (b, t) in zip(old, now, strict=True) if t > s]
    return (min(shares), max(shares)) if shares else None
